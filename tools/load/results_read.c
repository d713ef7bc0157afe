/* results_read.c: brings back what results_json.c wrote. What is missing in the file is zero; what is of another kind is an error. */
#include "load/results.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/utf8.h"
#include "load/results_internal.h"

#define FILE_BYTES_MAX ((size_t)512 << 20)

static uint64_t number(const struct json *object, const char *key)
{
    int64_t value;
    return json_int(json_get(object, key), &value) && value > 0 ? (uint64_t)value : 0;
}

static uint32_t number32(const struct json *object, const char *key)
{
    uint64_t value = number(object, key);
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static double real(const struct json *object, const char *key)
{
    double value;
    return json_number(json_get(object, key), &value) ? value : 0;
}

static bool is_true(const struct json *object, const char *key)
{
    bool value;
    return json_bool(json_get(object, key), &value) && value;
}

static void text(const struct json *object, const char *key, char *out, size_t size)
{
    struct slice value = { 0 };
    (void)json_str(json_get(object, key), &value);
    value = utf8_first(value, size - 1);
    if (value.len > 0)
        memcpy(out, value.at, value.len);
    out[value.len] = '\0';
}

static void read_histogram(const struct json *from, struct histogram *h)
{
    const struct json *buckets = json_get(from, "buckets");
    unsigned           index = 0;
    for (size_t i = 0; i < json_count(buckets); i++) {
        const struct json *pair = json_at(buckets, i);
        int64_t            at, count;
        if (!json_int(json_at(pair, 0), &at) || !json_int(json_at(pair, 1), &count) || at < 0 || count < 0)
            continue;
        /* They stand in order, so that one walk over the bounds finds all. */
        for (uint64_t first, end; index < HISTOGRAM_BUCKETS; index++) {
            histogram_bucket(index, &first, &end);
            if ((uint64_t)at < end)
                break;
        }
        if (index == HISTOGRAM_BUCKETS)
            break;
        h->bucket[index] = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    }
    h->count = number(from, "count");
    h->sum_us = number(from, "sum");
    h->max_us = number(from, "max");
}

static void read_sample(const struct json *from, struct sample *s)
{
    s->at_s = real(from, "at");
    s->online = number32(from, "online");
    s->connecting = number32(from, "connecting");
    s->made = number32(from, "made");
    s->lost = number32(from, "lost");
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++)
        s->errors[i] = number32(json_get(from, "errors"), load_error_rows[i].key);
    s->published = number(from, "published");
    s->delivered = number(from, "delivered");
    s->received_bytes = number(from, "received_bytes");
    s->latency_us.p50 = number32(from, "p50");
    s->latency_us.p99 = number32(from, "p99");
    s->latency_us.p999 = number32(from, "p999");
    s->latency_us.max = number32(from, "max");
    s->server_rss = number(from, "server_rss");
    s->own_rss = number(from, "own_rss");
    s->server_cpu = real(from, "server_cpu");
    const struct json *cores = json_get(from, "cores");
    for (size_t i = 0; i < json_count(cores) && i < RESULTS_CORES_MAX; i++) {
        int64_t percent;
        if (json_int(json_at(cores, i), &percent) && percent > 0)
            s->core_percent[i] = percent < 100 ? (uint8_t)percent : 100;
    }
}

static void read_totals(const struct json *doc, struct results *r)
{
    text(doc, "title", r->title, sizeof r->title);
    text(doc, "command", r->command, sizeof r->command);
    text(doc, "machine", r->machine, sizeof r->machine);
    text(doc, "started", r->started, sizeof r->started);
    text(doc, "first_error", r->first_error, sizeof r->first_error);
    r->was_interrupted = is_true(doc, "was_interrupted");
    r->core_count = number32(doc, "core_count");
    r->core_count = r->core_count < RESULTS_CORES_MAX ? r->core_count : RESULTS_CORES_MAX;
    r->wanted = number(doc, "wanted");
    r->made = number(doc, "made");
    r->lost = number(doc, "lost");
    for (unsigned i = 0; i < LOAD_ERROR_COUNT; i++)
        r->errors[i] = number(json_get(doc, "errors"), load_error_rows[i].key);
    r->published = number(doc, "published");
    r->refused = number(doc, "refused");
    r->expected = number(doc, "expected");
    r->delivered = number(doc, "delivered");
    r->missing = number(doc, "missing");
    r->doubled = number(doc, "doubled");
    r->disordered = number(doc, "disordered");
    r->peak_online = number32(doc, "peak_online");
    r->peak_server_rss = number(doc, "peak_server_rss");
    r->idle_server_rss = number(doc, "idle_server_rss");
    r->idle_server_cpu = real(doc, "idle_server_cpu");
    r->storm_back_s = real(doc, "storm_back_s");
    r->let_go = number(doc, "let_go");
    r->put_off = number(doc, "put_off");
    r->away = number(doc, "away");
}

enum status results_parse(struct results *out, struct slice from, struct error *out_error)
{
    struct json *doc;
    enum status  s = json_parse(from, &(struct json_limits){ .bytes = FILE_BYTES_MAX, .depth = 6 }, &doc, out_error);
    if (s != OK)
        return s;
    *out = (struct results){ 0 };
    if (number(doc, "encke_load") != 1 || json_kind(json_get(doc, "samples")) != JSON_KIND_ARRAY)
        s = error_set(out_error, E_INVALID, "these are no results of encke-load --json, or those of a newer version");
    if (s == OK) {
        read_totals(doc, out);
        read_histogram(json_get(doc, "connect_us"), &out->connect_us);
        read_histogram(json_get(doc, "latency_us"), &out->latency_us);
        read_histogram(json_get(doc, "publish_us"), &out->publish_us);
    }
    const struct json *samples = json_get(doc, "samples");
    for (size_t i = 0; s == OK && i < json_count(samples); i++) {
        struct sample *next = results_sample(out);
        if (next == NULL)
            s = error_plain(out_error, E_NO_MEMORY);
        else
            read_sample(json_at(samples, i), next);
    }
    json_free(doc);
    if (s != OK)
        results_clear(out);
    return s;
}

static enum status read_whole(const char *path, struct buf *b, struct error *out_error)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return error_set(out_error, E_IO, "cannot read %.120s: %s", path, strerror(errno));
    b->limit = FILE_BYTES_MAX;
    char  *room;
    size_t len = 1;
    while (len > 0 && (room = buf_reserve(b, 65536)) != NULL) {
        len = fread(room, 1, 65536, f);
        b->len += len;
    }
    bool is_bad = ferror(f) != 0;
    fclose(f);
    if (is_bad)
        return error_set(out_error, E_IO, "reading %.120s failed", path);
    return buf_ok(b) ? OK : error_set(out_error, E_TOO_LONG, "%.120s is too large for results", path);
}

enum status results_read(struct results *out, const char *path, struct error *out_error)
{
    struct buf   b = { 0 };
    struct error e = { 0 };
    enum status  s = read_whole(path, &b, out_error);
    if (s == OK && (s = results_parse(out, buf_slice(&b), &e)) != OK)
        s = error_set(out_error, s, "%.100s: %.120s", path, e.text);
    buf_clear(&b);
    return s;
}
