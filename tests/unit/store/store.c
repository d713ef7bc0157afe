/* The queue, the groups and the trouble, with a backend that does as it is told. */
#include "unit/store/ask.h"

#include <sched.h>

#include "base/clock.h"
#include "base/log.h"

/* --- a backend that can be away ---------------------------------------------------------------------------------------- */

enum { SEEN_MOST = 65536 };

static struct {
    atomic_int  away;       /* 1: begin fails, 2: the third apply of a group, and offset 52, 3: the commit, 4: writes */
    atomic_bool is_held;    /* begin waits */
    atomic_int  opens, revives, tries;
    atomic_uint seen_count; /* committed */
    uint64_t    seen[SEEN_MOST]; /* offsets of committed writes */
    _Atomic unsigned largest;
} fake;

static _Thread_local unsigned begun; /* of the group under way, behind seen_count */

static enum status fake_open(void **out_state, const struct store_setup *setup, struct error *out_error)
{
    (void)setup;
    *out_state = &fake;
    return atomic_fetch_add(&fake.opens, 1) < 100 ? OK : error_set(out_error, E_IO, "cannot open: it is told so");
}

static enum status fake_load(void *state, struct store_row **out_rows, struct error *out_error)
{
    (void)state, (void)out_error;
    *out_rows = NULL;
    return OK;
}

static enum status fake_step(int step, struct error *e)
{
    return atomic_load(&fake.away) == step ? error_set(e, E_STORE_AWAY, "away, as it is told") : OK;
}

static enum status fake_begin(void *state, struct error *out_error)
{
    (void)state;
    while (atomic_load(&fake.is_held))
        sched_yield();
    atomic_fetch_add(&fake.tries, 1);
    begun = 0;
    return fake_step(1, out_error);
}

static enum status fake_apply(void *state, struct store_op *op, struct error *out_error)
{
    (void)state;
    if (op->kind == STORE_HASH_DROP)
        return error_set(out_error, E_STORE, "refused, as it is told");
    if (!store_kinds[op->kind].is_read && fake_step(4, out_error) != OK)
        return E_STORE_AWAY;
    if (op->kind == STORE_DATA)
        op->rows = store_row_new(STORE_QUEUE_ADD, 1, 1, op->name, op->name, op->name, op->name);
    if ((begun == 2 || op->offset == 52) && fake_step(2, out_error) != OK)
        return E_STORE_AWAY;
    fake.seen[(atomic_load(&fake.seen_count) + begun++) % SEEN_MOST] = op->offset;
    return OK;
}

static enum status fake_commit(void *state, struct error *out_error)
{
    (void)state;
    if (fake_step(3, out_error) != OK)
        return E_STORE_AWAY;
    if (begun > atomic_load(&fake.largest))
        atomic_store(&fake.largest, begun);
    atomic_fetch_add(&fake.seen_count, begun);
    return OK;
}

static void fake_abandon(void *state)
{
    (void)state;
    begun = 0;
}

static enum status fake_revive(void *state, struct error *out_error)
{
    (void)state, (void)out_error;
    atomic_fetch_add(&fake.revives, 1);
    return OK;
}

static void fake_close(void *state)
{
    (void)state;
}

static const struct store_backend store_fake = {
    .name = "fake", .open = fake_open, .load = fake_load, .begin = fake_begin, .apply = fake_apply, .commit = fake_commit,
    .abandon = fake_abandon, .revive = fake_revive, .close = fake_close,
};

static const struct store_backend store_fakes = {
    .name = "fakes", .has_workers = true, .open = fake_open, .load = fake_load, .begin = fake_begin, .apply = fake_apply,
    .commit = fake_commit, .abandon = fake_abandon, .revive = fake_revive, .close = fake_close,
};

static struct store_setup setup_of(enum store_durability durability, uint64_t queue_bytes, uint32_t patience_ms)
{
    memset(&fake, 0, sizeof fake);
    return (struct store_setup){ .durability = durability, .queue_bytes = queue_bytes, .patience_ms = patience_ms };
}

