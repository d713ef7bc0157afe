/* crew.c: see crew.h. */
#include "load/crew.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "load/crew_internal.h"
#include "load/dial.h"
#include "load/machine.h"
#include "load/pace.h"

/* ThreadSanitizer takes equal numbers in two tables for one descriptor (decision 011). */
#ifdef __SANITIZE_THREAD__
#define KEEPS_ONE_TABLE true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KEEPS_ONE_TABLE true
#endif
#endif
#ifndef KEEPS_ONE_TABLE
#define KEEPS_ONE_TABLE false
#endif

#define EVENTS        512
#define IN_FLIGHT     128u  /* of a thread, when it connects as fast as possible */
#define IN_FLIGHT_MAX 4096u /* of a thread, when it keeps to a pace that the server does not keep up with */
#define TABLE_SLACK   64u
#define LOOK_EVERY_NS 250000000u
#define PATIENCE_MS   100
#define FIND_PATIENCE_S 3

static struct pace pace_of(const struct crew_member *m)
{
    return (struct pace){ .rate_per_s = m->crew->plan->ramp_per_s, .threads = m->crew->member_count };
}

/* How many of its connections this thread may have begun by now. */
static uint32_t allowed(const struct crew_member *m, uint64_t now_ns)
{
    const struct pace pace = pace_of(m);
    uint64_t          start = atomic_load(&m->crew->start_ns);
    if (start == 0 || now_ns < start)
        return 0;
    if (pace.rate_per_s == 0)
        return m->count;
    uint64_t by_now = pace_allowed(&pace, m->index, now_ns - start);
    return by_now < m->count ? (uint32_t)by_now : m->count;
}

/* Until the next connection is due, where that is what the thread waits for. */
static int patience_ms(const struct crew_member *m)
{
    const struct pace pace = pace_of(m);
    uint64_t          start = atomic_load(&m->crew->start_ns);
    if (start == 0 || pace.rate_per_s == 0 || m->next >= m->count || m->connecting >= IN_FLIGHT_MAX)
        return PATIENCE_MS; /* or until one of those in flight has arrived */
    uint64_t due_ns = start + pace_due_ns(&pace, m->index, m->next), now = clock_mono_ns();
    uint64_t wait_ms = due_ns > now ? (due_ns - now + 999999) / 1000000 : 0;
    return wait_ms < PATIENCE_MS ? (int)wait_ms : PATIENCE_MS;
}

static void start_more(struct crew_member *m, uint64_t now_ns)
{
    uint32_t most = allowed(m, now_ns), in_flight = m->crew->plan->ramp_per_s == 0 ? IN_FLIGHT : IN_FLIGHT_MAX;
    while (m->again_count > 0 && m->connecting < IN_FLIGHT)
        conn_start(m, &m->conns[m->again[--m->again_count]]);
    while (m->next < most && m->connecting < in_flight)
        conn_start(m, &m->conns[m->next++]);
}

/* The cut takes every 1000th so many of its connections. */
static void cut(struct crew_member *m, uint32_t per_mille)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->conns[i].state == CONN_COMPLETE && crew_random(m) < ((uint64_t)per_mille << 31) / 1000)
            conn_cut(m, &m->conns[i]);
}

/* What those who listen have not heard of what was published. */
static uint64_t count_behind(const struct crew_member *m)
{
    const struct streams *s = m->crew->streams;
    enum workload         w = m->crew->plan->workload;
    uint64_t              behind = 0;
    for (uint32_t i = 0; w != WORKLOAD_PUBLISH && w != WORKLOAD_IDLE && i < m->count; i++) {
        const struct conn *c = &m->conns[i];
        uint32_t           stream = conn_stream(m, c);
        if (c->state == CONN_COMPLETE && !c->is_slow && stream < s->count)
            behind += track_behind(&c->track, atomic_load(&s->given[stream]));
    }
    return behind;
}

static void handle(struct crew_member *m, const struct epoll_event *e)
{
    uint64_t ignored;
    if (e->data.u32 == UINT32_MAX)
        (void)!read(m->wake_fd, &ignored, sizeof ignored);
    else if (m->conns[e->data.u32].fd >= 0)
        conn_on_events(m, &m->conns[e->data.u32], e->events);
}

static void look_around(struct crew_member *m, uint64_t now_ns)
{
    for (uint32_t i = 0; m->connecting + m->resting > 0 && i < m->next; i++)
        conn_check_time(m, &m->conns[i], now_ns);
    if (atomic_load(&m->crew->listens_out))
        m->counts->behind = count_behind(m);
}

static void count_now(struct crew_member *m)
{
    m->counts->online = m->online;
    m->counts->connecting = m->connecting;
    m->counts->waiting = m->count - m->next + m->again_count + m->resting;
}

