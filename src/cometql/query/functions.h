/* functions: what may stand before a parenthesis in an expression. */
#ifndef ENCKE_COMETQL_QUERY_FUNCTIONS_H
#define ENCKE_COMETQL_QUERY_FUNCTIONS_H

#include "cometql/query/tree.h"

struct function {
    const char *name;
    uint8_t     least, most; /* arguments */
    bool        takes_null;  /* otherwise the answer to a NULL among the arguments is NULL */

    struct slice (*call)(struct run *r, const struct node *n, const struct slice *args, unsigned count);
};

/* NULL: there is none that takes so many arguments. */
const struct function *function_find(struct slice name, unsigned count);
bool                   function_is_known(struct slice name);

/* COUNT, SUM, MIN, MAX, GROUP_CONCAT: over the rows of a group. */
bool function_is_aggregate(struct slice name);

#endif
