/* html_bars.c: histograms, and the strip of the cores; see html_chart.h. */
#include <math.h>
#include <stdio.h>

#include "load/html_internal.h"

#define BARS_A_POWER  24   /* columns for each power of ten */
#define BARS_MOST     240
#define CELLS_MOST    6000 /* of a strip: so many rectangles, or fewer */
#define STRIP_COLUMNS 240

/* --- histograms -------------------------------------------------------------------------------------------------------- */

struct bars {
    double   low, high; /* us: powers of ten around all values */
    unsigned count;
    double   share[BARS_MOST]; /* of all values */
    double   most;
};

static struct bars bars_of(const struct histogram *h)
{
    struct bars b = { .low = 1, .high = 10 };
    uint64_t    first = histogram_percentile(h, 0.0001), last = h->max_us;
    while (b.low * 10 <= (double)(first > 0 ? first : 1) && b.low < 1e9)
        b.low *= 10;
    b.high = b.low * 10;
    while (b.high < (double)last && b.high < b.low * 1e9)
        b.high *= 10;
    b.count = (unsigned)lround(log10(b.high / b.low)) * BARS_A_POWER;
    b.count = b.count < BARS_MOST ? b.count : BARS_MOST;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t from, to;
        if (h->bucket[i] == 0)
            continue;
        histogram_bucket(i, &from, &to);
        double   middle = fmax((double)from, ((double)from + (double)to - 1) / 2);
        double   part = log10(fmax(middle, b.low) / b.low) / log10(b.high / b.low);
        unsigned at = part >= 1 ? b.count - 1 : (unsigned)(part * b.count);
        b.share[at] += (double)h->bucket[i] / (double)h->count;
        b.most = fmax(b.most, b.share[at]);
    }
    return b;
}

static double bar_x(const struct bars *b, double us)
{
    return CHART_LEFT + log10(fmax(us, b->low) / b->low) / log10(b->high / b->low) * (CHART_WIDTH - CHART_LEFT - CHART_RIGHT);
}

/* Returns the share of the highest line. */
static double draw_axes(struct buf *out, const struct bars *b)
{
    char     text[WRITE_NUMBER_MAX];
    double   ticks[CHART_TICKS];
    unsigned count = chart_ticks(0, b->most * 100, false, ticks);
    for (unsigned i = 0; i < count; i++) {
        double y = CHART_BOTTOM - (CHART_BOTTOM - CHART_TOP - 16) * ticks[i] / ticks[count - 1];
        buf_printf(out, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", i == 0 ? "base" : "grid", CHART_LEFT,
                   CHART_WIDTH - CHART_RIGHT, y, y);
        buf_printf(out, "<text class=\"y\" x=\"%d\" y=\"%.1f\">%g %%</text>", CHART_LEFT - 8, y + 4, round(ticks[i] * 1000) / 1000);
    }
    for (double us = b->low; us <= b->high * 1.0001; us *= 10) {
        buf_printf(out, "<line class=\"tick\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", bar_x(b, us), bar_x(b, us), CHART_BOTTOM,
                   CHART_BOTTOM + 4);
        bool is_last = us * 1.0001 >= b->high;
        buf_printf(out, "<text class=\"x%s\" x=\"%.1f\" y=\"%d\">%s</text>", is_last ? " end" : "",
                   is_last ? (double)CHART_WIDTH - 1 : bar_x(b, us), CHART_BOTTOM + 18, chart_figure(us, CHART_US, text));
    }
    return ticks[count - 1] / 100;
}

/* Percentiles that lie close together: the later one has its word a line below. */
static void draw_percentiles(struct buf *out, const struct bars *b, const struct histogram *h)
{
    static const struct {
        const char *name;
        double      percent;
    } marks[] = { { "p50", 50 }, { "p99", 99 }, { "p99.9", 99.9 }, { "max", 100 } };
    double   before = -100;
    unsigned level = 0;
    for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        double x = bar_x(b, (double)histogram_percentile(h, marks[i].percent));
        level = x - before < 44 ? level + 1 : 0;
        before = x;
        buf_printf(out, "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x, CHART_TOP + 4, CHART_BOTTOM);
        bool is_right = x > CHART_WIDTH - CHART_RIGHT - 44;
        buf_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%u\">%s</text>", is_right ? "mark end" : "mark", is_right ? x - 4 : x + 4,
                   CHART_TOP + 12 + level * 14, marks[i].name);
    }
}

