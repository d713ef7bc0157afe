/* listener.c: see listener.h. */
#include "io/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/internal.h"

#define ACCEPTS_A_TURN  256  /* then the others get their turn */
#define RETRY_ACCEPT_MS 1000 /* after EMFILE, ENFILE, ENOMEM */

/* Fills a socket address; 0 when the text is no numeric address. */
static socklen_t address_of(const struct port *p, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    if (inet_pton(AF_INET, p->ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(p->port);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    if (inet_pton(AF_INET6, p->ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(p->port);
        return sizeof *v6;
    }
    return 0;
}

static enum status port_error(const struct port *p, struct error *e)
{
    const char *advice = errno == EADDRINUSE      ? "another program listens there; stop it or choose another port"
                         : errno == EACCES        ? "ports below 1024 need root or CAP_NET_BIND_SERVICE"
                         : errno == EADDRNOTAVAIL ? "this machine has no such address"
                                                  : "see the reason";
    return error_set(e, E_CONFIG, "%s port: cannot listen on %s:%u: %s (%s)", p->name, p->ip, p->port, strerror(errno),
                     advice);
}

/* A bound socket; with `shared` other sockets of this user may bind the same port. -1 on failure, errno tells. */
static int bound_socket(const struct port *p, bool shared)
{
    struct sockaddr_storage address;
    socklen_t               len = address_of(p, &address);
    if (len == 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if ((shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) ||
        bind(fd, (struct sockaddr *)&address, len) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t               len = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&a)->sin6_port
                                         : ((struct sockaddr_in *)(void *)&a)->sin_port);
}

enum status port_reserve(struct port *p, struct error *out_error)
{
    struct sockaddr_storage address;
    p->reserved_fd = -1;
    if (!port_listens(p))
        return OK;
    if (p->inherited_count > 0) {
        p->port = port_of(p->inherited[0]);
        return OK;
    }
    if (address_of(p, &address) == 0)
        return error_set(out_error, E_CONFIG, "%s.ip: '%s' is not a numeric IP address", p->name, p->ip);

    int probe = bound_socket(p, false); /* fails when anybody listens there, shared or not */
    if (probe < 0 || listen(probe, 1) < 0) {
        enum status s = port_error(p, out_error);
        if (probe >= 0)
            close(probe);
        return s;
    }
    p->port = port_of(probe);
    close(probe);
    p->reserved_fd = bound_socket(p, true);
    return p->reserved_fd >= 0 ? OK : port_error(p, out_error);
}

bool port_fits(const struct port *p, int fd)
{
    struct sockaddr_storage there, wanted;
    socklen_t               len = sizeof there;
    if (!port_listens(p) || address_of(p, &wanted) == 0 || getsockname(fd, (struct sockaddr *)&there, &len) < 0 ||
        there.ss_family != wanted.ss_family || (p->port != 0 && port_of(fd) != p->port))
        return false;
    const struct sockaddr_in  *a4 = (const void *)&there, *b4 = (const void *)&wanted;
    const struct sockaddr_in6 *a6 = (const void *)&there, *b6 = (const void *)&wanted;
    return there.ss_family == AF_INET ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
                                      : memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

void port_release(struct port *p)
{
    if (p->reserved_fd >= 0)
        close(p->reserved_fd);
    p->reserved_fd = -1;
}

/* --- doors: main's ----------------------------------------------------------------------------------------------------- */

/* The sockets of the process before have clients in their backlogs: all of them are kept, also when there are fewer shards now. */
static unsigned doors_of(const struct port *p, unsigned shard_count)
{
    if (!port_listens(p))
        return 0;
    return p->inherited_count > shard_count ? p->inherited_count : shard_count;
}

enum status doors_open(const struct shards_setup *setup, struct error *out_error)
{
    unsigned count = 0;
    bug_if(setup->shard_count == 0);
    for (unsigned i = 0; i < setup->port_count; i++)
        count += doors_of(&setup->ports[i], setup->shard_count);
    shards.doors = calloc(count + 1u, sizeof *shards.doors);
    shards.door_count = 0;
    if (shards.doors == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    for (unsigned i = 0; i < setup->port_count; i++) {
        const struct port *p = &setup->ports[i];
        for (unsigned k = 0; k < doors_of(p, setup->shard_count); k++) {
            int fd = k < p->inherited_count ? p->inherited[k] : bound_socket(p, true);
            if (fd < 0)
                return port_error(p, out_error);
            shards.doors[shards.door_count++] = (struct door){ .fd = fd, .port = (uint8_t)i, .shard = (uint8_t)(k % setup->shard_count) };
        }
    }
    return OK;
}

void doors_close(void)
{
    for (unsigned i = 0; SPLITS_TABLES && i < shards.door_count; i++)
        close(shards.doors[i].fd);
    shards.door_count = 0;
}

unsigned shards_doors(unsigned port, int *out_fds, unsigned most)
{
    unsigned count = 0;
    for (unsigned i = 0; i < shards.door_count && count < most; i++)
        if (shards.doors[i].port == port)
            out_fds[count++] = shards.doors[i].fd;
    return count;
}

/* --- listeners: a shard's ---------------------------------------------------------------------------------------------- */

/* Zero: it stays silent until somebody listens again. */
static void listener_events(struct shard *shard, struct listener *l, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.u64 = LISTENER_MARK | (uint64_t)(l - shard->listeners) };
    epoll_ctl(shard->epoll_fd, EPOLL_CTL_MOD, l->fd, &e);
}

static enum status listener_open(struct shard *shard, struct listener *l, struct error *out_error)
{
    int on = 1;
    if (listen(l->fd, l->port->backlog) < 0)
        return port_error(l->port, out_error);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    l->is_paused = shard->is_shut;
    struct epoll_event e = { .events = l->is_paused ? 0 : EPOLLIN, .data.u64 = LISTENER_MARK | (uint64_t)(l - shard->listeners) };
    if (epoll_ctl(shard->epoll_fd, EPOLL_CTL_ADD, l->fd, &e) < 0)
        return error_set(out_error, E_IO, "epoll: %s", strerror(errno));
    return OK;
}

enum status listeners_open(struct shard *shard, struct error *out_error)
{
    for (unsigned i = 0; i < shards.door_count; i++) {
        const struct door *d = &shards.doors[i];
        if (d->shard != shard->index)
            continue;
        struct listener *l = &shard->listeners[shard->listener_count++];
        *l = (struct listener){ .fd = d->fd, .port = &shard->setup->ports[d->port], .number = d->port };
        enum status s = listener_open(shard, l, out_error);
        if (s != OK)
            return s;
    }
    return OK;
}

/* Out of epoll in words: the socket lives on where it was given to, and would wake this shard for ever. */
void listeners_close(struct shard *shard)
{
    for (unsigned i = 0; i < shard->listener_count; i++) {
        epoll_ctl(shard->epoll_fd, EPOLL_CTL_DEL, shard->listeners[i].fd, NULL);
        close(shard->listeners[i].fd);
    }
    shard->listener_count = 0;
    shard->listeners_closed = true;
}

static void listener_pause(struct shard *shard, struct listener *l)
{
    listener_events(shard, l, 0);
    l->is_paused = true;
    shard->resume_accept_ms = shard_here.now_ms + RETRY_ACCEPT_MS;
}

void listeners_shut(struct shard *shard, bool is_shut)
{
    shard->is_shut = is_shut;
    for (unsigned i = 0; i < shard->listener_count; i++) {
        shard->listeners[i].is_paused = is_shut;
        listener_events(shard, &shard->listeners[i], is_shut ? 0 : EPOLLIN);
    }
}

void listeners_resume(struct shard *shard)
{
    if (shard->resume_accept_ms == 0 || shard_here.now_ms < shard->resume_accept_ms || shard->is_shut)
        return;
    shard->resume_accept_ms = 0;
    for (unsigned i = 0; i < shard->listener_count; i++) {
        if (shard->listeners[i].is_paused)
            listener_events(shard, &shard->listeners[i], EPOLLIN);
        shard->listeners[i].is_paused = false;
    }
}

/* What the client has sent by now is read first: closing with unread bytes in hand would be a reset, which may overtake the text. */
static void refuse(int fd, const struct port *p, enum refusal why, const struct address *from)
{
    char unread[4096];
    refusal_note(why, p->name, from);
    if (p->refusals != NULL && p->tls == NULL && !p->expects_proxy) {
        (void)!recv(fd, unread, sizeof unread, MSG_DONTWAIT);
        (void)!send(fd, p->refusals[why].at, p->refusals[why].len, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(fd, SHUT_WR);
    }
    close(fd);
}

static bool is_full(const struct port *p, uint8_t number)
{
    return p->max_connections > 0 &&
           atomic_load_explicit(&shards.connections[number], memory_order_relaxed) >= (int64_t)p->max_connections;
}

/* The order: what costs nothing first; who gives way to a newcomer is chosen only when nothing else speaks against it. */
static bool may_come(struct shard *shard, const struct listener *l, const struct address *from, struct guest *out,
                     enum refusal *out_why)
{
    *out = (struct guest){ .account = ACCOUNT_NONE };
    *out_why = REFUSE_FULL;
    if (is_full(l->port, l->number))
        return false;
    if (!l->port->is_guarded)
        return true;
    *out_why = REFUSE_BUSY;
    if (!newcomers_are_patient(shard))
        return false;
    *out_why = REFUSE_RATE;
    if (!admission_in_all() || !admission_address(l->port, from, out, out_why))
        return false;
    *out_why = REFUSE_BUSY;
    if (newcomers_make_room(shard))
        return true;
    account_give(out->account);
    return false;
}

static void take_in(struct shard *shard, const struct listener *l, int fd, const struct sockaddr_storage *peer)
{
    struct address from = { { 0 } };
    enum refusal   why;
    struct guest   guest;
    (void)!peer_of_socket(peer, &from);
    if (!may_come(shard, l, &from, &guest, &why))
        refuse(fd, l->port, why, &from);
    else if (stream_adopt(shard, fd, l->number, guest) == NULL)
        close(fd);
}

/* Out of something: what waits in the backlog stays there until there is room again. */
static void accept_failed(struct shard *shard, struct listener *l)
{
    static struct log_limit limit = { .every_ms = 10000 };
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return; /* the peer gave up meanwhile: nothing is wrong here */
    log_limited(&limit, LOG_ERROR, "%s: cannot accept in shard %u: %s; new connections wait. Raise LimitNOFILE or memory",
                l->port->name, shard->index, strerror(errno));
    listener_pause(shard, l);
}

static bool is_table_full(struct shard *shard, struct listener *l)
{
    static struct log_limit limit = { .every_ms = 10000 }, early = { .every_ms = 60000 };
    if (shard->streams.live >= shard->table_limit - shard->table_limit / 20)
        log_limited(&early, LOG_WARN, "%s: shard %u has %u connections, more than 95 %% of what its descriptor table allows",
                    l->port->name, shard->index, shard->streams.live);
    if (shard->streams.live < shard->table_limit)
        return false;
    log_limited(&limit, LOG_WARN,
                "%s: shard %u holds %u connections, all its descriptor table allows; new ones wait in the backlog. "
                "Raise LimitNOFILE, or ws.max_connections so that more shards are started",
                l->port->name, shard->index, shard->streams.live);
    listener_pause(shard, l);
    return true;
}

void listener_accept(struct shard *shard, struct listener *l)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        if (is_table_full(shard, l))
            return;
        struct sockaddr_storage from;
        socklen_t               len = sizeof from;
        int                     fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            if (errno != EAGAIN)
                accept_failed(shard, l);
            return;
        }
        take_in(shard, l, fd, &from);
    }
}
