/* results_json.c: the results as JSON. Keys are those of struct results, times are in microseconds. See results.h. */
#include "load/results.h"

#include <errno.h>
#include <math.h>

#include "base/json_out.h"
#include "load/results_internal.h"

static void key(struct buf *b, const char *name)
{
    if (b->len > 0 && b->at[b->len - 1] != '{' && b->at[b->len - 1] != '[')
        buf_byte(b, ',');
    buf_printf(b, "\"%s\":", name);
}

static void text(struct buf *b, const char *name, const char *value)
{
    key(b, name);
    json_out_string(b, slice_str(value));
}

static void number(struct buf *b, const char *name, uint64_t value)
{
    key(b, name);
    buf_u64(b, value < INT64_MAX ? value : INT64_MAX); /* what readers of JSON can hold */
}

static void real(struct buf *b, const char *name, double value)
{
    key(b, name);
    buf_printf(b, "%.3f", isfinite(value) ? value : 0.0);
}

static void errors32(struct buf *b, const uint32_t *errors)
{
    key(b, "errors");
    buf_byte(b, '{');
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++)
        if (errors[i] > 0)
            number(b, load_error_rows[i].key, errors[i]);
    buf_byte(b, '}');
}

static void errors64(struct buf *b, const uint64_t *errors)
{
    key(b, "errors");
    buf_byte(b, '{');
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++)
        number(b, load_error_rows[i].key, errors[i]);
    buf_byte(b, '}');
}

/* The percentiles are for people; the buckets [from us, count] bring the histogram back. */
static void histogram(struct buf *b, const char *name, const struct histogram *h)
{
    key(b, name);
    buf_byte(b, '{');
    number(b, "count", h->count);
    number(b, "sum", h->sum_us);
    number(b, "p50", histogram_percentile(h, 50));
    number(b, "p90", histogram_percentile(h, 90));
    number(b, "p99", histogram_percentile(h, 99));
    number(b, "p999", histogram_percentile(h, 99.9));
    number(b, "max", h->max_us);
    key(b, "buckets");
    buf_byte(b, '[');
    bool is_first = true;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->bucket[i] == 0)
            continue;
        uint64_t from, to;
        histogram_bucket(i, &from, &to);
        buf_printf(b, "%s[%llu,%u]", is_first ? "" : ",", (unsigned long long)from, h->bucket[i]);
        is_first = false;
    }
    buf_text(b, "]}");
}

static void sample(struct buf *b, const struct sample *s, unsigned cores)
{
    buf_byte(b, '{');
    real(b, "at", s->at_s);
    number(b, "online", s->online);
    number(b, "connecting", s->connecting);
    number(b, "made", s->made);
    number(b, "lost", s->lost);
    errors32(b, s->errors);
    number(b, "published", s->published);
    number(b, "delivered", s->delivered);
    number(b, "received_bytes", s->received_bytes);
    number(b, "p50", s->latency_us.p50);
    number(b, "p99", s->latency_us.p99);
    number(b, "p999", s->latency_us.p999);
    number(b, "max", s->latency_us.max);
    number(b, "server_rss", s->server_rss);
    number(b, "own_rss", s->own_rss);
    real(b, "server_cpu", s->server_cpu);
    key(b, "cores");
    buf_byte(b, '[');
    for (unsigned i = 0; i < cores; i++)
        buf_printf(b, "%s%u", i > 0 ? "," : "", s->core_percent[i]);
    buf_text(b, "]}");
}

void results_json_text(const struct results *r, struct buf *b)
{
    unsigned cores = r->core_count < RESULTS_CORES_MAX ? r->core_count : RESULTS_CORES_MAX;
    buf_byte(b, '{');
    number(b, "encke_load", 1); /* of this form */
    text(b, "version", ENCKE_VERSION);
    text(b, "title", r->title);
    text(b, "command", r->command);
    text(b, "machine", r->machine);
    text(b, "started", r->started);
    key(b, "is_clean");
    buf_text(b, results_are_clean(r) ? "true" : "false");
    key(b, "was_interrupted");
    buf_text(b, r->was_interrupted ? "true" : "false");
    number(b, "core_count", cores);
    number(b, "wanted", r->wanted);
    number(b, "made", r->made);
    number(b, "lost", r->lost);
    errors64(b, r->errors);
    text(b, "first_error", r->first_error);
    number(b, "peak_online", r->peak_online);
    number(b, "published", r->published);
    number(b, "refused", r->refused);
    number(b, "expected", r->expected);
    number(b, "delivered", r->delivered);
    number(b, "missing", r->missing);
    number(b, "doubled", r->doubled);
    number(b, "disordered", r->disordered);
    number(b, "peak_server_rss", r->peak_server_rss);
    number(b, "idle_server_rss", r->idle_server_rss);
    real(b, "idle_server_cpu", r->idle_server_cpu);
    real(b, "storm_back_s", r->storm_back_s);
    number(b, "let_go", r->let_go);
    number(b, "put_off", r->put_off);
    number(b, "away", r->away);
    histogram(b, "connect_us", &r->connect_us);
    histogram(b, "latency_us", &r->latency_us);
    histogram(b, "publish_us", &r->publish_us);
    key(b, "samples");
    buf_byte(b, '[');
    for (uint32_t i = 0; i < r->sample_count; i++) {
        buf_text(b, i > 0 ? ",\n" : "\n");
        sample(b, &r->samples[i], cores);
    }
    buf_text(b, "\n]}\n");
}

enum status results_write(const struct buf *b, const char *path, struct error *out_error)
{
    if (!buf_ok(b))
        return error_plain(out_error, E_NO_MEMORY);
    bool  is_stdout = strcmp(path, "-") == 0;
    FILE *f = is_stdout ? stdout : fopen(path, "we");
    if (f == NULL)
        return error_set(out_error, E_IO, "cannot write %.120s: %s", path, strerror(errno));
    bool is_written = fwrite(b->at, 1, b->len, f) == b->len && fflush(f) == 0;
    int  reason = errno;
    if (!is_stdout && fclose(f) != 0 && is_written) {
        is_written = false;
        reason = errno;
    }
    return is_written ? OK : error_set(out_error, E_IO, "writing %.120s failed: %s", path, strerror(reason));
}

enum status results_json(const struct results *r, const char *path, struct error *out_error)
{
    struct buf b = { 0 };
    results_json_text(r, &b);
    enum status s = results_write(&b, path, out_error);
    buf_clear(&b);
    return s;
}
