/* parser: see parser.h. SHOW and DESCRIBE are in parse_show.c. */
#include "cometql/parser.h"

#include <stdlib.h>

#include "cometql/parsing.h"
#include "cometql/query/query.h"

void statement_clear(struct statement *s)
{
    free(s->many);
    query_free(s->query);
    buf_clear(&s->texts);
    memset(s, 0, sizeof *s);
}

/* [table.]column */
static enum status need_column(struct parser *p, struct slice *out_name)
{
    TRY(parsing_need_name(p, out_name));
    while (parsing_take_mark(p, '.'))
        TRY(parsing_need_name(p, out_name));
    return OK;
}

/* --- WHERE, ORDER BY, LIMIT --------------------------------------------------------------------------------------- */

static enum status parse_list(struct parser *p)
{
    TRY(parsing_need_mark(p, '('));
    do {
        TRY(parsing_need_value(p, STATEMENT_LIST_MAX));
    } while (parsing_take_mark(p, ','));
    return parsing_need_mark(p, ')');
}

static enum status parse_compare(struct parser *p, enum compare *out)
{
    if (parsing_take_compare(p, out))
        return OK;
    *out = COMPARE_LIKE;
    if (parsing_take_word(p, "LIKE"))
        return OK;
    *out = COMPARE_IN;
    return parsing_need_word(p, "IN");
}

static enum status parse_condition(struct parser *p, bool is_or)
{
    struct statement *s = p->out;
    if (s->condition_count >= STATEMENT_CONDITIONS_MAX)
        return error_set(p->error, E_MANY_CONDITIONS, "Too many conditions: at most %d are taken",
                         STATEMENT_CONDITIONS_MAX);
    struct condition *c = &s->conditions[s->condition_count];
    *c = (struct condition){ .is_or = is_or, .first = s->value_count };
    TRY(need_column(p, &c->column));
    TRY(parse_compare(p, &c->compare));
    TRY(c->compare == COMPARE_IN ? parse_list(p) : parsing_need_value(p, STATEMENT_LIST_MAX));
    c->count = s->value_count - c->first;
    s->condition_count++;
    return OK;
}

/* Parentheses may stand around conditions; with AND alone they change nothing, and OR is refused later anyway. */
static enum status parse_where(struct parser *p)
{
    unsigned open = 0;
    bool     is_or = false;
    for (;;) {
        while (parsing_take_mark(p, '('))
            open++;
        TRY(parse_condition(p, is_or));
        for (; open > 0 && parsing_take_mark(p, ')'); open--)
            ;
        is_or = parsing_take_word(p, "OR");
        if (!is_or && !parsing_take_word(p, "AND") && !parsing_take_mark(p, MARK_AND))
            return open == 0 ? OK : parsing_bad(p);
    }
}

static enum status parse_order(struct parser *p)
{
    struct slice column;
    p->out->has_order = true;
    TRY(parsing_need_word(p, "BY"));
    do {
        TRY(need_column(p, &column));
        if (!parsing_take_word(p, "ASC"))
            parsing_take_word(p, "DESC");
    } while (parsing_take_mark(p, ','));
    return OK;
}

static enum status parse_tail(struct parser *p)
{
    if (parsing_take_word(p, "WHERE"))
        TRY(parse_where(p));
    if (parsing_take_word(p, "ORDER"))
        TRY(parse_order(p));
    return parsing_take_word(p, "LIMIT") ? parsing_limit(p) : OK;
}

/* --- SELECT ------------------------------------------------------------------------------------------------------- */

/* A word: NULL, a function, or a column of the table that follows. */
static enum status parse_word_item(struct parser *p, struct item *item)
{
    item->text = p->now.text;
    parsing_next(p);
    if (parsing_take_mark(p, '(')) {
        item->kind = ITEM_FUNCTION;
        return parsing_need_mark(p, ')');
    }
    item->kind = ITEM_COLUMN;
    while (parsing_take_mark(p, '.')) {
        if (parsing_take_mark(p, '*')) {
            item->kind = ITEM_STAR;
            return OK;
        }
        item->title = p->now.text;
        TRY(parsing_need_name(p, &item->text));
    }
    return OK;
}

