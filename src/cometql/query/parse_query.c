/* parse_query: SELECT list FROM sources WHERE GROUP BY HAVING ORDER BY LIMIT, UNION, and rows from a SELECT in
 * parentheses. */
#include <stdlib.h>

#include "cometql/query/functions.h"
#include "cometql/query/parse.h"

void *parse_take(struct parser *p, size_t size)
{
    void *at = arena_take(&parse_query_of(p)->arena, 1, size);
    if (at == NULL)
        error_plain(p->error, E_NO_MEMORY);
    return at;
}

enum status parse_enter(struct parser *p)
{
    if (++parse_query_of(p)->depth <= QUERY_DEPTH_MAX)
        return OK;
    return error_set(p->error, E_SYNTAX, "Syntax error in query (byte %zu): more than %d parentheses in each other",
                     p->now.at + 1, QUERY_DEPTH_MAX);
}

void parse_leave(struct parser *p)
{
    parse_query_of(p)->depth--;
}

/* --- list --------------------------------------------------------------------------------------------------------- */

static bool take_star(struct parser *p, struct output *o)
{
    struct parser before = *p;
    if (parsing_take_mark(p, '*'))
        return true;
    if (p->now.kind == TOKEN_WORD || p->now.kind == TOKEN_QUOTED) {
        struct slice name;
        while (parsing_need_name(p, &name) == OK && parsing_take_mark(p, '.')) {
            o->qualifier = name;
            if (parsing_take_mark(p, '*'))
                return true;
            if (p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_QUOTED)
                break;
        }
    }
    o->qualifier = SLICE("");
    *p = before;
    return false;
}

static enum status parse_alias(struct parser *p, struct slice *out)
{
    if (parsing_take_word(p, "AS"))
        return parsing_need_name(p, out);
    bool is_alias = p->now.kind == TOKEN_QUOTED || (p->now.kind == TOKEN_WORD && !parse_is_reserved(p));
    return is_alias ? parsing_need_name(p, out) : OK;
}

static enum status parse_output(struct parser *p, struct output *o)
{
    struct token first = p->now;
    if (take_star(p, o))
        return OK;
    TRY(parse_expression(p, &o->node));
    bool is_alone = p->end == first.end; /* `name` and 'text' are shown without their quotes */
    o->title = is_alone                       ? first.text
               : o->node->kind == NODE_COLUMN ? o->node->text
                                              : slice_of(p->lexer.sql.at + first.at, p->end - first.at);
    return parse_alias(p, &o->title);
}

static enum status parse_outputs(struct parser *p, struct select *s)
{
    struct output **tail = &s->outputs;
    unsigned        count = 0;
    do {
        if (++count > STATEMENT_ITEMS_MAX)
            return error_set(p->error, E_MANY_COLUMNS, "Too many columns: at most %d are taken", STATEMENT_ITEMS_MAX);
        *tail = parse_take(p, sizeof **tail);
        if (*tail == NULL)
            return E_NO_MEMORY;
        TRY(parse_output(p, *tail));
        tail = &(*tail)->next;
    } while (parsing_take_mark(p, ','));
    return OK;
}

/* --- FROM --------------------------------------------------------------------------------------------------------- */

static enum status parse_source(struct parser *p, struct source *s)
{
    if (parsing_take_mark(p, '(')) {
        TRY(parsing_need_word(p, "SELECT"));
        TRY(parse_select_rest(p, &s->select));
        TRY(parsing_need_mark(p, ')'));
    } else {
        TRY(parsing_need_name(p, &s->table));
        if (parsing_take_mark(p, '.')) {
            s->database = s->table;
            TRY(parsing_need_name(p, &s->table));
        }
        s->alias = s->table;
    }
    return parse_alias(p, &s->alias);
}

/* , | [INNER | CROSS] JOIN | LEFT [OUTER] JOIN; false: no source follows. */
static enum status take_join(struct parser *p, bool *out_is_there, enum join *out_join)
{
    *out_join = JOIN_ALL;
    *out_is_there = true;
    if (parsing_take_mark(p, ',') || parsing_take_word(p, "JOIN"))
        return OK;
    if (parsing_take_word(p, "INNER") || parsing_take_word(p, "CROSS"))
        return parsing_need_word(p, "JOIN");
    *out_is_there = parsing_take_word(p, "LEFT");
    if (!*out_is_there)
        return OK;
    *out_join = JOIN_LEFT;
    parsing_take_word(p, "OUTER");
    return parsing_need_word(p, "JOIN");
}