/* What stands goes on in the other block: the faults, since a gap may turn out to be disorder later, and what is true now. */
static void hand_over(struct crew_member *m)
{
    struct crew_counts *full = m->counts, *fresh = m->spare;
    count_now(m);
    fresh->faults = full->faults;
    fresh->behind = full->behind;
    fresh->cuts = full->cuts;
    fresh->last_made_ns = full->last_made_ns;
    m->counts = fresh;
    m->spare = full;
    atomic_store(&m->wants_counts, false);
    sem_post(&m->has_counts);
}

static void turn(struct crew_member *m, struct epoll_event *events, uint64_t *look_ns, uint32_t *cuts)
{
    int n = epoll_wait(m->epoll_fd, events, EVENTS, patience_ms(m));
    for (int i = 0; i < n; i++)
        handle(m, &events[i]);
    uint64_t now = clock_mono_ns();
    uint32_t number = atomic_load(&m->crew->cut_number);
    if (number != *cuts) {
        *cuts = number;
        cut(m, atomic_load(&m->crew->cut_per_mille));
        m->counts->cuts = number;
    }
    if (now - *look_ns > LOOK_EVERY_NS) {
        *look_ns = now;
        look_around(m, now);
    }
    start_more(m, now);
    if (atomic_load(&m->wants_counts))
        hand_over(m);
}

/* A descriptor table of its own, with the standard ones and what wakes this thread: not a copy of everybody's. */
static void split_table(const struct crew_member *m)
{
    unsigned wake = (unsigned)m->wake_fd;
    if (KEEPS_ONE_TABLE)
        return;
    if (wake > 3 && close_range(3, wake - 1, CLOSE_RANGE_UNSHARE) == 0)
        (void)!close_range(wake + 1, ~0u, 0);
    else
        (void)!unshare(CLONE_FILES);
}

static void *member_run(void *argument)
{
    struct crew_member *m = argument;
    struct epoll_event  events[EVENTS], wake = { .events = EPOLLIN, .data.u32 = UINT32_MAX };
    uint64_t            look_ns = clock_mono_ns();
    uint32_t            cuts = 0;
    split_table(m);
    m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->wake_fd, &wake);
    while (!atomic_load(&m->crew->is_over))
        turn(m, events, &look_ns, &cuts);
    m->counts->faults.missing += count_behind(m);
    count_now(m);
    for (uint32_t i = 0; i < m->count; i++)
        conn_end(m, &m->conns[i]);
    close(m->epoll_fd);
    return NULL;
}

/* --- made and ended ---------------------------------------------------------------------------------------------------- */

static enum status find_targets(struct crew *c, struct error *e)
{
    enum status s = OK;
    for (unsigned i = 0; s == OK && i < c->plan->target_count; i++)
        s = dial_find(c->plan->targets[i].host, c->plan->targets[i].port, FIND_PATIENCE_S, &c->to[i], &c->to_len[i], e);
    return s;
}

static unsigned members_wanted(const struct plan *p)
{
    long     cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t table = machine_descriptors(), room = table > TABLE_SLACK * 2 ? table - TABLE_SLACK : table / 2;
    unsigned wanted = p->threads > 0 ? p->threads : (unsigned)(cores > 0 ? cores : 1);
    unsigned needed = (p->connections + room - 1) / room;
    return wanted > needed ? wanted : needed;
}

static bool member_init(struct crew *c, unsigned i)
{
    struct crew_member *m = &c->members[i];
    uint32_t            each = c->plan->connections / c->member_count, more = c->plan->connections % c->member_count;
    *m = (struct crew_member){ .crew = c, .index = i, .first = i * each + (i < more ? i : more), .count = each + (i < more), .seed = random_u64() };
    m->conns = calloc(m->count + 1u, sizeof *m->conns);
    m->again = calloc(m->count + 1u, sizeof *m->again);
    m->scratch = malloc(CREW_READ);
    m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    m->counts = calloc(1, sizeof *m->counts);
    m->spare = calloc(1, sizeof *m->spare);
    sem_init(&m->has_counts, 0, 0);
    for (uint32_t n = 0; m->conns != NULL && n < m->count; n++)
        m->conns[n].fd = -1;
    return m->conns != NULL && m->again != NULL && m->scratch != NULL && m->counts != NULL && m->spare != NULL && m->wake_fd >= 0;
}

static void wake_all(struct crew *c)
{
    uint64_t one = 1;
    for (unsigned i = 0; i < c->member_count; i++)
        (void)!write(c->members[i].wake_fd, &one, sizeof one);
}

static void members_end(struct crew *c)
{
    atomic_store(&c->is_over, true);
    wake_all(c);
    for (unsigned i = 0; i < c->member_count; i++)
        if (c->members[i].has_thread)
            pthread_join(c->members[i].thread, NULL);
}

