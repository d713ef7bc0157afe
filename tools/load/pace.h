/* pace: when which connection begins. Pure.
 *
 *   the ramp:   k = 0 1 2 3 4 5 ...  connection k begins k / rate seconds after the start
 *   3 threads:  0 1 2 0 1 2          they take them in turn: one begins after the other, however many threads there are
 */
#ifndef ENCKE_LOAD_PACE_H
#define ENCKE_LOAD_PACE_H

#include <stdint.h>

struct pace {
    uint32_t rate_per_s; /* in all; not 0 */
    uint32_t threads;
};

/* How many connections thread `index` may have begun `elapsed_ns` after the start. */
static inline uint64_t pace_allowed(const struct pace *p, uint32_t index, uint64_t elapsed_ns)
{
    uint64_t whole_s = elapsed_ns / 1000000000u, rest_ns = elapsed_ns % 1000000000u;
    uint64_t of_all = whole_s * p->rate_per_s + rest_ns * p->rate_per_s / 1000000000u;
    return of_all < index ? 0 : (of_all - index) / p->threads + 1;
}

/* When the thread's n-th connection (from 0) is due, after the start. */
static inline uint64_t pace_due_ns(const struct pace *p, uint32_t index, uint32_t n)
{
    uint64_t k = (uint64_t)n * p->threads + index;
    return k / p->rate_per_s * 1000000000u + (k % p->rate_per_s * 1000000000u + p->rate_per_s - 1) / p->rate_per_s;
}

#endif
