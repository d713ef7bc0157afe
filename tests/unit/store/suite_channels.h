/* suite_channels: the part of the suite that is about channels, tokens and conferences (suite.h). */
#ifndef ENCKE_TESTS_UNIT_STORE_SUITE_CHANNELS_H
#define ENCKE_TESTS_UNIT_STORE_SUITE_CHANNELS_H

#include "unit/store/suite.h"

/* --- channels ---------------------------------------------------------------------------------------------------------- */

/* The offsets of a history, "3 4 5". */
static void history_is(uint32_t app, const char *name, uint64_t count, const char *wanted)
{
    char             said[512] = "";
    struct store_op *op = ask(with_number(op_channel(STORE_HISTORY, app, name), count));
    for (const struct store_row *row = op->rows; row != NULL; row = row->next)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%llu/%llu", *said ? " " : "", (unsigned long long)row->epoch,
                 (unsigned long long)row->offset);
    assert_string_equal(said, wanted);
    store_op_free(op);
}

TEST(a_history_is_read_by_itself_trimmed_and_dropped_by_id)
{
    UNUSED_STATE;
    suite_begin();
    for (unsigned i = 1; i <= 5; i++) {
        tell(op_published(1, "log", UINT64_MAX - 1, i)); /* an earlier epoch with a larger number */
        tell(op_published(2, "log", 7, i));
    }
    for (unsigned i = 1; i <= 3; i++)
        tell(op_published(1, "log", 5, i));
    history_is(1, "log", 4, "18446744073709551614/5 5/1 5/2 5/3");
    history_is(1, "log", 1000, "18446744073709551614/1 18446744073709551614/2 18446744073709551614/3 18446744073709551614/4 "
                               "18446744073709551614/5 5/1 5/2 5/3");
    history_is(1, "other", 1000, "");
    tell(with_number(op_channel(STORE_HISTORY_TRIM, 1, "log"), 4));
    tell(with_number(op_channel(STORE_HISTORY_TRIM, 1, "other"), 4));
    history_is(1, "log", 1000, "18446744073709551614/5 5/1 5/2 5/3");
    struct store_op *anywhere = op_channel(STORE_HISTORY_DROP_ONE, 1, "");
    anywhere->epoch = 5;
    anywhere->offset = 2;
    anywhere = ask(anywhere);
    assert_true(anywhere->found);
    store_op_free(anywhere);
    history_is(1, "log", 1000, "18446744073709551614/5 5/1 5/3");
    history_is(2, "log", 2, "7/4 7/5");
    tell(with_number(op_channel(STORE_HISTORY_TRIM, 1, "log"), 0));
    history_is(1, "log", 1000, "");
    suite_end();
}

TEST(old_history_goes_by_the_beginning_of_the_name)
{
    UNUSED_STATE;
    static const char *const names[] = { "trust_a", "trust_b", "trus", "news" };
    suite_begin();
    for (unsigned i = 0; i < 4; i++)
        for (unsigned n = 1; n <= 3; n++) {
            struct store_op *op = op_published(i % 2, names[i], 9 + i, n);
            op->time_ms = n * 1000;
            tell(op);
        }
    struct store_op *trust = op_channel(STORE_HISTORY_EXPIRE, 0, "trust_");
    trust->time_ms = 3000;
    tell(trust);
    history_is(0, "trust_a", 9, "9/3");
    history_is(1, "trust_b", 9, "10/3");
    history_is(0, "trus", 9, "11/1 11/2 11/3");
    struct slice     none = SLICE("");
    struct store_op *others = store_op_new(STORE_HISTORY_EXPIRE, 0, 0, none, SLICE("trust_"), none, none);
    others->time_ms = 9000;
    tell(others);
    history_is(0, "trust_a", 9, "9/3");
    history_is(0, "trus", 9, "");
    history_is(1, "news", 9, "");
    suite_end();
}

