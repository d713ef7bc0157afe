/* conn: one connection of the crew, from connect() to its end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/crew_internal.h"

#define PORTS_OF_A_SOURCE 8000u /* past half of the range each connect() searches for a free port */

uint32_t conn_number(const struct crew_member *m, const struct conn *c)
{
    return m->first + (uint32_t)(c - m->conns);
}

static uint32_t room_of(const struct plan *p, uint32_t number)
{
    return p->rooms > 1 ? number % p->rooms : 0;
}

uint32_t conn_stream(const struct crew_member *m, const struct conn *c)
{
    const struct plan *p = m->crew->plan;
    uint32_t           number = conn_number(m, c);
    return p->workload == WORKLOAD_PRIVATE ? number : room_of(p, number);
}

static void forget(struct crew_member *m, struct conn *c)
{
    if (c->state == CONN_COMPLETE)
        m->online--;
    else if (c->state != CONN_WAITING && c->state != CONN_LOST)
        m->connecting--;
    if (c->fd >= 0) {
        /* A reset frees the port at once, and the server meets the worst of ends. */
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
        close(c->fd);
    }
    c->fd = -1;
    incoming_clear(&c->in);
}

void conn_fail(struct crew_member *m, struct conn *c, enum load_error why, int reason)
{
    if (m->counts.first_error[0] == '\0')
        snprintf(m->counts.first_error, sizeof m->counts.first_error, "connection %u: %s%s%s", conn_number(m, c),
                 why == LOAD_REFUSED ? "refused" : why == LOAD_TIMEOUT ? "no answer" : why == LOAD_STATUS ? "the answer was not 101"
                 : why == LOAD_PROTOCOL ? "no WebSocket" : "ended", reason != 0 ? ": " : "", reason != 0 ? strerror(reason) : "");
    m->counts.errors[why]++;
    m->counts.lost += c->state == CONN_COMPLETE;
    forget(m, c);
    c->state = CONN_LOST;
}

void conn_cut(struct crew_member *m, struct conn *c)
{
    forget(m, c);
    c->state = CONN_WAITING;
    c->tries = 0;
    m->again[m->again_count++] = (uint32_t)(c - m->conns);
}

static enum load_error error_of(int reason)
{
    switch (reason) {
    case ECONNREFUSED:
        return LOAD_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return LOAD_RESET;
    case ETIMEDOUT:
        return LOAD_TIMEOUT;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
        return LOAD_ADDRESS;
    case EMFILE:
    case ENFILE:
        return LOAD_DESCRIPTOR;
    default:
        return LOAD_OTHER;
    }
}

/* The source: one of the plan's, or on loopback another address for each PORTS_OF_A_SOURCE connections. */
static void bind_source(const struct crew_member *m, const struct conn *c, int fd, const struct sockaddr_storage *to)
{
    const struct plan *p = m->crew->plan;
    uint32_t           number = conn_number(m, c);
    struct sockaddr_in from = { .sin_family = AF_INET };
    int                on = 1;
    if (to->ss_family != AF_INET)
        return;
    uint32_t target = ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr);
    if (p->source_count > 0) {
        if (inet_pton(AF_INET, p->sources[number / PORTS_OF_A_SOURCE % p->source_count], &from.sin_addr) != 1)
            return;
    } else if (target >> 24 == 127) {
        uint32_t block = number / PORTS_OF_A_SOURCE;
        from.sin_addr.s_addr = htonl(127u << 24 | (block / 250 + 1) << 8 | (block % 250 + 2));
    } else {
        return;
    }
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    (void)!bind(fd, (const struct sockaddr *)&from, sizeof from); /* connect() says what is wrong */
}

