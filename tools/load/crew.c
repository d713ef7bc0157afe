/* crew.c: see crew.h. */
#include "load/crew.h"

#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "load/crew_internal.h"
#include "load/machine.h"

#define EVENTS         512
#define IN_FLIGHT      128u /* of a thread, when the ramp is as fast as possible */
#define TABLE_SLACK    64u
#define LOOK_EVERY_NS  1000000000u

/* How many may have begun to connect by now. */
static uint32_t allowed(const struct crew_member *m, uint64_t now_ns)
{
    const struct plan *p = m->crew->plan;
    uint64_t           start = atomic_load(&m->crew->start_ns);
    if (start == 0)
        return 0;
    if (p->ramp_per_s == 0)
        return m->count;
    double   share = (double)m->count / p->connections;
    uint64_t by_now = (uint64_t)((double)(now_ns - start) / 1e9 * p->ramp_per_s * share) + 1;
    return by_now < m->count ? (uint32_t)by_now : m->count;
}

static void start_more(struct crew_member *m, uint64_t now_ns)
{
    uint32_t most = allowed(m, now_ns), in_flight = m->crew->plan->ramp_per_s == 0 ? IN_FLIGHT : 4096;
    while (m->again_count > 0 && m->connecting < IN_FLIGHT)
        (void)conn_start(m, &m->conns[m->again[--m->again_count]]);
    while (m->next < most && m->connecting < in_flight)
        (void)conn_start(m, &m->conns[m->next++]);
}

/* The cut takes every 1000th so many of its connections. */
static void cut(struct crew_member *m, uint32_t per_mille)
{
    for (uint32_t i = 0; i < m->count; i++) {
        m->seed = m->seed * 6364136223846793005ull + 1442695040888963407ull;
        if (m->conns[i].state == CONN_COMPLETE && m->seed >> 33 < ((uint64_t)per_mille << 31) / 1000)
            conn_cut(m, &m->conns[i]);
    }
}

static void say_last_words(struct crew_member *m)
{
    enum workload w = m->crew->plan->workload;
    if (w == WORKLOAD_PUBLISH || w == WORKLOAD_IDLE)
        return; /* nobody listens */
    for (uint32_t i = 0; i < m->count; i++) {
        struct conn *c = &m->conns[i];
        uint32_t     stream = conn_stream(m, c);
        if (c->state == CONN_COMPLETE && !c->is_slow && stream < m->crew->streams->count)
            track_end(&c->track, atomic_load(&m->crew->streams->given[stream]), &m->counts.faults);
    }
}

static void turn(struct crew_member *m, struct epoll_event *events, uint64_t *look_ns, uint32_t *cuts)
{
    bool must_hurry = m->next < m->count || m->again_count > 0;
    int  n = epoll_wait(m->epoll_fd, events, EVENTS, must_hurry ? 1 : 100);
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 == UINT32_MAX) {
            uint64_t count;
            (void)!read(m->wake_fd, &count, sizeof count);
            continue;
        }
        struct conn *c = &m->conns[events[i].data.u32];
        if (c->fd >= 0)
            conn_on_events(m, c, events[i].events);
    }
    uint64_t now = clock_mono_ns();
    uint32_t number = atomic_load(&m->crew->cut_number);
    if (number != *cuts) {
        *cuts = number;
        cut(m, atomic_load(&m->crew->cut_per_mille));
    }
    start_more(m, now);
    if (now - *look_ns > LOOK_EVERY_NS) {
        *look_ns = now;
        for (uint32_t i = 0; i < m->next; i++)
            conn_check_time(m, &m->conns[i], now);
    }
    m->counts.online = m->online;
    m->counts.connecting = m->connecting;
    pthread_mutex_unlock(&m->lock);
}

static void *member_run(void *argument)
{
    struct crew_member *m = argument;
    struct epoll_event  events[EVENTS], wake = { .events = EPOLLIN, .data.u32 = UINT32_MAX };
    uint64_t            look_ns = clock_mono_ns();
    uint32_t            cuts = 0;
    (void)!unshare(CLONE_FILES);
    m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->wake_fd, &wake);
    while (!atomic_load(&m->crew->is_over))
        turn(m, events, &look_ns, &cuts);
    pthread_mutex_lock(&m->lock);
    say_last_words(m);
    pthread_mutex_unlock(&m->lock);
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->conns[i].fd >= 0) {
            setsockopt(m->conns[i].fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
            close(m->conns[i].fd);
        }
        incoming_clear(&m->conns[i].in);
    }
    close(m->epoll_fd);
    return NULL;
}

