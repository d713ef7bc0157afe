/* The memory backend: the suite, and that nothing survives. */
#include "unit/store/suite.h"

static void prepare(struct store_setup *setup)
{
    setup->backend = "memory";
}

static const struct suite suite = { .prepare = prepare };

TEST(nothing_survives_an_end)
{
    UNUSED_STATE;
    suite_begin();
    tell(op_text(STORE_HASH_PUT, 1, 2, "hash"));
    tell(with_number(op_channel(STORE_SETTING_PUT, 1, "one"), 10));
    suite_end();
    suite_begin();
    struct store_op *op = ask(op_user(STORE_USER, 1, 2));
    assert_false(op->found);
    store_op_free(op);
    assert_null(suite_load());
    suite_end();
}

TEST(what_it_holds_goes_over_to_another_process)
{
    UNUSED_STATE;
    struct store_row *rows = NULL;
    struct error      e = { 0 };
    suite_begin();
    tell(op_text(STORE_HASH_PUT, 1, 2, "hash"));
    tell(op_text(STORE_DATA_PUT, 1, 2, "data"));
    tell(with_number(op_channel(STORE_SETTING_PUT, 1, "one"), 10));
    assert_int_equal(store_dump(&rows, &e), OK);
    suite_end();
    suite_begin();
    assert_int_equal(store_restore(rows, &e), OK);
    store_rows_free(rows);
    struct store_op *op = ask(op_user(STORE_USER, 1, 2));
    assert_true(op->found);
    assert_slice(op->text, "hash");
    store_op_free(op);
    op = ask(op_user(STORE_DATA, 1, 2));
    assert_slice(op->text, "data");
    store_op_free(op);
    rows = suite_load();
    assert_non_null(rows);
    assert_int_equal(rows->kind, STORE_SETTING_PUT);
    assert_int_equal(rows->number, 10);
    store_rows_free(rows);
    suite_end();
}

TESTS(SUITE_TESTS, RUN(nothing_survives_an_end), RUN(what_it_holds_goes_over_to_another_process))
