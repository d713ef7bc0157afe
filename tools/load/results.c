/* results.c: the samples, the verdict and the text. See results.h. */
#include "load/results.h"

#include <inttypes.h>
#include <stdlib.h>

#include "load/results_internal.h"
#include "load/write.h"

const struct load_error_row load_error_rows[LOAD_ERROR_COUNT] = {
#define X(name, key, sentence) [LOAD_##name] = { key, sentence },
    LOAD_ERRORS(X)
#undef X
};

struct sample *results_sample(struct results *r)
{
    if (r->sample_count == r->sample_cap) {
        uint32_t cap = r->sample_cap == 0 ? 128 : r->sample_cap * 2;
        if (cap > RESULTS_SAMPLES_MAX)
            return NULL;
        struct sample *more = realloc(r->samples, cap * sizeof *more);
        if (more == NULL)
            return NULL;
        r->samples = more;
        r->sample_cap = cap;
    }
    struct sample *s = &r->samples[r->sample_count++];
    *s = (struct sample){ .server_cpu = -1 };
    return s;
}

void results_clear(struct results *r)
{
    free(r->samples);
    *r = (struct results){ 0 };
}

uint64_t results_errors(const struct results *r)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++)
        sum += r->errors[i];
    return sum;
}

bool results_are_clean(const struct results *r)
{
    return r->missing == 0 && r->doubled == 0 && r->disordered == 0 && r->refused == 0 && r->lost == 0 && results_errors(r) == 0
           && (r->was_interrupted || (r->peak_online >= r->wanted && r->away == 0));
}

/* "CLEAN", or what was wrong, most important first. */
void results_verdict(const struct results *r, char out[RESULTS_VERDICT_MAX])
{
    char     n[6][WRITE_NUMBER_MAX];
    uint64_t failed = results_errors(r);
    if (results_are_clean(r))
        snprintf(out, RESULTS_VERDICT_MAX, "clean: every message that was expected came, once and in order, and no connection failed");
    else if (r->missing + r->doubled + r->disordered > 0)
        snprintf(out, RESULTS_VERDICT_MAX, "NOT clean: of %s messages %s were missing, %s came twice, %s out of order",
                 write_number(r->expected, n[0]), write_number(r->missing, n[1]), write_number(r->doubled, n[2]),
                 write_number(r->disordered, n[3]));
    else if (r->away > 0)
        snprintf(out, RESULTS_VERDICT_MAX, "NOT clean: %s connections did not come back, %s failed", write_number(r->away, n[0]),
                 write_number(failed, n[1]));
    else
        snprintf(out, RESULTS_VERDICT_MAX, "NOT clean: %s connections failed, %s were lost, %s publications were refused, %s of %s were online",
                 write_number(failed, n[0]), write_number(r->lost, n[1]), write_number(r->refused, n[2]),
                 write_number(r->peak_online, n[3]), write_number(r->wanted, n[4]));
}

double results_mean(const struct histogram *h)
{
    return h->count > 0 ? (double)h->sum_us / (double)h->count : 0;
}