/* --- made and ended ---------------------------------------------------------------------------------------------------- */

static bool find_targets(struct crew *c)
{
    for (unsigned i = 0; i < c->plan->target_count; i++) {
        const struct target_address *to = &c->plan->targets[i];
        struct addrinfo             *found = NULL, hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };
        char                         port[8];
        snprintf(port, sizeof port, "%u", to->port);
        if (getaddrinfo(to->host, port, &hints, &found) != 0 || found->ai_addrlen > sizeof c->to[i])
            return false;
        memcpy(&c->to[i], found->ai_addr, found->ai_addrlen);
        c->to_len[i] = found->ai_addrlen;
        freeaddrinfo(found);
    }
    return true;
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
    pthread_mutex_init(&m->lock, NULL);
    for (uint32_t n = 0; m->conns != NULL && n < m->count; n++)
        m->conns[n].fd = -1;
    return m->conns != NULL && m->again != NULL && m->scratch != NULL && m->wake_fd >= 0;
}

struct crew *crew_new(const struct plan *plan, const struct streams *streams)
{
    struct crew *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->plan = plan;
    c->streams = streams;
    unsigned count = members_wanted(plan);
    c->members = calloc(count, sizeof *c->members);
    if (c->members == NULL || !find_targets(c)) {
        crew_free(c);
        return NULL;
    }
    c->member_count = count;
    bool is_ready = true;
    for (unsigned i = 0; i < count; i++) /* all wake-ups before the first table splits */
        is_ready = member_init(c, i) && is_ready;
    for (unsigned i = 0; is_ready && i < count; i++)
        is_ready = pthread_create(&c->members[i].thread, NULL, member_run, &c->members[i]) == 0;
    if (is_ready)
        return c;
    c->member_count = 0; /* the process ends with this error */
    return NULL;
}

static void wake_all(struct crew *c)
{
    uint64_t one = 1;
    for (unsigned i = 0; i < c->member_count; i++)
        (void)!write(c->members[i].wake_fd, &one, sizeof one);
}

void crew_start(struct crew *c)
{
    atomic_store(&c->start_ns, clock_mono_ns());
    wake_all(c);
}

void crew_take(struct crew *c, struct crew_counts *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < c->member_count; i++) {
        struct crew_member *m = &c->members[i];
        pthread_mutex_lock(&m->lock);
        struct crew_counts *from = &m->counts;
        out->made += from->made;
        out->lost += from->lost;
        for (unsigned e = 0; e < LOAD_ERROR_COUNT; e++)
            out->errors[e] += from->errors[e];
        out->delivered += from->delivered;
        out->received_bytes += from->received_bytes;
        out->faults.missing += from->faults.missing;
        out->faults.doubled += from->faults.doubled;
        out->faults.disordered += from->faults.disordered;
        histogram_merge(&out->connect_us, &from->connect_us);
        histogram_merge(&out->latency_us, &from->latency_us);
        out->online += from->online;
        out->connecting += from->connecting;
        if (out->first_error[0] == '\0')
            memcpy(out->first_error, from->first_error, sizeof out->first_error);
        uint32_t            online = from->online, connecting = from->connecting;
        struct track_faults faults = from->faults;
        memset(from, 0, sizeof *from);
        from->online = online;
        from->connecting = connecting;
        from->faults = faults; /* a gap may turn out to be disorder later: they are counted from the beginning */
        pthread_mutex_unlock(&m->lock);
    }
}

void crew_cut(struct crew *c, double share)
{
    atomic_store(&c->cut_per_mille, (uint32_t)(share * 1000 + 0.5));
    atomic_fetch_add(&c->cut_number, 1);
    wake_all(c);
}

void crew_end(struct crew *c, struct crew_counts *out)
{
    atomic_store(&c->is_over, true);
    wake_all(c);
    for (unsigned i = 0; i < c->member_count; i++)
        pthread_join(c->members[i].thread, NULL);
    crew_take(c, out);
}

void crew_free(struct crew *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < c->member_count; i++) {
        struct crew_member *m = &c->members[i];
        close(m->wake_fd);
        free(m->conns);
        free(m->again);
        free(m->scratch);
        buf_clear(&m->out);
        pthread_mutex_destroy(&m->lock);
    }
    free(c->members);
    free(c);
}
