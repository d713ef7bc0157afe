/* status.c: see status.h. */
#include "api/status.h"

#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/json_out.h"
#include "base/memory.h"
#include "http/conn.h"
#include "io/shard.h"

#define RATES_MS       1000 /* rates are over at least so long a time */
#define NODE_NAME_SIZE 10   /* of the field in /info */

static const char *name;
static unsigned    shards;
static uint64_t    started_ms;

void api_status_setup(const char *node_name, unsigned shard_count)
{
    name = node_name;
    shards = shard_count;
    started_ms = clock_mono_ms();
}

/* What grew how fast: each shard that is asked remembers what it said last. */
struct rate {
    enum counter counter;
    uint64_t     before;
    double       per_s;
};

static _Thread_local struct rate rates[] = { { .counter = COUNTER_PUBLISHED }, { .counter = COUNTER_DELIVERED } };
static _Thread_local uint64_t    rates_ms;

static void rates_update(void)
{
    uint64_t passed = shard_here.now_ms - (rates_ms ? rates_ms : started_ms);
    if (passed < RATES_MS)
        return;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        uint64_t now = counter_sum(rates[i].counter);
        rates[i].per_s = (double)(now - rates[i].before) * 1000.0 / (double)passed;
        rates[i].before = now;
    }
    rates_ms = shard_here.now_ms;
}

