/* crowd.c: see crowd.h. */
#include "bench/crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/target.h"
#include "bench/walker.h"
#include "ws/frame.h"

#define A_THREAD 18000u /* connections: a descriptor table may hold 20,000 */
#define SOURCE_PORTS                                                                                                   \
    8000u /* connections from one address: the kernel tries the even ports first, and when most of the 14,000          \
           * are taken, each connect() searches through all of them */
#define IN_FLIGHT 64u /* connections a thread has under way at one time */
#define READ_BYTES (256 * 1024)
#define EVENTS 512
#define STALLED_MS 20000
#define WAKE_INDEX UINT32_MAX

enum order { ORDER_NONE, ORDER_OPEN, ORDER_SAY, ORDER_END };
enum conn_state {
    CONN_CLOSED,
    CONN_ASKING,
    CONN_ANSWERED,
    CONN_OPEN
}; /* head not complete, first frame not there, ready */

struct conn {
    int           fd;
    uint8_t       state;
    uint8_t       head_end; /* how much of "\r\n\r\n" was seen */
    uint16_t      head_len;
    uint64_t      asked_ns;
    struct walker walker;
};

struct member {
    struct crowd *crowd;
    pthread_t     thread;
    unsigned      number, count, started, opened, in_flight;
    struct conn  *conns;   /* owned */
    uint32_t     *took_us; /* owned: time to the first frame, of each */
    int           epoll_fd, wake_fd;
    uint64_t      begin_ns;
    bool          is_opening;
    char         *scratch; /* owned: READ_BYTES */
};

struct crowd {
    struct sockaddr_in to;
    unsigned           count, member_count, pace;
    struct member     *members; /* owned */
    struct slice       saying;
    int                done_fd;
    _Atomic int        order;
    atomic_uint        busy;     /* members that have not carried out the order */
    _Atomic int64_t    expected; /* messages still to come */
    _Atomic uint64_t   seen;     /* messages, ever: is it going on? */
    _Atomic uint64_t   done_ns, faults, closed, pings;
    _Atomic uint32_t   frame_bytes;
};

static atomic_uint next_source;

static void wake(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        die("eventfd: %s", strerror(errno));
}

static void member_done(struct member *m)
{
    if (atomic_fetch_sub(&m->crowd->busy, 1) == 1)
        wake(m->crowd->done_fd);
}

/* --- one connection -------------------------------------------------------------------------------------- */

static struct sockaddr_in source_of(unsigned number)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    unsigned           n = number % 60000;
    a.sin_addr.s_addr = htonl(0x7f000000u | (1 + n / 250) << 8 | (1 + n % 250));
    return a;
}

static int connect_from(const struct sockaddr_in *from, const struct sockaddr_in *to)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const struct linger reset = { .l_onoff = 1 }; /* no TIME_WAIT: the ports are needed again */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (bind(fd, (const struct sockaddr *)from, sizeof *from) < 0)
        die("bind: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    return fd;
}

