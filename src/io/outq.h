/* outq: what waits for one socket.
 *
 * A bounded list of references to immutable parcels, oldest first. It exists only while a socket is blocked: an idle
 * connection has none (stream->out == NULL); the stream frees it when the last byte has left.
 *
 *   outq_push -> [ p7 | p6 | p5:1200/1450 ] -> outq_flush -> sendmsg(fd), or tls_send
 *                                ^ bytes already sent of the oldest parcel
 *
 * Thread: the shard that owns the stream. Bound: `limit_bytes`; past it push answers E_FULL and changes nothing. One
 * parcel that is larger than the bound may wait alone. Parcels with may_drop make room first: the oldest of them are dropped, but for
 * one that has begun to leave; and one that finds no room even so is dropped itself, which is no failure.
 */
#ifndef ENCKE_IO_OUTQ_H
#define ENCKE_IO_OUTQ_H

#include "base/status.h"
#include "io/parcel.h"

struct outq_link;
struct tls;

struct outq {
    struct outq_link  *oldest;
    struct outq_link **newest; /* where the next link is hung */
    uint64_t           waiting_bytes;
    uint64_t           limit_bytes;
    uint32_t           sent; /* bytes of the oldest parcel that have left */
    uint32_t           droppable; /* parcels in it that may be dropped */
    uint32_t           kept;      /* as which it counts (io/kept.h) */
    uint64_t           own_bytes; /* that were copied for it alone, those that have left included */
};

struct outq *outq_new(uint64_t limit_bytes);

/* Gives back every reference. NULL is allowed. */
void outq_free(struct outq *q);

/* Keeps a reference of its own, skipping the first `from` bytes; the caller's stays his. `from` > 0 only on an empty queue. */
enum status outq_push(struct outq *q, struct parcel *p, uint32_t from) __attribute__((warn_unused_result));

/* A copy of `bytes`, as a parcel of its own. */
enum status outq_push_copy(struct outq *q, struct slice bytes) __attribute__((warn_unused_result));

enum outq_flush { OUTQ_EMPTY, OUTQ_BLOCKED, OUTQ_BROKEN };

/* Sends what the socket takes, over TLS unless `tls` is NULL; then OUTQ_EMPTY means that nothing is unsent there either.
 * OUTQ_BROKEN: the peer is gone. */
enum outq_flush outq_flush(struct outq *q, int fd, struct tls *tls);

#endif
