/* growth: what a connection and a delivery cost at 1,000, 10,000, 100,000 ... connections. Flat is the goal. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/raw.h"
#include "bench/target.h"

#define WINDOW  200
#define WARM_UP 500

/* Of ours and of the raw loop. */
struct costs {
    double memory, kept;             /* bytes for each connection: while it is there, and when all have gone */
    double connect, deliver, leave;  /* us of CPU */
};

struct party {
    struct crowd *crowd;
    pid_t         pid;
    double        rss; /* before anybody came */
};

static void come(struct party *p, uint16_t port, unsigned count, struct costs *out)
{
    struct crowd_opening opening;
    target_settle(p->pid);
    p->rss = (double)target_rss_bytes(p->pid);
    double cpu = target_cpu_us(p->pid);
    p->crowd = crowd_new(port, count);
    if (!crowd_open(p->crowd, 0, &opening))
        die("%u connections could not be opened", count);
    target_settle(p->pid);
    out->connect = (target_cpu_us(p->pid) - cpu) / count;
}

static void leave(struct party *p, unsigned count, struct costs *out)
{
    double cpu = target_cpu_us(p->pid);
    crowd_free(p->crowd);
    target_settle(p->pid);
    out->leave = (target_cpu_us(p->pid) - cpu) / count;
    out->kept = ((double)target_rss_bytes(p->pid) - p->rss) / count;
}

static void await(struct crowd *c)
{
    uint64_t end;
    if (!crowd_wait(c, &end))
        die("not every message came to every subscriber");
}

static void warm_up(struct target *t)
{
    struct crowd_opening opening;
    struct crowd        *c = crowd_new(t->ws_port, WARM_UP);
    if (!crowd_open(c, 0, &opening))
        die("%u connections could not be opened", WARM_UP);
    crowd_free(c);
}

static struct costs ours_run(const struct bench *b, unsigned count, unsigned messages, struct raw *raw, uint32_t *out_frame)
{
    char              most[64];
    const char *const options[] = { most, "--ws.ping=0", "--ws.idle=0", NULL };
    struct costs      costs;
    struct publisher  publisher;
    snprintf(most, sizeof most, "--ws.max_connections=%u", count + WARM_UP + 1000);
    struct target t = target_start(b->server, options);
    struct party  p = { .pid = t.pid };
    publisher_open(&publisher, t.ws_port);
    raw_start(raw, target_threads(t.pid) - 1, publisher.head_bytes, publisher.hello_bytes);
    warm_up(&t);
    come(&p, t.ws_port, count, &costs);
    bench_subscribe(p.crowd, &publisher, count);
    target_settle(p.pid);
    costs.memory = ((double)target_rss_bytes(p.pid) - p.rss) / count;
    double cpu = target_cpu_us(p.pid);
    for (unsigned i = 0; i < messages; i++) {
        crowd_expect(p.crowd, count);
        publisher_send(&publisher, 1, 64, WINDOW);
        await(p.crowd);
        publisher_collect(&publisher);
    }
    target_settle(p.pid);
    costs.deliver = (target_cpu_us(p.pid) - cpu) / messages / count;
    *out_frame = crowd_frame_bytes(p.crowd);
    leave(&p, count, &costs);
    publisher_close(&publisher);
    target_stop(&t);
    return costs;
}

static struct costs raw_run(unsigned count, unsigned messages, struct raw *raw, uint32_t frame_bytes)
{
    struct costs costs = { 0 };
    struct party p = { .pid = raw->pid };
    come(&p, raw->port, count, &costs);
    double cpu = target_cpu_us(p.pid);
    for (unsigned i = 0; i < messages; i++) {
        crowd_expect(p.crowd, count);
        raw_send(raw, 1, frame_bytes, 0);
        await(p.crowd);
    }
    target_settle(p.pid);
    costs.deliver = (target_cpu_us(p.pid) - cpu) / messages / count;
    leave(&p, count, &costs);
    raw_stop(raw);
    return costs;
}

static void add_row(const struct bench *b, unsigned count, const char *name, const char *what, const char *unit, double ours, double raw)
{
    char          id[64];
    struct series s[2] = { 0 };
    series_add(&s[0], ours);
    series_add(&s[1], raw);
    snprintf(id, sizeof id, "growth.%u.%s", count, name);
    report_row(b->report, &(struct row){ .id = id, .what = what, .unit = unit, .ours = &s[0], .raw = raw > 0 ? &s[1] : NULL });
}

static void growth_rows(const struct bench *b, unsigned count)
{
    unsigned     messages = 200000 / count > 0 ? 200000 / count : 1;
    char         title[80];
    struct raw   raw;
    uint32_t     frame_bytes;
    struct costs ours = ours_run(b, count, messages, &raw, &frame_bytes), raws = raw_run(count, messages, &raw, frame_bytes);
    snprintf(title, sizeof title, "%u connections, each subscribed: what one costs the server", count);
    report_section(b->report, title);
    add_row(b, count, "memory", "memory, bytes", "bytes", ours.memory, 0);
    add_row(b, count, "connect", "CPU to come, us", "us", ours.connect, raws.connect);
    add_row(b, count, "deliver", "CPU of a delivery, us", "us", ours.deliver, raws.deliver);
    add_row(b, count, "leave", "CPU to go, all at once, us", "us", ours.leave, raws.leave);
    add_row(b, count, "kept", "memory kept when all have gone, bytes", "bytes", ours.kept, 0);
}

void bench_growth(const struct bench *b)
{
    if (b->only == NULL || !bench_wants(b, "growth"))
        return;
    for (unsigned count = 1000; count <= b->connections; count *= 10)
        growth_rows(b, count);
}