TEST(settings_are_put_replaced_dropped_and_loaded)
{
    UNUSED_STATE;
    suite_begin();
    tell(with_number(op_channel(STORE_SETTING_PUT, 1, "one"), 10));
    tell(with_number(op_channel(STORE_SETTING_PUT, 1, "one"), 1000));
    tell(with_number(op_channel(STORE_SETTING_PUT, 1, "two"), 0));
    tell(with_number(op_channel(STORE_SETTING_PUT, 2, "one"), 7));
    tell(with_number(op_channel(STORE_SETTING_PUT, 1, "gone"), 7));
    tell(op_channel(STORE_SETTING_DROP, 1, "gone"));
    tell(op_channel(STORE_SETTING_DROP, 1, "never was"));
    suite_again();
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 3);
    assert_int_equal(row_at(rows, STORE_SETTING_PUT, 1, "one", 0)->number, 1000);
    assert_int_equal(row_at(rows, STORE_SETTING_PUT, 1, "two", 0)->number, 0);
    assert_int_equal(row_at(rows, STORE_SETTING_PUT, 2, "one", 0)->number, 7);
    store_rows_free(rows);
    suite_end();
}

TEST(names_that_differ_in_case_or_a_space_are_different_names)
{
    UNUSED_STATE;
    static const char *const names[] = { "chan", "Chan", "chan ", " chan", "ch\xc3\xa4n", "ch\x61\xcc\x88n", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81" };
    enum { COUNT = sizeof names / sizeof *names };
    suite_begin();
    for (unsigned i = 0; i < COUNT; i++) {
        tell(with_number(op_channel(STORE_SETTING_PUT, 1, names[i]), i + 1));
        tell(with_number(op_text(STORE_TOKEN_PUT, 1, 0, names[i]), i + 1));
        tell(op_published(1, names[i], 1, i + 1));
    }
    suite_again();
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 3 * COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(row_at(rows, STORE_SETTING_PUT, 1, names[i], 0)->number, i + 1);
        assert_int_equal(row_at(rows, STORE_HISTORY_ADD, 1, names[i], 0)->offset, i + 1);
        assert_int_equal(row_at(rows, STORE_TOKEN_PUT, 1, names[i], 0)->number, i + 1);
    }
    store_rows_free(rows);
    suite_end();
}

TEST(a_history_is_loaded_oldest_first_with_everything_that_was_said)
{
    UNUSED_STATE;
    suite_begin();
    for (unsigned i = 1; i <= 20; i++) {
        tell(op_published(1, "log", UINT64_MAX - 1, i));
        tell(op_published(2, "log", 3, i));
    }
    struct store_op *op = op_message(STORE_HISTORY_ADD, 1, 4000000000u, SLICE("log"), SLICE("\xf0\x9f\x8e\x89"), SLICE("{\"a\":1}"));
    op->flags = STORE_SHOWS_USER | STORE_IS_OBJECT;
    tell(with_place(op, 1, 1, 77)); /* a younger epoch with a smaller number, as after a channel was forgotten */
    for (unsigned i = 1; i <= 15; i++)
        tell(with_place(op_channel(STORE_HISTORY_DROP_ONE, 1, "log"), UINT64_MAX - 1, i, 0));
    tell(with_place(op_channel(STORE_HISTORY_DROP_ONE, 1, "log"), 12345, 18, 0)); /* another epoch's */
    suite_again();
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 26);
    for (unsigned i = 0; i < 5; i++) {
        const struct store_row *row = row_at(rows, STORE_HISTORY_ADD, 1, "log", i);
        assert_int_equal(row->offset, 16 + i);
        assert_true(row->epoch == UINT64_MAX - 1);
        assert_int_equal(row->time_ms, 1000 * (16 + i));
        assert_int_equal(row->user_id, 7);
        assert_int_equal(row->flags, 0);
        assert_slice(row->event, "ev");
    }
    assert_slice(row_at(rows, STORE_HISTORY_ADD, 1, "log", 4)->payload, "m20");
    const struct store_row *last = row_at(rows, STORE_HISTORY_ADD, 1, "log", 5);
    assert_int_equal(last->epoch, 1);
    assert_int_equal(last->offset, 1);
    assert_true(last->user_id == 4000000000u);
    assert_int_equal(last->flags, STORE_SHOWS_USER | STORE_IS_OBJECT);
    assert_slice(last->event, "\xf0\x9f\x8e\x89");
    assert_slice(last->payload, "{\"a\":1}");
    assert_int_equal(row_at(rows, STORE_HISTORY_ADD, 2, "log", 19)->offset, 20);
    store_rows_free(rows);
    suite_end();
}

