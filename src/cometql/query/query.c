/* query: see query.h. */
#include "cometql/query/query.h"

#include "cometql/query/run.h"
#include "cometql/schema/schema.h"

enum status query_open(struct cometql *q, struct error *error)
{
    return resolve_select(q, q->st.query->select, true, error);
}

static struct run run_on(struct cometql *q, const struct slice *cells)
{
    struct run run = { .q = q, .query = q->st.query, .select = q->st.query->select };
    run.now.rows[0] = cells;
    return run;
}

bool query_is_met(struct cometql *q, const struct slice *cells)
{
    struct run run = run_on(q, cells);
    run.query->work = 0; /* bounded for each row: rows come in turns of the shard */
    return run.select->where == NULL || evaluate_is_true(&run, run.select->where);
}

static enum status too_much(const struct query *query, struct error *error)
{
    if (query->arena.status == E_MANY_ROWS)
        return error_set(error, E_MANY_ROWS,
                         "The SELECT needs more than %u MB of memory or %u steps: narrow it with WHERE",
                         QUERY_BYTES_MAX >> 20, QUERY_WORK_MAX);
    return error_plain(error, query->arena.status);
}

static void mark_columns(struct query *query, const struct node *n)
{
    if (n->kind == NODE_COLUMN)
        query->kept_columns |= 1u << n->column;
    for (const struct node *i = n->first; i != NULL; i = i->next)
        mark_columns(query, i);
}

static bool is_count_of_all(const struct node *n)
{
    for (const struct node *i = n->first; i != NULL; i = i->next)
        if (!is_count_of_all(i))
            return false;
    return n->kind != NODE_AGGREGATE || n->first == NULL;
}

/* No aggregate but COUNT(*): however many rows there are, none is kept. */
static bool only_counts(const struct select *s)
{
    for (const struct output *o = s->outputs; o != NULL; o = o->next)
        if (!is_count_of_all(o->node))
            return false;
    return (s->having == NULL || is_count_of_all(s->having)) && s->order == NULL;
}

/* What the list, GROUP BY, HAVING and ORDER BY look at; the others need not be kept. */
static void mark_all_columns(struct query *query)
{
    const struct select *s = query->select;
    for (const struct output *o = s->outputs; o != NULL; o = o->next)
        mark_columns(query, o->node);
    for (const struct order *o = s->order; o != NULL; o = o->next)
        mark_columns(query, o->node);
    for (const struct order *o = s->group; o != NULL; o = o->next)
        mark_columns(query, o->node);
    if (s->having != NULL)
        mark_columns(query, s->having);
    query->is_counting = query->kept_columns == 0 && s->is_grouped && s->group == NULL && only_counts(s);
    query->has_marked = true;
}

enum status query_feed(struct cometql *q, const struct slice *cells)
{
    struct query    *query = q->st.query;
    struct relation *rows = &query->select->sources->rows;
    if (!query->has_marked)
        mark_all_columns(query);
    if (query->is_counting) {
        query->counted++;
        return OK;
    }
    struct slice *kept = relation_add(&query->arena, rows);
    for (size_t i = 0; kept != NULL && i < rows->column_count; i++)
        kept[i] = query->kept_columns & 1u << i ? arena_text(&query->arena, cells[i]) : SLICE("");
    return query->arena.status;
}

enum status query_run(struct cometql *q, struct error *error)
{
    struct query *query = q->st.query;
    query->work = 0;
    if (query->arena.status == OK)
        select_run(q, query->select, &query->result); /* to prepare: rows that go nowhere, or none of a real table */
    return query->arena.status == OK ? OK : too_much(query, error);
}

/* --- WHERE of a SHOW ---------------------------------------------------------------------------------------------- */

/* MySQL calls the column of SHOW TABLES Tables_in_<database>. */
static bool is_tables_in(struct slice name, struct slice text)
{
    return slice_is(name, "Tables") && slice_is_nocase(slice_first(text, 10), "Tables_in_");
}

/* Column names become places; what the answer does not have is NULL. */
static void find_columns(struct node *n, const struct slice *names, size_t count)
{
    if (n->kind == NODE_COLUMN && !n->is_resolved) {
        n->is_resolved = true;
        n->column = (uint16_t)count;
        for (size_t i = 0; i < count; i++)
            if (slice_equal_nocase(names[i], n->text) || is_tables_in(names[i], n->text))
                n->column = (uint16_t)i;
        if (n->column == count)
            *n = (struct node){ .kind = NODE_LITERAL, .next = n->next };
    }
    for (struct node *i = n->first; i != NULL; i = i->next)
        find_columns(i, names, count);
}

bool query_filter_is_met(struct cometql *q, const struct slice *names, const struct slice *cells, size_t count)
{
    struct run run = run_on(q, cells);
    run.is_nocase = true;
    find_columns(run.select->where, names, count);
    return evaluate_is_true(&run, run.select->where);
}