static enum status parse_literal_item(struct parser *p, struct item *item)
{
    uint32_t before = p->out->value_count;
    item->kind = p->now.kind == TOKEN_QUOTED ? ITEM_TEXT : ITEM_NUMBER;
    TRY(parsing_need_value(p, STATEMENT_LIST_MAX));
    item->text = statement_value(p->out, before)->text;
    if (statement_value(p->out, before)->kind == VALUE_NULL) /* of a parameter: the word NULL is a column at first */
        item->kind = ITEM_NULL;
    p->out->value_count = before;
    return OK;
}

static enum status parse_bare_item(struct parser *p, struct item *item)
{
    switch (p->now.kind) {
    case TOKEN_SYSTEM:
        *item = (struct item){ .kind = ITEM_SYSTEM, .text = parsing_variable_name(p->now.text) };
        parsing_next(p);
        return OK;
    case TOKEN_VARIABLE:
        *item = (struct item){ .kind = ITEM_VARIABLE, .text = p->now.text };
        parsing_next(p);
        return OK;
    case TOKEN_WORD:
        return parse_word_item(p, item);
    case TOKEN_QUOTED:
        /* "name" is a column when a table follows and a literal when none does: decided at FROM. */
        if (p->now.mark == '`')
            return parse_word_item(p, item);
        return parse_literal_item(p, item);
    default:
        if (parsing_take_mark(p, '*')) {
            item->kind = ITEM_STAR;
            return OK;
        }
        return parse_literal_item(p, item);
    }
}

/* item [[AS] alias] */
static enum status parse_item(struct parser *p, struct item *item)
{
    struct token first = p->now;
    *item = (struct item){ 0 };
    TRY(parse_bare_item(p, item));
    bool is_alone = p->end == first.end; /* `name` and 'text' are shown without their quotes */
    if (item->title.at == NULL)
        item->title = is_alone ? first.text : slice_of(p->lexer.sql.at + first.at, p->end - first.at);
    if (parsing_take_word(p, "AS"))
        return parsing_need_name(p, &item->title);
    bool is_alias = p->now.kind == TOKEN_QUOTED ||
                    (p->now.kind == TOKEN_WORD && !parsing_is_word(p, "FROM") && !parsing_is_word(p, "LIMIT"));
    return is_alias ? parsing_need_name(p, &item->title) : OK;
}

static enum status parse_items(struct parser *p)
{
    struct statement *s = p->out;
    do {
        if (s->item_count >= STATEMENT_ITEMS_MAX)
            return error_set(p->error, E_MANY_COLUMNS, "Too many columns: at most %d are taken", STATEMENT_ITEMS_MAX);
        TRY(parse_item(p, &s->items[s->item_count]));
        s->item_count++;
    } while (parsing_take_mark(p, ','));
    return OK;
}

/* Only names, or one star. */
static enum status check_table_items(struct parser *p)
{
    struct statement *s = p->out;
    if (s->item_count == 1 && s->items[0].kind == ITEM_STAR) {
        s->is_star = true;
        s->item_count = 0;
        return OK;
    }
    if (s->item_count > STATEMENT_COLUMNS_MAX)
        return error_set(p->error, E_MANY_COLUMNS, "Too many columns: at most %d are taken", STATEMENT_COLUMNS_MAX);
    for (uint32_t i = 0; i < s->item_count; i++) {
        if (s->items[i].kind == ITEM_TEXT)
            s->items[i].kind = ITEM_COLUMN;
        if (s->items[i].kind != ITEM_COLUMN)
            return error_set(p->error, E_SYNTAX, "Syntax error in query near '%.*s': a table gives only its columns",
                             SLICE_ARG(s->items[i].title));
    }
    return OK;
}

/* Words that are values by themselves. */
static enum status check_lone_items(struct parser *p)
{
    for (uint32_t i = 0; i < p->out->item_count; i++) {
        struct item *item = &p->out->items[i];
        if (item->kind != ITEM_COLUMN && item->kind != ITEM_STAR)
            continue;
        if (slice_is_nocase(item->text, "NULL"))
            item->kind = ITEM_NULL;
        else if (slice_is_nocase(item->text, "TRUE") || slice_is_nocase(item->text, "FALSE"))
            *item = (struct item){ ITEM_NUMBER, slice_is_nocase(item->text, "TRUE") ? SLICE("1") : SLICE("0"),
                                   item->title };
        else if (slice_is_nocase(item->text, "CURRENT_USER") || slice_is_nocase(item->text, "CURRENT_TIMESTAMP"))
            item->kind = ITEM_FUNCTION;
        else
            return error_set(p->error, E_SYNTAX, "Syntax error in query near '%.*s': no table is named",
                             SLICE_ARG(item->title));
    }
    return OK;
}

