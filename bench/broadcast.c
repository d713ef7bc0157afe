/* broadcast: messages to many subscribers: one at a time, now and then, in a steady flow, in bursts. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/stage.h"

#define SQL_DEPTH 32            /* statements under way on each CometQL connection */
#define FLOW_DELIVERIES 3000000 /* a second: more than P5 asks for, over seconds */
#define JOIN_BYTES (256 * 1024) /* of the raw loop that joins messages */

/* The best of the field and CppComet, deliveries per second (shared goals of the project, measured on such a machine).
 */
static const struct peer {
    unsigned count, bytes;
    double   burst_best, burst_cppcomet, single_best, single_cppcomet;
} peers[] = {
    { 10000, 64, 362000, 101000, 139000, 101000 },
    { 10000, 1024, 1421000, 49000, 0, 0 },
    { 1000, 64, 628000, 107000, 0, 0 },
    { 0, 0, 0, 0, 0, 0 },
};

static const struct peer *peer_of(unsigned count, unsigned bytes)
{
    const struct peer *p = peers;
    while (p->count != 0 && (p->count != count || p->bytes != bytes))
        p++;
    return p;
}

/* --- one at a time --------------------------------------------------------------------------------------- */

/* Ours and the raw loop's. */
struct single {
    struct series rate[2], cpu_us[2];
};

