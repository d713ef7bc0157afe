/* histogram: how long things took, in buckets whose width grows with the value (log-linear, 64 to each power of two): any percentile
 * within 1.6 %, from 1 us to an hour, in 16 KB. Merging is adding. Pure.
 */
#ifndef ENCKE_LOAD_HISTOGRAM_H
#define ENCKE_LOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 2048

struct histogram {
    uint64_t count, sum_us, max_us;
    uint32_t bucket[HISTOGRAM_BUCKETS];
};

void     histogram_add(struct histogram *h, uint64_t us);
void     histogram_merge(struct histogram *into, const struct histogram *from);
uint64_t histogram_percentile(const struct histogram *h, double percent); /* 0 when empty; 100 is the largest */

/* The bounds of a bucket: at least *out_from, less than *out_to microseconds. */
void histogram_bucket(unsigned index, uint64_t *out_from_us, uint64_t *out_to_us);

#endif
