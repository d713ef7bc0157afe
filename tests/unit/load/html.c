/* The page with the graphs: scales, thinning, and runs of every shape. tests/integration/load/report.test.js opens it in Chromium. */
#include <math.h>
#include <stdlib.h>

#include "load/html_chart.h"
#include "load/results_internal.h"
#include "unit/test.h"

static void assert_ticks(double low, double high, bool is_log, const char *wanted)
{
    double     ticks[CHART_TICKS];
    struct buf b = { 0 };
    unsigned   count = chart_ticks(low, high, is_log, ticks);
    for (unsigned i = 0; i < count; i++)
        buf_printf(&b, "%s%g", i > 0 ? " " : "", ticks[i]);
    if (!slice_is(buf_slice(&b), wanted))
        fail_msg("%g to %g: %.*s instead of %s", low, high, SLICE_ARG(buf_slice(&b)), wanted);
    buf_clear(&b);
}

TEST(ticks_are_round_and_reach_over_the_highest)
{
    UNUSED_STATE;
    assert_ticks(0, 1, false, "0 0.2 0.4 0.6 0.8 1");
    assert_ticks(0, 64000, false, "0 20000 40000 60000 80000");
    assert_ticks(0, 1000000, false, "0 200000 400000 600000 800000 1e+06");
    assert_ticks(0, 3, false, "0 1 2 3");
    assert_ticks(0, 0, false, "0 0.2");
    assert_ticks(30, 8000, true, "10 100 1000 10000");
    assert_ticks(100, 100, true, "100 1000");
    assert_ticks(1, 1e30, true, "1 1000 1e+06 1e+09 1e+12 1e+15 1e+18 1e+21 1e+24 1e+27 1e+30");
}

TEST(times_are_few_however_long_it_took)
{
    UNUSED_STATE;
    double       ticks[CHART_TICKS];
    const double lengths[] = { 0.5, 3, 59, 600, 4000, 86400, 2e6, 1e8 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned count = chart_times(lengths[i], ticks);
        assert_in_range(count, 1, CHART_TICKS);
        assert_true(ticks[count - 1] <= lengths[i]);
    }
}

TEST(text_from_outside_stays_text)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    html_text(&b, "<script>alert('\"&\"')</script>");
    assert_true(slice_is(buf_slice(&b), "&lt;script&gt;alert(&#39;&quot;&amp;&quot;&#39;)&lt;/script&gt;"));
    buf_clear(&b);
}

static bool holds(const struct buf *b, const char *text)
{
    return memmem(b->at, b->len, text, strlen(text)) != NULL;
}

static struct results run_of(uint32_t samples, unsigned cores)
{
    struct results r = { .title = "a <b>run</b>", .command = "encke-load", .core_count = cores, .wanted = 10, .peak_online = 10, .made = 10 };
    for (uint32_t i = 0; i < samples; i++) {
        struct sample *s = results_sample(&r);
        *s = (struct sample){ .at_s = i + 1, .online = i % 1000, .made = i == 777 ? 999999 : 1, .delivered = 5, .server_cpu = -1 };
        s->latency_us.p50 = i % 3 == 0 ? 0 : 100 + i % 50;
        for (unsigned c = 0; c < cores; c++)
            s->core_percent[c] = (uint8_t)((i * 37 + c * 11) % 101);
    }
    return r;
}

TEST(a_page_is_whole_for_runs_of_every_length)
{
    UNUSED_STATE;
    static const uint32_t lengths[] = { 0, 1, 2, 3, 599, 601, 100000 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf     b = { 0 };
        struct results r = run_of(lengths[i], 2);
        histogram_add(&r.connect_us, 500);
        results_html_text(&r, &b);
        assert_true(buf_ok(&b));
        assert_true(holds(&b, "a &lt;b&gt;run&lt;/b&gt;") && !holds(&b, "<b>run"));
        assert_true(holds(&b, "id=\"connect-histogram\"") && holds(&b, "</html>"));
        assert_true(holds(&b, "id=\"online\"") == (lengths[i] >= 2));
        assert_false(holds(&b, "nan") || holds(&b, "inf"));
        assert_true(b.len < 500000);
        buf_clear(&b);
        results_clear(&r);
    }
}

TEST(many_cores_fit_and_nothing_is_divided_by_them)
{
    UNUSED_STATE;
    static const unsigned cores[] = { 0, 1, 64, 256 };
    for (size_t i = 0; i < sizeof cores / sizeof cores[0]; i++) {
        struct buf     b = { 0 };
        struct results r = run_of(5000, cores[i]);
        results_html_text(&r, &b);
        assert_true(buf_ok(&b) && holds(&b, "id=\"cores\"") == (cores[i] > 0));
        assert_true(b.len < 1500000);
        buf_clear(&b);
        results_clear(&r);
    }
}

/* Least and most of a column are both drawn: one second of a day is still seen. */
TEST(a_peak_of_one_second_is_not_thinned_away)
{
    UNUSED_STATE;
    static double at[86400], values[86400];
    for (unsigned i = 0; i < 86400; i++) {
        at[i] = i + 1;
        values[i] = i == 43210 ? 1000 : 1;
    }
    struct buf   b = { 0 };
    struct chart c = { .id = "x", .title = "x", .note = "", .at_s = at, .count = 86400, .line_count = 1, .lines[0] = { "x", values } };
    assert_true(chart_lines(&b, &c));
    assert_true(holds(&b, " 12.0L")); /* the top of the graph, in the middle of the line */
    assert_true(b.len < 60000);
    buf_clear(&b);
}

TEST(what_has_no_figures_is_not_drawn)
{
    UNUSED_STATE;
    double           at[2] = { 1, 2 }, zeros[2] = { 0, 0 }, unknown[2] = { NAN, NAN };
    struct buf       b = { 0 };
    struct chart     c = { .id = "x", .title = "x", .note = "", .at_s = at, .count = 2, .line_count = 1, .lines[0] = { "x", zeros } };
    struct histogram h = { 0 };
    assert_false(chart_lines(&b, &c));
    c.lines[0].values = unknown;
    assert_false(chart_lines(&b, &c));
    assert_false(chart_bars(&b, "x", "x", &h));
    assert_int_equal(b.len, 0);
}

TEST(histograms_of_any_width_are_drawn)
{
    UNUSED_STATE;
    static const uint64_t values[][2] = { { 0, 0 }, { 1, 1 }, { 500, 500 }, { 1, 3600000000 }, { 999999, 1000000 } };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf       b = { 0 };
        struct histogram h = { 0 };
        histogram_add(&h, values[i][0]);
        histogram_add(&h, values[i][1]);
        assert_true(chart_bars(&b, "x", "x", &h));
        assert_true(buf_ok(&b) && holds(&b, "class=\"bar\"") && !holds(&b, "nan") && !holds(&b, "inf"));
        buf_clear(&b);
    }
}

TESTS(RUN(ticks_are_round_and_reach_over_the_highest), RUN(times_are_few_however_long_it_took), RUN(text_from_outside_stays_text),
      RUN(a_page_is_whole_for_runs_of_every_length), RUN(many_cores_fit_and_nothing_is_divided_by_them),
      RUN(a_peak_of_one_second_is_not_thinned_away), RUN(what_has_no_figures_is_not_drawn), RUN(histograms_of_any_width_are_drawn))
