/* A ramp is even: at every moment exactly as many have begun as should have, over all threads. */
#include "load/pace.h"

#include "unit/test.h"

static uint64_t begun(const struct pace *p, uint64_t at_ns)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->threads; i++)
        sum += pace_allowed(p, i, at_ns);
    return sum;
}

TEST(all_threads_together_keep_the_pace_at_every_moment)
{
    UNUSED_STATE;
    static const struct pace paces[] = { { 2500, 1 }, { 2500, 4 }, { 2500, 53 }, { 1, 7 }, { 3, 2 }, { 1000000, 16 } };
    for (size_t i = 0; i < sizeof paces / sizeof *paces; i++)
        for (uint64_t ms = 0; ms < 3000; ms++)
            assert_int_equal(begun(&paces[i], ms * 1000000), ms * paces[i].rate_per_s / 1000 + 1);
}

TEST(a_connection_is_allowed_when_it_is_due_and_not_before)
{
    UNUSED_STATE;
    static const struct pace paces[] = { { 2500, 4 }, { 7, 3 }, { 999983, 53 } };
    for (size_t i = 0; i < sizeof paces / sizeof *paces; i++)
        for (uint32_t index = 0; index < paces[i].threads; index++)
            for (uint32_t n = 0; n < 200; n++) {
                uint64_t due_ns = pace_due_ns(&paces[i], index, n);
                assert_true(pace_allowed(&paces[i], index, due_ns) > n);
                assert_true(due_ns == 0 || pace_allowed(&paces[i], index, due_ns - 1) <= n);
            }
}

TEST(a_ramp_of_a_week_does_not_overflow)
{
    UNUSED_STATE;
    static const struct pace p = { 10000000, 1 };
    assert_int_equal(pace_allowed(&p, 0, UINT64_C(604800000000000)), UINT64_C(6048000000000) + 1);
}

TESTS(RUN(all_threads_together_keep_the_pace_at_every_moment), RUN(a_connection_is_allowed_when_it_is_due_and_not_before),
      RUN(a_ramp_of_a_week_does_not_overflow))