TEST(dropping_a_history_leaves_the_setting_and_other_channels)
{
    UNUSED_STATE;
    suite_begin();
    tell(with_number(op_channel(STORE_SETTING_PUT, 1, "a"), 10));
    tell(op_published(1, "a", 3, 1));
    tell(op_published(1, "a", 3, 2));
    tell(op_published(1, "b", 4, 1)); /* an epoch is one channel's alone: it is random */
    tell(op_published(2, "a", 5, 1));
    tell(op_channel(STORE_HISTORY_DROP, 1, "a"));
    tell(op_published(1, "a", 3, 3));
    suite_again();
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 4);
    assert_int_equal(row_at(rows, STORE_SETTING_PUT, 1, "a", 0)->number, 10);
    assert_int_equal(row_at(rows, STORE_HISTORY_ADD, 1, "a", 0)->offset, 3);
    assert_non_null(row_at(rows, STORE_HISTORY_ADD, 1, "b", 0));
    assert_non_null(row_at(rows, STORE_HISTORY_ADD, 2, "a", 0));
    store_rows_free(rows);
    suite_end();
}

/* --- tokens and conferences -------------------------------------------------------------------------------------------- */

TEST(tokens_are_put_dropped_and_loaded)
{
    UNUSED_STATE;
    char long_token[601];
    memset(long_token, 'x', 600);
    long_token[600] = '\0';
    suite_begin();
    tell(with_number(op_text(STORE_TOKEN_PUT, 1, 9, "eyJhbGciOiJIUzI1NiJ9.e30.sig"), 1800000000));
    tell(with_number(op_text(STORE_TOKEN_PUT, 1, 0, long_token), 0));
    tell(with_number(op_text(STORE_TOKEN_PUT, 2, 0, "gone"), 5));
    tell(op_text(STORE_TOKEN_DROP, 1, 0, "gone")); /* another app's */
    tell(with_number(op_text(STORE_TOKEN_PUT, 1, 0, long_token), 6));
    suite_again();
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 3);
    const struct store_row *row = row_at(rows, STORE_TOKEN_PUT, 1, "eyJhbGciOiJIUzI1NiJ9.e30.sig", 0);
    assert_int_equal(row->number, 1800000000);
    assert_int_equal(row->user_id, 9);
    assert_int_equal(row_at(rows, STORE_TOKEN_PUT, 1, long_token, 0)->number, 6);
    store_rows_free(rows);
    tell(op_text(STORE_TOKEN_DROP, 2, 0, "gone"));
    rows = suite_load();
    assert_int_equal(rows_count(rows), 2);
    store_rows_free(rows);
    suite_end();
}

static inline struct store_op *op_member(uint32_t user_id, uint64_t caller, const char *message)
{
    struct store_op *op = store_op_new(STORE_CONFERENCE_PUT, 1, user_id, SLICE("room"), SLICE("default"), slice_str(message),
                                       SLICE("node-1"));
    assert_non_null(op);
    op->number = caller;
    op->time_ms = 1700000000000;
    return op;
}

TEST(members_of_a_conference_are_put_replaced_dropped_and_loaded)
{
    UNUSED_STATE;
    suite_begin();
    tell(op_member(1, 1001, "hello"));
    tell(op_member(2, 1002, "two"));
    tell(op_member(3, 1003, "three"));
    tell(op_member(1, 4294967295u, "\xf0\x9f\x93\x9e"));
    tell(op_of(STORE_CONFERENCE_DROP, 1, 2, SLICE("room"), nothing_said));
    suite_again();
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 2);
    const struct store_row *row = row_at(rows, STORE_CONFERENCE_PUT, 1, "room", 0);
    row = row->user_id == 1 ? row : row_at(rows, STORE_CONFERENCE_PUT, 1, "room", 1);
    assert_int_equal(row->user_id, 1);
    assert_true(row->number == 4294967295u);
    assert_int_equal(row->time_ms, 1700000000000);
    assert_slice(row->event, "default");
    assert_slice(row->payload, "\xf0\x9f\x93\x9e");
    assert_slice(row->text2, "node-1");
    store_rows_free(rows);
    tell(op_of(STORE_CONFERENCE_DROP, 1, 0, SLICE("room"), nothing_said));
    rows = suite_load();
    assert_null(rows);
    suite_end();
}

#endif