/* Seconds until the most connections were online, and the best rate of a second: a sample that came late covers more than one. */
void results_ramp(const struct results *r, double *out_seconds, uint32_t *out_best)
{
    uint32_t peak = 0;
    *out_seconds = 0;
    *out_best = 0;
    for (uint32_t i = 0; i < r->sample_count; i++) {
        const struct sample *s = &r->samples[i];
        if (s->online > peak) {
            peak = s->online;
            *out_seconds = s->at_s;
        }
        double   took = s->at_s - (i > 0 ? r->samples[i - 1].at_s : 0);
        uint32_t rate = took > 1 ? (uint32_t)(s->made / took) : s->made;
        *out_best = rate > *out_best ? rate : *out_best;
    }
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static void line(FILE *out, const char *label, uint64_t value)
{
    char n[WRITE_NUMBER_MAX];
    fprintf(out, "  %-26s%16s\n", label, write_number(value, n));
}

static void times(FILE *out, const char *label, const struct histogram *h)
{
    char p50[WRITE_NUMBER_MAX], p99[WRITE_NUMBER_MAX], p999[WRITE_NUMBER_MAX], max[WRITE_NUMBER_MAX];
    if (h->count == 0)
        return;
    fprintf(out, "  %-26s%12s%12s%12s%12s\n", label, write_us(histogram_percentile(h, 50), p50),
            write_us(histogram_percentile(h, 99), p99), write_us(histogram_percentile(h, 99.9), p999), write_us(h->max_us, max));
}

static void connections(const struct results *r, FILE *out)
{
    double   seconds;
    uint32_t best;
    results_ramp(r, &seconds, &best);
    fputs("\nConnections\n", out);
    line(out, "wanted", r->wanted);
    line(out, "made", r->made);
    line(out, "most at once", r->peak_online);
    line(out, "most in one second", best);
    line(out, "lost", r->lost);
    if (r->away > 0)
        line(out, "not back", r->away);
    if (r->let_go > 0)
        line(out, "let go by the server", r->let_go);
    if (r->put_off > 0)
        line(out, "told to come later", r->put_off);
    if (r->storm_back_s > 0) {
        char n[WRITE_NUMBER_MAX];
        fprintf(out, "  %-26s%16s\n", "all back after the cut", write_seconds(r->storm_back_s, n));
    }
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++)
        if (r->errors[i] > 0) {
            char n[WRITE_NUMBER_MAX];
            fprintf(out, "  %-26s%16s  %s\n", load_error_rows[i].key, write_number(r->errors[i], n), load_error_rows[i].sentence);
        }
    if (r->first_error[0] != '\0')
        fprintf(out, "  the first error: %s\n", r->first_error);
}

static void messages(const struct results *r, FILE *out)
{
    if (r->published + r->refused + r->expected + r->delivered == 0)
        return;
    fputs("\nMessages\n", out);
    line(out, "published", r->published);
    if (r->refused > 0)
        line(out, "refused", r->refused);
    line(out, "expected", r->expected);
    line(out, "delivered", r->delivered);
    line(out, "missing", r->missing);
    line(out, "doubled", r->doubled);
    line(out, "out of order", r->disordered);
}

static void memory(const struct results *r, FILE *out)
{
    char n[WRITE_NUMBER_MAX];
    if (r->peak_server_rss == 0)
        return;
    fputs("\nMemory of the server\n", out);
    fprintf(out, "  %-26s%16s\n", "most", write_bytes(r->peak_server_rss, n));
    if (r->idle_server_rss == 0)
        return;
    fprintf(out, "  %-26s%16s", "after the ramp", write_bytes(r->idle_server_rss, n));
    if (r->peak_online > 0)
        fprintf(out, "   %s each", write_bytes(r->idle_server_rss / r->peak_online, n));
    fputc('\n', out);
    if (r->idle_server_cpu > 0)
        fprintf(out, "\nThe server while all were silent\n  %-26s%16.3f\n", "cores used", r->idle_server_cpu);
}

void results_text(const struct results *r, FILE *out)
{
    char verdict[RESULTS_VERDICT_MAX], took[WRITE_NUMBER_MAX];
    results_verdict(r, verdict);
    fprintf(out, "%s\n%s, on %s; took %s%s\n", r->title, r->started, r->machine,
            write_seconds(r->sample_count > 0 ? r->samples[r->sample_count - 1].at_s : 0, took),
            r->was_interrupted ? "; ended early" : "");
    connections(r, out);
    messages(r, out);
    if (r->connect_us.count + r->latency_us.count + r->publish_us.count > 0) {
        fprintf(out, "\n%-28s%12s%12s%12s%12s\n", "Times", "p50", "p99", "p99.9", "max");
        times(out, "to connect", &r->connect_us);
        times(out, "publication to delivery", &r->latency_us);
        times(out, "publication to its answer", &r->publish_us);
    }
    memory(r, out);
    fprintf(out, "\n%s\n", verdict);
}