static void fake_up(enum store_durability durability, uint64_t queue_bytes, uint32_t patience_ms)
{
    struct store_setup setup = setup_of(durability, queue_bytes, patience_ms);
    shop_open_with(&store_fake, &setup);
}

static void make_queue(struct store_op **ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ops[i] = op_queued(1, 2, i + 1);
}

static void all_are(struct store_op **ops, size_t count, enum status wanted)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ops[i]->status, wanted);
        store_op_free(ops[i]);
    }
}

static void await_count(atomic_int *number, int least)
{
    for (uint64_t until_ms = clock_mono_ms() + 60000; atomic_load(number) < least;) {
        assert_true(clock_mono_ms() < until_ms);
        sched_yield();
    }
}

static void seen_in_order(unsigned count)
{
    assert_int_equal(atomic_load(&fake.seen_count), count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(fake.seen[i], i + 1);
}

/* --- the way there and back -------------------------------------------------------------------------------------------- */

TEST(operations_are_applied_and_answered_in_the_order_they_were_sent)
{
    UNUSED_STATE;
    enum { COUNT = 20000 };
    static struct store_op *ops[COUNT];
    fake_up(STORE_BATCH, 64 << 20, 60000);
    make_queue(ops, COUNT);
    ask_all(0, ops, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(ops[i]->offset, i + 1);
    seen_in_order(COUNT);
    all_are(ops, COUNT, OK);
    assert_true(atomic_load(&fake.largest) <= GROUP_MOST);
    struct store_figures f = store_figures();
    assert_int_equal(f.done, COUNT);
    assert_int_equal(f.queued, 0);
    assert_int_equal(f.queued_bytes, 0);
    assert_int_equal(shop_close(), 0);
}

TEST(what_came_during_a_commit_is_one_group)
{
    UNUSED_STATE;
    enum { COUNT = 1000 };
    static struct store_op *ops[COUNT];
    struct asking           a;
    fake_up(STORE_BATCH, 64 << 20, 60000);
    atomic_store(&fake.is_held, true);
    make_queue(ops, COUNT);
    ask_begin(&a, 0, ops, COUNT);
    assert_int_equal(a.outstanding, COUNT);
    assert_int_equal(store_figures().queued, COUNT);
    atomic_store(&fake.is_held, false);
    ask_end(&a);
    all_are(ops, COUNT, OK);
    assert_true(store_figures().groups <= 2); /* the worker may have begun with the first few */
    assert_int_equal(shop_close(), 0);
}

TEST(one_that_is_impossible_fails_alone)
{
    UNUSED_STATE;
    struct store_op *ops[3];
    fake_up(STORE_BATCH, 64 << 20, 60000);
    ops[0] = op_queued(1, 2, 1);
    ops[1] = op_user(STORE_HASH_DROP, 1, 2);
    ops[2] = op_queued(1, 2, 2);
    ask_all(0, ops, 3);
    assert_int_equal(ops[0]->status, OK);
    assert_int_equal(ops[1]->status, E_STORE);
    assert_int_equal(ops[2]->status, OK);
    seen_in_order(2);
    for (int i = 0; i < 3; i++)
        store_op_free(ops[i]);
    assert_int_equal(store_figures().failed, 1);
    assert_int_equal(shop_close(), 0);
}

TEST(past_its_bound_the_queue_refuses_at_once_and_the_rest_is_kept)
{
    UNUSED_STATE;
    struct store_op *ops[10], *refused;
    struct asking    a;
    make_queue(ops, 10);
    fake_up(STORE_BATCH, 10 * ops[0]->size + 20, 60000);
    atomic_store(&fake.is_held, true);
    ask_begin(&a, 0, ops, 10);
    refused = ask(op_queued(1, 2, 11)); /* answered although nothing moves */
    assert_int_equal(refused->status, E_STORE_FULL);
    store_op_free(refused);
    atomic_store(&fake.is_held, false);
    ask_end(&a);
    all_are(ops, 10, OK);
    tell(op_queued(1, 2, 11)); /* there is room again */
    seen_in_order(11);
    assert_int_equal(store_figures().failed, 1);
    assert_int_equal(shop_close(), 0);
}

TEST(without_an_open_store_everything_is_refused)
{
    UNUSED_STATE;
    shop_shards_up();
    struct store_op *op = ask(op_queued(1, 2, 1));
    assert_int_equal(op->status, E_STORE);
    store_op_free(op);
    shop_shards_down();
    assert_int_equal(store_close(), 0);
}

TEST(a_backend_that_cannot_be_opened_says_why)
{
    UNUSED_STATE;
    struct error       e = { 0 };
    struct store_setup setup = setup_of(STORE_BATCH, 1 << 20, 1000);
    atomic_store(&fake.opens, 100);
    assert_int_equal(store_open_with(&store_fake, &setup, &e), E_IO);
    assert_string_equal(e.text, "cannot open: it is told so");
    setup.server.connections = 4;
    atomic_store(&fake.opens, 98); /* the third of four */
    assert_int_equal(store_open_with(&store_fakes, &setup, &e), E_IO);
    setup.backend = "papyrus";
    assert_int_equal(store_open(&setup, &e), E_CONFIG);
    assert_non_null(strstr(e.text, "papyrus"));
    assert_int_equal(store_close(), 0);
}

TEST(several_workers_keep_the_order_of_each_key)
{
    UNUSED_STATE;
    enum { USERS = 50, EACH = 40 };
    static struct store_op *ops[USERS * EACH];
    struct store_setup      setup = setup_of(STORE_BATCH, 64 << 20, 60000);
    unsigned                next[USERS] = { 0 };
    setup.server.connections = 4;
    /* The memory backend cannot be shared by workers; a fake that counts per user would race: look at the answers only. */
    shop_open_with(&store_fakes, &setup);
    for (unsigned i = 0; i < USERS * EACH; i++)
        ops[i] = op_user(STORE_HASH_DROP, 1, i % USERS); /* touches nothing */
    for (unsigned i = 0; i < USERS * EACH; i++)
        ops[i]->note = i / USERS;
    ask_all(0, ops, USERS * EACH);
    assert_int_equal(atomic_load(&fake.opens), 4);
    for (unsigned i = 0; i < USERS * EACH; i++) {
        assert_int_equal(ops[i]->note, next[ops[i]->user_id]);
        next[ops[i]->user_id]++;
        store_op_free(ops[i]);
    }
    assert_int_equal(shop_close(), 0);
}

/* --- trouble ----------------------------------------------------------------------------------------------------------- */

TEST(a_backend_that_comes_back_gets_everything_once_and_in_order)
{
    UNUSED_STATE;
    enum { COUNT = 100 };
    for (int step = 1; step <= 3; step++) {
        struct store_op *ops[COUNT];
        struct asking    a;
        fake_up(STORE_BATCH, 64 << 20, 60000);
        tell(op_queued(1, 2, 1));
        atomic_store(&fake.away, step);
        for (unsigned i = 0; i < COUNT; i++)
            ops[i] = i == 50 ? op_user(STORE_DATA, 1, 2) : op_queued(1, 2, i + 2);
        ops[50]->offset = 52; /* a read among them: its result must not be doubled by the tries */
        ask_begin(&a, 0, ops, COUNT);
        await_count(&fake.revives, 3);
        assert_true(store_figures().is_away);
        assert_in_range(store_figures().queued, COUNT / 2, COUNT); /* a first group may have been too small to fail */
        atomic_store(&fake.away, 0);
        ask_end(&a);
        assert_int_equal(rows_count(ops[50]->rows), 1);
        all_are(ops, COUNT, OK);
        seen_in_order(COUNT + 1);
        assert_false(store_figures().is_away);
        assert_int_equal(shop_close(), 0);
    }
}

/* As with a full disk. */
TEST(while_only_writes_fail_reads_of_other_users_are_answered_and_the_trouble_stays_one)
{
    UNUSED_STATE;
    struct store_op *writes[2], *own, *other;
    struct asking    a, b;
    fake_up(STORE_BATCH, 64 << 20, 60000);
    uint64_t lines = log_line_count();
    atomic_store(&fake.away, 4);
    make_queue(writes, 2);
    ask_begin(&a, 0, writes, 2);
    own = op_user(STORE_DATA, 1, 2);
    ask_begin(&b, 0, &own, 1);
    for (uint32_t id = 10; id < 13; id++) {
        other = ask(op_user(STORE_DATA, 1, id));
        assert_int_equal(other->status, OK);
        store_op_free(other);
        assert_true(store_figures().is_away);
    }
    assert_int_equal(a.answered + b.answered, 0);
    atomic_store(&fake.away, 0);
    ask_end(&a);
    ask_end(&b);
    all_are(writes, 2, OK);
    all_are(&own, 1, OK);
    assert_int_equal(log_line_count() - lines, 2);
    assert_int_equal(shop_close(), 0);
}

/* A history that is read before what waits for it is written would be taken for whole, or bring back what was dropped. */
TEST(while_only_writes_fail_a_history_is_not_read_before_what_waits_for_it)
{
    UNUSED_STATE;
    struct store_op *writes[2], *own[2], *other;
    struct asking    a, b;
    fake_up(STORE_BATCH, 64 << 20, 60000);
    atomic_store(&fake.away, 4);
    writes[0] = op_published(1, "news", 9, 1);
    writes[1] = op_channel(STORE_HISTORY_DROP, 1, "old");
    ask_begin(&a, 0, writes, 2);
    own[0] = op_channel(STORE_HISTORY, 1, "news");
    own[1] = op_channel(STORE_HISTORY, 1, "old");
    ask_begin(&b, 0, own, 2);
    other = ask(op_channel(STORE_HISTORY, 1, "other")); /* sent behind them, and answered before them */
    assert_int_equal(other->status, OK);
    store_op_free(other);
    assert_true(store_figures().is_away);
    assert_int_equal(a.answered + b.answered, 0);
    atomic_store(&fake.away, 0);
    ask_end(&a);
    ask_end(&b);
    all_are(writes, 2, OK);
    all_are(own, 2, OK);
    assert_int_equal(shop_close(), 0);
}

TEST(while_only_writes_fail_a_drop_that_names_no_channel_holds_all_histories_back)
{
    UNUSED_STATE;
    struct store_op *drop, *own, *other;
    struct asking    a, b;
    fake_up(STORE_BATCH, 64 << 20, 60000);
    atomic_store(&fake.away, 4);
    drop = with_place(op_channel(STORE_HISTORY_DROP_ONE, 1, ""), 9, 1, 0);
    ask_begin(&a, 0, &drop, 1);
    own = op_channel(STORE_HISTORY, 1, "news");
    ask_begin(&b, 0, &own, 1);
    other = ask(op_user(STORE_DATA, 1, 2)); /* a user is no channel */
    assert_int_equal(other->status, OK);
    store_op_free(other);
    assert_int_equal(a.answered + b.answered, 0);
    atomic_store(&fake.away, 0);
    ask_end(&a);
    ask_end(&b);
    all_are(&drop, 1, OK);
    all_are(&own, 1, OK);
    assert_int_equal(shop_close(), 0);
}

TEST(one_that_has_waited_too_long_fails_and_is_never_applied)
{
    UNUSED_STATE;
    struct store_op *ops[10];
    fake_up(STORE_BATCH, 64 << 20, 150);
    atomic_store(&fake.away, 3);
    make_queue(ops, 10);
    ask_all(0, ops, 10); /* nothing new comes; the deadline alone wakes the worker */
    all_are(ops, 10, E_STORE_AWAY);
    assert_int_equal(store_figures().failed, 10);
    assert_int_equal(store_figures().queued_bytes, 0);
    atomic_store(&fake.away, 0);
    tell(op_queued(1, 2, 1));
    seen_in_order(1);
    assert_int_equal(shop_close(), 0); /* nothing that anybody relied on */
}

TEST(an_end_while_the_backend_is_away_waits_for_its_patience_and_tells_what_is_lost)
{
    UNUSED_STATE;
    struct store_op *ops[10];
    struct asking    a;
    fake_up(STORE_NONE, 64 << 20, 200);
    atomic_store(&fake.away, 1);
    make_queue(ops, 10);
    ask_all(0, ops, 10); /* durability none: answered although nothing was stored */
    all_are(ops, 10, OK);
    struct store_op *read = op_user(STORE_DATA, 1, 2);
    ask_begin(&a, 1, &read, 1);
    ask_end(&a);
    assert_int_equal(read->status, E_STORE_AWAY);
    store_op_free(read);
    assert_int_equal(shop_close(), 10);
}

TEST(an_end_applies_what_waits)
{
    UNUSED_STATE;
    enum { COUNT = 10000 };
    static struct store_op *ops[COUNT];
    fake_up(STORE_NONE, 64 << 20, 60000);
    atomic_store(&fake.is_held, true);
    make_queue(ops, COUNT);
    ask_all(0, ops, COUNT);
    all_are(ops, COUNT, OK);
    shop_shards_down();
    atomic_store(&fake.is_held, false);
    assert_int_equal(store_close(), 0);
    seen_in_order(COUNT);
}

/* Nobody is there to hear the answers: they are freed (the leak checker looks), and what was asked is done. */
TEST(answers_for_a_shard_that_has_left_are_freed)
{
    UNUSED_STATE;
    enum { COUNT = 5000 };
    static struct store_op *ops[COUNT];
    struct asking           a;
    fake_up(STORE_BATCH, 64 << 20, 60000);
    atomic_store(&fake.is_held, true);
    make_queue(ops, COUNT);
    ask_begin(&a, 1, ops, COUNT);
    shop_shards_down();
    atomic_store(&fake.is_held, false);
    assert_int_equal(store_close(), 0);
    assert_int_equal(a.answered, 0);
    seen_in_order(COUNT);
}

TEST(answers_race_with_a_shard_that_leaves)
{
    UNUSED_STATE;
    enum { COUNT = 2000 };
    static struct store_op *ops[COUNT];
    for (int round = 0; round < 10; round++) {
        struct asking a;
        fake_up(round % 2 ? STORE_NONE : STORE_BATCH, 64 << 20, 60000);
        make_queue(ops, COUNT);
        ask_begin(&a, 0, ops, COUNT);
        shop_shards_down();
        for (size_t i = 0; i < a.answered; i++)
            store_op_free(ops[i]);
        assert_int_equal(store_close(), 0);
        seen_in_order(COUNT);
    }
}

TESTS(RUN(operations_are_applied_and_answered_in_the_order_they_were_sent), RUN(what_came_during_a_commit_is_one_group),
      RUN(one_that_is_impossible_fails_alone), RUN(past_its_bound_the_queue_refuses_at_once_and_the_rest_is_kept),
      RUN(without_an_open_store_everything_is_refused), RUN(a_backend_that_cannot_be_opened_says_why),
      RUN(several_workers_keep_the_order_of_each_key), RUN(a_backend_that_comes_back_gets_everything_once_and_in_order),
      RUN(while_only_writes_fail_reads_of_other_users_are_answered_and_the_trouble_stays_one),
      RUN(while_only_writes_fail_a_history_is_not_read_before_what_waits_for_it),
      RUN(while_only_writes_fail_a_drop_that_names_no_channel_holds_all_histories_back),
      RUN(one_that_has_waited_too_long_fails_and_is_never_applied),
      RUN(an_end_while_the_backend_is_away_waits_for_its_patience_and_tells_what_is_lost), RUN(an_end_applies_what_waits),
      RUN(answers_for_a_shard_that_has_left_are_freed), RUN(answers_race_with_a_shard_that_leaves))
