/* listing: what there is, channels or connections, a slice at a time.
 *
 *   door: listing_new -> listing_send --> shard 0: 64 rows --> on_answer: shows them, waits until its client reads,
 *                        listing_send --> shard 0: 64 rows --> ...       sends the same listing again: it remembers the place
 *                        listing_send --> shard 1: ...     --> ... is_over
 *
 * One allocation of a fixed size goes to and fro, so a million rows need the memory of 64, and a shard looks at LISTING_LOOKS
 * entries at most before it serves others. Whoever is there from the first slice to the last is listed exactly once, whoever comes
 * or goes meanwhile at most once.
 *
 * The listing belongs to the hub from listing_send to on_answer, which is called in the asking shard, in a later turn, and only while
 * the asking stream lives; from then on it belongs to the door again.
 */
#ifndef ENCKE_HUB_LISTING_H
#define ENCKE_HUB_LISTING_H

#include <arpa/inet.h>

#include "hub/channel.h"
#include "hub/session.h"

#define LISTING_ROWS  64
#define LISTING_LOOKS 1024
#define LISTING_BYTES 16384

enum listing_kind {
    LISTING_CHANNELS,
    LISTING_CONNECTIONS,
    LISTING_DISCONNECT, /* ends the connections `ids`, all of one shard, but for the asker -> number = how many were ended */
};

struct listing_channel {
    struct slice name;
    uint64_t     subscribers, messages, offset, epoch;
    uint32_t     history, history_length;
};

struct listing_connection {
    uint64_t     id;
    uint64_t     queued_bytes; /* waiting until the peer reads */
    const char  *protocol;     /* static */
    uint32_t     app, user_id;
    uint32_t     opened_s; /* unix */
    uint32_t     subscriptions;
    struct slice address, uuid, user_agent, origin;
};

struct listing {
    struct letter     letter;
    enum listing_kind kind;
    uint32_t          app;
    bool              has_all_apps;
    bool              has_user; /* connections of this user alone: */
    uint32_t          user_id;
    uint64_t          asker;
    void            (*on_answer)(struct stream *asker, struct listing *given);
    uint8_t           prefix_len; /* channels whose name begins like this, letters without case */
    char              prefix[CHANNEL_NAME_MAX];
    uint64_t          one; /* the one connection wanted (listing_one); of a channel, its hash */
    bool              is_one;

    bool              is_over;
    unsigned          shard;  /* where the next slice is */
    uint64_t          cursor; /* in that shard */
    enum status       status;
    uint64_t          number;
    unsigned          count; /* rows */
    unsigned          used;  /* of bytes */
    union {
        struct listing_channel    channels[LISTING_ROWS];
        struct listing_connection connections[LISTING_ROWS];
        uint64_t                  ids[LISTING_ROWS];
    };
    char bytes[LISTING_BYTES]; /* what the rows point to */
};

/* NULL when there is no memory. */
struct listing *listing_new(enum listing_kind kind, uint32_t app);
void listing_free(struct listing *l); /* NULL is allowed */

/* Only the channel of this name (valid, see channel.h), or the connection with this id. */
void listing_one_channel(struct listing *l, struct slice name);
void listing_one_connection(struct listing *l, uint64_t id);

/* Asks for the next slice. Not for one that is_over. */
void listing_send(struct listing *given, struct stream *asker, void (*on_answer)(struct stream *asker, struct listing *given));

#endif
