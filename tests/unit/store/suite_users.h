/* suite_users: the part of the suite that is about users and their queues (suite.h). */
#ifndef ENCKE_TESTS_UNIT_STORE_SUITE_USERS_H
#define ENCKE_TESTS_UNIT_STORE_SUITE_USERS_H

#include "unit/store/suite.h"

/* --- users ------------------------------------------------------------------------------------------------------------- */

TEST(a_user_nobody_knows_has_nothing)
{
    UNUSED_STATE;
    suite_begin();
    struct store_op *op = ask(op_user(STORE_USER, 3, 4));
    assert_int_equal(op->status, OK);
    assert_false(op->found);
    assert_true(op->number == UINT64_MAX);
    assert_null(op->rows);
    store_op_free(op);
    op = ask(op_user(STORE_DATA, 3, 4));
    assert_int_equal(op->status, OK);
    assert_false(op->found);
    store_op_free(op);
    suite_end();
}

TEST(a_hash_is_put_replaced_and_dropped_for_one_user_of_one_app)
{
    UNUSED_STATE;
    suite_begin();
    tell(op_text(STORE_HASH_PUT, 1, 2, "first"));
    tell(op_text(STORE_HASH_PUT, 1, 2, "0123456789abcdef0123456789ABCDEF"));
    tell(op_text(STORE_HASH_PUT, 2, 2, "other app"));
    tell(op_text(STORE_HASH_PUT, 1, 3, "other user"));
    tell(op_text(STORE_HASH_PUT, UINT32_MAX, UINT32_MAX, "last"));
    suite_again();
    struct store_op *op = ask(op_user(STORE_USER, 1, 2));
    assert_true(op->found);
    assert_slice(op->text, "0123456789abcdef0123456789ABCDEF");
    store_op_free(op);
    tell(op_user(STORE_HASH_DROP, 1, 2));
    tell(op_user(STORE_HASH_DROP, 1, 2)); /* twice is once */
    op = ask(op_user(STORE_USER, 1, 2));
    assert_false(op->found);
    store_op_free(op);
    op = ask(op_user(STORE_USER, 2, 2));
    assert_slice(op->text, "other app");
    store_op_free(op);
    op = ask(op_user(STORE_USER, 1, 3));
    assert_slice(op->text, "other user");
    store_op_free(op);
    op = ask(op_user(STORE_USER, UINT32_MAX, UINT32_MAX));
    assert_slice(op->text, "last");
    store_op_free(op);
    suite_end();
}

TEST(data_is_kept_as_it_is_whatever_it_says)
{
    UNUSED_STATE;
    static const char *const texts[] = {
        "", "plain", "{\"name\":\"J\xc3\xb6rg \xf0\x9f\x98\x80 \xe2\x80\x8d\"}", "'quotes\" \\ back\\\\slashes %s ; -- \n\r\t",
        "\xe4\xb8\xad\xe6\x96\x87", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", "  spaces at both ends  ",
    };
    suite_begin();
    for (uint32_t i = 0; i < sizeof texts / sizeof *texts; i++)
        tell(op_text(STORE_DATA_PUT, 1, i + 1, texts[i]));
    suite_again();
    for (uint32_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct store_op *op = ask(op_user(STORE_DATA, 1, i + 1));
        assert_true(op->found);
        assert_slice(op->text, texts[i]);
        store_op_free(op);
    }
    tell(op_user(STORE_DATA_DROP, 1, 2));
    struct store_op *op = ask(op_user(STORE_DATA, 1, 2));
    assert_false(op->found);
    store_op_free(op);
    op = ask(op_user(STORE_USER, 1, 3)); /* data is no hash */
    assert_false(op->found);
    store_op_free(op);
    suite_end();
}

TEST(a_text_of_a_megabyte_goes_there_and_back)
{
    UNUSED_STATE;
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG);
    assert_non_null(text);
    for (size_t i = 0; i < LONG; i += 4)
        memcpy(text + i, i % 8 ? "\xf0\x9f\x98\x80" : "abcd", 4);
    suite_begin();
    tell(op_of(STORE_DATA_PUT, 1, 2, nothing_said, slice_of(text, LONG)));
    tell(with_place(op_message(STORE_QUEUE_ADD, 1, 2, nothing_said, SLICE("e"), slice_of(text, LONG)), 0, 1, 1000));
    tell(with_place(op_message(STORE_HISTORY_ADD, 1, 0, SLICE("long"), SLICE("e"), slice_of(text, LONG)), 9, 1, 1000));
    suite_again();
    struct store_op *op = ask(op_user(STORE_DATA, 1, 2));
    assert_true(slice_equal(op->text, slice_of(text, LONG)));
    store_op_free(op);
    op = ask(op_user(STORE_USER, 1, 2));
    assert_int_equal(rows_count(op->rows), 1);
    assert_true(slice_equal(op->rows->payload, slice_of(text, LONG)));
    store_op_free(op);
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 1);
    assert_true(slice_equal(rows->payload, slice_of(text, LONG)));
    store_rows_free(rows);
    suite_end();
    free(text);
}

