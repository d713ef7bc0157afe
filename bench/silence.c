/* silence: what it costs to keep connections that say nothing: a ping and its pong for each, now and then. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/raw.h"
#include "bench/target.h"

#define ROUNDS 4
#define A_MINUTE_OF_A_MILLION 16666.7 /* pings a second, when each of 1,000,000 connections gets one in 60 s */

static void wait_pings(const struct crowd *c, uint64_t until)
{
    uint64_t patience_ms = clock_mono_ms() + 60000;
    while (crowd_pings(c) < until) {
        if (clock_mono_ms() > patience_ms)
            die("%llu pings came where %llu were due", (unsigned long long)crowd_pings(c), (unsigned long long)until);
        usleep(1000);
    }
}

/* Microseconds of CPU for a ping and its pong; the first round is not counted. */
static double ours_run(const struct bench *b, uint32_t *out_head, uint32_t *out_hello, unsigned *out_threads)
{
    static const char *const options[] = { "--ws.ping=2s", "--ws.idle=30s", NULL };
    struct target            t = target_start(b->server, options);
    struct crowd_opening     opening;
    struct publisher         p;
    publisher_open(&p, t.ws_port);
    *out_head = p.head_bytes, *out_hello = p.hello_bytes, *out_threads = target_threads(t.pid) - 1;
    struct crowd *c = crowd_new(t.ws_port, b->connections);
    if (!crowd_open(c, 0, &opening))
        die("%u connections could not be opened", b->connections);
    bench_subscribe(c, &p, b->connections);
    publisher_close(&p); /* it would not answer pings */
    wait_pings(c, b->connections);
    double   cpu = target_cpu_us(t.pid);
    uint64_t pings = crowd_pings(c);
    wait_pings(c, pings + (uint64_t)ROUNDS * b->connections);
    double us = (target_cpu_us(t.pid) - cpu) / (double)(crowd_pings(c) - pings);
    crowd_free(c);
    target_stop(&t);
    return us;
}

static double raw_run(const struct bench *b, uint32_t head, uint32_t hello, unsigned threads)
{
    struct crowd_opening opening;
    struct raw           raw;
    raw_start(&raw, threads, head, hello);
    struct crowd *c = crowd_new(raw.port, b->connections);
    if (!crowd_open(c, 0, &opening))
        die("%u connections could not be opened", b->connections);
    double cpu = 0;
    for (unsigned round = 0; round <= ROUNDS; round++) {
        raw_ping(&raw);
        wait_pings(c, (uint64_t)(round + 1) * b->connections);
        target_settle(raw.pid);
        if (round == 0)
            cpu = target_cpu_us(raw.pid);
    }
    double us = (target_cpu_us(raw.pid) - cpu) / ROUNDS / b->connections;
    crowd_free(c);
    raw_stop(&raw);
    return us;
}

void bench_silence(const struct bench *b)
{
    static struct series us[2], cores[2];
    uint32_t             head, hello;
    unsigned             threads;
    if (!bench_wants(b, "silence"))
        return;
    for (unsigned i = 0; i < (b->runs > 1 ? 2 : 1); i++) {
        series_add(&us[0], ours_run(b, &head, &hello, &threads));
        series_add(&us[1], raw_run(b, head, hello, threads));
        for (unsigned k = 0; k < 2; k++)
            series_add(&cores[k], us[k].at[i] * A_MINUTE_OF_A_MILLION / 1e6);
    }
    report_section(b->report, "Silence: a ping to each idle connection, and its pong (raw: send() and recv() in a loop)");
    report_row(b->report, &(struct row){ .id = "silence.cpu",
                                         .what = "CPU of the server for each pair, us",
                                         .unit = "us",
                                         .ours = &us[0],
                                         .raw = &us[1] });
    report_row(b->report, &(struct row){ .id = "silence.cores",
                                         .what = "of a core for 1,000,000 every 60 s",
                                         .unit = "cores",
                                         .ours = &cores[0],
                                         .raw = &cores[1],
                                         .target_name = "P7",
                                         .target_kind = AT_MOST,
                                         .target = 0.2 });
}
