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

struct store_row;

enum ask_kind {
    ASK_COUNT,         /* subscribers of the channel -> number */
    ASK_MEMBERS,       /* who subscribes -> members, the newest subscription first */
    ASK_HISTORY,       /* the newest `number` messages -> messages, oldest first */
    ASK_RECOVER,       /* what a listener missed who heard all up to `epoch` and `offset` -> messages (`number` at most), found = that is all he missed;
                        * epoch and offset = where the channel is now (epoch 0: it keeps no state) */
    ASK_HISTORY_DROP,  /* forget the channel's history */
    ASK_MESSAGE_DROP,  /* forget the one message with `epoch` and `offset`, in whichever channel (no channel is named) */
    ASK_SETTING,       /* is there a setting -> found, number = history length */
    ASK_SETTING_PUT,   /* history length = number (0 stops recording and keeps what is there) */
    ASK_SETTING_DROP,  /* forget the setting and the history */
    ASK_APP,           /* figures of the app -> app_online, app_messages */

    /* About a user, answered at his home (user.h). `text` is what is to be kept or compared. */
    ASK_USER_LOGIN,    /* text = his hash, or a verified token (has_token, number = when it expires, unix s) -> status, number = offset,
                        * answer = his SIP secret (user.h) or empty */
    ASK_USER_SECRET,   /* -> found, answer = what he registers with by SIP, while he is here (user.h) */
    ASK_USER_HASH,     /* -> found, answer = hash */
    ASK_USER_HASH_PUT, /* text = hash */
    ASK_USER_HASH_DROP, /* and ends his connections */
    ASK_USER_DATA,     /* -> found, answer = data */
    ASK_USER_DATA_PUT, /* text = data */
    ASK_USER_DATA_DROP,
    ASK_USER_SEEN,     /* -> number = 0 (online), unix s, or UINT64_MAX (nobody knows) */
    ASK_USER_TELL,     /* event, text: a message to all his connections, or to his queue -> number = connections reached */
    ASK_USER_QUEUE,    /* -> messages: those that wait for him, oldest first */
    ASK_USER_QUEUE_DROP, /* offset: the one message with it; 0: all */

    /* Revoked tokens, kept at the home of the user they were made for (0: nobody knows for whom). */
    ASK_TOKEN,      /* text = token -> found */
    ASK_TOKEN_PUT,  /* text = token, number = when it expires; has_token: it is valid, so the user's hash goes and his connections end */
    ASK_TOKEN_DROP, /* text = token */
    ASK_TOKENS,     /* all of the app -> rows, sorted by payload */

    /* About a conference (conference.h). */
    ASK_CONFERENCE,      /* -> rows: those invited, by user */
    ASK_CONFERENCE_PUT,  /* channel = name, event = profile, text = message, extra = node, number = caller id: insert or replace */
    ASK_CONFERENCE_DROP, /* channel = name */
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
    struct slice           event;   /* own copy */
    struct slice           text;    /* own copy */
    struct slice           extra;   /* own copy */
    uint32_t               user_id;
    uint8_t                dialect;   /* of a login: which one the connection speaks */
    bool                   has_token; /* text is a token whose signature was verified */
    bool                   is_object; /* text is JSON to be sent as it is */
    uint64_t               hash;
    uint64_t               epoch, offset;

    enum status            status;  /* of the answer: OK or why not */
    struct slice           answer;  /* owned */
    struct store_row      *rows;    /* owned */
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

/* For the kinds about users and tokens. The note is a few bytes of the door's own. */
struct ask *ask_user_new(enum ask_kind kind, uint32_t app, uint32_t user_id, struct slice event, struct slice text,
                         struct slice note);

/* One that is not sent after all. */
void ask_drop(struct ask *given);

/* Sends it; the ask belongs to the hub from here on. */
void ask_send(struct ask *given, struct stream *asker, void (*on_answer)(struct stream *asker, const struct ask *answered));

#endif
