/* parcel: immutable bytes on their way to sockets.
 *
 * A shard-local handle with a plain reference count: blocked sockets of one shard share it without atomics. The bytes stand
 * behind the handle (parcel_new), or belong to something else that `release` gives back when the last reference goes
 * (parcel_around): the hub uses that to hold one atomic reference on a message for a whole shard.
 *
 *   blocked socket A --+
 *   blocked socket B --+--> parcel (refs = 3) --> bytes [ WebSocket frame | frame | frame ]
 *   the walk ----------+
 *
 * Thread: the shard that made it.
 */
#ifndef ENCKE_IO_PARCEL_H
#define ENCKE_IO_PARCEL_H

#include "base/slice.h"

struct parcel {
    uint32_t     refs : 31;
    uint32_t     may_drop : 1; /* a queue that is full gives it up rather than its connection (outq.h) */
    uint32_t     len;
    const char  *at;
    void       (*release)(void *owner); /* NULL: the bytes are part of this allocation */
    void        *owner;
};

/* With room for `len` bytes, which the caller writes through parcel_bytes() before anybody else sees it. One reference,
 * the caller's. NULL when there is no memory. */
struct parcel *parcel_new(size_t len);
char *parcel_bytes(struct parcel *p);

/* Around bytes of another owner. On NULL nothing was taken over. */
struct parcel *parcel_around(struct slice bytes, void (*release)(void *owner), void *owner);

static inline struct parcel *parcel_ref(struct parcel *p)
{
    p->refs++;
    return p;
}

void parcel_unref(struct parcel *p); /* NULL is allowed */

#endif
