/* ask: a question about a channel, and its answer.
 *
 *   door: ask_new -> fill in -> ask_send -> home shard answers (or each shard in turn adds its part) -> on_answer at the door
 *
 * The question is one allocation that travels to where the answer is known and comes back with it. The answer is delivered in
 * the asking shard, perhaps before ask_send returns, and only while the asking stream lives; it is freed after on_answer.
 * What a door needs to remember it puts into `note`.
 */
#ifndef ENCKE_HUB_ASK_H
#define ENCKE_HUB_ASK_H

#include "base/status.h"
#include "hub/message.h"

enum ask_kind {
    ASK_COUNT,         /* subscribers of the channel -> number */
    ASK_MEMBERS,       /* who subscribes -> members, the newest subscription first */
    ASK_HISTORY,       /* the newest `number` messages -> messages, oldest first */
    ASK_HISTORY_DROP,  /* forget the channel's history */
    ASK_MESSAGE_DROP,  /* forget the one message with `epoch` and `offset`, in whichever channel (no channel is named) */
    ASK_SETTING,       /* is there a setting -> found, number = history length */
    ASK_SETTING_PUT,   /* history length = number (0 stops recording and keeps what is there) */
    ASK_SETTING_DROP,  /* forget the setting and the history */
    ASK_APP,           /* figures of the app -> app_online, app_messages */
    ASK_KIND_COUNT
};

struct ask_member {
    struct ask_member *next;
    uint64_t           stream;  /* id of the connection */
    uint32_t           user_id; /* 0 = anonymous */
    uint32_t           age_ms;  /* of the subscription */
    struct slice       uuid, user_agent, ip, origin, language; /* in the same allocation */
};

struct ask {
    struct letter          letter;
    enum ask_kind          kind;
    uint32_t               app;
    uint64_t               asker; /* stream id */
    void                 (*on_answer)(struct stream *asker, const struct ask *answered);
    struct slice           channel; /* own copy */
    struct slice           note;    /* own copy, the door's */
    uint64_t               hash;
    uint64_t               epoch, offset;

    enum status            status;  /* of the answer: OK or why not */
    bool                   found;
    uint64_t               number;
    struct ask_member     *members; /* owned */
    size_t                 member_count;
    const struct message **messages; /* owned, each counted */
    size_t                 message_count;
    uint64_t               app_online;   /* browser sessions of the app */
    uint64_t               app_backends; /* CometQL sessions of the app */
    uint64_t               app_messages; /* messages published in it since start */
    unsigned               next_shard;   /* internal: of a walk over shards */
    uint64_t               walk_mask;    /* internal */
};

/* `channel` may be empty for kinds that name none. NULL when there is no memory. */
struct ask *ask_new(enum ask_kind kind, uint32_t app, struct slice channel, struct slice note);

/* Sends it; the ask belongs to the hub from here on. */
void ask_send(struct ask *given, struct stream *asker, void (*on_answer)(struct stream *asker, const struct ask *answered));

#endif
