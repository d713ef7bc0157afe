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
#include "base/crypto.h"
#include "load/crew.h"
#include "load/limits.h"
#include "load/machine.h"
#include "load/metrics.h"
#include "load/publish.h"
#include "load/tls_client.h"

#define QUIET_MOST_S  120 /* for what is under way to arrive, */
#define QUIET_STILL_S 10  /* and no longer than this without any of it */
#define STUCK_S       30  /* without one more that came back, a storm is over */
#define LOOK_SLACK_S  0.1 /* a look that is a little early counts as the one of the full second */
#define SECOND_NS     1000000000u

enum phase { PHASE_RAMP, PHASE_SETTLE, PHASE_HOLD, PHASE_QUIET, PHASE_OVER };

struct run {
    const struct plan *plan;
    struct results    *results;
    struct crew       *crew;
    struct publishers *publishers; /* NULL: nobody publishes */
    struct streams     streams;
    struct tls_client *tls;        /* NULL: nothing is secured */
    struct metrics    *metrics;    /* NULL: the server is on this machine, or unknown */
    struct machine     machine;
    enum phase         phase;
    uint64_t           start_ns, phase_ns;
    uint64_t           server_rss;        /* at the last look */
    uint32_t           online;
    uint32_t           cuts;              /* so far */
    unsigned           still;             /* seconds without a delivery */
    unsigned           quiet_looks;       /* since the last publisher ended */
    uint64_t           storm_ns, back_ns; /* when all were cut, and when somebody came back last */
    uint32_t           before, back;      /* how many were online then, and how many are again */
    double             silent_cores;      /* the sum of the samples while all were silent */
    unsigned           silent_samples;
    bool               has_stormed, is_storming, wants_end;
};

static bool publishes(const struct plan *p)
{
    return p->workload != WORKLOAD_IDLE;
}

static bool needs_tls(const struct plan *p)
{
    bool needs = p->metrics.is_tls || p->http.is_tls;
    for (unsigned i = 0; i < p->target_count; i++)
        needs |= p->targets[i].is_tls;
    return needs;
}

static uint32_t stream_count(const struct plan *p)
{
    if (p->workload == WORKLOAD_PRIVATE)
        return p->connections;
    return p->rooms > 1 ? p->rooms : 1;
}

const char *engine_limits(const struct plan *plan, char *out, size_t size)
{
    struct buf          b = { 0 };
    const struct limits have = {
        .memory_free = machine_memory_free(), .ports = machine_ports(), .descriptors = machine_descriptors(),
        .files = machine_number("/proc/sys/fs/file-max"), .watches = machine_number("/proc/sys/fs/epoll/max_user_watches"),
        .tracked = machine_number("/proc/sys/net/netfilter/nf_conntrack_count") > 0
                       ? machine_number("/proc/sys/net/netfilter/nf_conntrack_max") : 0,
    };
    limits_check(plan, &have, &b);
    snprintf(out, size, "%.*s", SLICE_ARG(slice_trim(slice_first(buf_slice(&b), size - 1))));
    buf_clear(&b);
    return out;
}

static void count_errors(struct results *r, struct sample *s, const struct crew_counts *c)
{
    for (unsigned e = 0; e < LOAD_ERROR_COUNT; e++) {
        s->errors[e] = (uint32_t)c->errors[e];
        r->errors[e] += c->errors[e];
    }
    r->let_go += c->let_go;
    r->put_off += c->put_off;
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
    if (run->metrics != NULL)
        metrics_look(run->metrics, &s->server_rss, &s->server_cpu);
    run->server_rss = s->server_rss;
    r->peak_server_rss = s->server_rss > r->peak_server_rss ? s->server_rss : r->peak_server_rss;
    run->online = c->online;
    run->still = s->delivered > 0 ? 0 : run->still + 1;
}

static void enter(struct run *run, enum phase next)
{
    run->phase = next;
    run->phase_ns = clock_mono_ns();
    run->still = 0;
}

static double in_phase_s(const struct run *run)
{
    return (double)(clock_mono_ns() - run->phase_ns) / 1e9;
}

/* The storm: all are cut in the middle of the hold. Churn: some of them, each second. */
static void disturb(struct run *run)
{
    const struct plan *p = run->plan;
    if (p->workload == WORKLOAD_STORM && !run->has_stormed && in_phase_s(run) + LOOK_SLACK_S >= p->hold_s / 2.0) {
        run->has_stormed = run->is_storming = true;
        run->storm_ns = run->back_ns = clock_mono_ns();
        run->before = run->online;
        run->back = 0;
        crew_cut(run->crew, 1);
        run->cuts++;
    }
    if (p->workload == WORKLOAD_CHURN)
        crew_cut(run->crew, p->churn_percent / 100);
}

