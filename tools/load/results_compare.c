/* results_compare.c: two results side by side. See results.h. */
#include "load/results.h"

#include <math.h>

#include "load/results_internal.h"
#include "load/write.h"

/* "+12.5 %", "same", "-" when there is nothing to compare with. */
static const char *change(double a, double b, char *out, size_t size)
{
    if (a == b)
        snprintf(out, size, "same");
    else if (a == 0)
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%+.1f %%", (b - a) * 100 / fabs(a));
    return out;
}

static void row(FILE *out, const char *label, uint64_t a, uint64_t b, const char *(*write)(uint64_t, char[WRITE_NUMBER_MAX]))
{
    char left[WRITE_NUMBER_MAX], right[WRITE_NUMBER_MAX], by[32];
    if (a == 0 && b == 0)
        return;
    fprintf(out, "  %-34s%16s%16s%14s\n", label, write(a, left), write(b, right), change((double)a, (double)b, by, sizeof by));
}

static void times(FILE *out, const char *label, const struct histogram *a, const struct histogram *b)
{
    static const struct {
        const char *name;
        double      percent;
    } shown[] = { { "p50", 50 }, { "p90", 90 }, { "p99", 99 }, { "p99.9", 99.9 }, { "max", 100 } };
    char full[64];
    for (unsigned i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        snprintf(full, sizeof full, "%s, %s", label, shown[i].name);
        row(out, full, histogram_percentile(a, shown[i].percent), histogram_percentile(b, shown[i].percent), write_us);
    }
}

static uint64_t each(const struct results *r)
{
    return r->peak_online > 0 ? r->idle_server_rss / r->peak_online : 0;
}

static uint64_t most_delivered(const struct results *r)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < r->sample_count; i++)
        most = r->samples[i].delivered > most ? r->samples[i].delivered : most;
    return most;
}

void results_compare(const struct results *a, const struct results *b, FILE *out)
{
    double   seconds[2];
    uint32_t best[2];
    results_ramp(a, &seconds[0], &best[0]);
    results_ramp(b, &seconds[1], &best[1]);
    fprintf(out, "a  %s  %s\n   %s\nb  %s  %s\n   %s\n\n", a->started, a->title, a->machine, b->started, b->title, b->machine);
    fprintf(out, "  %-34s%16s%16s%14s\n", "", "a", "b", "change");
    row(out, "connections, most at once", a->peak_online, b->peak_online, write_number);
    row(out, "connections, most in one second", best[0], best[1], write_number);
    row(out, "all back after the cut", (uint64_t)(a->storm_back_s * 1e6), (uint64_t)(b->storm_back_s * 1e6), write_us);
    row(out, "let go by the server", a->let_go, b->let_go, write_number);
    row(out, "told to come later", a->put_off, b->put_off, write_number);
    row(out, "connections lost", a->lost, b->lost, write_number);
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++) {
        char full[64];
        snprintf(full, sizeof full, "errors, %s", load_error_rows[i].key);
        row(out, full, a->errors[i], b->errors[i], write_number);
    }
    row(out, "published", a->published, b->published, write_number);
    row(out, "refused", a->refused, b->refused, write_number);
    row(out, "delivered", a->delivered, b->delivered, write_number);
    row(out, "delivered, most in one second", most_delivered(a), most_delivered(b), write_number);
    row(out, "missing", a->missing, b->missing, write_number);
    row(out, "doubled", a->doubled, b->doubled, write_number);
    row(out, "out of order", a->disordered, b->disordered, write_number);
    times(out, "to connect", &a->connect_us, &b->connect_us);
    times(out, "to deliver", &a->latency_us, &b->latency_us);
    times(out, "to answer a publication", &a->publish_us, &b->publish_us);
    row(out, "server memory, most", a->peak_server_rss, b->peak_server_rss, write_bytes);
    row(out, "server memory, after the ramp", a->idle_server_rss, b->idle_server_rss, write_bytes);
    row(out, "server memory, each connection", each(a), each(b), write_bytes);
    for (unsigned i = 0; i < 2; i++) {
        char verdict[RESULTS_VERDICT_MAX];
        results_verdict(i == 0 ? a : b, verdict);
        fprintf(out, "%s%c  %s\n", i == 0 ? "\n" : "", 'a' + (int)i, verdict);
    }
}