static void ask(const struct member *m, const struct conn *c)
{
    char request[512];
    int  len = snprintf(request, sizeof request,
                        "GET /comet-server/ws/sesion=&myid=&devid=0&v=4.08&uuid=bench%09u%018u&api=js HTTP/1.1\r\n"
                         "Host: 127.0.0.1:%u\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://127.0.0.1\r\n"
                         "User-Agent: encke-bench\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        m->number, (unsigned)(c - m->conns), ntohs(m->crowd->to.sin_port));
    if (send(c->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        die("a new connection did not take its request: %s", strerror(errno));
}

static void conn_start(struct member *m)
{
    static _Thread_local struct sockaddr_in from;
    struct conn                            *c = &m->conns[m->started];
    if (m->started++ % SOURCE_PORTS == 0)
        from = source_of(atomic_fetch_add(&next_source, 1));
    *c = (struct conn){ .state = CONN_ASKING, .asked_ns = clock_mono_ns() };
    c->fd = connect_from(&from, &m->crowd->to);
    m->in_flight++;
    struct pollfd p = { .fd = c->fd,
                        .events = POLLOUT }; /* on loopback it is connected by now, but for a full backlog */
    if (poll(&p, 1, 10000) != 1)
        die("a connection was not accepted within 10 s");
    ask(m, c);
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)(c - m->conns) };
    if (epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
        die("epoll: %s", strerror(errno));
}

static void conn_lost(struct member *m, struct conn *c)
{
    if (c->state != CONN_OPEN)
        die("the server ended a connection instead of answering with 101");
    close(c->fd);
    c->state = CONN_CLOSED;
    if (atomic_fetch_add(&m->crowd->closed, 1) == 0)
        wake(m->crowd->done_fd);
}

/* Takes the response head off the front of `in`. */
static void take_head(struct conn *c, struct slice *in)
{
    static const char status[] = "HTTP/1.1 101";
    static const char end[] = "\r\n\r\n";
    size_t            i = 0;
    while (i < in->len && c->head_end < 4) {
        char byte = in->at[i++];
        if (c->head_len < sizeof status - 1 && byte != status[c->head_len])
            die("the server answered with another status than 101");
        c->head_len++;
        c->head_end = byte == end[c->head_end] ? c->head_end + 1 : byte == '\r';
    }
    *in = slice_skip(*in, i);
    if (c->head_end == 4)
        c->state = CONN_ANSWERED;
}

static void answer_ping(const struct conn *c)
{
    static const unsigned char mask[4] = { 1, 2, 3, 4 };
    struct buf                 b = { 0 };
    ws_frame_make_masked(&b, WS_PONG, true, SLICE(""), mask);
    (void)!send(c->fd, b.at, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_clear(&b);
}

static void conn_read(struct member *m, struct conn *c, struct walked *out)
{
    ssize_t n = recv(c->fd, m->scratch, READ_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_lost(m, c);
        return;
    }
    struct slice bytes = slice_of(m->scratch, (size_t)n);
    if (c->state == CONN_ASKING)
        take_head(c, &bytes);
    if (bytes.len == 0)
        return;
    uint64_t others = out->others, pings = out->pings;
    walker_feed(&c->walker, bytes, out);
    if (out->pings != pings)
        answer_ping(c);
    if (c->state == CONN_ANSWERED && out->others != others && c->walker.skip == 0) {
        c->state = CONN_OPEN;
        m->in_flight--;
        m->took_us[m->opened++] = (uint32_t)((clock_mono_ns() - c->asked_ns) / 1000);
    }
}

/* --- a thread -------------------------------------------------------------------------------------------- */

/* How many may have been started by now. */
static unsigned allowed(const struct member *m)
{
    const struct crowd *c = m->crowd;
    if (c->pace == 0)
        return m->count;
    double due = (double)(clock_mono_ns() - m->begin_ns) / 1e9 * c->pace / c->member_count;
    return due < m->count ? (unsigned)due : m->count;
}

static void open_more(struct member *m)
{
    if (!m->is_opening)
        return;
    unsigned limit = allowed(m);
    while (m->started < limit && m->in_flight < IN_FLIGHT)
        conn_start(m);
    if (m->opened == m->count) {
        m->is_opening = false;
        member_done(m);
    }
}

static void say_all(struct member *m)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->conns[i].state == CONN_OPEN && send(m->conns[i].fd, m->crowd->saying.at, m->crowd->saying.len,
                                                   MSG_NOSIGNAL) != (ssize_t)m->crowd->saying.len)
            die("a connection did not take a frame: %s", strerror(errno));
    member_done(m);
}

/* False: the thread ends. */
static bool obey(struct member *m)
{
    uint64_t count;
    if (read(m->wake_fd, &count, sizeof count) < 0)
        return true;
    switch ((enum order)atomic_load(&m->crowd->order)) {
    case ORDER_OPEN:
        m->begin_ns = clock_mono_ns();
        m->is_opening = true;
        return true;
    case ORDER_SAY:
        say_all(m);
        return true;
    case ORDER_END:
        return false;
    case ORDER_NONE:
        break;
    }
    return true;
}

static void account(struct crowd *c, const struct walked *w)
{
    if (w->faults > 0)
        atomic_fetch_add(&c->faults, w->faults);
    if (w->pings > 0)
        atomic_fetch_add_explicit(&c->pings, w->pings, memory_order_relaxed);
    if (w->messages == 0)
        return;
    atomic_store_explicit(&c->frame_bytes, w->frame_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->seen, w->messages, memory_order_relaxed);
    int64_t messages = (int64_t)w->messages, before = atomic_fetch_sub(&c->expected, messages);
    if (before > 0 && before <= messages) {
        atomic_store(&c->done_ns, clock_mono_ns());
        wake(c->done_fd);
    }
}

static void member_prepare(struct member *m)
{
    if (unshare(CLONE_FILES) < 0)
        die("unshare: %s", strerror(errno));
    m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    m->scratch = malloc(READ_BYTES);
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = WAKE_INDEX };
    if (m->scratch == NULL || m->epoll_fd < 0 || epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->wake_fd, &e) < 0)
        die("cannot start a thread of clients: %s", strerror(errno));
}

static void *member_run(void *argument)
{
    struct member     *m = argument;
    struct epoll_event events[EVENTS];
    bool               goes_on = true;
    member_prepare(m);
    while (goes_on) {
        struct walked walked = { 0 };
        int           n = epoll_wait(m->epoll_fd, events, EVENTS, m->is_opening && m->crowd->pace > 0 ? 1 : -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u32 == WAKE_INDEX)
                goes_on = obey(m);
            else
                conn_read(m, &m->conns[events[i].data.u32], &walked);
        }
        account(m->crowd, &walked);
        open_more(m);
    }
    for (unsigned i = 0; i < m->started; i++)
        if (m->conns[i].state != CONN_CLOSED)
            close(m->conns[i].fd);
    close(m->epoll_fd);
    free(m->scratch);
    return NULL; /* the rest of the table goes with the thread */
}

