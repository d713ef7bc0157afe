/* run: a query being evaluated; what the files of this folder share. */
#ifndef ENCKE_COMETQL_QUERY_RUN_H
#define ENCKE_COMETQL_QUERY_RUN_H

#include "cometql/internal.h"
#include "cometql/query/query.h"

/* One row of each source of the FROM; NULL: the row of NULLs of a LEFT JOIN. */
struct tuple {
    const struct slice *rows[QUERY_SOURCES_MAX];
};

struct run {
    struct cometql      *q;
    struct query        *query;
    struct select       *select;
    bool                 is_nocase; /* texts compare without case: information_schema, not messages */
    struct tuple         now;
    const struct tuple **group; /* the rows of the group that is shown; NULL: not grouped */
    size_t               group_count;
};

#define SQL_NULL ((struct slice){ NULL, 0 })

static inline struct slice run_bool(bool value)
{
    return value ? SLICE("1") : SLICE("0");
}

/* --- evaluate.c --- */

struct slice evaluate(struct run *r, const struct node *n);
bool         evaluate_is_true(struct run *r, const struct node *n); /* NULL is not */
int          evaluate_compare(const struct run *r, struct slice a, struct slice b);
struct slice evaluate_number(struct run *r, int64_t number);
struct slice evaluate_decimal(struct run *r, double number);

/* Counts a step of work. False: it was too much, or memory ran out; stop. */
bool evaluate_goes_on(struct run *r);

/* --- aggregate.c --- */

struct slice evaluate_aggregate(struct run *r, const struct node *n);

/* --- resolve.c --- */

/* Sources, then the list, ORDER BY, conditions. */
enum status resolve_select(struct cometql *q, struct select *s, bool is_outermost, struct error *error);
bool        resolve_is_grouped(const struct select *s);

/* --- relation.c --- */

/* Room for one more row: its cells, to be filled. NULL: no memory. */
struct slice *relation_add(struct arena *a, struct relation *r);

/* --- select.c --- */

/* The rows of a SELECT, in `out`; look at the arena's status afterwards. */
void select_run(struct cometql *q, struct select *s, struct relation *out);

#endif
