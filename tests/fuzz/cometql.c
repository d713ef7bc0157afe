/* Statements: whatever is understood must be within its bounds. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "cometql/parser.h"

static size_t touched; /* keeps the compiler from leaving the reads out */

static void touch(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        touched += (unsigned char)s.at[i];
}

static void check(const struct statement *s)
{
    assert(s->kind < STATEMENT_KIND_COUNT);
    assert(s->item_count <= STATEMENT_ITEMS_MAX && s->column_count <= STATEMENT_COLUMNS_MAX);
    assert(s->condition_count <= STATEMENT_CONDITIONS_MAX && s->row_width <= STATEMENT_ROW_MAX);
    assert(s->has_uneven_rows || s->row_count == 0 || s->row_count * s->row_width == s->value_count);
    for (uint32_t i = 0; i < s->value_count; i++)
        touch(statement_value(s, i)->text);
    for (uint32_t i = 0; i < s->condition_count; i++) {
        assert(s->conditions[i].count > 0 && s->conditions[i].first + s->conditions[i].count <= s->value_count);
        touch(s->conditions[i].column);
    }
    for (uint32_t i = 0; i < s->item_count; i++) {
        touch(s->items[i].text);
        touch(s->items[i].title);
    }
    for (uint32_t i = 0; i < s->column_count; i++)
        touch(s->columns[i]);
    touch(s->table);
    touch(s->database);
}

/* To prepare, and with a value for every parameter but the last. */
static void parse_prepared(struct slice sql)
{
    static struct slice values[1000];
    struct statement    s = { 0 };
    struct error        error = { 0 };
    if (statement_parse_prepared(&s, sql, &error) == OK)
        check(&s);
    uint32_t count = s.parameter_count < 1000 ? s.parameter_count : 1000;
    statement_clear(&s);
    for (uint32_t i = 0; i < count; i++)
        values[i] = i % 3 ? SLICE("7") : i % 2 ? SLICE("it's ? -- \\\"") : (struct slice){ NULL, 0 };
    for (uint32_t missing = 0; missing < 2 && missing <= count; missing++) {
        if (statement_parse_bound(&s, sql, values, count - missing, &error) == OK)
            check(&s);
        statement_clear(&s);
    }
}

/* Several statements: each piece and what comes lie in the text, one behind the other. */
static void cut(struct slice sql)
{
    const char *end = sql.at + sql.len;
    while (sql.len > 0) {
        struct slice first = sql;
        struct slice rest = statement_cut(&first);
        touch(first);
        assert(first.at == sql.at && first.len <= sql.len);
        assert(rest.len == 0 || (first.len > 0 && rest.at > first.at + first.len && rest.at + rest.len == end));
        sql = rest;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct statement s = { 0 };
    struct error     error = { 0 };
    parse_prepared(slice_of(data, size));
    if (statement_parse(&s, slice_of(data, size), &error) == OK)
        check(&s);
    else
        assert(error.code != OK);
    statement_clear(&s);
    cut(slice_of(data, size));
    return 0;
}
