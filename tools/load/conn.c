/* conn.c: the life of one connection of the crew, from connect() to its end; what is said on it is in talk.c. See crew_internal.h. */
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
#define TRIES_MOST        12u
#define REST_FIRST_MS     250u
#define REST_MOST_MS      8000u

uint32_t conn_number(const struct crew_member *m, const struct conn *c)
{
    return m->first + (uint32_t)(c - m->conns);
}

uint32_t conn_room(const struct crew_member *m, const struct conn *c)
{
    const struct plan *p = m->crew->plan;
    return p->rooms > 1 ? conn_number(m, c) % p->rooms : 0;
}

uint32_t conn_stream(const struct crew_member *m, const struct conn *c)
{
    return m->crew->plan->workload == WORKLOAD_PRIVATE ? conn_number(m, c) : conn_room(m, c);
}

static bool is_under_way(const struct conn *c)
{
    return c->state >= CONN_CONNECTING && c->state <= CONN_GREETED;
}

/* --- the end ----------------------------------------------------------------------------------------------------------- */

/* A reset frees the port at once, and the server meets the worst of ends. */
static void reset_socket(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
    close(fd);
}

static void leave(struct crew_member *m, struct conn *c, enum conn_state next, bool is_polite)
{
    m->online -= c->state == CONN_COMPLETE;
    m->connecting -= is_under_way(c);
    if (c->tls != NULL && is_polite)
        tls_line_bye(c->tls);
    tls_line_free(c->tls);
    c->tls = NULL;
    if (c->fd >= 0 && is_polite)
        close(c->fd);
    else if (c->fd >= 0)
        reset_socket(c->fd);
    c->fd = -1;
    incoming_clear(&c->in);
    c->state = next;
}

static void note_error(struct crew_member *m, const struct conn *c, enum load_error why, struct slice reason)
{
    static const char *const words[LOAD_ERROR_COUNT] = {
        [LOAD_REFUSED] = "refused",         [LOAD_TIMEOUT] = "not complete in time",
        [LOAD_STATUS] = "the answer was not 101", [LOAD_PROTOCOL] = "what came is no WebSocket",
        [LOAD_ADDRESS] = "no free port of its source address", [LOAD_DESCRIPTOR] = "no descriptor left",
    };
    char *to = m->counts->first_error;
    if (to[0] != '\0')
        return;
    snprintf(to, sizeof m->counts->first_error, "connection %u: %s%s%.*s", conn_number(m, c),
             words[why] != NULL ? words[why] : "ended", reason.len > 0 ? ": " : "", SLICE_ARG(slice_first(reason, 120)));
    for (; *to != '\0'; to++)
        if ((unsigned char)*to < ' ' || (unsigned char)*to > '~') /* it may come from the server, and goes to a terminal */
            *to = '?';
}

/* As long as the server asks for, else twice as long each time, and nobody at the same moment as another. */
static uint64_t rest_ns(struct crew_member *m, const struct conn *c, uint32_t asked_s)
{
    uint32_t ms = asked_s > 0 ? asked_s * 1000 : REST_FIRST_MS << (c->tries < 8 ? c->tries : 8);
    if (asked_s == 0 && ms > REST_MOST_MS)
        ms = REST_MOST_MS;
    return ((uint64_t)ms + crew_random(m) % (ms / 4 + 1)) * 1000000;
}

static void come_back(struct crew_member *m, struct conn *c, bool is_polite)
{
    leave(m, c, CONN_WAITING, is_polite);
    c->tries = 0;
    c->is_back = true;
    m->again[m->again_count++] = (uint32_t)(c - m->conns);
}

/* By the server, which has said so or has only closed. A reset is another thing. */
static bool is_let_go(const struct crew_member *m, const struct conn *c, enum load_error why)
{
    return why == LOAD_CLOSED && c->state == CONN_COMPLETE && m->crew->plan->comes_back && !atomic_load(&m->crew->is_over);
}

static void fail(struct crew_member *m, struct conn *c, enum load_error why, struct slice reason, uint32_t retry_s)
{
    if (is_let_go(m, c, why)) {
        m->counts->let_go++;
        come_back(m, c, true);
        return;
    }
    bool may_retry = c->is_back && is_under_way(c) && c->tries < TRIES_MOST;
    if (may_retry && retry_s > 0) { /* the server said when: that is order, not failure */
        m->counts->put_off++;
    } else {
        note_error(m, c, why, reason);
        m->counts->errors[why]++;
    }
    m->counts->lost += c->state == CONN_COMPLETE;
    leave(m, c, may_retry ? CONN_RESTING : CONN_LOST, why == LOAD_CLOSED);
    if (!may_retry)
        return;
    c->due_ns = clock_mono_ns() + rest_ns(m, c, retry_s);
    c->tries++;
    m->resting++;
}

void conn_fail_as(struct crew_member *m, struct conn *c, enum load_error why, const char *reason)
{
    fail(m, c, why, slice_str(reason), 0);
}

void conn_fail(struct crew_member *m, struct conn *c, enum load_error why, int reason)
{
    conn_fail_as(m, c, why, reason != 0 ? strerror(reason) : "");
}

