/* low: a header that stands alone. */
#ifndef BAD_TREE_LOW_LOW_H
#define BAD_TREE_LOW_LOW_H

int low(void);

#endif
