#include "io/inbox.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "unit/test.h"

struct note {
    struct letter letter;
    int           producer, number;
};

enum { PRODUCERS = 4, EACH = 20000 };

static struct inbox inbox;
static atomic_int   wakes;

static void *produce(void *argument)
{
    int producer = (int)(intptr_t)argument;
    for (int i = 0; i < EACH; i++) {
        struct note *n = calloc(1, sizeof *n);
        *n = (struct note){ .producer = producer, .number = i };
        if (inbox_post(&inbox, &n->letter))
            atomic_fetch_add(&wakes, 1);
    }
    return NULL;
}

TEST(letters_arrive_once_and_in_the_order_of_each_producer)
{
    UNUSED_STATE;
    pthread_t threads[PRODUCERS];
    int       next[PRODUCERS] = { 0 };
    inbox_init(&inbox);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, (void *)(intptr_t)i);
    for (int got = 0; got < PRODUCERS * EACH;) {
        struct note *n = (struct note *)(void *)inbox_take(&inbox);
        if (n == NULL) {
            if (inbox_sleep(&inbox)) { /* whoever posts next must say that it woke us */
                int before = atomic_load(&wakes);
                while (atomic_load(&inbox.asleep) != 0)
                    sched_yield();
                while (atomic_load(&wakes) == before && atomic_load(&inbox.newest) == NULL)
                    sched_yield();
                inbox_awake(&inbox);
            }
            continue;
        }
        assert_int_equal(n->number, next[n->producer]);
        next[n->producer]++;
        got++;
        free(n);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_null(inbox_take(&inbox));
    /* A needless wake-up is possible: a post between the sleeper's mark and its second look. A missing one is not: the loop
     * above would not have ended. */
}

TEST(a_letter_before_the_sleep_forbids_it)
{
    UNUSED_STATE;
    struct note n = { 0 };
    inbox_init(&inbox);
    assert_true(inbox_sleep(&inbox));
    assert_true(inbox_post(&inbox, &n.letter)); /* the sleeper must be woken */
    assert_false(inbox_sleep(&inbox));
    assert_ptr_equal(inbox_take(&inbox), &n.letter);
    assert_true(inbox_sleep(&inbox));
    inbox_awake(&inbox);
    assert_false(inbox_post(&inbox, &n.letter)); /* awake: nobody needs to wake it */
}

TESTS(RUN(letters_arrive_once_and_in_the_order_of_each_producer), RUN(a_letter_before_the_sleep_forbids_it))