/* --- the crowd ------------------------------------------------------------------------------------------- */

static void member_new(struct crowd *c, unsigned number)
{
    struct member *m = &c->members[number];
    m->crowd = c;
    m->number = number;
    m->count = c->count / c->member_count + (number < c->count % c->member_count);
    m->conns = calloc(m->count + 1, sizeof *m->conns);
    m->took_us = calloc(m->count + 1, sizeof *m->took_us);
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->conns == NULL || m->took_us == NULL || m->wake_fd < 0)
        die("cannot make a crowd of %u: %s", c->count, strerror(errno));
}

struct crowd *crowd_new(uint16_t port, unsigned count)
{
    long          cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct crowd *c = calloc(1, sizeof *c);
    if (c == NULL)
        die("no memory");
    c->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
    c->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->count = count;
    c->member_count = (count + A_THREAD - 1) / A_THREAD;
    if (c->member_count < (unsigned)cores)
        c->member_count = (unsigned)cores;
    c->members = calloc(c->member_count, sizeof *c->members);
    c->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->members == NULL || c->done_fd < 0)
        die("cannot make a crowd: %s", strerror(errno));
    for (unsigned i = 0; i < c->member_count; i++)
        member_new(c, i);
    for (unsigned i = 0; i < c->member_count; i++)
        if (pthread_create(&c->members[i].thread, NULL, member_run, &c->members[i]) != 0)
            die("cannot start a thread");
    return c;
}

static void give_order(struct crowd *c, enum order order)
{
    atomic_store(&c->busy, c->member_count);
    atomic_store(&c->order, (int)order);
    for (unsigned i = 0; i < c->member_count; i++)
        wake(c->members[i].wake_fd);
}

/* False: nobody said done. */
static bool wait_done(struct crowd *c, int timeout_ms)
{
    struct pollfd p = { .fd = c->done_fd, .events = POLLIN };
    uint64_t      count;
    return poll(&p, 1, timeout_ms) == 1 && read(c->done_fd, &count, sizeof count) == sizeof count;
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void sum_up(struct crowd *c, struct crowd_opening *out)
{
    unsigned  at = 0;
    uint32_t *all = calloc(c->count, sizeof *all);
    if (all == NULL)
        die("no memory");
    for (unsigned i = 0; i < c->member_count; at += c->members[i++].count)
        memcpy(all + at, c->members[i].took_us, c->members[i].count * sizeof *all);
    qsort(all, c->count, sizeof *all, by_time);
    out->upgrade_median_ms = all[c->count / 2] / 1000.0;
    out->upgrade_p99_ms = all[(size_t)c->count * 99 / 100] / 1000.0;
    free(all);
}

bool crowd_open(struct crowd *c, unsigned pace, struct crowd_opening *out)
{
    uint64_t begin = clock_mono_ns();
    c->pace = pace;
    give_order(c, ORDER_OPEN);
    if (!wait_done(c, 300000))
        return false;
    out->seconds = (double)(clock_mono_ns() - begin) / 1e9;
    sum_up(c, out);
    return true;
}

void crowd_say(struct crowd *c, struct slice bytes)
{
    c->saying = bytes;
    give_order(c, ORDER_SAY);
    if (!wait_done(c, 120000))
        die("the crowd could not send");
}

void crowd_expect(struct crowd *c, uint64_t messages)
{
    atomic_store(&c->expected, (int64_t)messages);
}

bool crowd_wait(struct crowd *c, uint64_t *out_ns)
{
    for (uint64_t before = 0, seen;; before = seen) {
        if (wait_done(c, STALLED_MS))
            break;
        seen = atomic_load(&c->seen);
        if (seen == before)
            return false;
    }
    *out_ns = atomic_load(&c->done_ns);
    return atomic_load(&c->expected) == 0 && atomic_load(&c->closed) == 0;
}

uint64_t crowd_pings(const struct crowd *c)
{
    return atomic_load(&c->pings);
}

uint32_t crowd_frame_bytes(const struct crowd *c)
{
    return atomic_load(&c->frame_bytes);
}

struct crowd_faults crowd_faults(const struct crowd *c)
{
    /* more messages than were published: doubled ones that came after the last */
    int64_t left = atomic_load(&c->expected);
    return (struct crowd_faults){ .numbers = atomic_load(&c->faults) + (uint64_t)(left < 0 ? -left : left),
                                  .closed = atomic_load(&c->closed) };
}

void crowd_free(struct crowd *c)
{
    give_order(c, ORDER_END);
    for (unsigned i = 0; i < c->member_count; i++) {
        struct member *m = &c->members[i];
        pthread_join(m->thread, NULL);
        close(m->wake_fd);
        free(m->conns);
        free(m->took_us);
    }
    close(c->done_fd);
    free(c->members);
    free(c);
}
