/* select: the rows of a SELECT whose names are resolved.
 *
 *   sources -> join, WHERE -> tuples -> groups, HAVING -> list -> rows -> DISTINCT, UNION -> ORDER BY -> LIMIT
 *
 * Nested loops and plain searches: the tables are small, and evaluate_goes_on ends what is not.
 */
#include <stdlib.h>

#include "cometql/query/run.h"
#include "cometql/schema/schema.h"

/* What grows while the SELECT runs. */
struct selection {
    struct run          *run;
    struct relation     *out;
    const struct slice **keys; /* for each row of `out` its values of ORDER BY */
    size_t               key_count;
    size_t               key_cap;
    const struct tuple **tuples; /* rows of the FROM that meet WHERE */
    size_t               tuple_count, tuple_cap;
};

/* --- sources ------------------------------------------------------------------------------------------------------ */

static void fill_source(struct run *r, struct source *s)
{
    const struct slice *names = s->rows.names;
    if (s->real != NULL)
        return; /* query_feed has filled it */
    s->rows = (struct relation){ .names = names, .column_count = s->rows.column_count };
    if (s->select != NULL) {
        select_run(r->q, s->select, &s->rows);
        s->rows.names = names;
    } else if (s->schema->fill != NULL) {
        struct schema_rows out = { r->q, &r->query->arena, &s->rows };
        s->schema->fill(&out);
    }
}

static void tuple_add(struct selection *sel)
{
    struct run *r = sel->run;
    if (sel->tuple_count == sel->tuple_cap) {
        size_t               cap = sel->tuple_cap > 0 ? 2 * sel->tuple_cap : 16;
        const struct tuple **tuples = arena_take(&r->query->arena, cap, sizeof *tuples);
        if (tuples == NULL)
            return;
        for (size_t i = 0; i < sel->tuple_count; i++)
            tuples[i] = sel->tuples[i];
        sel->tuples = tuples;
        sel->tuple_cap = cap;
    }
    struct tuple *t = arena_take(&r->query->arena, 1, sizeof *t);
    if (t == NULL)
        return;
    *t = r->now;
    sel->tuples[sel->tuple_count++] = t;
}

/* The value of the column that USING names, in the source's current row. */
static struct slice using_value(const struct run *r, const struct source *s, unsigned index, struct slice name)
{
    for (size_t i = 0; r->now.rows[index] != NULL && i < s->rows.column_count; i++)
        if (slice_equal_nocase(s->rows.names[i], name))
            return r->now.rows[index][i];
    return SQL_NULL;
}

static bool is_joined(struct run *r, const struct source *before, const struct source *s, unsigned index)
{
    if (s->on != NULL)
        return evaluate_is_true(r, s->on);
    if (s->using_column.len == 0)
        return true;
    struct slice a = using_value(r, before, index - 1, s->using_column);
    struct slice b = using_value(r, s, index, s->using_column);
    return a.at != NULL && b.at != NULL && evaluate_compare(r, a, b) == 0;
}

/* Every combination of rows of the sources from `s` on; at most QUERY_SOURCES_MAX calls deep. */
static void join(struct selection *sel, const struct source *before, const struct source *s, unsigned index)
{
    struct run *r = sel->run;
    bool        has_joined = false;
    if (s == NULL) {
        bool is_fed = r->select->sources != NULL && r->select->sources->real != NULL; /* query_feed has looked */
        if (is_fed || r->select->where == NULL || evaluate_is_true(r, r->select->where))
            tuple_add(sel);
        return;
    }
    for (size_t i = 0; i < s->rows.row_count && evaluate_goes_on(r); i++) {
        r->now.rows[index] = s->rows.rows[i];
        if (!is_joined(r, before, s, index))
            continue;
        has_joined = true;
        join(sel, s, s->next, index + 1);
    }
    r->now.rows[index] = NULL;
    if (!has_joined && s->join == JOIN_LEFT)
        join(sel, s, s->next, index + 1);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static bool keys_add(struct selection *sel, const struct slice *keys)
{
    struct arena *arena = &sel->run->query->arena;
    if (sel->key_count == sel->key_cap) {
        size_t               cap = sel->key_cap > 0 ? 2 * sel->key_cap : 16;
        const struct slice **grown = arena_take(arena, cap, sizeof *grown);
        if (grown == NULL)
            return false;
        for (size_t i = 0; i < sel->key_count; i++)
            grown[i] = sel->keys[i];
        sel->keys = grown;
        sel->key_cap = cap;
    }
    sel->keys[sel->key_count++] = keys;
    return true;
}

static size_t order_count(const struct select *s)
{
    size_t count = 0;
    for (const struct order *o = s->order; o != NULL; o = o->next)
        count++;
    return count;
}

static bool add_keys(struct selection *sel, const struct slice *cells)
{
    struct run   *r = sel->run;
    size_t        count = order_count(r->select), i = 0;
    struct slice *keys = arena_take(&r->query->arena, count, sizeof *keys);
    if (keys == NULL)
        return false;
    for (const struct order *o = r->select->order; o != NULL; o = o->next)
        keys[i++] = o->output >= 0 ? cells[o->output] : evaluate(r, o->node);
    return keys_add(sel, keys);
}

static bool is_equal_row(struct run *r, const struct slice *a, const struct slice *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((a[i].at == NULL) != (b[i].at == NULL))
            return false;
        if (a[i].at != NULL && evaluate_compare(r, a[i], b[i]) != 0)
            return false;
    }
    return true;
}