bool conn_start(struct crew_member *m, struct conn *c)
{
    unsigned                       target = conn_number(m, c) % m->crew->plan->target_count;
    const struct sockaddr_storage *to = &m->crew->to[target];
    int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    c->fd = fd;
    c->head_end = 0;
    c->asked_ns = clock_mono_ns();
    c->state = CONN_CONNECTING;
    m->connecting++;
    if (fd < 0) {
        conn_fail(m, c, error_of(errno), errno);
        return false;
    }
    bind_source(m, c, fd, to);
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = (uint32_t)(c - m->conns) };
    if ((connect(fd, (const struct sockaddr *)to, m->crew->to_len[target]) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
        conn_fail(m, c, error_of(errno), errno);
        return false;
    }
    return true;
}

/* What a connection says is small and its socket empty, so it goes at once. */
static bool say(struct crew_member *m, struct conn *c)
{
    bool is_said = send(c->fd, m->out.at, m->out.len, MSG_NOSIGNAL) == (ssize_t)m->out.len;
    if (!is_said)
        conn_fail(m, c, error_of(errno), errno);
    return is_said;
}

static void make_uuid(struct crew_member *m, char out[33])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned i = 0; i < 32; i++) {
        m->seed = m->seed * 6364136223846793005ull + 1442695040888963407ull;
        out[i] = letters[m->seed >> 58];
    }
    out[32] = '\0';
}

static void ask(struct crew_member *m, struct conn *c)
{
    char                 uuid[33];
    const struct plan   *p = m->crew->plan;
    uint32_t             number = conn_number(m, c);
    struct request_place place = { .number = number, .room = room_of(p, number), .uuid = uuid };
    make_uuid(m, uuid);
    buf_reset(&m->out);
    request_head(&m->out, p, &p->targets[number % p->target_count], &place);
    if (say(m, c))
        c->state = CONN_ASKED;
}

static void say_texts(struct crew_member *m, struct conn *c, const struct request_place *place)
{
    const struct plan *p = m->crew->plan;
    buf_reset(&m->out);
    for (unsigned i = 0; i < p->send_count; i++) {
        struct buf text = { 0 };
        request_fill(&text, p, place, slice_str(p->sends[i]));
        request_frame(&m->out, 1, buf_slice(&text));
        buf_clear(&text);
    }
    if (p->is_classic) {
        char        channel[80], command[200];
        bool        listens = p->workload != WORKLOAD_PRIVATE && p->workload != WORKLOAD_PUBLISH;
        request_channel(p, place->room, channel);
        if (listens) {
            snprintf(command, sizeof command, "subscription\n%s", channel);
            request_frame(&m->out, 1, slice_str(command));
        }
        request_frame(&m->out, 1, SLICE("pipe_count\nweb_load_ready\nready\n")); /* its answer comes when the list is in force */
    }
    if (m->out.len > 0)
        (void)say(m, c);
}

static void complete(struct crew_member *m, struct conn *c)
{
    const struct plan *p = m->crew->plan;
    uint32_t           stream = conn_stream(m, c);
    c->state = CONN_COMPLETE;
    c->base = stream < m->crew->streams->count ? atomic_load(&m->crew->streams->given[stream]) : 0;
    track_begin(&c->track, c->base);
    m->connecting--;
    m->online++;
    m->counts.made++;
    histogram_add(&m->counts.connect_us, (clock_mono_ns() - c->asked_ns) / 1000);
    c->is_slow = p->workload == WORKLOAD_SLOW && conn_number(m, c) % 1000 < p->slow_percent * 10;
}

static void greet(struct crew_member *m, struct conn *c)
{
    uint32_t             number = conn_number(m, c);
    const struct plan   *p = m->crew->plan;
    struct request_place place = { .number = number, .room = room_of(p, number), .uuid = "" };
    c->state = CONN_GREETED;
    say_texts(m, c, &place);
    if (c->state == CONN_GREETED && !p->is_classic && p->await_text == NULL)
        complete(m, c);
}

static bool holds(struct slice text, const char *wanted)
{
    return memmem(text.at, text.len, wanted, strlen(wanted)) != NULL;
}

