/* series.c: see series.h. */
#include "bench/series.h"

#include <math.h>
#include <stdlib.h>

void series_add(struct series *s, double value)
{
    if (s->count < SERIES_MAX)
        s->at[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double series_part(const struct series *s, double share)
{
    static _Thread_local struct series sorted;
    if (s->count == 0)
        return 0;
    sorted = *s;
    qsort(sorted.at, sorted.count, sizeof *sorted.at, by_value);
    unsigned rank = (unsigned)ceil(share * sorted.count);
    return sorted.at[rank > 0 ? rank - 1 : 0];
}

double series_median(const struct series *s)
{
    /* of an even number, between the middle two: the lower one alone would flatter every figure that should be small */
    double low = series_part(s, 0.5);
    if (s->count % 2 != 0 || s->count == 0)
        return low;
    return (low + series_part(s, (s->count / 2 + 0.5) / s->count)) / 2;
}

double series_min(const struct series *s)
{
    return series_part(s, 0);
}

double series_max(const struct series *s)
{
    return series_part(s, 1);
}

double series_ratio(const struct series *a, const struct series *b)
{
    static struct series ratios;
    if (a->count != b->count)
        return series_median(b) > 0 ? series_median(a) / series_median(b) : 0;
    ratios.count = 0;
    for (unsigned i = 0; i < a->count; i++)
        if (b->at[i] > 0)
            series_add(&ratios, a->at[i] / b->at[i]);
    return series_median(&ratios);
}