TEST(last_seen_is_a_time_or_zero_and_stays_without_a_hash)
{
    UNUSED_STATE;
    suite_begin();
    tell(with_number(op_user(STORE_SEEN_PUT, 1, 2), 1700000000));
    tell(with_number(op_user(STORE_SEEN_PUT, 1, 3), 5));
    tell(with_number(op_user(STORE_SEEN_PUT, 1, 3), 0));
    suite_again();
    struct store_op *op = ask(op_user(STORE_USER, 1, 2));
    assert_int_equal(op->number, 1700000000);
    assert_false(op->found);
    store_op_free(op);
    op = ask(op_user(STORE_USER, 1, 3));
    assert_int_equal(op->number, 0);
    store_op_free(op);
    suite_end();
}

/* --- queues ------------------------------------------------------------------------------------------------------------ */

TEST(a_queue_is_read_whole_and_in_order)
{
    UNUSED_STATE;
    enum { COUNT = 3000 };
    static struct store_op *ops[COUNT];
    suite_begin();
    for (unsigned i = 0; i < COUNT; i++)
        ops[i] = op_queued(1, i % 2 ? 20 : 10, i + 1);
    ops[COUNT - 2]->flags = STORE_IS_OBJECT;
    ask_all(0, ops, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(ops[i]->status, OK);
        store_op_free(ops[i]);
    }
    suite_again();
    struct store_op *op = ask(op_user(STORE_USER, 1, 10));
    assert_int_equal(rows_count(op->rows), COUNT / 2);
    uint64_t offset = 1;
    for (const struct store_row *row = op->rows; row != NULL; row = row->next, offset += 2) {
        char text[24];
        assert_int_equal(row->kind, STORE_QUEUE_ADD);
        assert_int_equal(row->app, 1);
        assert_int_equal(row->user_id, 10);
        assert_int_equal(row->offset, offset);
        assert_int_equal(row->time_ms, 1000 * offset);
        assert_int_equal(row->flags, row->next == NULL ? STORE_IS_OBJECT : 0);
        snprintf(text, sizeof text, "e%llu", (unsigned long long)offset);
        assert_slice(row->event, text);
        snprintf(text, sizeof text, "m%llu", (unsigned long long)offset);
        assert_slice(row->payload, text);
    }
    store_op_free(op);
    suite_end();
}

static inline void queue_is(uint32_t user_id, const char *wanted)
{
    char             text[256];
    struct store_op *op = ask(op_user(STORE_USER, 1, user_id));
    assert_int_equal(op->status, OK);
    assert_string_equal(offsets_of(op->rows, text, sizeof text), wanted);
    store_op_free(op);
}

TEST(a_queue_is_dropped_up_to_an_offset_one_by_one_and_by_age)
{
    UNUSED_STATE;
    suite_begin();
    for (unsigned i = 1; i <= 9; i++) {
        tell(op_queued(1, 5, i));
        tell(op_queued(1, 6, i));
    }
    tell(with_place(op_user(STORE_QUEUE_DROP, 1, 5), 0, 3, 0));
    queue_is(5, "4 5 6 7 8 9");
    queue_is(6, "1 2 3 4 5 6 7 8 9");
    tell(with_place(op_user(STORE_QUEUE_DROP_ONE, 1, 5), 0, 6, 0));
    tell(with_place(op_user(STORE_QUEUE_DROP_ONE, 1, 5), 0, 6, 0));
    queue_is(5, "4 5 7 8 9");
    tell(with_place(op_user(STORE_QUEUE_EXPIRE, 0, 0), 0, 0, 5000)); /* before 5,000 ms: offsets 1 to 4 */
    queue_is(5, "5 7 8 9");
    queue_is(6, "5 6 7 8 9");
    tell(op_queued(1, 5, 10));
    queue_is(5, "5 7 8 9 10");
    suite_again();
    queue_is(5, "5 7 8 9 10");
    tell(with_place(op_user(STORE_QUEUE_DROP, 1, 5), 0, 100, 0));
    queue_is(5, "");
    queue_is(6, "5 6 7 8 9");
    suite_end();
}

TEST(the_same_message_twice_is_one)
{
    UNUSED_STATE;
    suite_begin();
    tell(op_queued(1, 5, 1));
    tell(op_queued(1, 5, 2));
    tell(op_queued(1, 5, 1));
    queue_is(5, "1 2");
    tell(op_published(1, "ch", 4, 1));
    tell(op_published(1, "ch", 4, 2));
    tell(op_published(1, "ch", 4, 1));
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), 2);
    store_rows_free(rows);
    suite_end();
}

#endif
