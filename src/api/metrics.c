/* metrics.c: see metrics.h. */
#include "api/metrics.h"

#include <stdio.h>

#include "api/status.h"
#include "base/buf.h"
#include "base/counter.h"
#include "http/conn.h"

/* Sentences have neither line ends nor backslashes, which would have to be written otherwise. */
static void put_head(struct buf *b, const char *name, const char *suffix, const char *type, const char *sentence)
{
    buf_printf(b, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, sentence, name, suffix, type);
}

static void put_counter(struct buf *b, enum counter c)
{
    const struct counter_row *row = counter_row(c);
    bool                      is_total = row->kind == COUNTER_TOTAL;
    const char               *suffix = is_total ? "_total" : "";
    char                      name[96];
    snprintf(name, sizeof name, "encke_%s", row->key);
    put_head(b, name, suffix, is_total ? "counter" : "gauge", row->sentence);
    buf_printf(b, "%s%s %llu\n", name, suffix, (unsigned long long)counter_sum(c));
}

/* The names that every exporter has. */
static void put_process(struct buf *b)
{
    put_head(b, "process_resident_memory_bytes", "", "gauge", "Resident memory.");
    buf_printf(b, "process_resident_memory_bytes %llu\n", (unsigned long long)counter_sum(COUNTER_RSS));
    put_head(b, "process_cpu_seconds_total", "", "counter", "Processor time of all threads since the start.");
    buf_printf(b, "process_cpu_seconds_total %.2f\n", api_status_cpu_s());
    put_head(b, "encke_uptime_seconds", "", "gauge", "Seconds since the start.");
    buf_printf(b, "encke_uptime_seconds %llu\n", (unsigned long long)api_status_uptime_s());
    put_head(b, "encke_build_info", "", "gauge", "The version that runs.");
    buf_text(b, "encke_build_info{version=\"" ENCKE_VERSION "\"} 1\n");
}

void api_metrics_request(struct stream *s, const struct http_request *r)
{
    (void)r;
    struct buf b = { 0 };
    for (enum counter c = 0; c < COUNTER_COUNT; c++)
        put_counter(&b, c);
    put_process(&b);
    if (buf_ok(&b))
        http_answer(s, &(struct http_response){
                           .status = 200,
                           .content_type = SLICE("text/plain; version=0.0.4; charset=utf-8"),
                           .headers = SLICE("Cache-Control: no-store\r\n"),
                           .body = buf_slice(&b),
                       });
    else
        http_refuse(s, 503, "Out of memory.");
    buf_clear(&b);
}
