/* relation: rows in memory. */
#include "cometql/query/run.h"

static bool relation_grow(struct arena *a, struct relation *r)
{
    size_t               cap = r->row_cap > 0 ? 2 * r->row_cap : 16;
    const struct slice **rows = arena_take(a, cap, sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < r->row_count; i++)
        rows[i] = r->rows[i];
    r->rows = rows;
    r->row_cap = cap;
    return true;
}

struct slice *relation_add(struct arena *a, struct relation *r)
{
    if (r->row_count == r->row_cap && !relation_grow(a, r))
        return NULL;
    struct slice *cells = arena_take(a, r->column_count > 0 ? r->column_count : 1, sizeof *cells);
    if (cells != NULL)
        r->rows[r->row_count++] = cells;
    return cells;
}