bool chart_bars(struct buf *out, const char *id, const char *title, const struct histogram *h)
{
    char p50[WRITE_NUMBER_MAX], p99[WRITE_NUMBER_MAX], p999[WRITE_NUMBER_MAX], max[WRITE_NUMBER_MAX], note[200];
    if (h->count == 0)
        return false;
    struct bars b = bars_of(h);
    snprintf(note, sizeof note, "p50 %s, p99 %s, p99.9 %s, max %s", write_us(histogram_percentile(h, 50), p50),
             write_us(histogram_percentile(h, 99), p99), write_us(histogram_percentile(h, 99.9), p999), write_us(h->max_us, max));
    chart_open(out, id, title, note);
    chart_svg(out, title, CHART_HEIGHT);
    double top = draw_axes(out, &b);
    double width = (double)(CHART_WIDTH - CHART_LEFT - CHART_RIGHT) / b.count;
    for (unsigned i = 0; i < b.count; i++) {
        if (b.share[i] <= 0)
            continue;
        double height = fmax(b.share[i] / top * (CHART_BOTTOM - CHART_TOP - 16), 0.7), from = b.low * pow(b.high / b.low, (double)i / b.count);
        buf_printf(out, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s to ", CHART_LEFT + i * width,
                   CHART_BOTTOM - height, width * 0.9, height, chart_figure(from, CHART_US, p50));
        buf_printf(out, "%s: %.3f %%</title></rect>", chart_figure(from * pow(b.high / b.low, 1.0 / b.count), CHART_US, p50), b.share[i] * 100);
    }
    draw_percentiles(out, &b, h);
    buf_text(out, "</svg></figure>");
    return true;
}

/* --- cores ------------------------------------------------------------------------------------------------------------- */

struct strip {
    const double  *at_s;
    const uint8_t *percent;
    uint32_t       count;
    unsigned       cores, columns;
    double         row_height;
};

/* The mean of a column, in tenths. */
static unsigned level_of(const struct strip *s, unsigned core, unsigned column)
{
    uint32_t from = (uint32_t)((uint64_t)column * s->count / s->columns), to = (uint32_t)((uint64_t)(column + 1) * s->count / s->columns);
    uint64_t sum = 0;
    for (uint32_t i = from; i < to; i++)
        sum += s->percent[(size_t)i * s->cores + core];
    return to > from ? (unsigned)((sum / (to - from) + 5) / 10) : 0;
}

/* Columns of one level are one rectangle. */
static void draw_core(struct buf *out, const struct strip *s, unsigned core)
{
    double until_s = s->at_s[s->count - 1], y = CHART_TOP + core * s->row_height, before = 0;
    for (unsigned column = 0, end; column < s->columns; column = end) {
        unsigned level = level_of(s, core, column);
        for (end = column + 1; end < s->columns && level_of(s, core, end) == level; end++)
            ;
        double until = s->at_s[(uint64_t)end * s->count / s->columns - 1]; /* a sample is about the time before it */
        double from = chart_x(before, until_s), to = chart_x(until, until_s);
        before = until;
        if (level > 0)
            buf_printf(out, "<rect class=\"cell\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" opacity=\"%.1f\"><title>core %u: %u %%</title></rect>",
                       from, y, to - from, s->row_height * 0.92, level / 10.0, core, level * 10);
    }
    if (s->row_height >= 14 || core % 8 == 0)
        buf_printf(out, "<text class=\"y\" x=\"%d\" y=\"%.1f\">%s%u</text>", CHART_LEFT - 8, y + fmin(s->row_height, 14) - 2, "core ", core);
}

bool chart_strip(struct buf *out, const char *id, const char *title, const double *at_s, const uint8_t *percent, uint32_t count, unsigned cores)
{
    if (count < 2 || cores == 0)
        return false;
    struct strip s = { .at_s = at_s, .percent = percent, .count = count, .cores = cores, .columns = CELLS_MOST / cores };
    s.columns = s.columns > STRIP_COLUMNS ? STRIP_COLUMNS : s.columns < 20 ? 20 : s.columns;
    s.columns = s.columns > count ? count : s.columns;
    s.row_height = cores <= 8 ? 22 : cores <= 32 ? 12 : 4;
    double bottom = CHART_TOP + s.row_height * cores;
    chart_open(out, id, title, "the darker, the busier; of the whole machine, encke-load included where it ran there");
    chart_svg(out, title, bottom + 32);
    for (unsigned core = 0; core < cores; core++)
        draw_core(out, &s, core);
    chart_time_axis(out, at_s[count - 1], bottom);
    buf_text(out, "</svg></figure>");
    return true;
}