/* Is everybody back whom the storm has cut? Meanwhile the clock of the hold stands still. */
static void mind_storm(struct run *run, const struct crew_counts *c)
{
    uint64_t now = clock_mono_ns();
    if (!run->is_storming || run->cuts != c->cuts) /* the cut itself takes a moment */
        return;
    if (c->online > run->back) {
        run->back = c->online;
        run->back_ns = now;
    }
    bool is_back = c->waiting + c->connecting == 0; /* or lost for good */
    if (!is_back && now - run->back_ns < STUCK_S * (uint64_t)SECOND_NS && !run->wants_end)
        return;
    run->is_storming = false;
    run->phase_ns += now - run->storm_ns;
    run->results->away = run->before > c->online ? run->before - c->online : 0;
    if (is_back && run->results->away == 0 && c->last_made_ns > run->storm_ns)
        run->results->storm_back_s = (double)(c->last_made_ns - run->storm_ns) / 1e9;
}

static void begin_work(struct run *run)
{
    if (run->silent_samples > 0)
        run->results->idle_server_cpu = run->silent_cores / run->silent_samples;
    run->results->idle_server_rss = run->server_rss;
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

/* What was published has arrived everywhere, or will not. The counts of the look at which the listeners were told to count what is
 * still to come are of before. */
static bool is_quiet(const struct run *run, const struct crew_counts *c)
{
    if (in_phase_s(run) > QUIET_MOST_S)
        return true;
    return run->quiet_looks >= 2 && (c->behind == 0 || run->still >= QUIET_STILL_S);
}

static void go_on(struct run *run, const struct crew_counts *c)
{
    const struct plan *p = run->plan;
    switch (run->phase) {
    case PHASE_RAMP:
        if (run->wants_end) /* nobody has published yet */
            enter(run, PHASE_OVER);
        if (run->wants_end || c->waiting + c->connecting > 0)
            return;
        enter(run, PHASE_SETTLE);
        if (p->settle_s == 0)
            begin_work(run);
        return;
    case PHASE_SETTLE:
        listen_to_silence(run);
        if (run->wants_end)
            enter(run, PHASE_OVER);
        else if (in_phase_s(run) + LOOK_SLACK_S >= p->settle_s)
            begin_work(run);
        return;
    case PHASE_HOLD:
        mind_storm(run, c);
        disturb(run);
        if ((run->is_storming || in_phase_s(run) + LOOK_SLACK_S < p->hold_s) && !run->wants_end)
            return;
        if (p->comes_back) /* who is still on his way has not come back in time */
            run->results->away = run->results->peak_online - c->online;
        if (run->publishers != NULL)
            publishers_stop(run->publishers);
        enter(run, publishes(p) ? PHASE_QUIET : PHASE_OVER);
        return;
    case PHASE_QUIET:
        if (run->quiet_looks > 0 || run->publishers == NULL || publishers_are_done(run->publishers))
            run->quiet_looks++;
        if (run->quiet_looks == 1)
            crew_listen_out(run->crew);
        if (is_quiet(run, c))
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
    r->expected = r->delivered - r->doubled + r->missing;
}

static void carry_out(struct run *run, struct crew_counts *c, bool (*on_second)(const struct results *so_far, void *context), void *context)
{
    crew_start(run->crew);
    enter(run, PHASE_RAMP);
    for (uint64_t second = 1; run->phase != PHASE_OVER;) {
        sleep_until_ns(run->start_ns + second * SECOND_NS);
        uint64_t passed = (clock_mono_ns() - run->start_ns) / SECOND_NS;
        second = passed >= second ? passed + 1 : second + 1; /* a look that came late stands for the seconds that it missed */
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
    run.streams.run = (uint32_t)random_u64();
    run.streams.count = stream_count(plan);
    run.streams.given = calloc(run.streams.count, sizeof *run.streams.given);
    enum status s = counts != NULL && run.streams.given != NULL ? OK : error_plain(out_error, E_NO_MEMORY);
    if (s == OK && needs_tls(plan))
        s = tls_client_new(plan->ca_path, &run.tls, out_error);
    if (s == OK && plan->metrics.port != 0)
        s = metrics_new(&plan->metrics, run.tls, &run.metrics, out_error);
    if (s == OK && publishes(plan))
        s = publishers_new(plan, &run.streams, run.tls, &run.publishers, out_error);
    if (s == OK)
        s = crew_new(plan, &run.streams, &run.crew, out_error);
    if (s == OK) {
        run.start_ns = clock_mono_ns();
        machine_look(&run.machine, plan->server_pid, percent, &cores);
        carry_out(&run, counts, on_second, context);
    }
    publishers_free(run.publishers);
    crew_free(run.crew);
    metrics_free(run.metrics);
    tls_client_free(run.tls);
    free(run.streams.given);
    free(counts);
    return s;
}
