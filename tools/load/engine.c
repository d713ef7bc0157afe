/* engine.c: see engine.h.
 *
 *   ramp: connect all -> settle: silence -> hold: publish, second after second -> quiet: what is under way arrives -> the last
 *   word of every listener. A storm stops the clock of the hold until all are back.
 */
#include "load/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/crew.h"
#include "load/machine.h"
#include "load/publish.h"

#define QUIET_MOST_S 20 /* for what is under way to arrive */
#define STUCK_S      30 /* without one more that came back, a storm is over */
#define SECOND_NS    1000000000u

enum phase { PHASE_RAMP, PHASE_SETTLE, PHASE_HOLD, PHASE_QUIET, PHASE_OVER };

struct run {
    const struct plan *plan;
    struct results    *results;
    struct crew       *crew;
    struct publishers *publishers; /* NULL: nobody publishes */
    struct streams     streams;
    struct machine     machine;
    enum phase         phase;
    uint64_t           start_ns, phase_ns;
    uint64_t           heard; /* deliveries so far */
    unsigned           still; /* seconds without one */
    uint64_t           storm_ns, back_ns; /* when all were cut, and when somebody came back last */
    uint32_t           back;              /* how many are back */
    double             silent_cores;      /* the sum of the samples while all were silent */
    unsigned           silent_samples;
    bool               has_stormed, is_storming, wants_end;
};

static bool publishes(const struct plan *p)
{
    return p->workload != WORKLOAD_IDLE;
}

static uint32_t stream_count(const struct plan *p)
{
    if (p->workload == WORKLOAD_PRIVATE)
        return p->connections;
    return p->rooms > 1 ? p->rooms : 1;
}

const char *engine_limits(const struct plan *plan, char *out, size_t size)
{
    uint64_t memory = (uint64_t)plan->connections * 6000; /* the kernel's half of a connection, and ours */
    out[0] = '\0';
    if (plan->connections > 0 && machine_ports() < 8000)
        snprintf(out, size, "net.ipv4.ip_local_port_range has only %u ports: sysctl -w net.ipv4.ip_local_port_range='1024 65535'", machine_ports());
    else if (memory > machine_memory_free())
        snprintf(out, size, "%u connections want about %llu MB for this side alone, and %llu MB are free", plan->connections,
                 (unsigned long long)(memory >> 20), (unsigned long long)(machine_memory_free() >> 20));
    return out;
}

static void count_errors(struct results *r, struct sample *s, const struct crew_counts *c)
{
    for (unsigned e = 0; e < LOAD_ERROR_COUNT; e++) {
        s->errors[e] = (uint32_t)c->errors[e];
        r->errors[e] += c->errors[e];
    }
    if (r->first_error[0] == '\0')
        memcpy(r->first_error, c->first_error, sizeof r->first_error);
}

static void count_crew(struct run *run, struct sample *s, const struct crew_counts *c)
{
    struct results *r = run->results;
    s->online = c->online;
    s->connecting = c->connecting;
    s->made = (uint32_t)c->made;
    s->lost = (uint32_t)c->lost;
    s->delivered = c->delivered;
    s->received_bytes = c->received_bytes;
    s->latency_us.p50 = (uint32_t)histogram_percentile(&c->latency_us, 50);
    s->latency_us.p99 = (uint32_t)histogram_percentile(&c->latency_us, 99);
    s->latency_us.p999 = (uint32_t)histogram_percentile(&c->latency_us, 99.9);
    s->latency_us.max = (uint32_t)c->latency_us.max_us;
    count_errors(r, s, c);
    r->made += c->made;
    r->lost += c->lost;
    r->delivered += c->delivered;
    r->missing = c->faults.missing;
    r->doubled = c->faults.doubled;
    r->disordered = c->faults.disordered;
    histogram_merge(&r->connect_us, &c->connect_us);
    histogram_merge(&r->latency_us, &c->latency_us);
    r->peak_online = c->online > r->peak_online ? c->online : r->peak_online;
}

