#include "unit/test.h"

#include "base/clock.h"

TEST(the_monotonic_clock_never_runs_backwards)
{
    UNUSED_STATE;
    uint64_t last = clock_mono_ns();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_mono_ms() >= last / 1000000);
}

TEST(the_wall_clock_counts_milliseconds_since_1970)
{
    UNUSED_STATE;
    assert_in_range(clock_wall_ms() / 1000, 1600000000u, 10000000000u);
}

TESTS(RUN(the_monotonic_clock_never_runs_backwards), RUN(the_wall_clock_counts_milliseconds_since_1970))
