#include "unit/test.h"

#include <pthread.h>

#include "base/counter.h"

static void *count_as_shard_1(void *unused)
{
    (void)unused;
    counter_join(1);
    for (int i = 0; i < 1000; i++)
        counter_add(COUNTER_PUBLISHED, 2);
    counter_add(COUNTER_SESSIONS, 5);
    counter_sub(COUNTER_SESSIONS, 3);
    counter_freed(COUNTER_MEMORY_USERS, 100); /* what shard 0 has taken, and a little of what nobody has counted yet */
    counter_freed(COUNTER_MEMORY_SEATS, 8);
    return NULL;
}

TEST(each_shard_counts_alone_and_the_sum_has_all)
{
    UNUSED_STATE;
    counter_add(COUNTER_PUBLISHED, 1); /* before the setup, by a thread that is no shard */
    counter_setup(2);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, count_as_shard_1, NULL), 0);
    counter_join(0);
    counter_held(COUNTER_MEMORY_USERS, 150);
    counter_add(COUNTER_PUBLISHED, 10);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(counter_of(0, COUNTER_PUBLISHED), 10);
    assert_int_equal(counter_of(1, COUNTER_PUBLISHED), 2000);
    assert_int_equal(counter_of(2, COUNTER_PUBLISHED), 0);
    assert_int_equal(counter_sum(COUNTER_PUBLISHED), 2011);
    assert_int_equal(counter_sum(COUNTER_SESSIONS), 2);
    assert_int_equal(counter_sum(COUNTER_MEMORY_USERS), 50);
    assert_int_equal(counter_sum(COUNTER_MEMORY_SEATS), 0); /* not 2^64 - 8 */
    assert_int_equal((uintptr_t)counter_self % 64, 0);
}

static void *hold_and_free(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++) {
        counter_held(COUNTER_MEMORY_MAPS, 16);
        counter_freed(COUNTER_MEMORY_MAPS, 8);
    }
    return NULL;
}

TEST(memory_comes_out_even_in_threads_that_are_no_shard)
{
    UNUSED_STATE;
    pthread_t a, b;
    assert_int_equal(pthread_create(&a, NULL, hold_and_free, NULL), 0);
    assert_int_equal(pthread_create(&b, NULL, hold_and_free, NULL), 0);
    assert_int_equal(pthread_join(a, NULL), 0);
    assert_int_equal(pthread_join(b, NULL), 0);
    assert_int_equal(counter_sum(COUNTER_MEMORY_MAPS), 2 * 100000 * 8);
}

TEST(every_counter_has_a_name_of_its_own_and_a_sentence)
{
    UNUSED_STATE;
    for (int i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = counter_row((enum counter)i);
        assert_true(strlen(row->key) > 0 && strlen(row->unit) > 0 && strlen(row->sentence) > 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(row->key, counter_row((enum counter)k)->key);
    }
}

TESTS(RUN(memory_comes_out_even_in_threads_that_are_no_shard), RUN(each_shard_counts_alone_and_the_sum_has_all), RUN(every_counter_has_a_name_of_its_own_and_a_sentence))
