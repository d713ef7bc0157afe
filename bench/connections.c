/* connections: what a connection costs in memory and time, and what a statement without subscribers costs. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/raw.h"
#include "bench/sql.h"
#include "bench/target.h"

#define WARM_UP 500 /* connections */

static const char *const no_options[] = { NULL };

/* The server plans its shards by the connections that are to come; without a number it has one for each core. */
static struct target start_for(const struct bench *b)
{
    char              most[64];
    const char *const options[] = { most, NULL };
    snprintf(most, sizeof most, "--ws.max_connections=%u", b->connections + 1000);
    return target_start(b->server, b->connections > 30000 ? options : no_options);
}

/* --- memory ---------------------------------------------------------------------------------------------- */

struct memory {
    double rss, pss;
};

static struct memory memory_of(pid_t pid)
{
    target_settle(pid);
    return (struct memory){ (double)target_rss_bytes(pid), (double)target_pss_bytes(pid) };
}

static void settle_down(struct publisher *p, pid_t pid)
{
    for (unsigned i = 0; publisher_count(p) > 0 && i < 1000; i++)
        usleep(10000);
    target_settle(pid);
}

/* Bytes a connection: what `count` take more than WARM_UP, all subscribed and silent. What the server needs once, and
 * what it keeps from those who came before, is in both. */
static struct memory memory_run(const struct bench *b, unsigned count)
{
    const unsigned       counts[2] = { WARM_UP, count };
    struct target        t = start_for(b);
    struct crowd_opening opening;
    struct publisher     p;
    struct memory        held[2];
    publisher_open(&p, t.ws_port);
    for (unsigned i = 0; i < 2; i++) {
        struct crowd *c = crowd_new(t.ws_port, counts[i]);
        if (!crowd_open(c, 0, &opening))
            die("%u connections could not be opened", counts[i]);
        bench_subscribe(c, &p, counts[i]);
        held[i] = memory_of(t.pid);
        crowd_free(c);
        settle_down(&p, t.pid);
    }
    publisher_close(&p);
    target_stop(&t);
    return (struct memory){ (held[1].rss - held[0].rss) / (count - WARM_UP),
                            (held[1].pss - held[0].pss) / (count - WARM_UP) };
}

static void memory_rows(const struct bench *b)
{
    static struct series rss, pss;
    for (unsigned i = 0; i < (b->runs > 1 ? 2 : 1); i++) {
        struct memory m = memory_run(b, b->connections);
        series_add(&rss, m.rss);
        series_add(&pss, m.pss);
    }
    char what[64];
    report_section(b->report, "Memory of the server for an idle, subscribed connection, bytes");
    snprintf(what, sizeof what, "RSS, %u connections", b->connections);
    report_row(b->report, &(struct row){ .id = "memory.rss",
                                         .what = what,
                                         .unit = "bytes",
                                         .ours = &rss,
                                         .target_name = "P1",
                                         .target_kind = AT_MOST,
                                         .target = 400 });
    snprintf(what, sizeof what, "PSS, %u connections", b->connections);
    report_row(b->report, &(struct row){ .id = "memory.pss", .what = what, .unit = "bytes", .ours = &pss });
}

/* --- connections per second ------------------------------------------------------------------------------ */

static struct series rate[2], cpu[2], upgrade[2]; /* ours, raw */

static void connect_run(uint16_t port, pid_t pid, unsigned count, unsigned which)
{
    struct crowd_opening opening;
    target_settle(pid);
    struct crowd *c = crowd_new(port, count);
    double        before = target_cpu_us(pid);
    if (!crowd_open(c, 0, &opening))
        die("%u connections could not be opened", count);
    series_add(&cpu[which], (target_cpu_us(pid) - before) / count);
    series_add(&rate[which], count / opening.seconds);
    crowd_free(c);
}

static void paced_run(uint16_t port, pid_t pid, unsigned which)
{
    struct crowd_opening opening;
    target_settle(pid);
    struct crowd *c = crowd_new(port, 5000);
    if (!crowd_open(c, 2500, &opening))
        die("connections could not be opened");
    series_add(&upgrade[which], opening.upgrade_p99_ms);
    crowd_free(c);
}