static void single_run(struct stage *s, unsigned bytes, unsigned messages, struct single *out)
{
    const pid_t pids[2] = { s->target.pid, s->raw.pid };
    double      took[2] = { 0 }, cpu[2] = { target_cpu_us(pids[0]), target_cpu_us(pids[1]) };
    for (unsigned i = 0; i < messages; i++) { /* in turns: what else happens on the machine happens to both */
        took[0] += stage_deliver_one(s, bytes);
        took[1] += stage_deliver_raw(s, 1, 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        series_add(&out->rate[i], (double)messages * s->count / took[i]);
        series_add(&out->cpu_us[i], (target_cpu_us(pids[i]) - cpu[i]) / messages / s->count);
    }
}

static void single_row(struct stage *s, unsigned bytes)
{
    static struct single figures;
    const struct peer   *peer = peer_of(s->count, bytes);
    unsigned             messages = (s->bench->is_quick ? 40000 : 200000) / s->count;
    char                 id[64], what[64];
    figures = (struct single){ 0 };
    stage_deliver_one(s, bytes); /* warms up, and tells the size of a frame */
    stage_deliver_raw(s, 1, 0);
    for (unsigned run = 0; run < s->bench->runs; run++)
        single_run(s, bytes, messages > 0 ? messages : 1, &figures);
    snprintf(id, sizeof id, "single.%u.%u", bytes, s->count);
    snprintf(what, sizeof what, "%u B to %u", bytes, s->count);
    report_row(s->bench->report, &(struct row){ .id = id,
                                                .what = what,
                                                .unit = "1/s",
                                                .ours = &figures.rate[0],
                                                .raw = &figures.rate[1],
                                                .target_name = "P4",
                                                .target_kind = RATIO_AT_LEAST,
                                                .target = 0.9,
                                                .field = peer->single_best,
                                                .cppcomet = peer->single_cppcomet });
    snprintf(id, sizeof id, "single.cpu.%u.%u", bytes, s->count);
    snprintf(what, sizeof what, "%u B: CPU of the sender for each, us", bytes);
    report_row(
        s->bench->report,
        &(struct row){ .id = id, .what = what, .unit = "us", .ours = &figures.cpu_us[0], .raw = &figures.cpu_us[1] });
}

/* --- bursts ---------------------------------------------------------------------------------------------- */

static unsigned burst_messages(const struct stage *s, unsigned bytes)
{
    unsigned deliveries = bytes <= 64 ? (s->count > 1000 ? 5000000 : 2000000) : 1000000;
    deliveries = s->bench->is_quick ? deliveries / 5 : deliveries;
    return deliveries / s->count > 0 ? deliveries / s->count : 1;
}

static double burst(struct stage *s, unsigned bytes, unsigned messages, bool by_sql)
{
    crowd_expect(s->ours, (uint64_t)messages * s->count);
    uint64_t begin = clock_mono_ns();
    if (by_sql)
        sql_insert(&s->sql, BENCH_CHANNEL, messages, bytes, SQL_DEPTH);
    else
        publisher_send(&s->publisher, messages, bytes, WINDOW);
    double seconds = stage_wait(s->ours, begin, "encke");
    publisher_collect(&s->publisher);
    return seconds;
}

static void burst_row(struct stage *s, unsigned bytes, bool by_sql)
{
    struct series      ours = { 0 }, raw = { 0 };
    const struct peer *peer = peer_of(s->count, bytes);
    unsigned           messages = burst_messages(s, bytes);
    char               id[64], what[64];
    stage_deliver_one(s, bytes); /* tells the size of a frame */
    for (unsigned run = 0; run < s->bench->runs; run++) {
        series_add(&ours, (double)messages * s->count / burst(s, bytes, messages, by_sql));
        series_add(&raw, (double)messages * s->count / stage_deliver_raw(s, messages, JOIN_BYTES));
    }
    snprintf(id, sizeof id, "burst.%u.%u.%s", bytes, s->count, by_sql ? "sql" : "websocket");
    snprintf(what, sizeof what, "%u of %u B to %u, by %s", messages, bytes, s->count, by_sql ? "CometQL" : "WebSocket");
    report_row(s->bench->report, &(struct row){ .id = id,
                                                .what = what,
                                                .unit = "1/s",
                                                .ours = &ours,
                                                .raw = &raw,
                                                .target_name = "P5",
                                                .target_kind = AT_LEAST,
                                                .target = 2000000,
                                                .field = peer->burst_best,
                                                .cppcomet = peer->burst_cppcomet });
}

/* --- a steady flow --------------------------------------------------------------------------------------- */

/* A publisher who waits for nothing and goes on for seconds: does the server keep up, what does it use, how far behind
 * is the last subscriber at the end? */
static void flow_run(struct stage *s, unsigned bytes, struct series figures[3])
{
    unsigned seconds = s->bench->is_quick ? 1 : 3, a_second = FLOW_DELIVERIES / s->count, messages = seconds * a_second;
    crowd_expect(s->ours, (uint64_t)messages * s->count);
    double   cpu = target_cpu_us(s->target.pid);
    uint64_t begin = clock_mono_ns(), last = begin;
    for (unsigned i = 0; i < messages; i++) {
        stage_wait_until(begin + i * (UINT64_C(1000000000) / a_second));
        last = clock_mono_ns();
        publisher_send(&s->publisher, 1, bytes, WINDOW);
    }
    double took = stage_wait(s->ours, begin, "encke");
    publisher_collect(&s->publisher);
    series_add(&figures[0], (double)messages * s->count / took);
    series_add(&figures[1], (took - (double)(last - begin) / 1e9) * 1000);
    series_add(&figures[2], (target_cpu_us(s->target.pid) - cpu) / (took * 1e6));
}

static void flow_rows(struct stage *s, unsigned bytes)
{
    struct series figures[3] = { 0 };
    char          id[64], what[64];
    for (unsigned run = 0; run < s->bench->runs; run++)
        flow_run(s, bytes, figures);
    snprintf(id, sizeof id, "flow.rate.%u.%u", bytes, s->count);
    snprintf(what, sizeof what, "%u B: deliveries per second", bytes);
    report_row(s->bench->report, &(struct row){ .id = id,
                                                .what = what,
                                                .unit = "1/s",
                                                .ours = &figures[0],
                                                .target_name = "P5",
                                                .target_kind = AT_LEAST,
                                                .target = 2000000 });
    snprintf(id, sizeof id, "flow.behind.%u.%u", bytes, s->count);
    snprintf(what, sizeof what, "%u B: the last comes after, ms", bytes);
    report_row(s->bench->report, &(struct row){ .id = id, .what = what, .unit = "ms", .ours = &figures[1] });
    snprintf(id, sizeof id, "flow.cpu.%u.%u", bytes, s->count);
    snprintf(what, sizeof what, "%u B: the server's CPU, cores", bytes);
    report_row(s->bench->report, &(struct row){ .id = id, .what = what, .unit = "cores", .ours = &figures[2] });
}

/* --- latency --------------------------------------------------------------------------------------------- */

static void latency_rows(struct stage *s)
{
    static struct series ours, raw;
    struct series        figure[4] = { 0 };
    unsigned             messages = s->bench->is_quick ? 10 : 50;
    char                 what[64];
    stage_deliver_one(s, 64);
    stage_deliver_raw(s, 1, 0);
    uint64_t begin = clock_mono_ns();
    for (unsigned i = 0; i < messages; i++) { /* in turns, so that each has a tenth of a second for itself */
        stage_wait_until(begin + i * UINT64_C(200000000));
        series_add(&ours, stage_deliver_one(s, 64) * 1000);
        stage_wait_until(begin + i * UINT64_C(200000000) + 100000000);
        series_add(&raw, stage_deliver_raw(s, 1, 0) * 1000);
    }
    series_add(&figure[0], series_median(&ours));
    series_add(&figure[1], series_median(&raw));
    series_add(&figure[2], series_part(&ours, 0.99));
    series_add(&figure[3], series_part(&raw, 0.99));
    snprintf(what, sizeof what, "median of %u", messages);
    report_row(s->bench->report, &(struct row){ .id = "latency.median",
                                                .what = what,
                                                .unit = "ms",
                                                .ours = &figure[0],
                                                .raw = &figure[1],
                                                .field = 60,
                                                .cppcomet = 116 });
    report_row(s->bench->report, &(struct row){ .id = "latency.p99",
                                                .what = "p99",
                                                .unit = "ms",
                                                .ours = &figure[2],
                                                .raw = &figure[3],
                                                .target_name = "P6",
                                                .target_kind = RATIO_AT_MOST,
                                                .target = 1.2 });
}

/* --- all ------------------------------------------------------------------------------------------------- */

static void stage_rows(const struct bench *b, unsigned count)
{
    static struct stage s;
    char                title[160];
    stage_open(&s, b, count);
    if (bench_wants(b, "single")) {
        snprintf(title, sizeof title,
                 "One message at a time to %u subscribers, deliveries per second (raw: send() in a loop)", count);
        report_section(b->report, title);
        single_row(&s, 64);
        single_row(&s, 1024);
    }
    if (bench_wants(b, "latency") && count > 1000) {
        snprintf(title, sizeof title,
                 "5 messages of 64 B a second to %u subscribers: until the last has it, ms (raw: send() in a loop)",
                 count);
        report_section(b->report, title);
        latency_rows(&s);
    }
    if (bench_wants(b, "flow") && count > 1000) {
        snprintf(title, sizeof title,
                 "A steady flow of %u messages a second to %u subscribers, published without waiting",
                 FLOW_DELIVERIES / count, count);
        report_section(b->report, title);
        flow_rows(&s, 64);
        flow_rows(&s, 1024);
    }
    if (bench_wants(b, "burst")) {
        snprintf(title, sizeof title,
                 "Bursts to %u subscribers, deliveries per second (raw: messages joined, %d KB a send)", count,
                 JOIN_BYTES / 1024);
        report_section(b->report, title);
        for (unsigned i = 0; i < 4; i++)
            burst_row(&s, i < 2 ? 64 : 1024, i & 1);
    }
    stage_close(&s);
}

void bench_broadcast(const struct bench *b)
{
    if (!bench_wants(b, "single") && !bench_wants(b, "latency") && !bench_wants(b, "flow") && !bench_wants(b, "burst"))
        return;
    stage_rows(b, 1000);
    stage_rows(b, b->is_quick ? 2000 : 10000);
}