/* Processor time since the process began, of all threads, in seconds. */
double api_status_cpu_s(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        return 0;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

uint64_t api_status_uptime_s(void)
{
    return (shard_here.now_ms - started_ms) / 1000;
}

static void put(struct buf *b, const char *key, uint64_t value)
{
    buf_printf(b, ",\"%s\":%llu", key, (unsigned long long)value);
}

/* "slab_streams_bytes" is "streams" here, and stands beside what is in use of it. */
static void put_slabs(struct buf *b)
{
    buf_text(b, ",\"slabs\":{");
    for (enum counter c = COUNTER_SLAB_STREAMS; c <= COUNTER_SLAB_AUDIENCES_USED; c += 2) {
        struct slice key = slice_skip(slice_str(counter_row(c)->key), strlen("slab_"));
        key.len -= strlen("_bytes");
        buf_printf(b, "%s\"%.*s\":{\"held\":%llu,\"used\":%llu}", c > COUNTER_SLAB_STREAMS ? "," : "", SLICE_ARG(key),
                   (unsigned long long)counter_sum(c), (unsigned long long)counter_sum(c + 1));
    }
    buf_byte(b, '}');
}

/* The parts of the resident memory: files, slabs, structures, rest and other are the whole. */
static void put_memory(struct buf *b)
{
    struct memory_sums m = memory_sums();
    buf_printf(b, ",\"memory\":{\"rss\":%llu,\"files\":%llu", (unsigned long long)m.rss, (unsigned long long)m.files);
    put_slabs(b);
    buf_text(b, ",\"structures\":{");
    for (enum counter c = COUNTER_MEMORY_SEATS; c <= COUNTER_MEMORY_TLS; c++) {
        struct slice key = slice_skip(slice_str(counter_row(c)->key), strlen("memory_"));
        key.len -= strlen("_bytes");
        buf_printf(b, "%s\"%.*s\":%llu", c > COUNTER_MEMORY_SEATS ? "," : "", SLICE_ARG(key),
                   (unsigned long long)counter_sum(c));
    }
    buf_byte(b, '}');
    put(b, "rest", m.rest);
    put(b, "other", m.other);
    put(b, "heap_used", counter_sum(COUNTER_HEAP_USED));
    put(b, "heap_free", counter_sum(COUNTER_HEAP_FREE));
    buf_byte(b, '}');
}

static void put_shards(struct buf *b)
{
    buf_text(b, ",\"shards\":[");
    for (unsigned i = 0; i < shards; i++)
        buf_printf(b, "%s{\"connections\":%llu,\"events\":%llu,\"descriptors\":%llu}", i > 0 ? "," : "",
                   (unsigned long long)counter_of(i, COUNTER_WS_ONLINE), (unsigned long long)counter_of(i, COUNTER_EVENTS),
                   (unsigned long long)counter_of(i, COUNTER_DESCRIPTORS));
    buf_byte(b, ']');
}

void api_status_request(struct stream *s, const struct http_request *r)
{
    (void)r;
    struct buf b = { 0 };
    rates_update();
    buf_text(&b, "{\"version\":\"" ENCKE_VERSION "\",\"node\":");
    json_out_string(&b, slice_str(name));
    put(&b, "uptime_s", api_status_uptime_s());
    put(&b, "connections", counter_sum(COUNTER_WS_ONLINE));
    put(&b, "added", counter_sum(COUNTER_WS_ADDED));
    put(&b, "ended", counter_sum(COUNTER_WS_ENDED));
    put(&b, "sessions", counter_sum(COUNTER_SESSIONS));
    put(&b, "subscriptions", counter_sum(COUNTER_SUBSCRIPTIONS));
    put(&b, "channels", counter_sum(COUNTER_CHANNELS));
    put(&b, "published", counter_sum(COUNTER_PUBLISHED));
    put(&b, "delivered", counter_sum(COUNTER_DELIVERED));
    buf_printf(&b, ",\"published_per_s\":%.1f,\"delivered_per_s\":%.1f", rates[0].per_s, rates[1].per_s);
    put(&b, "queued_bytes", counter_sum(COUNTER_QUEUED_BYTES));
    put(&b, "inbox_letters", counter_sum(COUNTER_INBOX_LETTERS));
    put(&b, "users", counter_sum(COUNTER_USERS));
    put(&b, "history_bytes", counter_sum(COUNTER_HISTORY_BYTES));
    put(&b, "slow_consumers_closed", counter_sum(COUNTER_SLOW_CLOSED));
    put(&b, "memory_bytes", counter_sum(COUNTER_RSS));
    buf_printf(&b, ",\"cpu_s\":%.2f", api_status_cpu_s());
    put_memory(&b);
    put_shards(&b);
    buf_byte(&b, '}');
    if (buf_ok(&b))
        http_answer(s, &(struct http_response){
                           .status = 200,
                           .content_type = SLICE("application/json"),
                           .headers = SLICE("Cache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n"),
                           .body = buf_slice(&b),
                       });
    else
        http_refuse(s, 503, "Out of memory.");
    buf_clear(&b);
}

/* {"status":"ok","node":"n1________"}: the name cut or padded to 10 characters. */
void api_info_request(struct stream *s, const struct http_request *r)
{
    (void)r;
    struct buf b = { 0 };
    char       field[NODE_NAME_SIZE];
    size_t     len = strlen(name);
    memset(field, '_', sizeof field);
    memcpy(field, name, len < sizeof field ? len : sizeof field);
    buf_text(&b, "{\"status\":\"ok\",\"node\":");
    json_out_string(&b, slice_of(field, sizeof field));
    buf_byte(&b, '}');
    http_answer(s, &(struct http_response){
                       .status = buf_ok(&b) ? 200 : 503,
                       .content_type = SLICE("application/json"),
                       .headers = SLICE("Cache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n"),
                       .body = buf_slice(&b),
                   });
    buf_clear(&b);
}

/* Browsers ask for it unasked; the page's icon is an SVG that it names itself. */
void api_favicon_request(struct stream *s, const struct http_request *r)
{
    (void)r;
    http_answer(s, &(struct http_response){ .status = 301, .headers = SLICE("Location: /favicon.svg\r\n") });
}

void api_options_request(struct stream *s, const struct http_request *r)
{
    (void)r;
    http_answer(s, &(struct http_response){
                       .status = 200,
                       .content_type = SLICE("text/plain; charset=utf-8"),
                       .headers = SLICE("Access-Control-Allow-Origin: *\r\n"
                                        "Access-Control-Allow-Methods: GET\r\n"
                                        "Allow: OPTIONS, GET, HEAD\r\n"
                                        "Access-Control-Allow-Headers: origin, content-type, accept\r\n"),
                       .body = SLICE("+OK\r\n"),
                   });
}