void conn_refuse(struct crew_member *m, struct conn *c, struct slice answer)
{
    static const char name[] = "\r\nretry-after:";
    uint64_t          seconds = 0;
    for (size_t at = 0; at + sizeof name - 1 <= answer.len; at++)
        if (slice_is_nocase(slice_of(answer.at + at, sizeof name - 1), name)) {
            struct slice value = slice_skip(answer, at + sizeof name - 1);
            (void)slice_u64(slice_trim(slice_cut(&value, '\n')), 60, &seconds); /* a date, or patience for longer: our own pace */
            break;
        }
    struct slice line = slice_cut(&answer, '\n');
    fail(m, c, LOAD_STATUS, slice_trim(line), (uint32_t)seconds);
}

void conn_cut(struct crew_member *m, struct conn *c)
{
    come_back(m, c, false);
}

void conn_end(struct crew_member *m, struct conn *c)
{
    leave(m, c, CONN_LOST, false);
}

enum load_error conn_error_of(int reason)
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

/* --- the beginning ----------------------------------------------------------------------------------------------------- */

/* The source: one of the plan's, or on loopback another address for each PORTS_OF_A_SOURCE connections. False: none is needed. */
static bool find_source(const struct plan *p, uint32_t number, const struct sockaddr_storage *to, struct sockaddr_storage *out)
{
    struct sockaddr_in  *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    uint32_t             block = number / PORTS_OF_A_SOURCE;
    *out = (struct sockaddr_storage){ .ss_family = to->ss_family };
    if (p->source_count > 0) {
        const char *text = p->sources[block % p->source_count];
        return inet_pton(to->ss_family, text, to->ss_family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr) == 1;
    }
    if (to->ss_family != AF_INET || ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr) >> 24 != 127)
        return false;
    v4->sin_addr.s_addr = htonl(127u << 24 | (block / 250 + 1) << 8 | (block % 250 + 2));
    return true;
}

/* The port is chosen by connect(), for this target: a source has as many ports to each target. connect() says what is wrong. */
static void bind_source(const struct crew_member *m, const struct conn *c, const struct sockaddr_storage *to, socklen_t len)
{
    struct sockaddr_storage from;
    int                     on = 1;
    if (!find_source(m->crew->plan, conn_number(m, c), to, &from))
        return;
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    (void)!bind(c->fd, (const struct sockaddr *)&from, len);
}

void conn_start(struct crew_member *m, struct conn *c)
{
    unsigned                       target = conn_number(m, c) % m->crew->plan->target_count;
    const struct sockaddr_storage *to = &m->crew->to[target];
    socklen_t                      len = m->crew->to_len[target];
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = (uint32_t)(c - m->conns) };
    incoming_clear(&c->in); /* the frames behind one that ended it may have left something */
    c->head_at = c->head_end = 0;
    c->asked_ns = clock_mono_ns();
    c->state = CONN_CONNECTING;
    m->connecting++;
    c->fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd >= 0)
        bind_source(m, c, to, len);
    if (c->fd < 0 || (connect(c->fd, (const struct sockaddr *)to, len) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
        conn_fail(m, c, conn_error_of(errno), errno);
}

/* --- in between -------------------------------------------------------------------------------------------------------- */

/* A slow reader whom the server drops is what this workload is about: it is offline, and no error. */
static void on_slow_events(struct crew_member *m, struct conn *c, uint32_t events)
{
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        leave(m, c, CONN_LOST, false);
}

/* connect() has succeeded. */
static void arrive(struct crew_member *m, struct conn *c)
{
    const struct plan           *p = m->crew->plan;
    const struct target_address *to = &p->targets[conn_number(m, c) % p->target_count];
    if (!to->is_tls) {
        talk_begin(m, c);
        return;
    }
    c->tls = tls_line_new(m->tls, c->fd, to->host);
    if (c->tls != NULL)
        c->state = CONN_SECURING;
    else
        conn_fail(m, c, LOAD_OTHER, ENOMEM);
}

static void secure(struct crew_member *m, struct conn *c)
{
    enum tls_line_state s = tls_line_greet(c->tls);
    if (s == TLS_LINE_READY)
        talk_begin(m, c);
    else if (s == TLS_LINE_FAILED)
        conn_fail_as(m, c, errno == ECONNRESET ? LOAD_RESET : LOAD_OTHER, tls_line_error(c->tls));
}

void conn_on_events(struct crew_member *m, struct conn *c, uint32_t events)
{
    if (c->state == CONN_CONNECTING && events & (EPOLLOUT | EPOLLERR)) {
        int       reason = 0;
        socklen_t len = sizeof reason;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &reason, &len);
        if (reason != 0) {
            conn_fail(m, c, conn_error_of(reason), reason);
            return;
        }
        arrive(m, c);
    }
    if (c->state == CONN_SECURING) {
        secure(m, c);
        if (c->state == CONN_SECURING)
            return;
    }
    if (c->is_slow && c->state == CONN_COMPLETE)
        on_slow_events(m, c, events);
    else if (c->fd >= 0 && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        talk_read(m, c, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

void conn_check_time(struct crew_member *m, struct conn *c, uint64_t now_ns)
{
    uint64_t most_ns = (uint64_t)m->crew->plan->connect_timeout_s * 1000000000u;
    if (is_under_way(c) && now_ns > c->asked_ns && now_ns - c->asked_ns > most_ns)
        conn_fail(m, c, LOAD_TIMEOUT, 0);
    if (c->state == CONN_RESTING && now_ns >= c->due_ns) {
        c->state = CONN_WAITING;
        m->resting--;
        m->again[m->again_count++] = (uint32_t)(c - m->conns);
    }
}