static enum status parse_plain_select(struct parser *p)
{
    struct statement *s = p->out;
    TRY(parse_items(p));
    s->kind = STATEMENT_SELECT_ITEMS;
    if (parsing_take_word(p, "FROM")) {
        TRY(parsing_need_table(p));
        if (!slice_is_nocase(s->table, "DUAL"))
            s->kind = STATEMENT_SELECT;
        if (parsing_take_word(p, "AS")) {
            struct slice alias;
            TRY(parsing_need_name(p, &alias));
        }
    }
    if (s->kind == STATEMENT_SELECT) {
        TRY(check_table_items(p));
        return parse_tail(p);
    }
    TRY(check_lone_items(p));
    return parsing_take_word(p, "LIMIT") ? parsing_limit(p) : OK;
}

/* --- INSERT, DELETE ----------------------------------------------------------------------------------------------- */

static enum status parse_insert_columns(struct parser *p)
{
    struct statement *s = p->out;
    s->has_column_list = true;
    do {
        if (s->column_count >= STATEMENT_COLUMNS_MAX)
            return error_set(p->error, E_MANY_NAMES, "Too many names: at most %d are taken", STATEMENT_COLUMNS_MAX);
        TRY(need_column(p, &s->columns[s->column_count]));
        s->column_count++;
    } while (parsing_take_mark(p, ','));
    return parsing_need_mark(p, ')');
}

static enum status parse_row(struct parser *p)
{
    struct statement *s = p->out;
    uint32_t          first = s->value_count;
    TRY(parsing_need_mark(p, '('));
    do {
        if (s->value_count - first >= STATEMENT_ROW_MAX)
            return error_set(p->error, E_MANY_VALUES, "Too many values: a row has at most %d", STATEMENT_ROW_MAX);
        TRY(parsing_need_value(p, STATEMENT_ROW_VALUES_MAX));
    } while (parsing_take_mark(p, ','));
    uint32_t width = s->value_count - first;
    if (s->row_count == 0)
        s->row_width = width;
    s->has_uneven_rows = s->has_uneven_rows || width != s->row_width;
    s->row_count++;
    return parsing_need_mark(p, ')');
}

static enum status parse_insert(struct parser *p)
{
    p->out->kind = STATEMENT_INSERT;
    parsing_take_word(p, "INTO");
    TRY(parsing_need_table(p));
    if (parsing_take_mark(p, '('))
        TRY(parse_insert_columns(p));
    if (!parsing_take_word(p, "VALUE"))
        TRY(parsing_need_word(p, "VALUES"));
    do {
        TRY(parse_row(p));
    } while (parsing_take_mark(p, ','));
    return OK;
}

static enum status parse_plain_delete(struct parser *p)
{
    p->out->kind = STATEMENT_DELETE;
    TRY(parsing_need_table(p));
    return parse_tail(p);
}

/* --- beyond the plain grammar ------------------------------------------------------------------------------------- */

typedef enum status parse_statement(struct parser *p);

static bool has_or(const struct statement *s)
{
    for (uint32_t i = 0; i < s->condition_count; i++)
        if (s->conditions[i].is_or)
            return true;
    return false;
}

static bool is_at_end(const struct parser *p)
{
    return p->now.kind == TOKEN_END || parsing_is_mark(p, ';');
}

/* The plain grammar streams its rows and is what applications send. Only what it does not cover is read again. */
static enum status parse_either(struct parser *p, parse_statement *plain, parse_statement *query)
{
    struct parser before = *p;
    uint32_t      parameters = p->out->parameter_count;
    enum status   status = plain(p);
    bool          is_elsewhere = p->out->database.len > 0 && !query_asks_table(p->out);
    bool          is_plain = status == OK && is_at_end(p) && !has_or(p->out) && !p->out->has_order && !is_elsewhere;
    bool          is_refused = status != OK && status != E_SYNTAX && !is_elsewhere;
    if (is_plain || is_refused)
        return status;
    statement_clear(p->out);
    *p = before;
    p->out->parameter_count = parameters;
    *p->error = (struct error){ 0 };
    return query(p);
}

