#include "base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now); /* cannot fail for the two clocks asked for */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_mono_ms(void)
{
    return clock_mono_ns() / 1000000u;
}

uint64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000u;
}
