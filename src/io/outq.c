/* outq.c: see outq.h. */
#include "io/outq.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/counter.h"
#include "io/kept.h"
#include "io/tls.h"

#define FLUSH_PARCELS 64 /* of one sendmsg; IOV_MAX is 1,024 and past some dozens nothing is gained */

struct outq_link {
    struct outq_link *next;
    struct parcel    *parcel; /* counted */
};

struct outq *outq_new(uint64_t limit_bytes)
{
    struct outq *q = malloc(sizeof *q);
    if (q == NULL)
        return NULL;
    *q = (struct outq){ .limit_bytes = limit_bytes };
    counter_held(COUNTER_MEMORY_OUTPUT, sizeof *q);
    q->newest = &q->oldest;
    return q;
}

/* Forgets the oldest parcel, of which `unsent` bytes are given up or have just left. */
static void drop_oldest(struct outq *q, uint64_t unsent)
{
    struct outq_link *l = q->oldest;
    q->oldest = l->next;
    if (q->oldest == NULL)
        q->newest = &q->oldest;
    q->sent = 0;
    q->waiting_bytes -= unsent;
    counter_sub(COUNTER_QUEUED_BYTES, unsent);
    q->droppable -= l->parcel->may_drop;
    parcel_unref(l->parcel);
    counter_freed(COUNTER_MEMORY_OUTPUT, sizeof *l);
    free(l);
}

/* Gives up parcels that may be dropped, oldest first, until `rest` bytes fit. One that has begun to leave must go on. */
static void make_room(struct outq *q, uint32_t rest)
{
    struct outq_link **at = q->sent > 0 ? &q->oldest->next : &q->oldest;
    while (*at != NULL && q->droppable > 0 && rest > q->limit_bytes - q->waiting_bytes) {
        struct outq_link *l = *at;
        if (!l->parcel->may_drop) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        if (l->next == NULL)
            q->newest = at;
        q->waiting_bytes -= l->parcel->len;
        q->droppable--;
        counter_sub(COUNTER_QUEUED_BYTES, l->parcel->len);
        counter_add(COUNTER_DROPPED, 1);
        counter_freed(COUNTER_MEMORY_OUTPUT, sizeof *l);
        parcel_unref(l->parcel);
        free(l);
    }
}

void outq_free(struct outq *q)
{
    if (q == NULL)
        return;
    while (q->oldest != NULL)
        drop_oldest(q, q->oldest->parcel->len - q->sent);
    kept_drop(&q->kept);
    counter_freed(COUNTER_MEMORY_OUTPUT, sizeof *q);
    free(q);
}

enum status outq_push(struct outq *q, struct parcel *p, uint32_t from)
{
    assert(q->waiting_bytes <= q->limit_bytes);
    assert(from == 0 || q->oldest == NULL);
    uint32_t rest = p->len - from;
    /* One parcel larger than the bound may still wait alone: it was begun, or it could never be sent at all. */
    if (q->oldest != NULL && rest > q->limit_bytes - q->waiting_bytes)
        make_room(q, rest);
    if (q->oldest != NULL && rest > q->limit_bytes - q->waiting_bytes) {
        counter_add(COUNTER_DROPPED, p->may_drop);
        return p->may_drop ? OK : E_FULL;
    }

    struct outq_link *l = malloc(sizeof *l);
    if (l == NULL)
        return E_NO_MEMORY;
    *l = (struct outq_link){ .parcel = parcel_ref(p) };
    counter_held(COUNTER_MEMORY_OUTPUT, sizeof *l);
    if (q->oldest == NULL)
        q->sent = from;
    *q->newest = l;
    q->newest = &l->next;
    q->waiting_bytes += rest;
    q->droppable += p->may_drop;
    if (q->limit_bytes < q->waiting_bytes)
        q->limit_bytes = q->waiting_bytes;
    counter_add(COUNTER_QUEUED_BYTES, rest);
    return OK;
}

enum status outq_push_copy(struct outq *q, struct slice bytes)
{
    struct parcel *p = parcel_new(bytes.len);
    if (p == NULL)
        return E_NO_MEMORY;
    memcpy(parcel_bytes(p), bytes.at, bytes.len);
    enum status s = outq_push(q, p, 0);
    if (s == OK)
        q->own_bytes += bytes.len;
    parcel_unref(p);
    return s;
}

static int gather(const struct outq *q, struct iovec *iov)
{
    int      count = 0;
    uint32_t from = q->sent;
    for (const struct outq_link *l = q->oldest; l != NULL && count < FLUSH_PARCELS; l = l->next) {
        iov[count++] = (struct iovec){ (void *)(uintptr_t)(l->parcel->at + from), l->parcel->len - from };
        from = 0;
    }
    return count;
}

static void note_sent(struct outq *q, size_t left)
{
    while (left > 0) {
        uint32_t rest = q->oldest->parcel->len - q->sent;
        if (left < rest) {
            q->sent += (uint32_t)left;
            q->waiting_bytes -= left;
            counter_sub(COUNTER_QUEUED_BYTES, left);
            return;
        }
        left -= rest;
        drop_oldest(q, rest);
    }
}

/* Records as long as the socket takes them whole. */
static enum outq_flush flush_tls(struct outq *q, struct tls *tls)
{
    for (;;) {
        struct iovec iov[FLUSH_PARCELS];
        if (!tls_flush(tls))
            return OUTQ_BROKEN;
        if (tls_has_unsent(tls))
            return OUTQ_BLOCKED;
        if (q->oldest == NULL)
            return OUTQ_EMPTY;
        size_t n = tls_send(tls, iov, (size_t)gather(q, iov));
        if (n == SIZE_MAX)
            return OUTQ_BROKEN;
        if (n == 0)
            return OUTQ_BLOCKED; /* the handshake goes on */
        note_sent(q, n);
    }
}

enum outq_flush outq_flush(struct outq *q, int fd, struct tls *tls)
{
    if (tls != NULL)
        return flush_tls(q, tls);
    while (q->oldest != NULL) {
        struct iovec  iov[FLUSH_PARCELS];
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)gather(q, iov) };
        ssize_t       n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == ENOBUFS ? OUTQ_BLOCKED : OUTQ_BROKEN;
        note_sent(q, (size_t)n);
    }
    return OUTQ_EMPTY;
}
