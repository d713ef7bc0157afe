/* html_chart.c: lines over time; see html_chart.h. */
#include "load/html_chart.h"

#include <math.h>
#include <stdio.h>

#include "load/html_internal.h"
#include "load/write.h"

void html_text(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '<':
            buf_text(out, "&lt;");
            break;
        case '>':
            buf_text(out, "&gt;");
            break;
        case '&':
            buf_text(out, "&amp;");
            break;
        case '"':
            buf_text(out, "&quot;");
            break;
        case '\'':
            buf_text(out, "&#39;");
            break;
        default:
            buf_byte(out, (unsigned char)*text);
        }
}

/* --- scales ------------------------------------------------------------------------------------------------------------ */

/* 1, 2 or 5 times a power of ten, at least `wanted`. */
static double round_step(double wanted)
{
    double power = pow(10, floor(log10(wanted)));
    double part = wanted / power;
    return power * (part <= 1.0000001 ? 1 : part <= 2.0000001 ? 2 : part <= 5.0000001 ? 5 : 10);
}

static unsigned log_ticks(double low, double high, double out[CHART_TICKS])
{
    unsigned count = 0;
    int      first = (int)floor(log10(low > 0 ? low : 1)), last = (int)ceil(log10(high > low ? high : low > 0 ? low * 10 : 10));
    if (last == first)
        last++;
    int step = (last - first) / (CHART_TICKS - 1) + 1;
    for (int power = first; power < last + step && count < CHART_TICKS; power += step)
        out[count++] = pow(10, power);
    return count;
}

unsigned chart_ticks(double low, double high, bool is_log, double out[CHART_TICKS])
{
    if (is_log)
        return log_ticks(low, high, out);
    unsigned count = 0;
    double   step = round_step((high > 0 ? high : 1) / 5);
    for (double at = 0; count < CHART_TICKS; at = ++count * step) {
        out[count] = at;
        if (at >= high && count > 0)
            return count + 1;
    }
    return count;
}

unsigned chart_times(double until_s, double out[CHART_TICKS])
{
    static const double steps[] = { 1,   2,   5,   10,   15,   30,   60,   120,   300,   600,   900,   1800,
                                    3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800 };
    unsigned count = 0, i = 0;
    while (i + 1 < sizeof steps / sizeof steps[0] && until_s / steps[i] > CHART_TICKS - 2)
        i++;
    for (double at = 0; at <= until_s && count < CHART_TICKS; at += steps[i])
        out[count++] = at;
    return count;
}

const char *chart_figure(double value, enum chart_unit unit, char out[WRITE_NUMBER_MAX])
{
    if (unit == CHART_US)
        return write_us((uint64_t)(value + 0.5), out);
    if (unit == CHART_BYTES)
        return write_bytes((uint64_t)(value + 0.5), out);
    if (unit == CHART_CORES || (value < 10 && value != floor(value)))
        snprintf(out, WRITE_NUMBER_MAX, "%.*f", value >= 10 ? 0 : 2, value);
    else
        write_number((uint64_t)(value + 0.5), out);
    return out;
}

/* 0:00, 1:30, 2:00:00 */
static const char *clock_text(double seconds, char out[WRITE_NUMBER_MAX])
{
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s < 3600)
        snprintf(out, WRITE_NUMBER_MAX, "%lu:%02lu", s / 60, s % 60);
    else
        snprintf(out, WRITE_NUMBER_MAX, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    return out;
}

/* --- the frame --------------------------------------------------------------------------------------------------------- */

void chart_open(struct buf *out, const char *id, const char *title, const char *note)
{
    buf_printf(out, "<figure id=\"%s\"><figcaption>", id);
    html_text(out, title);
    buf_text(out, "</figcaption>");
    if (note[0] != '\0') {
        buf_text(out, "<p class=\"note\">");
        html_text(out, note);
        buf_text(out, "</p>");
    }
}

void chart_svg(struct buf *out, const char *title, double height)
{
    buf_printf(out, "<svg viewBox=\"0 0 %d %g\" role=\"img\" aria-label=\"", CHART_WIDTH, height);
    html_text(out, title);
    buf_text(out, "\">");
}

double chart_x(double at_s, double until_s)
{
    return CHART_LEFT + at_s / (until_s > 0 ? until_s : 1) * (CHART_WIDTH - CHART_LEFT - CHART_RIGHT);
}

void chart_time_axis(struct buf *out, double until_s, double bottom)
{
    double   ticks[CHART_TICKS];
    char     text[WRITE_NUMBER_MAX];
    unsigned count = chart_times(until_s, ticks);
    for (unsigned i = 0; i < count; i++) {
        double x = chart_x(ticks[i], until_s);
        buf_printf(out, "<line class=\"tick\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\"/>", x, x, bottom, bottom + 4);
        buf_printf(out, "<text class=\"x\" x=\"%.1f\" y=\"%g\">%s</text>", x, bottom + 18, clock_text(ticks[i], text));
    }
}

/* --- the scale of one graph -------------------------------------------------------------------------------------------- */

struct scale {
    double low, high; /* of the lowest and the highest tick */
    bool   is_log;
};

static double y_of(const struct scale *s, double value)
{
    double part = s->is_log ? log10(fmax(value, s->low) / s->low) / log10(s->high / s->low) : (value - s->low) / (s->high - s->low);
    return CHART_TOP + (1 - part) * (CHART_BOTTOM - CHART_TOP);
}

static bool is_shown(const struct chart *c, double value)
{
    return !isnan(value) && (!c->is_log || value > 0);
}

