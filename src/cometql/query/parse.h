/* parse: what the two files of the query's parser share. */
#ifndef ENCKE_COMETQL_QUERY_PARSE_H
#define ENCKE_COMETQL_QUERY_PARSE_H

#include "cometql/query/query.h"

/* The query that is being parsed: the statement's. */
static inline struct query *parse_query_of(const struct parser *p)
{
    return p->out->query;
}

/* NULL, with the error filled: there is no room. */
void *parse_take(struct parser *p, size_t size);

enum status parse_expression(struct parser *p, struct node **out);

/* "SELECT" has been taken. */
enum status parse_select_rest(struct parser *p, struct select **out);

/* Around everything that recurses; parse_leave after it. */
enum status parse_enter(struct parser *p);
void        parse_leave(struct parser *p);

/* A word that cannot be an alias or a column, since the grammar needs it. */
bool parse_is_reserved(const struct parser *p);

#endif
