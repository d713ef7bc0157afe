/* message: what was said, in two types for its two lives.
 *
 *   struct draft          one owner, mutable: who, where, event, payload        draft_new ... draft_free
 *      | message_seal()   home shard only: stamps offset and time, encodes once for each interested dialect; takes the draft
 *      v
 *   const struct message  immutable, counted atomically, shared by all shards   message_ref / message_unref
 *
 * Sealing comes before sharing, so there are no lazy fields and no locks.
 */
#ifndef ENCKE_HUB_MESSAGE_H
#define ENCKE_HUB_MESSAGE_H

#include <stdatomic.h>

#include "base/message_id.h"
#include "base/slice.h"
#include "hub/dialect.h"
#include "io/inbox.h"

enum message_kind {
    MESSAGE_TEXT,  /* somebody published it */
    MESSAGE_JOIN,  /* presence: user_id and uuid came to the channel */
    MESSAGE_LEAVE, /* ... and left */
    MESSAGE_STATUS, /* a user came online or went offline */
    MESSAGE_PERSONAL, /* to one user; `channel` is empty, user_id the recipient */
};

#define UUID_TEXT_MAX 32

struct draft {
    struct letter       letter; /* to its home */
    enum message_kind   kind;
    uint32_t            app;
    uint32_t            user_id;     /* of the sender; 0 = anonymous */
    bool                shows_user;  /* the sender's user id is part of the message (browser messages) */
    bool                is_recorded; /* goes into history where the channel has one */
    bool                is_object;   /* the payload is JSON to be sent as it is */
    bool                sender_listens; /* the sender subscribes to the channel itself */
    uint64_t            sender;      /* stream id of the connection that must not receive it; 0 = none */
    uint64_t            hash;        /* of (app, channel) */
    struct slice        channel;     /* these point into the same allocation */
    struct slice        event;
    struct slice        payload;
    struct slice        uuid;        /* of the visitor who joined or left */
    struct publish_report *report;   /* owned: the answer to whoever asked; NULL when nobody did */
};

/* Copies all texts. NULL when there is no memory. */
struct draft *draft_new(uint32_t app, struct slice channel, struct slice event, struct slice payload);
void draft_free(struct draft *d); /* NULL is allowed */

struct message {
    atomic_uint          refs;
    struct draft        *draft; /* owned; who, where and the texts; constant from here on */
    uint64_t             offset; /* 1, 2, 3 ... in its channel; 0 = the channel keeps no state */
    uint64_t             epoch;  /* of the channel's state */
    uint64_t             sent_ms; /* wall clock at its home */
    struct slice         bytes[DIALECT_MAX]; /* encoded; at == NULL: nobody asked for it */
    size_t               size; /* bytes of memory it takes */
};

/* One copy on its way to one shard: a letter, then a link in the list of what waits for a channel's walk. */
struct delivery {
    struct letter         letter;
    const struct message *message; /* counted */
};

/* What a message says about its sealing. */
struct seal {
    uint64_t offset, epoch, sent_ms;
    uint8_t  dialects;   /* mask: encode for these */
    unsigned deliveries; /* how many shards it goes to */
};

/* Encodes. Takes the draft, also when it fails (NULL: no memory). The caller has the only reference. */
struct message *message_seal(struct draft *given, const struct seal *seal);

/* The i-th of the deliveries that were sealed in: their memory is the message's own. */
struct delivery *message_delivery(struct message *m, unsigned i);

const struct message *message_ref(const struct message *m);
void message_unref(const struct message *m);

/* Bytes of memory it takes. */
size_t message_size(const struct message *m);

/* The text id of a stored message, made of epoch and offset. */
void message_id(const struct message *m, char out[MESSAGE_ID_SIZE]);

#endif