static void connect_rows(const struct bench *b)
{
    struct target    t = start_for(b);
    struct publisher p;
    struct raw       raw;
    publisher_open(&p, t.ws_port);
    raw_start(&raw, target_threads(t.pid) - 1, p.head_bytes, p.hello_bytes);
    publisher_close(&p);
    for (unsigned i = 0; i < b->runs; i++) {
        connect_run(t.ws_port, t.pid, b->connections, 0);
        connect_run(raw.port, raw.pid, b->connections, 1);
    }
    for (unsigned i = 0; i < (b->runs > 1 ? 2 : 1); i++) {
        paced_run(t.ws_port, t.pid, 0);
        paced_run(raw.port, raw.pid, 1);
    }
    raw_stop(&raw);
    target_stop(&t);
    report_section(b->report, "New connections: TCP, 101 and the first frame");
    report_row(b->report, &(struct row){ .id = "connect.rate",
                                         .what = "at full speed, per second",
                                         .unit = "1/s",
                                         .ours = &rate[0],
                                         .raw = &rate[1],
                                         .target_name = "P3",
                                         .target_kind = RATIO_AT_LEAST,
                                         .target = 0.7,
                                         .field = 33500,
                                         .cppcomet = 24000 });
    report_row(b->report, &(struct row){ .id = "connect.cpu",
                                         .what = "CPU of the server for each, us",
                                         .unit = "us",
                                         .ours = &cpu[0],
                                         .raw = &cpu[1],
                                         .target_name = "P3",
                                         .target_kind = AT_MOST,
                                         .target = 18 });
    report_row(b->report, &(struct row){ .id = "connect.p99",
                                         .what = "2,500 per second: p99 upgrade, ms",
                                         .unit = "ms",
                                         .ours = &upgrade[0],
                                         .raw = &upgrade[1],
                                         .target_name = "P3",
                                         .target_kind = AT_MOST,
                                         .target = 5 });
}

void bench_connections(const struct bench *b)
{
    if (bench_wants(b, "memory"))
        memory_rows(b);
    if (bench_wants(b, "connect"))
        connect_rows(b);
}

/* --- statements ------------------------------------------------------------------------------------------ */

/* A server with `options`, and INSERTs with 1 and with 32 under way on each connection, into a channel that keeps `kept` messages. */
static void statements_run(const struct bench *b, const char *const *options, unsigned kept, unsigned count, struct series figures[2])
{
    static const unsigned depths[2] = { 1, 32 };
    static struct sql     sql;
    struct target         t = target_start(b->server, options);
    sql_open(&sql, t.sql_port, "bench");
    if (kept > 0) {
        char statement[128];
        snprintf(statement, sizeof statement, "INSERT INTO pipes_settings (name, length) VALUES ('" BENCH_CHANNEL "', %u)", kept);
        sql_say(&sql, statement);
    }
    for (unsigned i = 0; i < b->runs; i++)
        for (unsigned d = 0; d < 2; d++) {
            uint64_t begin = clock_mono_ns();
            sql_insert(&sql, BENCH_CHANNEL, count, 64, depths[d]);
            series_add(&figures[d], count / ((double)(clock_mono_ns() - begin) / 1e9));
        }
    sql_close(&sql);
    target_stop(&t);
}

static void statement_rows(const struct bench *b, const char *id, struct series figures[2], double target)
{
    static const char *const what[2] = { "one under way on each connection", "32 under way on each connection" };
    static const char *const names[2] = { "one", "pipelined" };
    static char              ids[8][32];
    static unsigned          count;
    for (unsigned d = 0; d < 2; d++, count++) {
        snprintf(ids[count], sizeof ids[count], "%s.%s", id, names[d]);
        report_row(b->report, &(struct row){ .id = ids[count],
                                             .what = what[d],
                                             .unit = "1/s",
                                             .ours = &figures[d],
                                             .target_name = target > 0 ? "P8" : NULL,
                                             .target_kind = target > 0 ? AT_LEAST : NO_TARGET,
                                             .target = target });
    }
}

void bench_statements(const struct bench *b)
{
    static struct series     figures[3][2];
    static const char *const batch[] = { "--store.backend=sqlite", "--store.durability=batch", NULL };
    static const char *const commit[] = { "--store.backend=sqlite", "--store.durability=commit", NULL };
    if (!bench_wants(b, "sql"))
        return;
    statements_run(b, no_options, 0, b->is_quick ? 20000 : 100000, figures[0]);
    statements_run(b, batch, 1000, b->is_quick ? 10000 : 50000, figures[1]);
    statements_run(b, commit, 1000, b->is_quick ? 2000 : 20000, figures[2]);
    report_section(b->report, "CometQL: INSERT INTO pipes_messages, 64 B, 16 connections, no subscriber, per second");
    statement_rows(b, "sql", figures[0], 80000);
    report_section(b->report, "The same into a history of 1,000 in SQLite, answered when it is committed (durability batch)");
    statement_rows(b, "sql.batch", figures[1], 20000);
    report_section(b->report, "The same, answered when it is synced to the disk (durability commit)");
    statement_rows(b, "sql.commit", figures[2], 0);
}
