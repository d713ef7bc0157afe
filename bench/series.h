/* series: one figure, measured several times. */
#ifndef ENCKE_BENCH_SERIES_H
#define ENCKE_BENCH_SERIES_H

#define SERIES_MAX 1024

struct series {
    double   at[SERIES_MAX];
    unsigned count;
};

void series_add(struct series *s, double value); /* past SERIES_MAX: ignored */

double series_median(const struct series *s); /* 0 when it is empty */
double series_min(const struct series *s);
double series_max(const struct series *s);
double series_part(const struct series *s, double share); /* the value that `share` of all do not exceed: 0.99 */

/* The median of the ratios, pair by pair where both were measured in turns. */
double series_ratio(const struct series *a, const struct series *b);

#endif
