/* needy: a header that does not say where size_t comes from. */
#ifndef BAD_TREE_LOW_NEEDY_H
#define BAD_TREE_LOW_NEEDY_H

size_t needy(void);

#endif