static bool is_secured(const struct plan *p)
{
    bool is = false;
    for (unsigned i = 0; i < p->target_count; i++)
        is |= p->targets[i].is_tls;
    return is;
}

static enum status members_begin(struct crew *c, struct error *e)
{
    for (unsigned i = 0; i < c->member_count; i++) /* all wake-ups before the first table splits */
        if (!member_init(c, i))
            return error_set(e, E_NO_MEMORY, "the connections cannot be prepared: no memory, or no descriptors");
    enum status s = OK;
    for (unsigned i = 0; s == OK && is_secured(c->plan) && i < c->member_count; i++)
        s = tls_client_new(c->plan->ca_path, &c->members[i].tls, e);
    if (s != OK)
        return s;
    for (unsigned i = 0; i < c->member_count; i++) {
        c->members[i].has_thread = pthread_create(&c->members[i].thread, NULL, member_run, &c->members[i]) == 0;
        if (!c->members[i].has_thread)
            return error_set(e, E_NO_MEMORY, "thread %u of %u cannot be started: see ulimit -u", i + 1, c->member_count);
    }
    return OK;
}

enum status crew_new(const struct plan *plan, const struct streams *streams, struct crew **out, struct error *out_error)
{
    struct crew *c = calloc(1, sizeof *c);
    unsigned     count = members_wanted(plan);
    if (c == NULL || (c->members = calloc(count, sizeof *c->members)) == NULL) {
        free(c);
        return error_plain(out_error, E_NO_MEMORY);
    }
    c->plan = plan;
    c->streams = streams;
    for (unsigned i = 0; i < count; i++)
        c->members[i].wake_fd = -1;
    c->member_count = count;
    enum status s = find_targets(c, out_error);
    if (s == OK)
        s = members_begin(c, out_error);
    if (s == OK) {
        *out = c;
        return OK;
    }
    members_end(c);
    crew_free(c);
    return s;
}

void crew_start(struct crew *c)
{
    atomic_store(&c->start_ns, clock_mono_ns());
    wake_all(c);
}

static void add(struct crew_counts *out, const struct crew_counts *from)
{
    out->made += from->made;
    out->lost += from->lost;
    for (unsigned e = 0; e < LOAD_ERROR_COUNT; e++)
        out->errors[e] += from->errors[e];
    out->let_go += from->let_go;
    out->put_off += from->put_off;
    out->delivered += from->delivered;
    out->received_bytes += from->received_bytes;
    out->faults.missing += from->faults.missing;
    out->faults.doubled += from->faults.doubled;
    out->faults.disordered += from->faults.disordered;
    histogram_merge(&out->connect_us, &from->connect_us);
    histogram_merge(&out->latency_us, &from->latency_us);
    out->online += from->online;
    out->connecting += from->connecting;
    out->waiting += from->waiting;
    out->behind += from->behind;
    out->cuts = from->cuts < out->cuts ? from->cuts : out->cuts;
    out->last_made_ns = from->last_made_ns > out->last_made_ns ? from->last_made_ns : out->last_made_ns;
    if (out->first_error[0] == '\0')
        memcpy(out->first_error, from->first_error, sizeof out->first_error);
}

/* All are asked before the first is waited for, so that the sum is of one moment, as nearly as it can be. */
void crew_take(struct crew *c, struct crew_counts *out)
{
    memset(out, 0, sizeof *out);
    out->cuts = UINT32_MAX;
    for (unsigned i = 0; i < c->member_count; i++)
        atomic_store(&c->members[i].wants_counts, true);
    wake_all(c);
    for (unsigned i = 0; i < c->member_count; i++) {
        struct crew_member *m = &c->members[i];
        while (sem_wait(&m->has_counts) != 0) /* a signal */
            ;
        add(out, m->spare);
        memset(m->spare, 0, sizeof *m->spare);
    }
}

void crew_cut(struct crew *c, double share)
{
    atomic_store(&c->cut_per_mille, (uint32_t)(share * 1000 + 0.5));
    atomic_fetch_add(&c->cut_number, 1);
    wake_all(c);
}

void crew_listen_out(struct crew *c)
{
    atomic_store(&c->listens_out, true);
    wake_all(c);
}

void crew_end(struct crew *c, struct crew_counts *out)
{
    members_end(c);
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < c->member_count; i++)
        add(out, c->members[i].counts);
}

void crew_free(struct crew *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < c->member_count; i++) {
        struct crew_member *m = &c->members[i];
        if (m->wake_fd >= 0)
            close(m->wake_fd);
        free(m->conns);
        free(m->again);
        free(m->scratch);
        buf_clear(&m->out);
        tls_client_free(m->tls);
        sem_destroy(&m->has_counts);
        free(m->counts);
        free(m->spare);
    }
    free(c->members);
    free(c);
}
