/* suite: what every backend must do alike. A backend's test defines `suite` and runs SUITE_TESTS:
 *
 *   #include "unit/store/suite.h"
 *   static void prepare(struct store_setup *setup) { setup->backend = "memory"; }
 *   static const struct suite suite = { .prepare = prepare, .keeps = false };
 *   TESTS(SUITE_TESTS, RUN(what_only_this_one_does))
 */
#ifndef ENCKE_TESTS_UNIT_STORE_SUITE_H
#define ENCKE_TESTS_UNIT_STORE_SUITE_H

#include "unit/store/ask.h"

struct suite {
    void (*prepare)(struct store_setup *setup); /* an empty store: called at the start of each test; fills what it needs */
    void (*clean)(void);                        /* at its end; may be NULL */
    bool keeps;                                 /* what was stored is there after store_close and store_open */
};
static const struct suite suite;

static struct store_setup suite_setup;

static inline void suite_begin(void)
{
    suite_setup = (struct store_setup){ .durability = STORE_BATCH, .queue_bytes = 64 << 20, .patience_ms = 60000 };
    suite.prepare(&suite_setup);
    shop_open(&suite_setup);
}

static inline void suite_end(void)
{
    assert_int_equal(shop_close(), 0);
    if (suite.clean != NULL)
        suite.clean();
}

/* Closes and opens again when that loses nothing. */
static inline void suite_again(void)
{
    if (!suite.keeps)
        return;
    assert_int_equal(shop_close(), 0);
    shop_open(&suite_setup);
}

static inline struct store_row *suite_load(void)
{
    struct store_row *rows = NULL;
    struct error      e = { 0 };
    if (store_load(&rows, &e) != OK)
        fail_msg("%s", e.text);
    return rows;
}

/* --- order ------------------------------------------------------------------------------------------------------------- */

TEST(a_read_sees_every_write_sent_before_it_and_none_after)
{
    UNUSED_STATE;
    enum { ROUNDS = 200 };
    static struct store_op *ops[3 * ROUNDS];
    suite_begin();
    for (unsigned i = 0; i < ROUNDS; i++) {
        char text[16];
        snprintf(text, sizeof text, "v%u", i);
        ops[3 * i] = op_text(STORE_DATA_PUT, 1, 2, text);
        ops[3 * i + 1] = op_queued(1, 2, i + 1);
        ops[3 * i + 2] = op_user(i % 2 ? STORE_USER : STORE_DATA, 1, 2);
    }
    ask_all(1, ops, 3 * ROUNDS);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char text[16];
        snprintf(text, sizeof text, "v%u", i);
        struct store_op *read = ops[3 * i + 2];
        if (i % 2)
            assert_int_equal(rows_count(read->rows), i + 1);
        else
            assert_slice(read->text, text);
    }
    for (unsigned i = 0; i < 3 * ROUNDS; i++)
        store_op_free(ops[i]);
    suite_end();
}

TEST(every_durability_ends_with_everything_stored)
{
    UNUSED_STATE;
    for (enum store_durability d = STORE_COMMIT; d <= STORE_NONE; d++) {
        suite_begin();
        assert_int_equal(shop_close(), 0);
        suite_setup.durability = d;
        shop_open(&suite_setup);
        for (unsigned i = 1; i <= 50; i++)
            tell(op_queued(1, 2, i));
        tell(op_text(STORE_DATA_PUT, 1, 2, "kept"));
        tell(op_of(STORE_QUERY_LOG, 1, 0, nothing_said, SLICE("SELECT '\xf0\x9f\x98\x80'")));
        suite_again();
        struct store_op *op = ask(op_user(STORE_DATA, 1, 2));
        assert_slice(op->text, "kept");
        store_op_free(op);
        op = ask(op_user(STORE_USER, 1, 2));
        assert_int_equal(rows_count(op->rows), 50);
        store_op_free(op);
        suite_end();
    }
}

#include "unit/store/suite_channels.h"
#include "unit/store/suite_users.h"

#define SUITE_TESTS                                                                                                               \
    RUN(a_user_nobody_knows_has_nothing), RUN(a_hash_is_put_replaced_and_dropped_for_one_user_of_one_app),                       \
        RUN(data_is_kept_as_it_is_whatever_it_says), RUN(a_text_of_a_megabyte_goes_there_and_back),                              \
        RUN(last_seen_is_a_time_or_zero_and_stays_without_a_hash), RUN(a_queue_is_read_whole_and_in_order),                      \
        RUN(a_queue_is_dropped_up_to_an_offset_one_by_one_and_by_age), RUN(the_same_message_twice_is_one),                       \
        RUN(a_history_is_read_by_itself_trimmed_and_dropped_by_id), RUN(old_history_goes_by_the_beginning_of_the_name), \
        RUN(settings_are_put_replaced_dropped_and_loaded), RUN(names_that_differ_in_case_or_a_space_are_different_names),        \
        RUN(a_history_is_loaded_oldest_first_with_everything_that_was_said),                                                     \
        RUN(dropping_a_history_leaves_the_setting_and_other_channels), RUN(tokens_are_put_dropped_and_loaded),                   \
        RUN(members_of_a_conference_are_put_replaced_dropped_and_loaded),                                                        \
        RUN(a_read_sees_every_write_sent_before_it_and_none_after), RUN(every_durability_ends_with_everything_stored)

#endif
