/* record: what two processes of an upgrade say to each other (docs/internals/upgrade.md).
 *
 *   length (4) | kind, flags, subkind, dialects (1 each) | app, user_id, count, reserved (4 each) | epoch, offset, time_ms, number (8 each)
 *              | lengths of name, event, payload, extra (4 each) | the four texts
 *
 * Numbers are in the machine's own order: both processes are on it. What each kind puts into which field stands beside it. A
 * record that says of itself something that cannot be is FEED_BAD, and the connection is over: the other process may be of another
 * version.
 *
 * Pure; owns nothing. Thread: any.
 */
#ifndef ENCKE_HUB_RECORD_H
#define ENCKE_HUB_RECORD_H

#include "base/buf.h"
#include "base/status.h"

#define RECORD_VERSION 1 /* of all of this; said in RECORD_HELLO */
#define RECORD_MOST    (64u << 20) /* bytes of one */

enum record_kind {
    /* From the new process to the old one, before it has taken over. */
    RECORD_HELLO = 1, /* both: number = RECORD_VERSION, event = version of the program, name = its store */
    RECORD_SERVING,   /* it has taken over */

    /* From the old one to the new one, once: what memory alone knows. */
    RECORD_CHANNEL, /* app, name, epoch, offset, number = messages, time_ms = lost_offset, count = subscribers */
    RECORD_ENTRY,   /* app, name, epoch, offset, time_ms, user_id, event, payload, flags: a message in the history of a channel, where no
                     * store keeps it */
    RECORD_USER,    /* app, user_id, count = connections, flags = RECORD_IS_ONLINE, payload = SIP secret, number = ms it still holds */
    RECORD_MEMBER,  /* app, name, user_id, extra = uuid: he is in a channel that announces it */
    RECORD_STORED,  /* subkind = enum store_kind, and its fields: a write that the store in memory has kept */
    RECORD_END,

    /* From the new one, as long as there are guests. */
    RECORD_MESSAGE, /* subkind = enum message_kind, app, name, event, payload, extra = uuid, user_id, epoch, offset, time_ms, flags */
    RECORD_TELL,    /* app, user_id, event, payload, flags: a message to him, which connections here have got */
    RECORD_MOVE,    /* app, user_id: his connections are to leave now, something waits for him here */

    /* From the old one, as long as there are guests. */
    RECORD_INTEREST, /* app, name, count: so many still listen */
    RECORD_GONE,     /* app, user_id: his last connection has gone */
    RECORD_LEFT,     /* app, name, user_id, extra = uuid: he has gone by himself */

    /* From the old one to the new one, before RECORD_END. */
    RECORD_TICKETS, /* payload: keys of session tickets (io/tls_tickets.h) */
    RECORD_KIND_COUNT
};

enum record_flags {
    RECORD_SHOWS_USER = 1 << 0,
    RECORD_IS_OBJECT = 1 << 1,
    RECORD_IS_RECORDED = 1 << 2,
    RECORD_IS_ONLINE = 1 << 3,
};

struct record {
    uint8_t      kind, flags, subkind;
    uint32_t     app, user_id, count;
    uint64_t     epoch, offset, time_ms, number;
    struct slice name, event, payload, extra;
};

void record_write(struct buf *out, const struct record *r);

/* The next record of `in`, which is advanced behind it; its texts point into `in`. FEED_MORE: it is not there as a whole. */
enum feed record_feed(struct slice *in, struct record *out);

/* How long the record is whose first 4 bytes are these; 0: it cannot be. */
uint32_t record_length(const char first[4]);

#endif
