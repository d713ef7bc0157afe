/* The wheel against a naive twin: random arming, moving, disarming and passing of time. Seed: ENCKE_SEED. */
#include "io/wheel.h"

#include <limits.h>

#include "model/seed.h"
#include "unit/test.h"

#define OBJECTS 400

struct thing {
    struct slab_head  head;
    struct wheel_node timer;
    uint64_t          due_ms; /* the twin: 0 = not armed */
    unsigned          calls;
};

static struct slab   slab;
static struct wheel  wheel;
static struct thing *things[OBJECTS];
static uint64_t      now_ms;

static void on_due(void *object)
{
    struct thing *t = object;
    assert_true(t->due_ms != 0);
    assert_true(now_ms >= t->due_ms); /* never early */
    t->due_ms = 0;
    t->calls++;
    struct thing *other = things[seed_below(OBJECTS)];
    if (other->due_ms != 0 && seed_below(4) == 0) { /* a callback may disarm any other, due or not */
        wheel_disarm(&wheel, other);
        other->due_ms = 0;
    }
    if (seed_below(4) == 0) { /* and arm itself again */
        uint64_t after = seed_below(1000);
        t->due_ms = now_ms + after;
        if (t->due_ms == 0)
            t->due_ms = 1;
        wheel_arm(&wheel, t, now_ms, after);
    }
}

static unsigned seen;

static void count_due(void *object)
{
    (void)object;
    seen++;
}

/* Nobody may be later than a slot, after a turn. */
static void check_lateness(void)
{
    for (int i = 0; i < OBJECTS; i++)
        if (things[i]->due_ms != 0)
            assert_true(now_ms < things[i]->due_ms + 2 * WHEEL_TICK_MS);
}

TEST(the_wheel_calls_what_its_twin_calls)
{
    UNUSED_STATE;
    seed_start();
    now_ms = 1000000;
    slab_init(&slab, sizeof(struct thing), OBJECTS);
    wheel_init(&wheel, &slab, offsetof(struct thing, timer), now_ms);
    for (int i = 0; i < OBJECTS; i++)
        assert_non_null(things[i] = slab_take(&slab));
    for (int step = 0; step < 20000; step++) {
        struct thing *t = things[seed_below(OBJECTS)];
        switch (seed_below(4)) {
        case 0:
        case 1: {
            static const unsigned spans[] = { 1, 100, 5000, 70000, 400000 };
            uint64_t              after = seed_below(spans[seed_below(5)]);
            t->due_ms = now_ms + after;
            wheel_arm(&wheel, t, now_ms, after);
            break;
        }
        case 2:
            t->due_ms = 0;
            wheel_disarm(&wheel, t);
            break;
        default:
            now_ms += seed_below(seed_below(100) == 0 ? 200000 : 300);
            wheel_turn(&wheel, now_ms, on_due, UINT_MAX);
            check_lateness();
        }
        unsigned armed = 0;
        for (int i = 0; i < OBJECTS && step % 500 == 0; i++)
            armed += things[i]->due_ms != 0;
        if (step % 500 == 0)
            assert_int_equal(armed, wheel.armed);
    }
    slab_clear(&slab);
}

/* Sleeping as long as wheel_wait_ms says misses nothing, and makes no needless turn before. */
TEST(the_wait_ends_when_the_next_timer_is_due)
{
    UNUSED_STATE;
    now_ms = 77;
    slab_init(&slab, sizeof(struct thing), 1);
    wheel_init(&wheel, &slab, offsetof(struct thing, timer), now_ms);
    things[0] = slab_take(&slab);
    for (int i = 1; i < OBJECTS; i++)
        things[i] = things[0];
    assert_int_equal(wheel_wait_ms(&wheel, now_ms, 500), 500);
    wheel_arm(&wheel, things[0], now_ms, 300);
    things[0]->due_ms = now_ms + 300;
    unsigned turns = 0;
    while (things[0]->calls == 0) {
        uint32_t wait = wheel_wait_ms(&wheel, now_ms, 5000);
        assert_in_range(wait, 1, 300 + 2 * WHEEL_TICK_MS);
        now_ms += wait;
        wheel_turn(&wheel, now_ms, on_due, UINT_MAX);
        turns++;
    }
    assert_in_range(turns, 1, 2);
    slab_clear(&slab);
}

/* A caller with something to do in a moment is not kept from it by a timer that is due later. */
TEST(the_wait_is_never_longer_than_asked)
{
    UNUSED_STATE;
    now_ms = 77;
    slab_init(&slab, sizeof(struct thing), 1);
    wheel_init(&wheel, &slab, offsetof(struct thing, timer), now_ms);
    things[0] = slab_take(&slab);
    for (uint64_t after = 0; after < 400; after += 7)
        for (uint32_t most = 0; most < 300; most++) {
            wheel_arm(&wheel, things[0], now_ms, after);
            assert_true(wheel_wait_ms(&wheel, now_ms, most) <= most);
        }
    slab_clear(&slab);
}

/* A crowd whose time has come at once is called in portions, and the shard does not sleep in between. */
TEST(many_that_are_due_are_called_in_portions)
{
    UNUSED_STATE;
    now_ms = 77;
    slab_init(&slab, sizeof(struct thing), OBJECTS);
    wheel_init(&wheel, &slab, offsetof(struct thing, timer), now_ms);
    for (int i = 0; i < OBJECTS; i++) {
        assert_non_null(things[i] = slab_take(&slab));
        wheel_arm(&wheel, things[i], now_ms, 10);
    }
    wheel_disarm(&wheel, things[5]);
    now_ms += 1000;
    seen = 0;
    wheel_turn(&wheel, now_ms, count_due, 100);
    assert_int_equal(seen, 100);
    wheel_disarm(&wheel, things[0]); /* one that was called, or one that waits: it is not called any more */
    unsigned left = wheel.armed, turns = 0;
    for (; wheel.armed > 0; turns++) {
        assert_int_equal(wheel_wait_ms(&wheel, now_ms, 5000), 0);
        wheel_turn(&wheel, now_ms, count_due, 100);
    }
    assert_int_equal(seen, 100 + left);
    assert_int_equal(turns, (left + 99) / 100);
    assert_int_equal(wheel_wait_ms(&wheel, now_ms, 5000), 5000);
    slab_clear(&slab);
}

TESTS(RUN(many_that_are_due_are_called_in_portions), RUN(the_wheel_calls_what_its_twin_calls), RUN(the_wait_ends_when_the_next_timer_is_due),
      RUN(the_wait_is_never_longer_than_asked))
