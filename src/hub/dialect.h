/* dialect: what an application protocol tells the hub about itself.
 *
 * The hub knows channels and no bytes. A message is encoded once for each dialect that has subscribers anywhere, by the
 * `encode` of that dialect, at the message's home shard; the bytes are then shared by every subscriber on every shard.
 */
#ifndef ENCKE_HUB_DIALECT_H
#define ENCKE_HUB_DIALECT_H

#include "base/buf.h"
#include "io/stream.h"

#define DIALECT_MAX 5 /* dialects in one process; a mask of them fits a byte */

struct message;
struct session;

/* Why the server ends a connection. */
enum leave_reason {
    LEAVE_REVOKED, /* what he logged in with holds no longer */
    LEAVE_EXPIRED, /* his token's time is over */
    LEAVE_CROWDED, /* the user has newer connections, and only so many are allowed */
    LEAVE_FLOODING, /* it does too much in a second */
    LEAVE_KICKED,  /* an operator wants it */
};

struct dialect {
    const char *name;
    uint8_t     index; /* its place in the table given to hub_setup */

    /* Appends what goes on the wire: whole frames. Runs at the home shard (or, for a dialect whose first listener came while the
     * message was on its way, at the listener's); must not touch anything but its arguments. */
    void (*encode)(struct buf *out, const struct message *m);

    /* Of a dialect that is another one in a smaller form (compressed): appends that form of what `encode` made. False: nothing was
     * appended, and the bytes are sent as they are. Its `encode` is that of the dialect `plain`, whose bytes are then not made twice;
     * `plain` comes before it in the table. NULL: it is no such form. */
    bool (*pack)(struct buf *out, struct slice bytes);
    uint8_t plain; /* index */

    /* Are joining and leaving this channel told to its subscribers (presence)? */
    bool (*announces)(struct slice channel);

    /* The session of a stream that speaks this dialect. */
    struct session *(*session_of)(struct stream *s);

    /* A presence event that this session caused is on its way to everybody: in_flight is 1 less. NULL: nobody counts them. */
    void (*on_announced)(struct stream *s);

    /* Says a personal message to one connection; `m` is encoded for this dialect unless it comes from the queue. False: the
     * connection is closed (now or already). */
    bool (*tell)(struct stream *s, const struct message *m, bool is_from_queue);

    /* Ends a connection, and says why where the protocol can. */
    void (*end)(struct stream *s, enum leave_reason why);
};

#endif