static void hear(struct crew_member *m, struct conn *c, struct slice look)
{
    const struct plan *p = m->crew->plan;
    struct label       l;
    if (c->state == CONN_GREETED &&
        ((p->is_classic && holds(look, "\"marker\":\"ready\"")) || (p->await_text != NULL && holds(look, p->await_text)))) {
        complete(m, c);
        return;
    }
    if (c->state < CONN_GREETED || !label_find(look, &l) || l.stream != conn_stream(m, c))
        return;
    if (c->state == CONN_COMPLETE)
        track_hear(&c->track, l.number, &m->counts.faults);
    m->counts.delivered++;
    uint64_t now = clock_mono_ns();
    histogram_add(&m->counts.latency_us, now > l.sent_ns ? (now - l.sent_ns) / 1000 : 0);
}

static void on_frame(void *context, const struct incoming_frame *f)
{
    struct crew_member *m = context;
    struct conn        *c = m->current;
    if (c->state == CONN_LOST)
        return;
    if (f->kind == INCOMING_DATA) {
        hear(m, c, f->look);
    } else if (f->kind == INCOMING_PING) {
        buf_reset(&m->out);
        request_frame(&m->out, 10, f->look);
        (void)say(m, c);
    } else if (f->kind == INCOMING_CLOSE) {
        conn_fail(m, c, LOAD_CLOSED, 0);
    }
}

/* The head of the answer ends with an empty line; what is behind it are frames. */
static struct slice pass_head(struct crew_member *m, struct conn *c, struct slice bytes)
{
    static const char end[] = "\r\n\r\n";
    if (c->head_end == 0 && c->state == CONN_ASKED && bytes.len >= 12 && memcmp(bytes.at, "HTTP/1.1 101", 12) != 0) {
        conn_fail(m, c, LOAD_STATUS, 0);
        return slice_of(NULL, 0);
    }
    size_t at = 0;
    while (at < bytes.len && c->head_end < 4) {
        c->head_end = bytes.at[at] == end[c->head_end] ? c->head_end + 1 : bytes.at[at] == '\r' ? 1 : 0;
        at++;
    }
    if (c->head_end == 4)
        greet(m, c);
    return slice_skip(bytes, at);
}

static void read_all(struct crew_member *m, struct conn *c)
{
    for (unsigned rounds = 0; c->state != CONN_LOST && c->state != CONN_WAITING; rounds++) {
        ssize_t n = recv(c->fd, m->scratch, CREW_READ, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            conn_fail(m, c, n == 0 ? LOAD_CLOSED : error_of(errno), n == 0 ? 0 : errno);
            return;
        }
        m->counts.received_bytes += (uint64_t)n;
        struct slice bytes = slice_of(m->scratch, (size_t)n);
        if (c->state == CONN_ASKED)
            bytes = pass_head(m, c, bytes);
        m->current = c;
        if (bytes.len > 0 && c->state != CONN_LOST && !incoming_feed(&c->in, bytes, on_frame, m))
            conn_fail(m, c, LOAD_PROTOCOL, 0);
        if (c->is_slow || (size_t)n < CREW_READ)
            return;
    }
}

void conn_on_events(struct crew_member *m, struct conn *c, uint32_t events)
{
    if (c->state == CONN_CONNECTING && events & (EPOLLOUT | EPOLLERR)) {
        int       reason = 0;
        socklen_t len = sizeof reason;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &reason, &len);
        if (reason != 0) {
            conn_fail(m, c, error_of(reason), reason);
            return;
        }
        ask(m, c);
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && c->fd >= 0 && !(c->is_slow && c->state == CONN_COMPLETE))
        read_all(m, c);
}

void conn_check_time(struct crew_member *m, struct conn *c, uint64_t now_ns)
{
    uint64_t most_ns = (uint64_t)m->crew->plan->connect_timeout_s * 1000000000u;
    if (c->state >= CONN_CONNECTING && c->state <= CONN_GREETED && now_ns > c->asked_ns && now_ns - c->asked_ns > most_ns)
        conn_fail(m, c, LOAD_TIMEOUT, 0);
}
