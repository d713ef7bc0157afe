/* listener.c: see listener.h. */
#include "io/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/internal.h"

#define ACCEPTS_A_TURN  256  /* then the others get their turn */
#define SHARED_ACCEPTS  8    /* of a socket that the other shards accept from as well */
#define RETRY_ACCEPT_MS 1000 /* after EMFILE, ENFILE, ENOMEM */

/* Zero: it stays silent until somebody listens again. A shared one wakes one of the shards that wait for it; the kernel changes no entry of
 * that kind, so it is made anew, behind those of the other shards: the next connection is another shard's. */
static bool listener_events(struct shard *shard, struct listener *l, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.u64 = LISTENER_MARK | (uint64_t)(l - shard->listeners) };
    if (!l->is_shared)
        return epoll_ctl(shard->epoll_fd, l->is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, l->fd, &e) == 0;
    e.events |= EPOLLEXCLUSIVE;
    if (l->is_known)
        epoll_ctl(shard->epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    return events == 0 || epoll_ctl(shard->epoll_fd, EPOLL_CTL_ADD, l->fd, &e) == 0;
}

static enum status listener_open(struct shard *shard, struct listener *l, struct error *out_error)
{
    int on = 1;
    if (listen(l->fd, l->port->backlog) < 0)
        return error_set(out_error, E_CONFIG, "%s port: cannot listen: %s", l->port->name, strerror(errno));
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it; unix ones need it not */
    l->is_paused = shard->is_shut;
    if (!listener_events(shard, l, l->is_paused ? 0 : EPOLLIN))
        return error_set(out_error, E_IO, "epoll: %s", strerror(errno));
    l->is_known = true;
    return OK;
}

enum status listeners_open(struct shard *shard, struct error *out_error)
{
    for (unsigned i = 0; i < shards.door_count; i++) {
        const struct door *d = &shards.doors[i];
        if (d->shard != shard->index)
            continue;
        struct listener *l = &shard->listeners[shard->listener_count++];
        *l = (struct listener){ .fd = d->fd, .port = &shard->setup->ports[d->port], .number = d->port, .is_shared = d->is_shared };
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
    for (int i = 0; i < (l->is_shared ? SHARED_ACCEPTS : ACCEPTS_A_TURN); i++) {
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
            break;
        }
        take_in(shard, l, fd, &from);
    }
    if (l->is_shared && !l->is_paused)
        (void)listener_events(shard, l, EPOLLIN);
}
