/* Tests of tools/load/histogram.h. */
#include "load/histogram.h"

#include "unit/test.h"

static struct histogram h, other; /* 8 KB each: not for the stack of every test */

static void empty(void)
{
    memset(&h, 0, sizeof h);
    memset(&other, 0, sizeof other);
}

static uint64_t random_us(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = *seed >> 33;
    return bits >> (*seed >> 27) % 24; /* all magnitudes alike */
}

static int by_value(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;
    return (one > two) - (one < two);
}

static void assert_near(uint64_t got, uint64_t wanted)
{
    uint64_t apart = got > wanted ? got - wanted : wanted - got;
    if ((double)apart > (double)wanted * 0.016)
        fail_msg("%llu instead of %llu", (unsigned long long)got, (unsigned long long)wanted);
}

TEST(percentiles_are_those_of_the_sorted_values_within_1_6_percent)
{
    UNUSED_STATE;
    enum { COUNT = 20000 };
    static uint64_t values[COUNT];
    uint64_t        seed = 20261123;
    empty();
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = random_us(&seed);
        histogram_add(&h, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], by_value);
    for (unsigned tenths = 1; tenths <= 1000; tenths++) {
        uint64_t rank = ((uint64_t)tenths * COUNT + 999) / 1000;
        assert_near(histogram_percentile(&h, tenths / 10.0), values[rank - 1]);
    }
    assert_int_equal(histogram_percentile(&h, 100), values[COUNT - 1]);
    assert_int_equal(h.count, COUNT);
}

TEST(small_values_are_exact)
{
    UNUSED_STATE;
    empty();
    for (uint64_t us = 0; us < 100; us++)
        histogram_add(&h, us);
    assert_int_equal(histogram_percentile(&h, 50), 49);
    assert_int_equal(histogram_percentile(&h, 99), 98);
    assert_int_equal(histogram_percentile(&h, 0), 0);
    assert_int_equal(histogram_percentile(&h, 100), 99);
    assert_int_equal(h.sum_us, 4950);
}

TEST(an_empty_histogram_says_zero)
{
    UNUSED_STATE;
    empty();
    assert_int_equal(histogram_percentile(&h, 50), 0);
    assert_int_equal(histogram_percentile(&h, 100), 0);
}

TEST(one_value_is_every_percentile)
{
    UNUSED_STATE;
    empty();
    histogram_add(&h, 123456);
    assert_int_equal(histogram_percentile(&h, 0.1), 123456);
    assert_int_equal(histogram_percentile(&h, 50), 123456);
    assert_int_equal(histogram_percentile(&h, 200), 123456);
    assert_int_equal(histogram_percentile(&h, -1), 123456);
}

TEST(merging_is_adding)
{
    UNUSED_STATE;
    static struct histogram all;
    uint64_t                seed = 7;
    empty();
    memset(&all, 0, sizeof all);
    for (size_t i = 0; i < 5000; i++) {
        uint64_t us = random_us(&seed);
        histogram_add(i % 3 == 0 ? &h : &other, us);
        histogram_add(&all, us);
    }
    histogram_merge(&h, &other);
    assert_memory_equal(&h, &all, sizeof all);
}

TEST(buckets_join_without_a_gap_and_each_value_falls_into_its_own)
{
    UNUSED_STATE;
    uint64_t end = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t from, to;
        histogram_bucket(i, &from, &to);
        assert_int_equal(from, end);
        assert_true(to > from);
        end = to;
        empty();
        histogram_add(&h, from);
        histogram_add(&h, to - 1);
        assert_int_equal(h.bucket[i], 2);
    }
    assert_true(end >= UINT64_C(3600) * 1000000); /* an hour */
}

TEST(what_is_longer_than_the_last_bucket_counts_there_and_keeps_its_maximum)
{
    UNUSED_STATE;
    empty();
    histogram_add(&h, UINT64_MAX / 2);
    histogram_add(&h, UINT64_MAX / 2);
    assert_int_equal(h.bucket[HISTOGRAM_BUCKETS - 1], 2);
    assert_true(histogram_percentile(&h, 50) == UINT64_MAX / 2);
}

TEST(a_full_bucket_does_not_wrap)
{
    UNUSED_STATE;
    empty();
    h.bucket[5] = UINT32_MAX - 1;
    h.count = UINT32_MAX - 1;
    histogram_add(&h, 5);
    histogram_add(&h, 5);
    assert_int_equal(h.bucket[5], UINT32_MAX);
    histogram_merge(&other, &h);
    histogram_merge(&other, &h);
    assert_int_equal(other.bucket[5], UINT32_MAX);
}

TESTS(RUN(percentiles_are_those_of_the_sorted_values_within_1_6_percent), RUN(small_values_are_exact),
      RUN(an_empty_histogram_says_zero), RUN(one_value_is_every_percentile), RUN(merging_is_adding),
      RUN(buckets_join_without_a_gap_and_each_value_falls_into_its_own),
      RUN(what_is_longer_than_the_last_bucket_counts_there_and_keeps_its_maximum), RUN(a_full_bucket_does_not_wrap))