static void count_publishers(struct run *run, struct sample *s)
{
    struct publish_counts c;
    struct results       *r = run->results;
    if (run->publishers == NULL)
        return;
    publishers_take(run->publishers, &c);
    s->published = c.published;
    r->published += c.published;
    r->refused += c.refused;
    histogram_merge(&r->publish_us, &c.answer_us);
    if (r->first_error[0] == '\0')
        memcpy(r->first_error, c.first_error, sizeof r->first_error);
    run->wants_end |= c.has_failed;
}

static void look(struct run *run, const struct crew_counts *c)
{
    struct results *r = run->results;
    struct sample  *s = results_sample(r), none;
    if (s == NULL) {
        memset(&none, 0, sizeof none);
        s = &none;
    }
    s->at_s = (double)(clock_mono_ns() - run->start_ns) / 1e9;
    count_crew(run, s, c);
    count_publishers(run, s);
    machine_look(&run->machine, run->plan->server_pid, s->core_percent, &s->server_cpu);
    r->core_count = run->machine.core_count;
    s->own_rss = machine_rss(0);
    s->server_rss = run->plan->server_pid > 0 ? machine_rss(run->plan->server_pid) : 0;
    r->peak_server_rss = s->server_rss > r->peak_server_rss ? s->server_rss : r->peak_server_rss;
    run->still = s->delivered > 0 ? 0 : run->still + 1;
}

static void enter(struct run *run, enum phase next)
{
    run->phase = next;
    run->phase_ns = clock_mono_ns();
}

static double in_phase_s(const struct run *run)
{
    return (double)(clock_mono_ns() - run->phase_ns) / 1e9;
}

/* The storm: all are cut in the middle of the hold. Churn: some of them, each second. */
static void disturb(struct run *run)
{
    const struct plan *p = run->plan;
    if (p->workload == WORKLOAD_STORM && !run->has_stormed && in_phase_s(run) >= p->hold_s / 2.0) {
        run->has_stormed = run->is_storming = true;
        run->storm_ns = run->back_ns = clock_mono_ns();
        run->back = 0;
        crew_cut(run->crew, 1);
    }
    if (p->workload == WORKLOAD_CHURN)
        crew_cut(run->crew, p->churn_percent / 100);
}

/* Is everybody back whom the storm has cut? Meanwhile the clock of the hold stands still. */
static void mind_storm(struct run *run, const struct crew_counts *c)
{
    uint64_t now = clock_mono_ns();
    bool     is_cut = c->online < run->plan->connections || c->made > 0; /* seen at all by the counts */
    if (!run->is_storming || !is_cut)
        return;
    if (c->online > run->back) {
        run->back = c->online;
        run->back_ns = now;
    }
    bool is_back = c->online >= run->plan->connections;
    if (!is_back && now - run->back_ns < STUCK_S * (uint64_t)SECOND_NS && !run->wants_end)
        return;
    run->is_storming = false;
    run->phase_ns += now - run->storm_ns;
    run->results->storm_back_s = is_back ? (double)(now - run->storm_ns) / 1e9 : 0;
}

static void begin_work(struct run *run)
{
    if (run->silent_samples > 0)
        run->results->idle_server_cpu = run->silent_cores / run->silent_samples;
    run->results->idle_server_rss = run->plan->server_pid > 0 ? machine_rss(run->plan->server_pid) : 0;
    if (run->publishers != NULL)
        publishers_start(run->publishers);
    enter(run, PHASE_HOLD);
}

static void listen_to_silence(struct run *run)
{
    const struct results *r = run->results;
    double                cores = r->sample_count > 0 ? r->samples[r->sample_count - 1].server_cpu : -1;
    if (cores < 0 || in_phase_s(run) < 1.5) /* the first sample still covers the ramp */
        return;
    run->silent_cores += cores;
    run->silent_samples++;
}

