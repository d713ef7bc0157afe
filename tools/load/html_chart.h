/* html_chart: graphs as SVG, for the page that results_html.c writes. Pure; everything is appended to a buffer.
 *
 *   chart_lines   figures over time; up to four lines on one scale
 *   chart_bars    a histogram of times, on a logarithmic scale, with its percentiles marked
 *   chart_strip   how busy each core was, second by second
 *
 * Long runs are thinned: of the samples that share a column of the graph the least and the most are drawn, so that no peak is lost and the
 * page stays small.
 */
#ifndef ENCKE_LOAD_HTML_CHART_H
#define ENCKE_LOAD_HTML_CHART_H

#include "base/buf.h"
#include "load/histogram.h"

#define CHART_LINES 4

/* What the figures of a scale are, and how its ticks are written. */
enum chart_unit { CHART_COUNT, CHART_US, CHART_BYTES, CHART_CORES };

struct chart {
    const char     *id, *title;
    const char     *note; /* below the title; "" : none */
    enum chart_unit unit;
    bool            is_log; /* the scale; figures of 0 are left out then */
    const double   *at_s;   /* borrowed: `count` times, growing */
    uint32_t        count;
    unsigned        line_count;
    struct {
        const char   *name;
        const double *values; /* borrowed: one for each time; NAN: unknown */
    } lines[CHART_LINES];
};

/* False: there is nothing to draw, and nothing was appended. */
bool chart_lines(struct buf *out, const struct chart *c);
bool chart_bars(struct buf *out, const char *id, const char *title, const struct histogram *h);

/* `percent[i * cores + core]` at at_s[i]. */
bool chart_strip(struct buf *out, const char *id, const char *title, const double *at_s, const uint8_t *percent, uint32_t count, unsigned cores);

/* Text in HTML: < > & and quotes escaped. */
void html_text(struct buf *out, const char *text);

/* For the tests: round ticks from 0, or from `low` on a logarithmic scale, up to the first at or above `high`. Returns how many, at most
 * CHART_TICKS. */
#define CHART_TICKS 12
unsigned chart_ticks(double low, double high, bool is_log, double out[CHART_TICKS]);
unsigned chart_times(double until_s, double out[CHART_TICKS]);

#endif
