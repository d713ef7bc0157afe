/* histogram.c: see histogram.h.
 *
 *   value   0 .. 63      one bucket each
 *          64 .. 127     64 buckets, 1 wide        a power of two is 64 buckets; each is a 64th of the power wide
 *         128 .. 255     64 buckets, 2 wide
 *         ...            up to 2^37 us; what is longer counts in the last bucket
 */
#include "load/histogram.h"

#include <stddef.h>

#define PER_POWER 64u
#define POWER_BITS 6u /* 64 == 1 << POWER_BITS */

static unsigned bucket_of(uint64_t us)
{
    if (us < PER_POWER)
        return (unsigned)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - POWER_BITS;
    unsigned index = (shift + 1) * PER_POWER + ((unsigned)(us >> shift) - PER_POWER);
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

void histogram_bucket(unsigned index, uint64_t *out_from_us, uint64_t *out_to_us)
{
    unsigned shift = index < PER_POWER ? 0 : index / PER_POWER - 1;
    uint64_t from = index < PER_POWER ? index : (uint64_t)(PER_POWER + index % PER_POWER) << shift;
    *out_from_us = from;
    *out_to_us = from + (UINT64_C(1) << shift);
}

/* A bucket that is full stays full: a percentile is then a little off, and nothing wraps to zero. */
static void bucket_add(uint32_t *bucket, uint32_t more)
{
    *bucket = *bucket > UINT32_MAX - more ? UINT32_MAX : *bucket + more;
}

void histogram_add(struct histogram *h, uint64_t us)
{
    h->count++;
    h->sum_us += us;
    if (us > h->max_us)
        h->max_us = us;
    bucket_add(&h->bucket[bucket_of(us)], 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        bucket_add(&into->bucket[i], from->bucket[i]);
}

/* The rank is rounded up: of 10 values the 50th percentile is the fifth, and the 99th the last. */
static uint64_t rank_of(uint64_t count, double percent)
{
    double exact = (double)count * (percent < 0 ? 0 : percent) / 100.0;
    if (exact >= (double)count)
        return count;
    uint64_t rank = (uint64_t)exact;
    /* 99.9 % of 1000 is 999, whatever the last bits of a double say. */
    rank += exact - (double)rank > 1e-6;
    return rank == 0 ? 1 : rank;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
    if (h->count == 0)
        return 0;
    uint64_t rank = rank_of(h->count, percent), seen = 0;
    if (rank == h->count)
        return h->max_us;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen < rank)
            continue;
        uint64_t from, to;
        histogram_bucket(i, &from, &to);
        uint64_t middle = from + (to - from) / 2;
        /* The last bucket has no upper end, and no value is above the largest. */
        return i == HISTOGRAM_BUCKETS - 1 || middle > h->max_us ? h->max_us : middle;
    }
    return h->max_us;
}