static void go_on(struct run *run, const struct crew_counts *c)
{
    const struct plan *p = run->plan;
    uint64_t           failed = run->results->lost;
    for (unsigned e = 0; e < LOAD_ERROR_COUNT; e++)
        failed += run->results->errors[e];
    switch (run->phase) {
    case PHASE_RAMP:
        if (c->online < p->connections && c->online + failed < p->connections && !run->wants_end)
            return;
        enter(run, PHASE_SETTLE);
        if (p->settle_s == 0)
            begin_work(run);
        return;
    case PHASE_SETTLE:
        listen_to_silence(run);
        if (in_phase_s(run) >= p->settle_s || run->wants_end)
            begin_work(run);
        return;
    case PHASE_HOLD:
        mind_storm(run, c);
        disturb(run);
        if ((run->is_storming || in_phase_s(run) < p->hold_s) && !run->wants_end)
            return;
        if (run->publishers != NULL)
            publishers_stop(run->publishers);
        enter(run, publishes(p) ? PHASE_QUIET : PHASE_OVER);
        return;
    case PHASE_QUIET:
        if (run->still >= 2 || in_phase_s(run) > QUIET_MOST_S)
            enter(run, PHASE_OVER);
        return;
    case PHASE_OVER:
        return;
    }
}

static void sleep_until_ns(uint64_t at_ns)
{
    struct timespec at = { .tv_sec = (time_t)(at_ns / SECOND_NS), .tv_nsec = (long)(at_ns % SECOND_NS) };
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL); /* a signal ends it early: the next look comes sooner */
}

static void count_expected(struct run *run)
{
    struct results *r = run->results;
    r->wanted = run->plan->connections;
    r->expected = r->delivered + r->missing;
}

static void carry_out(struct run *run, struct crew_counts *c, bool (*on_second)(const struct results *so_far, void *context), void *context)
{
    crew_start(run->crew);
    enter(run, PHASE_RAMP);
    for (uint64_t second = 1; run->phase != PHASE_OVER; second++) {
        sleep_until_ns(run->start_ns + second * SECOND_NS);
        crew_take(run->crew, c);
        look(run, c);
        go_on(run, c);
        if (on_second != NULL && !on_second(run->results, context) && !run->wants_end) {
            run->wants_end = true;
            run->results->was_interrupted = true;
        }
    }
    crew_end(run->crew, c);
    struct sample ignored = { 0 };
    count_crew(run, &ignored, c);
    run->results->peak_online = ignored.online > run->results->peak_online ? ignored.online : run->results->peak_online;
    count_publishers(run, &ignored);
    count_expected(run);
}

static void introduce(const struct plan *plan, struct results *r)
{
    time_t    now = time(NULL);
    struct tm utc;
    *r = (struct results){ .wanted = plan->connections };
    plan_sentence(plan, r->title, sizeof r->title);
    machine_name(r->machine, sizeof r->machine);
    gmtime_r(&now, &utc);
    strftime(r->started, sizeof r->started, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

enum status engine_run(const struct plan *plan, struct results *out, bool (*on_second)(const struct results *so_far, void *context),
                       void *context, struct error *out_error)
{
    struct run          run = { .plan = plan, .results = out };
    struct crew_counts *counts = calloc(1, sizeof *counts);
    uint8_t             percent[MACHINE_CORES_MAX];
    double              cores;
    introduce(plan, out);
    run.streams.count = stream_count(plan);
    run.streams.given = calloc(run.streams.count, sizeof *run.streams.given);
    enum status s = counts != NULL && run.streams.given != NULL ? OK : error_plain(out_error, E_NO_MEMORY);
    for (unsigned i = 0; s == OK && i < plan->target_count; i++)
        if (plan->targets[i].is_tls)
            s = error_set(out_error, E_NOT_IMPLEMENTED, "wss:// targets are not there yet: put a ws:// address, or a proxy, in front");
    if (s == OK && publishes(plan))
        s = publishers_new(plan, &run.streams, &run.publishers, out_error);
    if (s == OK && (run.crew = crew_new(plan, &run.streams)) == NULL)
        s = error_set(out_error, E_IO, "the connections cannot be prepared: an address that is not known, no memory, or no threads");
    if (s == OK) {
        run.start_ns = clock_mono_ns();
        machine_look(&run.machine, plan->server_pid, percent, &cores);
        carry_out(&run, counts, on_second, context);
    }
    if (run.publishers != NULL) {
        publishers_stop(run.publishers);
        publishers_free(run.publishers);
    }
    crew_free(run.crew);
    free(run.streams.given);
    free(counts);
    return s;
}
