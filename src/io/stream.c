/* stream.c: see stream.h. What TLS adds to reading is in stream_tls.c. */
#include "io/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/internal.h"
#include "io/kept.h"
#include "io/tls.h"

#define FINISH_MS   10000 /* for what is queued to leave after stream_finish */
#define READY_KEPT  4096  /* entries of the list of who has more to read that outlive a crowd */
#define LINGER_MS   2000  /* for the peer to close its side after that */
#define READS_WANTED (EPOLLIN | EPOLLRDHUP | EPOLLET)

const struct port *stream_port(const struct stream *s)
{
    return &shard_own->setup->ports[s->port];
}

/* --- identity ---------------------------------------------------------------------------------------------------------- */

/* Top to bottom: 8 bits shard, 32 bits generation, 24 bits index. epoll's user data is the same without the shard. */
uint64_t stream_local_id(const struct stream *s)
{
    return (uint64_t)s->head.generation << STREAM_INDEX_BITS | s->head.index;
}

uint64_t stream_id(const struct stream *s)
{
    return (uint64_t)shard_own->index << 56 | stream_local_id(s);
}

struct stream *stream_local(struct shard *shard, uint64_t id)
{
    return slab_find(&shard->streams, (uint32_t)id & STREAM_INDEX_MASK, (uint32_t)(id >> STREAM_INDEX_BITS));
}

struct stream *stream_find(uint64_t id)
{
    struct stream *s = stream_id_shard(id) == shard_own->index ? stream_local(shard_own, id) : NULL;
    return s != NULL && (s->flags & STREAM_CLOSED) == 0 ? s : NULL;
}

struct stream *stream_at(uint32_t index)
{
    return slab_at(&shard_own->streams, index);
}

void stream_prefetch(uint32_t index)
{
    slab_prefetch(&shard_own->streams, index);
}