static bool find_extent(const struct chart *c, double *out_low, double *out_high)
{
    *out_low = INFINITY;
    *out_high = 0;
    for (unsigned k = 0; k < c->line_count; k++)
        for (uint32_t i = 0; i < c->count; i++)
            if (is_shown(c, c->lines[k].values[i])) {
                *out_low = fmin(*out_low, c->lines[k].values[i]);
                *out_high = fmax(*out_high, c->lines[k].values[i]);
            }
    return *out_high > 0;
}

static struct scale draw_scale(struct buf *out, const struct chart *c, double low, double high)
{
    double   ticks[CHART_TICKS];
    char     text[WRITE_NUMBER_MAX];
    unsigned count = chart_ticks(low, high, c->is_log, ticks);
    struct scale s = { ticks[0], ticks[count - 1], c->is_log };
    for (unsigned i = 0; i < count; i++) {
        double y = y_of(&s, ticks[i]);
        buf_printf(out, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", i == 0 ? "base" : "grid", CHART_LEFT,
                   CHART_WIDTH - CHART_RIGHT, y, y);
        buf_printf(out, "<text class=\"y\" x=\"%d\" y=\"%.1f\">%s</text>", CHART_LEFT - 8, y + 4, chart_figure(ticks[i], c->unit, text));
    }
    return s;
}

/* --- lines ------------------------------------------------------------------------------------------------------------- */

static void point(struct buf *out, const struct chart *c, const struct scale *s, uint32_t i, double value, bool *is_down)
{
    buf_printf(out, "%c%.1f %.1f", *is_down ? 'L' : 'M', chart_x(c->at_s[i], c->at_s[c->count - 1]), y_of(s, value));
    *is_down = true;
}

/* Of the samples from..to-1 the least and the most, in the order in which they came. */
static void column(struct buf *out, const struct chart *c, const struct scale *s, const double *values, uint32_t from, uint32_t to,
                   bool *is_down)
{
    uint32_t least = UINT32_MAX, most = UINT32_MAX;
    for (uint32_t i = from; i < to; i++) {
        if (!is_shown(c, values[i]))
            continue;
        least = least == UINT32_MAX || values[i] < values[least] ? i : least;
        most = most == UINT32_MAX || values[i] > values[most] ? i : most;
    }
    if (least == UINT32_MAX) {
        *is_down = false; /* a gap */
        return;
    }
    uint32_t first = least < most ? least : most, second = least < most ? most : least;
    point(out, c, s, first, values[first], is_down);
    if (second != first)
        point(out, c, s, second, values[second], is_down);
}

static void draw_line(struct buf *out, const struct chart *c, const struct scale *s, unsigned k)
{
    bool     is_down = false;
    uint32_t columns = c->count < CHART_COLUMNS ? c->count : CHART_COLUMNS;
    buf_printf(out, "<path class=\"line c%u\" d=\"", k);
    for (uint32_t i = 0; i < columns; i++)
        column(out, c, s, c->lines[k].values, (uint32_t)((uint64_t)i * c->count / columns),
               (uint32_t)((uint64_t)(i + 1) * c->count / columns), &is_down);
    buf_text(out, "\"/>");
}

/* What the pointer is told: the figures of the sample in the middle of each of a hundred columns. */
static void draw_words(struct buf *out, const struct chart *c)
{
    char     text[WRITE_NUMBER_MAX];
    uint32_t columns = c->count < CHART_WORDS ? c->count : CHART_WORDS;
    double   until_s = c->at_s[c->count - 1], before = CHART_LEFT;
    for (uint32_t i = 0; i < columns; i++) {
        uint32_t end = (uint32_t)((uint64_t)(i + 1) * c->count / columns) - 1, at = end - (end - (uint32_t)((uint64_t)i * c->count / columns)) / 2;
        double   x = chart_x(c->at_s[end], until_s);
        buf_printf(out, "<rect class=\"word\" x=\"%.1f\" width=\"%.1f\" y=\"%d\" height=\"%d\"><title>%s", before, fmax(x - before, 0.5), CHART_TOP,
                   CHART_BOTTOM - CHART_TOP, clock_text(c->at_s[at], text));
        for (unsigned k = 0; k < c->line_count; k++)
            if (!isnan(c->lines[k].values[at])) {
                buf_printf(out, "\n%s: ", c->lines[k].name);
                buf_text(out, chart_figure(c->lines[k].values[at], c->unit, text));
            }
        buf_text(out, "</title></rect>");
        before = x;
    }
}

static void draw_legend(struct buf *out, const struct chart *c)
{
    if (c->line_count < 2)
        return;
    buf_text(out, "<ul class=\"legend\">");
    for (unsigned k = 0; k < c->line_count; k++) {
        buf_printf(out, "<li class=\"c%u\">", k);
        html_text(out, c->lines[k].name);
        buf_text(out, "</li>");
    }
    buf_text(out, "</ul>");
}

bool chart_lines(struct buf *out, const struct chart *c)
{
    double low, high;
    if (c->count < 2 || !find_extent(c, &low, &high))
        return false;
    chart_open(out, c->id, c->title, c->note);
    draw_legend(out, c);
    chart_svg(out, c->title, CHART_HEIGHT);
    struct scale s = draw_scale(out, c, low, high);
    chart_time_axis(out, c->at_s[c->count - 1], CHART_BOTTOM);
    for (unsigned k = c->line_count; k-- > 0;) /* the first lies on top */
        draw_line(out, c, &s, k);
    draw_words(out, c);
    buf_text(out, "</svg></figure>");
    return true;
}