/* Is the last row one of those before it? */
static bool is_repeated(struct run *r, const struct relation *rows)
{
    const struct slice *last = rows->rows[rows->row_count - 1];
    for (size_t i = 0; i + 1 < rows->row_count && evaluate_goes_on(r); i++)
        if (is_equal_row(r, rows->rows[i], last, rows->column_count))
            return true;
    return false;
}

/* The row that is looked at, or the group's, as the list wants it. */
static void add_output(struct selection *sel)
{
    struct run *r = sel->run;
    size_t      i = 0;
    if (r->select->having != NULL && !evaluate_is_true(r, r->select->having))
        return;
    struct slice *cells = relation_add(&r->query->arena, sel->out);
    if (cells == NULL)
        return;
    for (const struct output *o = r->select->outputs; o != NULL; o = o->next)
        cells[i++] = evaluate(r, o->node);
    if (r->select->is_distinct && is_repeated(r, sel->out))
        sel->out->row_count--;
    else if (r->select->order != NULL && r->select->also == NULL && !add_keys(sel, cells))
        sel->out->row_count--;
}

static void add_outputs(struct selection *sel)
{
    for (size_t i = 0; i < sel->tuple_count && evaluate_goes_on(sel->run); i++) {
        sel->run->now = *sel->tuples[i];
        add_output(sel);
    }
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* A group: its values of GROUP BY and its rows, in the order of the first of each. */
struct group {
    const struct slice  *keys;
    const struct tuple **tuples;
    size_t               count, cap;
    struct group        *next;
};

static struct slice *group_keys(struct run *r, size_t count)
{
    size_t        i = 0;
    struct slice *keys = arena_take(&r->query->arena, count + 1, sizeof *keys);
    for (const struct order *o = r->select->group; keys != NULL && o != NULL; o = o->next)
        keys[i++] = evaluate(r, o->node);
    return keys;
}

static bool group_add(struct arena *a, struct group *g, const struct tuple *t)
{
    if (g->count == g->cap) {
        size_t               cap = g->cap > 0 ? 2 * g->cap : 4;
        const struct tuple **tuples = arena_take(a, cap, sizeof *tuples);
        if (tuples == NULL)
            return false;
        for (size_t i = 0; i < g->count; i++)
            tuples[i] = g->tuples[i];
        g->tuples = tuples;
        g->cap = cap;
    }
    g->tuples[g->count++] = t;
    return true;
}

static bool group_put(struct selection *sel, struct group **groups, size_t key_count, const struct tuple *t)
{
    struct run *r = sel->run;
    r->now = *t;
    struct slice *keys = group_keys(r, key_count);
    if (keys == NULL)
        return false;
    struct group **g = groups;
    while (*g != NULL && evaluate_goes_on(r) && !is_equal_row(r, (*g)->keys, keys, key_count))
        g = &(*g)->next;
    if (*g == NULL) {
        *g = arena_take(&r->query->arena, 1, sizeof **g);
        if (*g == NULL)
            return false;
        (*g)->keys = keys;
    }
    return group_add(&r->query->arena, *g, t);
}

/* Rows of the one group there is without GROUP BY. */
static size_t group_count_of(const struct selection *sel)
{
    const struct source *s = sel->run->select->sources;
    return s != NULL && s->real != NULL && sel->run->query->is_counting ? sel->run->query->counted : sel->tuple_count;
}

/* Without GROUP BY there is one group, also of no rows. */
static void add_groups(struct selection *sel)
{
    static const struct tuple null_rows;
    const struct tuple       *nothing = &null_rows;
    struct run               *r = sel->run;
    struct group              whole = { .tuples = sel->tuples, .count = group_count_of(sel) }, *groups = &whole;
    size_t                    key_count = 0;
    for (const struct order *o = r->select->group; o != NULL; o = o->next)
        key_count++;
    if (key_count > 0) {
        groups = NULL;
        for (size_t i = 0; i < sel->tuple_count && evaluate_goes_on(r); i++)
            if (!group_put(sel, &groups, key_count, sel->tuples[i]))
                return;
    }
    for (const struct group *g = groups; g != NULL && evaluate_goes_on(r); g = g->next) {
        r->now = g->tuples != NULL ? *g->tuples[0] : null_rows;
        r->group = g->tuples != NULL ? g->tuples : &nothing; /* COUNT(*) looks at the number alone */
        r->group_count = g->count;
        add_output(sel);
    }
    r->group = NULL;
}

/* --- order -------------------------------------------------------------------------------------------------------- */

struct sortable {
    const struct slice *cells, *keys;
    size_t              at;
};

static int compare_keys(const void *a, const void *b, void *run)
{
    const struct sortable *x = a, *y = b;
    const struct run      *r = run;
    size_t                 i = 0;
    for (const struct order *o = r->select->order; o != NULL; o = o->next, i++) {
        int order = (x->keys[i].at != NULL) - (y->keys[i].at != NULL); /* NULL comes first */
        if (order == 0 && x->keys[i].at != NULL)
            order = evaluate_compare(r, x->keys[i], y->keys[i]);
        if (order != 0)
            return o->is_descending ? -order : order;
    }
    return (x->at > y->at) - (x->at < y->at); /* as they came */
}

static void sort(struct selection *sel)
{
    struct run      *r = sel->run;
    struct relation *out = sel->out;
    for (size_t i = 0; r->select->also != NULL && i < out->row_count; i++)
        if (!add_keys(sel, out->rows[i]))
            return;
    struct sortable *rows = arena_take(&r->query->arena, out->row_count + 1, sizeof *rows);
    if (rows == NULL || sel->key_count != out->row_count)
        return;
    for (size_t i = 0; i < out->row_count; i++)
        rows[i] = (struct sortable){ out->rows[i], sel->keys[i], i };
    qsort_r(rows, out->row_count, sizeof *rows, compare_keys, r);
    for (size_t i = 0; i < out->row_count; i++)
        out->rows[i] = rows[i].cells;
}

static void cut(const struct select *s, struct relation *out)
{
    if (!s->has_limit)
        return;
    size_t skip = s->skip < out->row_count ? (size_t)s->skip : out->row_count;
    out->rows = out->rows != NULL ? out->rows + skip : NULL;
    out->row_count -= skip;
    out->row_cap -= skip;
    if (s->count < out->row_count)
        out->row_count = (size_t)s->count;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void add_also(struct selection *sel)
{
    struct run     *r = sel->run;
    struct relation more = { 0 };
    select_run(r->q, r->select->also, &more);
    for (size_t i = 0; i < more.row_count && evaluate_goes_on(r); i++) {
        struct slice *cells = relation_add(&r->query->arena, sel->out);
        if (cells == NULL)
            return;
        memcpy(cells, more.rows[i], more.column_count * sizeof *cells);
        if (!r->select->also_all && is_repeated(r, sel->out))
            sel->out->row_count--;
    }
}

static void name_outputs(struct run *r, struct relation *out)
{
    for (const struct output *o = r->select->outputs; o != NULL; o = o->next)
        out->column_count++;
    struct slice *names = arena_take(&r->query->arena, out->column_count, sizeof *names);
    out->names = names;
    for (const struct output *o = r->select->outputs; names != NULL && o != NULL; o = o->next)
        *names++ = o->title;
}

/* Are messages compared, or what the schema says? */
static bool is_nocase(const struct select *s)
{
    return s->sources == NULL || s->sources->real == NULL;
}

void select_run(struct cometql *q, struct select *s, struct relation *out)
{
    struct run       run = { .q = q, .query = q->st.query, .select = s, .is_nocase = is_nocase(s) };
    struct selection sel = { .run = &run, .out = out };
    *out = (struct relation){ 0 };
    name_outputs(&run, out);
    for (struct source *i = s->sources; i != NULL; i = i->next)
        fill_source(&run, i);
    join(&sel, NULL, s->sources, 0);
    if (s->is_grouped)
        add_groups(&sel);
    else
        add_outputs(&sel);
    if (s->also != NULL)
        add_also(&sel);
    if (s->order != NULL && run.query->arena.status == OK)
        sort(&sel);
    cut(s, out);
}
