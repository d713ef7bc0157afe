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

TESTS(SUITE_TESTS, RUN(nothing_survives_an_end))
