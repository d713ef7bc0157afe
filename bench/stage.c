/* stage.c: see stage.h. */
#include "bench/stage.h"

#include <unistd.h>

#include "base/clock.h"

/* No pings in the middle of a row; room for a burst before a slow reader is closed. */
static const char *const options[] = { "--ws.ping=0", "--ws.idle=0", "--ws.max_queue=64M", NULL };

void stage_open(struct stage *s, const struct bench *b, unsigned count)
{
    struct crowd_opening opening;
    *s = (struct stage){ .bench = b, .count = count };
    s->target = target_start(b->server, options);
    publisher_open(&s->publisher, s->target.ws_port);
    raw_start(&s->raw, target_threads(s->target.pid) - 1, s->publisher.head_bytes, s->publisher.hello_bytes);
    s->ours = crowd_new(s->target.ws_port, count);
    s->raws = crowd_new(s->raw.port, count);
    if (!crowd_open(s->ours, 0, &opening) || !crowd_open(s->raws, 0, &opening))
        die("%u connections could not be opened", count);
    bench_subscribe(s->ours, &s->publisher, count);
    sql_open(&s->sql, s->target.sql_port, "bench");
}

static void check(struct stage *s, struct crowd *c, const char *whose)
{
    struct crowd_faults f = crowd_faults(c);
    if (f.numbers > 0 || f.closed > 0)
        report_fault(s->bench->report,
                     "%u subscribers of %s: %llu messages lost, doubled or out of order, %llu connections closed",
                     s->count, whose, (unsigned long long)f.numbers, (unsigned long long)f.closed);
}

void stage_close(struct stage *s)
{
    target_settle(s->target.pid);
    check(s, s->ours, "encke");
    check(s, s->raws, "the raw loop");
    sql_close(&s->sql);
    publisher_close(&s->publisher);
    crowd_free(s->ours);
    crowd_free(s->raws);
    raw_stop(&s->raw);
    target_stop(&s->target);
}

double stage_wait(struct crowd *c, uint64_t begin, const char *whose)
{
    uint64_t end;
    if (!crowd_wait(c, &end))
        die("%s: not every message came to every subscriber: %llu connections were closed", whose,
            (unsigned long long)crowd_faults(c).closed);
    return (double)(end - begin) / 1e9;
}

double stage_deliver_one(struct stage *s, unsigned bytes)
{
    crowd_expect(s->ours, s->count);
    uint64_t begin = clock_mono_ns();
    publisher_send(&s->publisher, 1, bytes, WINDOW);
    double seconds = stage_wait(s->ours, begin, "encke");
    publisher_collect(&s->publisher);
    return seconds;
}

double stage_deliver_raw(struct stage *s, unsigned count, uint32_t join_bytes)
{
    crowd_expect(s->raws, (uint64_t)count * s->count);
    uint64_t begin = clock_mono_ns();
    raw_send(&s->raw, count, crowd_frame_bytes(s->ours), join_bytes);
    return stage_wait(s->raws, begin, "the raw loop");
}

void stage_wait_until(uint64_t when_ns)
{
    uint64_t now = clock_mono_ns();
    if (now < when_ns)
        usleep((useconds_t)((when_ns - now) / 1000));
}