static enum status parse_join_condition(struct parser *p, struct source *s)
{
    if (parsing_take_word(p, "ON"))
        return parse_expression(p, &s->on);
    if (!parsing_take_word(p, "USING"))
        return OK;
    TRY(parsing_need_mark(p, '('));
    TRY(parsing_need_name(p, &s->using_column));
    return parsing_need_mark(p, ')');
}

static enum status parse_sources(struct parser *p, struct select *s)
{
    struct source **tail = &s->sources;
    enum join       join = JOIN_ALL;
    bool            is_there = true;
    for (unsigned count = 0; is_there; count++) {
        if (count >= QUERY_SOURCES_MAX)
            return error_set(p->error, E_MANY_NAMES, "Too many names: at most %d tables are taken", QUERY_SOURCES_MAX);
        *tail = parse_take(p, sizeof **tail);
        if (*tail == NULL)
            return E_NO_MEMORY;
        (*tail)->join = join;
        TRY(parse_source(p, *tail));
        if (count > 0)
            TRY(parse_join_condition(p, *tail));
        tail = &(*tail)->next;
        TRY(take_join(p, &is_there, &join));
    }
    return OK;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static enum status parse_orders(struct parser *p, struct order **tail)
{
    unsigned count = 0;
    TRY(parsing_need_word(p, "BY"));
    do {
        if (++count > STATEMENT_COLUMNS_MAX)
            return error_set(p->error, E_MANY_NAMES, "Too many names: at most %d are taken", STATEMENT_COLUMNS_MAX);
        *tail = parse_take(p, sizeof **tail);
        if (*tail == NULL)
            return E_NO_MEMORY;
        (*tail)->output = -1;
        TRY(parse_expression(p, &(*tail)->node));
        if (!parsing_take_word(p, "ASC"))
            (*tail)->is_descending = parsing_take_word(p, "DESC");
        tail = &(*tail)->next;
    } while (parsing_take_mark(p, ','));
    return OK;
}

static enum status parse_limit(struct parser *p, struct select *s)
{
    struct statement *st = p->out;
    st->limit_skip = 0;
    TRY(parsing_limit(p));
    s->has_limit = true;
    s->skip = st->limit_skip;
    s->count = st->limit_count;
    st->has_limit = false; /* the query counts, not the walk */
    return OK;
}

static enum status parse_core(struct parser *p, struct select *s)
{
    s->is_distinct = parsing_take_word(p, "DISTINCT");
    if (!s->is_distinct)
        parsing_take_word(p, "ALL");
    TRY(parse_outputs(p, s));
    if (parsing_take_word(p, "FROM") && !parsing_take_word(p, "DUAL"))
        TRY(parse_sources(p, s));
    if (parsing_take_word(p, "WHERE"))
        TRY(parse_expression(p, &s->where));
    s->is_grouped = parsing_take_word(p, "GROUP");
    if (s->is_grouped)
        TRY(parse_orders(p, &s->group));
    return parsing_take_word(p, "HAVING") ? parse_expression(p, &s->having) : OK;
}

static enum status parse_union(struct parser *p, struct select *s)
{
    s->also_all = parsing_take_word(p, "ALL");
    if (!s->also_all)
        parsing_take_word(p, "DISTINCT");
    TRY(parsing_need_word(p, "SELECT"));
    return parse_select_rest(p, &s->also);
}

static enum status parse_tail(struct parser *p, struct select *s)
{
    if (parsing_take_word(p, "ORDER"))
        TRY(parse_orders(p, &s->order));
    return parsing_take_word(p, "LIMIT") ? parse_limit(p, s) : OK;
}

/* What stands behind the last of a UNION belongs to all of it: the first carries it. */
static void lift_tail(struct select *s)
{
    struct select *last = s->also;
    s->order = last->order;
    s->has_limit = last->has_limit;
    s->skip = last->skip;
    s->count = last->count;
    last->order = NULL;
    last->has_limit = false;
}

enum status parse_select_rest(struct parser *p, struct select **out)
{
    TRY(parse_enter(p));
    if (++parse_query_of(p)->select_count > QUERY_SELECTS_MAX)
        return error_set(p->error, E_SYNTAX, "Syntax error in query: more than %d times SELECT", QUERY_SELECTS_MAX);
    struct select *s = *out = parse_take(p, sizeof *s);
    if (s == NULL)
        return E_NO_MEMORY;
    TRY(parse_core(p, s));
    if (parsing_take_word(p, "UNION")) {
        TRY(parse_union(p, s));
        lift_tail(s);
    } else {
        TRY(parse_tail(p, s));
    }
    parse_leave(p);
    return OK;
}

/* --- the faces ---------------------------------------------------------------------------------------------------- */

static enum status query_new(struct parser *p)
{
    struct query *query = calloc(1, sizeof *query);
    if (query == NULL)
        return error_plain(p->error, E_NO_MEMORY);
    query->arena.limit = QUERY_BYTES_MAX;
    query_free(p->out->query);
    p->out->query = query;
    return OK;
}

void query_free(struct query *given)
{
    if (given == NULL)
        return;
    arena_clear(&given->arena);
    free(given);
}

/* The one source is a table by name: the statement's. */
static void name_table(struct statement *st)
{
    const struct source *one = st->query->select->sources;
    if (one == NULL || one->next != NULL || one->select != NULL || st->query->select->also != NULL)
        return;
    st->database = one->database;
    st->table = one->table;
}

/* As in the plain grammar. */
static enum status check_limits(struct parser *p)
{
    const struct query *query = p->out->query;
    unsigned            count = 0;
    if (!query_asks_table(p->out))
        return OK;
    for (const struct output *o = query->select->outputs; o != NULL; o = o->next)
        count++;
    if (query->condition_count > STATEMENT_CONDITIONS_MAX)
        return error_set(p->error, E_MANY_CONDITIONS, "Too many conditions: at most %d are taken",
                         STATEMENT_CONDITIONS_MAX);
    if (count > STATEMENT_COLUMNS_MAX)
        return error_set(p->error, E_MANY_COLUMNS, "Too many columns: at most %d are taken", STATEMENT_COLUMNS_MAX);
    return OK;
}

enum status query_parse(struct parser *p)
{
    p->out->kind = STATEMENT_SELECT;
    TRY(query_new(p));
    TRY(parse_select_rest(p, &p->out->query->select));
    name_table(p->out);
    return check_limits(p);
}

static enum status need_select(struct parser *p, struct select **out)
{
    TRY(query_new(p));
    *out = p->out->query->select = parse_take(p, sizeof **out);
    return *out != NULL ? OK : E_NO_MEMORY;
}

enum status query_parse_delete(struct parser *p)
{
    struct select *s;
    p->out->kind = STATEMENT_DELETE;
    TRY(need_select(p, &s));
    s->sources = parse_take(p, sizeof *s->sources);
    if (s->sources == NULL)
        return E_NO_MEMORY;
    TRY(parse_source(p, s->sources));
    if (s->sources->select != NULL)
        return parsing_bad(p);
    TRY(parsing_need_word(p, "WHERE"));
    TRY(parse_expression(p, &s->where));
    name_table(p->out);
    TRY(check_limits(p));
    if (parsing_take_word(p, "ORDER"))
        return error_set(p->error, E_NOT_IMPLEMENTED, "Token ORDER BY is not yet implemented in DELETE");
    return parsing_take_word(p, "LIMIT") ? parsing_limit(p) : OK;
}

enum status query_parse_filter(struct parser *p)
{
    struct select *s;
    TRY(need_select(p, &s));
    TRY(parse_expression(p, &s->where));
    return p->out->query->select_count == 0
               ? OK
               : error_set(p->error, E_SYNTAX, "Syntax error in query: SHOW takes no SELECT");
}

bool query_asks_table(const struct statement *st)
{
    return st->table.len > 0 && (st->database.len == 0 || slice_is_nocase(st->database, "CometQL_v1") ||
                                 (st->database.len > 3 && slice_is_nocase(slice_first(st->database, 3), "db_")));
}