/* Words that say how MySQL should go about it. */
static void skip_modifiers(struct parser *p)
{
    while (parsing_take_word(p, "SQL_NO_CACHE") || parsing_take_word(p, "SQL_CALC_FOUND_ROWS") ||
           parsing_take_word(p, "HIGH_PRIORITY") || parsing_take_word(p, "ALL"))
        ;
}

static enum status parse_select(struct parser *p)
{
    skip_modifiers(p);
    if (parsing_is_word(p, "DISTINCT"))
        return query_parse(p);
    return parse_either(p, parse_plain_select, query_parse);
}

static enum status parse_delete(struct parser *p)
{
    TRY(parsing_need_word(p, "FROM"));
    return parse_either(p, parse_plain_delete, query_parse_delete);
}

static enum status parse_use(struct parser *p)
{
    p->out->kind = STATEMENT_USE;
    return parsing_need_name(p, &p->out->database);
}

/* What applications send out of habit and what has no meaning here. */
static enum status parse_nothing(struct parser *p)
{
    p->out->kind = STATEMENT_NOTHING;
    return parsing_skip_rest(p);
}

/* --- the first word ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum status (*parse)(struct parser *p);
} verbs[] = {
    { "SELECT", parse_select },     { "INSERT", parse_insert },     { "DELETE", parse_delete },
    { "SHOW", parse_show },         { "SET", parse_nothing },       { "USE", parse_use },
    { "DESCRIBE", parse_describe }, { "DESC", parse_describe },     { "EXPLAIN", parse_describe },
    { "BEGIN", parse_nothing },     { "START", parse_nothing },     { "COMMIT", parse_nothing },
    { "ROLLBACK", parse_nothing },  { "SAVEPOINT", parse_nothing }, { "RELEASE", parse_nothing },
};

static enum status parse_verb(struct parser *p)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (parsing_take_word(p, verbs[i].word))
            return verbs[i].parse(p);
    return parsing_bad(p);
}

static bool is_semicolon(struct token t)
{
    return t.kind == TOKEN_MARK && t.mark == ';';
}

struct slice statement_cut(struct slice *sql)
{
    struct lexer lexer = { .sql = *sql };
    struct token t;
    do
        t = lexer_next(&lexer);
    while (is_semicolon(t));
    while (t.kind != TOKEN_END && t.kind != TOKEN_UNENDED && (lexer.is_versioned || !is_semicolon(t)))
        t = lexer_next(&lexer);
    size_t end = t.at;
    while (is_semicolon(t))
        t = lexer_next(&lexer);
    struct slice rest = t.at > end && t.kind != TOKEN_END ? slice_skip(*sql, t.at) : SLICE("");
    if (rest.len > 0)
        *sql = slice_first(*sql, end);
    return rest;
}

static void skip_semicolons(struct parser *p)
{
    while (parsing_take_mark(p, ';'))
        ;
}

static enum status parse_one(struct parser *p)
{
    parsing_next(p);
    skip_semicolons(p);
    if (p->now.kind == TOKEN_END)
        return OK; /* STATEMENT_EMPTY */
    TRY(parse_verb(p));
    if (!parsing_is_mark(p, ';') && p->now.kind != TOKEN_END)
        return parsing_bad(p);
    skip_semicolons(p);
    if (p->now.kind == TOKEN_END)
        return OK;
    if (p->now.kind == TOKEN_UNENDED)
        return parsing_bad(p);
    return error_set(p->error, E_SYNTAX, "Syntax error in query (byte %zu): send one statement at a time, or "
                     "connect with CLIENT_MULTI_STATEMENTS", p->now.at + 1);
}

enum status statement_parse(struct statement *out, struct slice sql, struct error *error)
{
    struct parser p = { .lexer = { .sql = sql }, .out = out, .error = error };
    return parse_one(&p);
}

enum status statement_parse_prepared(struct statement *out, struct slice sql, struct error *error)
{
    struct parser p = { .lexer = { .sql = sql }, .out = out, .error = error, .parameters = PARAMETERS_OPEN };
    return parse_one(&p);
}

enum status statement_parse_bound(struct statement *out, struct slice sql, const struct slice *values, size_t count,
                                  struct error *error)
{
    struct parser p = { .lexer = { .sql = sql },
                        .out = out,
                        .error = error,
                        .parameters = PARAMETERS_BOUND,
                        .values = values,
                        .value_count = count };
    return parse_one(&p);
}
