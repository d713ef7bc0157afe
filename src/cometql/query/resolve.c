/* resolve: names to tables and columns, before anything is evaluated.
 *
 * The original took any quote around a name and a bare word for a value. On its tables that stays: 'name' = 'x' means
 * the column, and name = chat means 'chat'.
 */
#include "cometql/query/functions.h"
#include "cometql/query/run.h"
#include "cometql/schema/schema.h"

struct resolver {
    struct cometql *q;
    struct select  *select;
    struct error   *error;
    bool            is_aggregate_allowed;
    bool            is_title_allowed; /* ORDER BY, GROUP BY, HAVING: the names of the list count too */
};

static enum status unknown_column(const struct node *n, struct error *error)
{
    return error_set(error, E_COLUMN, "Not a specific column `%.*s`", SLICE_ARG(n->text));
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

/* Room for the names of the columns, `count` of them. */
static struct slice *names_new(struct cometql *q, struct source *s, size_t count, struct error *error)
{
    struct slice *names = arena_take(&q->st.query->arena, count > 0 ? count : 1, sizeof *names);
    if (names == NULL)
        error_plain(error, E_NO_MEMORY);
    s->rows.names = names;
    s->rows.column_count = count;
    return names;
}

static enum status name_schema_columns(struct cometql *q, struct source *s, struct error *error)
{
    struct slice *names = names_new(q, s, s->schema->column_count, error);
    for (uint16_t i = 0; names != NULL && i < s->schema->column_count; i++)
        names[i] = slice_str(s->schema->columns[i]);
    return names != NULL ? OK : E_NO_MEMORY;
}

static enum status name_table_columns(struct cometql *q, struct source *s, struct error *error)
{
    struct slice *names = names_new(q, s, s->real->column_count, error);
    for (uint8_t i = 0; names != NULL && i < s->real->column_count; i++)
        names[i] = slice_str(s->real->columns[i].name);
    return names != NULL ? OK : E_NO_MEMORY;
}

static size_t count_outputs(const struct select *s)
{
    size_t count = 0;
    for (const struct output *o = s->outputs; o != NULL; o = o->next)
        count++;
    return count;
}

static enum status name_output_columns(struct cometql *q, struct source *s, struct error *error)
{
    struct slice *names = names_new(q, s, count_outputs(s->select), error);
    for (const struct output *o = s->select->outputs; names != NULL && o != NULL; o = o->next)
        *names++ = o->title;
    return s->rows.names != NULL ? OK : E_NO_MEMORY;
}

static enum status resolve_source(struct cometql *q, struct source *s, bool may_be_real, struct error *error)
{
    if (s->select != NULL) {
        enum status status = resolve_select(q, s->select, false, error);
        return status == OK ? name_output_columns(q, s, error) : status;
    }
    if (slice_is_nocase(s->database, SCHEMA_DATABASE)) {
        s->schema = schema_find(s->table);
        if (s->schema == NULL)
            return error_set(error, E_NOT_FOUND, "Table doesn't exist: `" SCHEMA_DATABASE "` has no `%.*s`",
                             SLICE_ARG(s->table));
        return name_schema_columns(q, s, error);
    }
    if (may_be_real && q->table != NULL) {
        s->real = q->table;
        return name_table_columns(q, s, error);
    }
    if (s->database.len > 0 && !slice_is_nocase(s->database, COMETQL_DATABASE))
        return error_set(error, E_NOT_FOUND,
                         "Table doesn't exist: `%.*s`.`%.*s`; the databases are " COMETQL_DATABASE
                         " and " SCHEMA_DATABASE,
                         SLICE_ARG(s->database), SLICE_ARG(s->table));
    if (table_find(s->table) != NULL)
        return error_set(error, E_NOT_IMPLEMENTED,
                         "`%.*s` can only stand alone: joins, UNION and SELECT in parentheses are for "
                         "information_schema",
                         SLICE_ARG(s->table));
    return error_set(error, E_NOT_FOUND, "Table doesn't exist: `%.*s`", SLICE_ARG(s->table));
}

static enum status resolve_sources(struct cometql *q, struct select *s, bool is_outermost, struct error *error)
{
    bool is_alone = is_outermost && s->also == NULL && s->sources != NULL && s->sources->next == NULL;
    for (struct source *i = s->sources; i != NULL; i = i->next) {
        enum status status = resolve_source(q, i, is_alone, error);
        if (status != OK)
            return status;
    }
    return OK;
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static bool is_called(const struct source *s, struct slice qualifier)
{
    return qualifier.len == 0 || slice_equal_nocase(s->alias, qualifier) || slice_equal_nocase(s->table, qualifier);
}

/* Puts the columns of one source in the place of `star`, behind *tail. */
static enum status expand_source(struct resolver *r, const struct source *s, uint8_t index, struct output ***tail)
{
    struct arena *arena = &r->q->st.query->arena;
    size_t        count = s->real != NULL ? table_star(s->real) : s->rows.column_count;
    for (size_t i = 0; i < count; i++) {
        struct output *o = arena_take(arena, 1, sizeof *o);
        struct node   *n = arena_take(arena, 1, sizeof *n);
        if (o == NULL || n == NULL)
            return error_plain(r->error, E_NO_MEMORY);
        *n = (struct node){
            .kind = NODE_COLUMN, .text = s->rows.names[i], .source = index, .column = (uint16_t)i, .is_resolved = true
        };
        o->node = n;
        o->title = n->text;
        **tail = o;
        *tail = &o->next;
    }
    return OK;
}

static enum status expand_star(struct resolver *r, struct output **place)
{
    struct output *star = *place, **tail = place;
    uint8_t        index = 0;
    bool           is_known = false;
    for (const struct source *s = r->select->sources; s != NULL; s = s->next, index++) {
        if (!is_called(s, star->qualifier))
            continue;
        is_known = true;
        if (expand_source(r, s, index, &tail) != OK)
            return E_NO_MEMORY;
    }
    *tail = star->next;
    return is_known ? OK : error_set(r->error, E_SYNTAX, "Syntax error in query near '*': no table is named");
}

static enum status expand_stars(struct resolver *r)
{
    unsigned count = 0;
    for (struct output **o = &r->select->outputs; *o != NULL;) {
        enum status status = (*o)->node == NULL ? expand_star(r, o) : OK;
        if (status != OK)
            return status;
        if (*o != NULL)
            o = &(*o)->next;
        if (++count > QUERY_COLUMNS_MAX)
            return error_set(r->error, E_MANY_COLUMNS, "Too many columns: at most %d are taken", QUERY_COLUMNS_MAX);
    }
    return OK;
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static bool find_column(const struct resolver *r, struct node *n)
{
    uint8_t index = 0;
    for (const struct source *s = r->select->sources; s != NULL; s = s->next, index++) {
        for (size_t i = 0; is_called(s, n->qualifier) && i < s->rows.column_count; i++) {
            if (!slice_equal_nocase(s->rows.names[i], n->text))
                continue;
            n->kind = NODE_COLUMN;
            n->source = index;
            n->column = (uint16_t)i;
            n->is_resolved = true;
            return true;
        }
    }
    return false;
}

/* An alias in ORDER BY: the node becomes what the list has there. */
static bool find_title(const struct resolver *r, struct node *n)
{
    for (const struct output *o = r->select->outputs; o != NULL; o = o->next) {
        if (o->node == NULL || o->node == n || n->qualifier.len > 0 || !slice_equal_nocase(o->title, n->text))
            continue;
        struct node *next = n->next;
        *n = *o->node;
        n->next = next;
        return true;
    }
    return false;
}

static bool has_real_source(const struct resolver *r)
{
    return r->select->sources != NULL && r->select->sources->real != NULL;
}

static bool is_condition(const struct node *n)
{
    return n->kind == NODE_COMPARE || n->kind == NODE_LIKE || n->kind == NODE_IN || n->kind == NODE_BETWEEN ||
           n->kind == NODE_IS_NULL;
}

static enum status resolve_node(struct resolver *r, struct node *n, bool is_value);

static enum status resolve_operands(struct resolver *r, struct node *n)
{
    for (struct node *i = n->first; i != NULL; i = i->next) {
        bool is_left = is_condition(n) && i == n->first;
        if (is_left && i->is_quoted && has_real_source(r))
            (void)find_column(r, i); /* 'name' = 'x' */
        enum status status = resolve_node(r, i, is_condition(n) && !is_left);
        if (status != OK)
            return status;
    }
    return OK;
}

static enum status resolve_column(struct resolver *r, struct node *n, bool is_value)
{
    if (n->is_resolved || (r->is_title_allowed && find_title(r, n)) || find_column(r, n))
        return OK;
    if (r->select->sources == NULL)
        return error_set(r->error, E_SYNTAX, "Syntax error in query near '%.*s': no table is named",
                         SLICE_ARG(n->text));
    if (!is_value || !has_real_source(r) || n->qualifier.len > 0)
        return unknown_column(n, r->error);
    n->kind = NODE_LITERAL;
    return OK;
}

static enum status resolve_aggregate(struct resolver *r, struct node *n)
{
    if (!r->is_aggregate_allowed)
        return error_set(r->error, E_SYNTAX, "Syntax error in query near '%.*s(': it is for the list of a SELECT",
                         SLICE_ARG(n->text));
    r->is_aggregate_allowed = false;
    enum status status = resolve_operands(r, n);
    r->is_aggregate_allowed = true;
    return status;
}

static enum status resolve_node(struct resolver *r, struct node *n, bool is_value)
{
    char ignored[GREETING_BYTES];
    switch (n->kind) {
    case NODE_COLUMN:
        return resolve_column(r, n, is_value);
    case NODE_AGGREGATE:
        return resolve_aggregate(r, n);
    case NODE_ROWS:
        return resolve_select(r->q, n->select, false, r->error);
    case NODE_SYSTEM:
        return greeting_variable(r->q, n->text, ignored)
                   ? OK
                   : error_set(r->error, E_UNKNOWN_VARIABLE, "Unknown system variable '%.*s'", SLICE_ARG(n->text));
    default:
        return resolve_operands(r, n);
    }
}

static enum status resolve_outputs(struct resolver *r)
{
    enum status status = expand_stars(r);
    r->is_aggregate_allowed = true;
    for (struct output *o = r->select->outputs; status == OK && o != NULL; o = o->next) {
        if (o->node->is_quoted && has_real_source(r))
            (void)find_column(r, o->node); /* SELECT "name" FROM pipes */
        status = resolve_node(r, o->node, false);
    }
    r->is_aggregate_allowed = false;
    return status;
}

/* --- ORDER BY and the rest ---------------------------------------------------------------------------------------- */

/* ORDER BY 2; in a UNION only the columns of the result can be meant. */
static enum status resolve_order(struct resolver *r, struct order *order)
{
    uint64_t     number;
    int          index = 0, count = 0;
    struct node *n = order->node;
    for (const struct output *o = r->select->outputs; o != NULL; o = o->next, count++)
        if (r->select->also != NULL && n->kind == NODE_COLUMN && slice_equal_nocase(o->title, n->text))
            order->output = count;
    if (n->kind == NODE_LITERAL && !n->is_quoted && slice_u64(n->text, INT16_MAX, &number)) {
        index = (int)number - 1;
        if (index < 0 || index >= count)
            return unknown_column(n, r->error);
        order->output = index;
    }
    if (order->output >= 0)
        return OK;
    if (r->select->also != NULL)
        return unknown_column(n, r->error);
    return resolve_node(r, n, false);
}

static enum status resolve_orders(struct resolver *r, struct order *orders)
{
    enum status status = OK;
    r->is_title_allowed = true;
    for (; status == OK && orders != NULL; orders = orders->next)
        status = resolve_order(r, orders);
    r->is_title_allowed = false;
    return status;
}

static enum status resolve_conditions(struct resolver *r)
{
    enum status status = OK;
    for (struct source *s = r->select->sources; status == OK && s != NULL; s = s->next)
        status = s->on != NULL ? resolve_node(r, s->on, false) : OK;
    if (status == OK && r->select->where != NULL)
        status = resolve_node(r, r->select->where, false);
    r->is_title_allowed = r->is_aggregate_allowed = true;
    if (status == OK && r->select->having != NULL)
        status = resolve_node(r, r->select->having, false);
    return status;
}

static bool has_aggregate(const struct node *n)
{
    for (const struct node *i = n->first; i != NULL; i = i->next)
        if (has_aggregate(i))
            return true;
    return n->kind == NODE_AGGREGATE;
}

bool resolve_is_grouped(const struct select *s)
{
    for (const struct output *o = s->outputs; o != NULL; o = o->next)
        if (o->node != NULL && has_aggregate(o->node))
            return true;
    return s->group != NULL || (s->having != NULL && has_aggregate(s->having));
}

enum status resolve_select(struct cometql *q, struct select *s, bool is_outermost, struct error *error)
{
    struct resolver r = { .q = q, .select = s, .error = error };
    enum status     status = resolve_sources(q, s, is_outermost, error);
    if (status == OK)
        status = resolve_outputs(&r);
    r.is_aggregate_allowed = true;
    if (status == OK)
        status = resolve_orders(&r, s->order);
    r.is_aggregate_allowed = false;
    if (status == OK)
        status = resolve_orders(&r, s->group);
    if (status == OK)
        status = resolve_conditions(&r);
    s->is_grouped = resolve_is_grouped(s);
    if (status == OK && s->also != NULL)
        status = resolve_select(q, s->also, false, error);
    if (status == OK && s->also != NULL && count_outputs(s) != count_outputs(s->also))
        return error_set(error, E_COLUMN, "Error in columns list: the parts of a UNION differ in their number");
    return status;
}
