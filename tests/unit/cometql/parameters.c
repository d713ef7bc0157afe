/* Statements with question marks: where they may stand, and that a value bound to one is never read as SQL. */
#include "cometql/parser.h"

#include "unit/test.h"

static enum status prepare(struct statement *s, const char *sql)
{
    struct error error;
    *s = (struct statement){ 0 };
    return statement_parse_prepared(s, slice_str(sql), &error);
}

static enum status bind(struct statement *s, const char *sql, const char *const *texts, size_t count)
{
    struct slice values[40];
    struct error error;
    for (size_t i = 0; i < count; i++)
        values[i] = slice_str(texts[i]);
    *s = (struct statement){ 0 };
    return statement_parse_bound(s, slice_str(sql), values, count, &error);
}

#define BIND(s, sql, ...)                              \
    bind(s, sql, (const char *const[]){ __VA_ARGS__ }, \
         sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

TEST(parameters_are_counted_outside_of_texts_and_comments)
{
    UNUSED_STATE;
    static const struct {
        const char *sql;
        int         count; /* -1: a syntax error */
    } samples[] = {
        { "select * from pipes where name = ?", 1 },
        { "select * from pipes where name in (?, 'a?', ?)", 2 },
        { "select * from pipes where name = ? and users > ? limit ?, ?;", 4 },
        { "select * from pipes where name like ? limit ? offset ? -- why?", 3 },
        { "select ?, 'a', ? as b, @@version # ?", 2 },
        { "insert into pipes_messages (name, event, message) values (?, ?, ?), (?, 'e', \"?\") /* ? */", 4 },
        { "insert into pipes_messages values (?,?,?,?,?,?,?)", 7 },
        { "delete from pipes_messages where id = ?", 1 },
        { "show variables like ?", 1 },
        { "show status where Variable_name = ? or Variable_name in (?, ?)", 3 },
        { "describe pipes ?", -1 },
        { "set names ?, @a = ?", 2 },
        { "select 1", 0 },
        { "select ? from pipes where name = 'a'", 1 },
        { "select count(*) from pipes where name = ? or name in (?, upper(?)) order by ? limit ?", 5 },
        { "delete from pipes_settings where name = ? or name = ? limit ?", 3 },
        { "select * from ? where name = 'a'", -1 },
        { "select * from pipes where ? = 'a'", 1 },
        { "select * from pipes where name ? 'a'", -1 },
        { "select * from pipes where name = ??", -1 },
        { "select * from pipes where name = -?", 1 },
        { "insert into pipes (?) values (1)", -1 },
        { "use ?", -1 },
        { "?", -1 },
        { "select 1; ?", -1 },
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct statement s;
        enum status      status = prepare(&s, samples[i].sql);
        if ((status == OK ? (int)s.parameter_count : -1) != samples[i].count)
            fail_msg("%s: %d, %u parameters", samples[i].sql, status, s.parameter_count);
        statement_clear(&s);
    }
}

TEST(a_query_has_no_parameters)
{
    UNUSED_STATE;
    struct statement s = { 0 };
    struct error     error;
    assert_int_equal(statement_parse(&s, SLICE("select * from pipes where name = ?"), &error), E_SYNTAX);
    assert_string_equal(error.text, "Syntax error in query near '?' (byte 34)");
    statement_clear(&s);
    assert_int_equal(statement_parse(&s, SLICE("select * from pipes where name = 'a' limit ?"), &error), E_SYNTAX);
    statement_clear(&s);
}

TEST(bound_values_stand_in_their_places_verbatim)
{
    UNUSED_STATE;
    struct statement s;
    assert_int_equal(BIND(&s, "insert into t (a, b) values (?, 'x'), ('it''s', ?)", "'); delete from t -- ''", "\\' ? \\\\"), OK);
    assert_int_equal(s.row_count, 2);
    assert_slice(statement_value(&s, 0)->text, "'); delete from t -- ''");
    assert_slice(statement_value(&s, 1)->text, "x");
    assert_slice(statement_value(&s, 2)->text, "it's");
    assert_slice(statement_value(&s, 3)->text, "\\' ? \\\\");
    statement_clear(&s);

    assert_int_equal(BIND(&s, "select * from t where a in (?, b, ?) and c like ? limit ?, ?", "1", NULL, "%", "2", "18446744073709551615"),
                     OK);
    assert_int_equal(s.conditions[0].count, 3);
    assert_slice(statement_value(&s, 0)->text, "1");
    assert_int_equal(statement_value(&s, 2)->kind, VALUE_NULL);
    assert_slice(statement_value(&s, 3)->text, "%");
    assert_true(s.limit_skip == 2 && s.limit_count == UINT64_MAX);
    statement_clear(&s);

    assert_int_equal(BIND(&s, "select ? as a, ?, ?", "NOW()", NULL, "@@version"), OK);
    assert_int_equal(s.items[0].kind, ITEM_NUMBER); /* a value, not a function */
    assert_slice(s.items[0].text, "NOW()");
    assert_slice(s.items[0].title, "a");
    assert_int_equal(s.items[1].kind, ITEM_NULL);
    assert_slice(s.items[1].title, "?");
    assert_slice(s.items[2].text, "@@version");
    statement_clear(&s);
}

TEST(values_that_are_missing_or_do_not_fit_are_refused)
{
    UNUSED_STATE;
    struct statement s;
    assert_int_equal(BIND(&s, "select * from t where a in (?, ?)", "1"), E_INVALID);
    statement_clear(&s);
    static const char *const wrong[] = { "-1", "1.5", "", "x", "1 ", "18446744073709551616", NULL };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(BIND(&s, "select * from t where a = 'b' limit ?", wrong[i]), E_INVALID);
        statement_clear(&s);
    }
}

TESTS(RUN(parameters_are_counted_outside_of_texts_and_comments), RUN(a_query_has_no_parameters),
      RUN(bound_values_stand_in_their_places_verbatim), RUN(values_that_are_missing_or_do_not_fit_are_refused))
