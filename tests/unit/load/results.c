/* Results: what is clean, what the text says, and that JSON brings all of it back. */
#include <stdlib.h>

#include "load/results_internal.h"
#include "unit/test.h"

static struct results run(void)
{
    struct results r = { .title = "a run \"of\" <something>", .command = "encke-load x", .machine = "a machine", .started = "2026-11-23T08:00:00Z",
                         .core_count = 2, .wanted = 100, .made = 200, .peak_online = 100, .published = 10, .expected = 1000, .delivered = 1000,
                         .peak_server_rss = 50000000, .idle_server_rss = 40000000, .idle_server_cpu = 0.125, .storm_back_s = 3.5 };
    for (unsigned i = 0; i < 5; i++) {
        struct sample *s = results_sample(&r);
        *s = (struct sample){ .at_s = i + 1, .online = i * 25, .made = 40, .delivered = 200, .server_rss = 1000 + i, .server_cpu = 0.5 };
        s->core_percent[1] = 77;
        s->errors[LOAD_RESET] = i == 2 ? 3 : 0;
    }
    for (unsigned i = 1; i <= 1000; i++)
        histogram_add(&r.latency_us, i * 10);
    histogram_add(&r.connect_us, 123456789);
    return r;
}

TEST(a_run_is_clean_only_when_nothing_at_all_went_wrong)
{
    UNUSED_STATE;
    struct results r = run();
    assert_true(results_are_clean(&r));
    uint64_t *const faults[] = { &r.missing, &r.doubled, &r.disordered, &r.refused, &r.lost, &r.errors[LOAD_OTHER] };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        *faults[i] = 1;
        assert_false(results_are_clean(&r));
        *faults[i] = 0;
    }
    r.peak_online = 99;
    assert_false(results_are_clean(&r));
    r.was_interrupted = true;
    assert_true(results_are_clean(&r));
    results_clear(&r);
}

TEST(json_brings_everything_back)
{
    UNUSED_STATE;
    struct buf     first = { 0 }, second = { 0 };
    struct results r = run(), back;
    struct error   e;
    results_json_text(&r, &first);
    assert_int_equal(results_parse(&back, buf_slice(&first), &e), OK);
    results_json_text(&back, &second);
    assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
    assert_int_equal(back.sample_count, 5);
    assert_int_equal(back.samples[2].errors[LOAD_RESET], 3);
    assert_int_equal(back.samples[4].core_percent[1], 77);
    assert_int_equal(histogram_percentile(&back.latency_us, 50), histogram_percentile(&r.latency_us, 50));
    assert_int_equal(back.connect_us.max_us, 123456789);
    results_clear(&r);
    results_clear(&back);
    buf_clear(&first);
    buf_clear(&second);
}

TEST(what_is_no_result_is_refused_with_words)
{
    UNUSED_STATE;
    static const char *const texts[] = { "", "{}", "[]", "{\"encke_load\":2,\"samples\":[]}", "{\"encke_load\":1}", "{\"encke_load\":1,\"samples\":3}" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct results r;
        struct error   e = { 0 };
        assert_int_not_equal(results_parse(&r, slice_str(texts[i]), &e), OK);
        assert_true(e.text[0] != '\0');
    }
    struct results r;
    struct error   e = { 0 };
    assert_int_equal(results_parse(&r, SLICE("{\"encke_load\":1,\"samples\":[{\"cores\":[1,\"x\",999]},{}],\"core_count\":-5}"), &e), OK);
    assert_int_equal(r.samples[0].core_percent[2], 100);
    results_clear(&r);
}

static char *printed(void (*print)(const struct results *, FILE *), const struct results *r)
{
    char  *text = NULL;
    size_t len;
    FILE  *f = open_memstream(&text, &len);
    print(r, f);
    fclose(f);
    return text;
}

TEST(the_text_tells_the_figures_and_the_verdict)
{
    UNUSED_STATE;
    struct results r = run();
    char          *text = printed(results_text, &r);
    assert_non_null(strstr(text, "most at once                           100"));
    assert_non_null(strstr(text, "all back after the cut"));
    assert_non_null(strstr(text, "clean: every message"));
    free(text);
    r.missing = 2;
    text = printed(results_text, &r);
    assert_non_null(strstr(text, "NOT clean: of 1,000 messages 2 were missing"));
    free(text);
    results_clear(&r);
}

/* A sample that came late stands for several seconds: its rate is not theirs together. */
TEST(the_best_second_is_one_of_a_second)
{
    UNUSED_STATE;
    struct results r = { 0 };
    *results_sample(&r) = (struct sample){ .at_s = 1, .online = 1000, .made = 1000 };
    *results_sample(&r) = (struct sample){ .at_s = 5, .online = 5000, .made = 4000 };
    double   seconds;
    uint32_t best;
    results_ramp(&r, &seconds, &best);
    assert_int_equal(best, 1000);
    assert_true(seconds == 5);
    results_clear(&r);
}

TESTS(RUN(a_run_is_clean_only_when_nothing_at_all_went_wrong), RUN(json_brings_everything_back), RUN(what_is_no_result_is_refused_with_words),
      RUN(the_text_tells_the_figures_and_the_verdict), RUN(the_best_second_is_one_of_a_second))
