/* What servers tell about themselves. */
#include "load/metrics.h"

#include "unit/test.h"

TEST(figures_are_found_in_what_servers_tell)
{
    UNUSED_STATE;
    static const struct {
        const char *text;
        uint64_t    rss;
        double      cpu_s;
    } samples[] = {
        { "{\"version\":\"1\",\"memory_bytes\":6066176,\"cpu_s\":12.5,\"shards\":[{\"connections\":0}]}", 6066176, 12.5 },
        { " {\"memory_bytes\":1}\n", 1, -1 },
        { "# HELP process_cpu_seconds_total x\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 3.25\n"
          "process_resident_memory_bytes 2.097152e+07\n", 20971520, 3.25 },
        { "process_resident_memory_bytes{instance=\"a b\"} 4096 1700000000000\r\n", 4096, -1 },
        { "process_resident_memory_bytes_max 1\nprocess_cpu_seconds_total 7", 0, 7 },
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct metrics_figures f;
        assert_true(metrics_read(slice_str(samples[i].text), &f));
        assert_int_equal(f.rss, samples[i].rss);
        assert_true(f.cpu_s == samples[i].cpu_s);
    }
}

TEST(what_tells_nothing_is_said_to)
{
    UNUSED_STATE;
    static const char *const samples[] = {
        "", "{", "{}", "{\"memory_bytes\":\"many\"}", "{\"memory_bytes\":-5}", "<html>", "process_cpu_seconds_total",
        "process_cpu_seconds_total x", "process_cpu_seconds_total{ 5", "process_cpu_seconds_total NaN", "process_cpu_seconds_total -1",
        "process_resident_memory_bytes 1e300", "process_resident_memory_bytes 0",
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct metrics_figures f;
        assert_false(metrics_read(slice_str(samples[i]), &f));
    }
}

TESTS(RUN(figures_are_found_in_what_servers_tell), RUN(what_tells_nothing_is_said_to))