struct stream *stream_next(uint32_t from)
{
    return slab_next(&shard_own->streams, from);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static void count_open(const struct port *p)
{
    counter_add(p->online, 1);
    counter_add(p->added, 1);
    counter_add(COUNTER_DESCRIPTORS, 1);
    if (p->max_connections > 0 || p->is_counted)
        atomic_fetch_add_explicit(&shards.connections[p - shard_own->setup->ports], 1, memory_order_relaxed);
}

static void count_gone(const struct port *p)
{
    counter_sub(p->online, 1);
    counter_add(p->ended, 1);
    counter_sub(COUNTER_DESCRIPTORS, 1);
    if (p->max_connections > 0 || p->is_counted)
        atomic_fetch_sub_explicit(&shards.connections[p - shard_own->setup->ports], 1, memory_order_relaxed);
}

/* A stream for a socket, known to epoll. NULL: there is no room; the descriptor stays the caller's. */
static struct stream *stream_new(struct shard *shard, int fd, uint8_t port, uint32_t events)
{
    struct stream *s = slab_take(&shard->streams);
    if (s == NULL)
        return NULL;
    const struct port *p = &shard->setup->ports[port];
    s->fd = fd;
    s->port = port;
    s->kind = (uint8_t)p->kind & 0xf;
    s->opened_s = (uint32_t)shard_wall_s();
    bool begins_with_tls = p->tls != NULL && !p->expects_proxy; /* a PROXY header comes before it */
    s->tls = begins_with_tls ? tls_new(p->tls, fd, SLICE("")) : NULL;
    if (s->tls == NULL && begins_with_tls) {
        slab_give(&shard->streams, s);
        return NULL;
    }
    struct epoll_event e = { .events = events, .data.u64 = stream_local_id(s) };
    if (epoll_ctl(shard->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
        tls_free(s->tls);
        slab_give(&shard->streams, s);
        return NULL;
    }
    count_open(p);
    return s;
}

struct stream *stream_adopt(struct shard *shard, int fd, uint8_t port, struct guest given)
{
    const struct port *p = &shard->setup->ports[port];
    struct stream     *s = stream_new(shard, fd, port, READS_WANTED);
    if (s == NULL) {
        account_give(given.account);
        return NULL;
    }
    stream_take_guest(s, given);
    if (p->is_guarded)
        newcomer_begin(shard, s);
    s->ops = p->expects_proxy ? &proxy_conn_ops : p->first_ops;
    s->ops->on_open(s);
    return s;
}

struct stream *stream_dialled(struct shard *shard, int fd, uint8_t port, const struct stream_ops *ops, void *owner)
{
    struct stream *s = stream_new(shard, fd, port, READS_WANTED | EPOLLOUT);
    if (s == NULL)
        return NULL;
    s->flags |= STREAM_DIALLING | STREAM_WANTS_OUT;
    stream_become(s, ops, owner);
    return s;
}

struct stream *stream_taken_over(struct shard *shard, int fd, uint8_t port, const struct stream_ops *ops, void *owner)
{
    struct stream *s = stream_new(shard, fd, port, READS_WANTED);
    if (s == NULL)
        return NULL;
    stream_become(s, ops, owner);
    ops->on_open(s);
    return s;
}

void stream_become(struct stream *s, const struct stream_ops *ops, void *owner)
{
    s->ops = ops;
    s->owner = owner;
}

void stream_close(struct stream *s)
{
    if (s->flags & STREAM_CLOSED)
        return;
    s->flags |= STREAM_CLOSED;
    wheel_disarm(&shard_own->wheel, s);
    s->grave = shard_own->graves;
    shard_own->graves = s->head.index;
    if (shard_own->cork.stream == s)
        shard_own->cork.len = 0;
}

static void forget_queue(struct shard *shard, struct stream *s)
{
    if (s->out == NULL)
        return;
    outq_free(s->out);
    s->out = NULL;
    shard->blocked--;
}

static void stream_free(struct shard *shard, struct stream *s)
{
    if (s->ops->on_gone != NULL)
        s->ops->on_gone(s);
    stream_forget_peer(s);
    stream_unaccount(s);
    stream_settle(s);
    forget_queue(shard, s);
    tls_free(s->tls);
    s->tls = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    count_gone(&shard->setup->ports[s->port]);
    slab_give(&shard->streams, s);
}

void graves_run(struct shard *shard, unsigned most)
{
    while (shard->graves != SLAB_NONE && most-- > 0) { /* on_gone may close others */
        struct stream *s = slab_at(&shard->streams, shard->graves);
        shard->graves = s->grave;
        stream_free(shard, s);
    }
}

/* --- timers ------------------------------------------------------------------------------------------------------------ */

void stream_wait(struct stream *s, uint64_t ms)
{
    if (stream_is_open(s))
        wheel_arm(&shard_own->wheel, s, shard_here.now_ms, ms);
}

void stream_wait_no_more(struct stream *s)
{
    if (stream_is_open(s))
        wheel_disarm(&shard_own->wheel, s);
}

void stream_on_due(void *stream)
{
    struct stream *s = stream;
    if (s->flags & STREAM_FINISHING) {
        stream_close(s);
        return;
    }
    counter_add(COUNTER_HANDSHAKES_LATE, (s->flags & STREAM_NEW) != 0);
    if (s->ops->on_quiet != NULL)
        s->ops->on_quiet(s);
}

/* --- who has more to read ------------------------------------------------------------------------------------------------- */

/* Edge-triggered: what is not read now must be remembered. */
void stream_mark_ready(struct shard *shard, struct stream *s)
{
    if (s->flags & (STREAM_READY | STREAM_CLOSED))
        return;
    if (s->flags & STREAM_NEW) {
        if (newcomer_waits(shard, s))
            s->flags |= STREAM_READY;
        else
            stream_close(s);
        return;
    }
    if (shard->ready_count == shard->ready_cap) {
        size_t    cap = shard->ready_cap ? shard->ready_cap * 2 : 64;
        uint64_t *grown = realloc(shard->ready, cap * sizeof *grown);
        if (grown == NULL) {
            stream_close(s);
            return;
        }
        shard->ready = grown;
        shard->ready_cap = cap;
    }
    shard->ready[shard->ready_count++] = stream_local_id(s);
    s->flags |= STREAM_READY;
}

void stream_pause(struct stream *s)
{
    s->flags |= STREAM_PAUSED;
}

void stream_resume(struct stream *s)
{
    if ((s->flags & STREAM_PAUSED) == 0)
        return;
    s->flags &= (uint16_t)~STREAM_PAUSED;
    stream_mark_ready(shard_own, s); /* an edge may have come and gone while nobody listened */
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

static void want_output(struct stream *s, bool wanted)
{
    if (wanted == ((s->flags & STREAM_WANTS_OUT) != 0))
        return;
    struct epoll_event e = { .events = READS_WANTED | (wanted ? EPOLLOUT : 0u), .data.u64 = stream_local_id(s) };
    epoll_ctl(shard_own->epoll_fd, EPOLL_CTL_MOD, s->fd, &e);
    s->flags = (uint16_t)(wanted ? s->flags | STREAM_WANTS_OUT : s->flags & ~STREAM_WANTS_OUT);
}

static void close_slow(struct stream *s, enum status why)
{
    static struct log_limit limit = { .every_ms = 10000 };
    char                    peer[ADDRESS_TEXT_MAX];
    stream_peer(s, peer, sizeof peer);
    if (why == E_FULL) {
        counter_add(COUNTER_SLOW_CLOSED, 1);
        log_limited(&limit, LOG_WARN, "%s: closed %s, which reads too slowly: %llu bytes wait for it (max_queue, limits.kept)",
                    stream_port(s)->name, peer, (unsigned long long)s->out->waiting_bytes);
    } else {
        log_limited(&limit, LOG_ERROR, "%s: closed %s: no memory for its output", stream_port(s)->name, peer);
    }
    stream_close(s);
}

static struct outq *queue_of(struct stream *s)
{
    if (s->out == NULL && (s->out = outq_new(stream_port(s)->queue_limit_bytes)) != NULL)
        shard_own->blocked++;
    if (s->out != NULL)
        want_output(s, true);
    return s->out;
}

/* What TLS could not send waits there; a queue, even an empty one, says so to everybody. False: no memory. */
bool stream_mind_unsent(struct stream *s)
{
    return !tls_has_unsent(s->tls) || queue_of(s) != NULL;
}

static __attribute__((noinline)) size_t send_tls(struct stream *s, const char *at, size_t len)
{
    const struct iovec iov = { (void *)(uintptr_t)at, len };
    size_t             n = tls_send(s->tls, &iov, 1);
    return stream_mind_unsent(s) ? n : SIZE_MAX;
}

/* Sends what the socket takes now: the number of bytes, or SIZE_MAX when the peer is gone. */
static size_t send_now(struct stream *s, const char *at, size_t len)
{
    if (s->tls != NULL)
        return send_tls(s, at, len);
    for (;;) {
        ssize_t n = send(s->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            return (size_t)n;
        if (errno == EINTR)
            continue;
        return errno == EAGAIN || errno == ENOBUFS ? 0 : SIZE_MAX;
    }
}

/* Behind what is queued, or straight to the socket. */
static bool write_uncorked(struct stream *s, struct slice bytes)
{
    if (s->out == NULL) {
        size_t n = send_now(s, bytes.at, bytes.len);
        if (n == bytes.len)
            return true;
        if (n == SIZE_MAX) {
            stream_close(s);
            return false;
        }
        bytes = slice_skip(bytes, n);
    }
    struct outq *q = queue_of(s);
    enum status  status = q != NULL ? outq_push_copy(q, bytes) : E_NO_MEMORY;
    if (status == OK && !kept_change(s, &q->kept, q->own_bytes < q->waiting_bytes ? q->own_bytes : q->waiting_bytes))
        status = E_FULL;
    if (status != OK)
        close_slow(s, status);
    return status == OK;
}

bool stream_cork_flush(struct stream *s)
{
    struct cork *c = &shard_own->cork;
    size_t       len = c->len;
    c->len = 0;
    return len == 0 || write_uncorked(s, slice_of(c->bytes, len));
}

bool stream_write(struct stream *s, struct slice bytes)
{
    struct cork *c = &shard_own->cork;
    if (s->flags & STREAM_CLOSED)
        return false;
    if (bytes.len == 0)
        return true;
    if (c->stream != s)
        return write_uncorked(s, bytes);
    if (bytes.len > CORK_BYTES - c->len && !stream_cork_flush(s))
        return false;
    if (bytes.len > CORK_BYTES)
        return write_uncorked(s, bytes);
    memcpy(c->bytes + c->len, bytes.at, bytes.len);
    c->len += bytes.len;
    return true;
}

bool stream_send(struct stream *s, struct parcel *p)
{
    if (s->flags & STREAM_CLOSED)
        return false;
    if (shard_own->cork.stream == s && (shard_own->cork.len > 0 || p->len <= 1024))
        return stream_write(s, slice_of(p->at, p->len));
    size_t n = 0;
    if (s->out == NULL) {
        n = send_now(s, p->at, p->len);
        if (n == p->len)
            return true;
        if (n == SIZE_MAX) {
            stream_close(s);
            return false;
        }
    }
    struct outq *q = queue_of(s);
    enum status  status = q != NULL ? outq_push(q, p, (uint32_t)n) : E_NO_MEMORY;
    if (status != OK)
        close_slow(s, status);
    return status == OK;
}

/* Everything has been written. Closing with unread bytes in hand would be a reset, which destroys what the peer has not read
 * yet: so only this direction ends, what still comes is thrown away, and the end of it (or the timer) closes. */
static void finish_now(struct stream *s)
{
    if (s->flags & STREAM_CLOSED)
        return;
    if (s->tls != NULL) {
        tls_end(s->tls);
        if (!stream_mind_unsent(s))
            stream_close(s);
        else if (s->out != NULL)
            return; /* on_writable comes back */
    }
    if (s->flags & STREAM_ENDED || shutdown(s->fd, SHUT_WR) < 0)
        stream_close(s);
    else
        wheel_arm(&shard_own->wheel, s, shard_here.now_ms, LINGER_MS);
}

void stream_cork(struct stream *s)
{
    struct cork *c = &shard_own->cork;
    if (c->stream == NULL)
        c->stream = s;
    if (c->stream == s)
        c->depth++;
}

void stream_uncork(struct stream *s)
{
    struct cork *c = &shard_own->cork;
    if (c->stream != s || --c->depth > 0)
        return;
    if ((s->flags & STREAM_CLOSED) == 0)
        stream_cork_flush(s);
    c->len = 0;
    c->stream = NULL;
    if ((s->flags & STREAM_FINISHING) && s->out == NULL)
        finish_now(s);
}

void stream_finish(struct stream *s)
{
    if (!stream_is_open(s))
        return;
    stream_wait(s, FINISH_MS);
    stream_settle(s);
    s->flags |= STREAM_FINISHING;
    if (s->flags & STREAM_PAUSED)
        stream_resume(s);
    if (s->out == NULL && shard_own->cork.stream != s)
        finish_now(s);
}

/* The socket takes bytes again. */
void stream_on_writable(struct stream *s)
{
    if (s->out == NULL)
        return;
    switch (outq_flush(s->out, s->fd, s->tls)) {
    case OUTQ_BLOCKED:
        return;
    case OUTQ_BROKEN:
        stream_close(s);
        return;
    case OUTQ_EMPTY:
        break;
    }
    forget_queue(shard_own, s);
    want_output(s, false);
    if (s->flags & STREAM_FINISHING)
        finish_now(s);
    else if (s->ops->on_drain != NULL) {
        stream_cork(s);
        s->ops->on_drain(s);
        stream_uncork(s);
    }
    if (s->flags & STREAM_ENDED && s->out == NULL)
        stream_close(s);
}

/* The socket of a dialled stream says how it went. */
static void on_dialled(struct stream *s)
{
    int       reason = 0;
    socklen_t len = sizeof reason;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &reason, &len) < 0 || reason != 0) {
        stream_close(s);
        return;
    }
    s->flags &= (uint16_t)~STREAM_DIALLING;
    want_output(s, false);
    s->ops->on_open(s);
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

/* Offers the bytes to the table, and what it left to the table that took its place. */
void stream_offer(struct stream *s, char *at, size_t len)
{
    stream_cork(s);
    while (len > 0 && (s->flags & (STREAM_CLOSED | STREAM_FINISHING)) == 0) {
        const struct stream_ops *ops = s->ops;
        size_t                   taken = ops->on_bytes(s, at, len);
        bug_if(taken > len || (taken < len && s->ops == ops && stream_is_open(s)));
        at += taken;
        len -= taken;
    }
    stream_uncork(s);
}

/* The peer sends no more. What it asked for may still be on its way to it: then on_writable closes. */
void stream_on_end(struct stream *s)
{
    s->flags |= STREAM_ENDED;
    if (s->out == NULL && s->tls != NULL)
        tls_end(s->tls);
    if (s->out == NULL)
        stream_close(s);
}

/* One read of at most LOOP_READ bytes. */
static void read_once(struct shard *shard, struct stream *s)
{
    if (s->flags & (STREAM_CLOSED | STREAM_PAUSED) || (shard->is_deaf && !s->ops->is_never_deaf))
        return;
    if (s->tls != NULL && (s->flags & STREAM_FINISHING) == 0) {
        stream_read_tls(shard, s);
        return;
    }
    ssize_t n = recv(s->fd, shard->scratch, LOOP_READ, MSG_DONTWAIT);
    if (n < 0) {
        if (errno == EINTR)
            stream_mark_ready(shard, s);
        else if (errno != EAGAIN)
            stream_close(s);
        return;
    }
    if (n == 0) {
        stream_on_end(s);
        return;
    }
    counter_add(stream_port(s)->events, 1);
    if (n == LOOP_READ || s->flags & STREAM_HUNG_UP)
        stream_mark_ready(shard, s);
    if (s->flags & STREAM_FINISHING)
        return; /* read and thrown away, so that the close is not a reset */
    stream_offer(s, shard->scratch, (size_t)n);
}

void stream_on_events(struct shard *shard, uint64_t id, uint32_t events)
{
    struct stream *s = stream_local(shard, id);
    if (s == NULL || s->flags & STREAM_CLOSED)
        return;
    if (s->flags & STREAM_DIALLING)
        on_dialled(s);
    else if (events & EPOLLOUT)
        stream_on_writable(s);
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        s->flags |= STREAM_HUNG_UP;
    if ((events & (EPOLLHUP | EPOLLERR)) && s->flags & STREAM_PAUSED) {
        stream_close(s); /* both directions are dead: nothing to wait for */
        return;
    }
    if (s->flags & STREAM_NEW)
        stream_mark_ready(shard, s); /* its turn comes in step 8 */
    else if ((s->flags & STREAM_READY) == 0) /* else its turn comes in step 7 */
        read_once(shard, s);
}

void stream_read_waiting(struct shard *shard, uint64_t id)
{
    struct stream *s = stream_local(shard, id);
    if (s == NULL)
        return;
    s->flags &= (uint16_t)~STREAM_READY;
    read_once(shard, s);
}

void stream_read_ready(struct shard *shard)
{
    size_t count = shard->ready_count;
    for (size_t i = 0; i < count; i++) /* reading may append to the list, and move it */
        stream_read_waiting(shard, shard->ready[i]);
    shard->ready_count -= count;
    if (shard->ready_count > 0) {
        memmove(shard->ready, shard->ready + count, shard->ready_count * sizeof *shard->ready);
    } else if (shard->ready_cap > READY_KEPT) { /* a crowd wrote at once */
        free(shard->ready);
        shard->ready = NULL;
        shard->ready_cap = 0;
    }
}
