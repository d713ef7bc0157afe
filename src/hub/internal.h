/* internal: what the files of hub share about one shard. Included nowhere else. */
#ifndef ENCKE_HUB_INTERNAL_H
#define ENCKE_HUB_INTERNAL_H

#include "base/array.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "hub/app.h"
#include "hub/ask.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "hub/publish.h"
#include "hub/session.h"
#include "hub/user.h"
#include "store/store.h"

/* A listener of a channel: the index of its stream, and which of its session's subscriptions this is. */
struct seat {
    uint32_t stream; /* SLAB_NONE: vacant, until the walk that is under way has ended */
    uint32_t slot;
};

struct seats {
    struct seat *at; /* owned */
    uint32_t     count, cap;
    uint32_t     vacant;
};

/* A batch of messages on its way through an audience; fanout.c. */
struct walk {
    struct delivery *batch;   /* owned list, oldest first */
    struct parcel   *parcel;  /* counted: the batch joined, for the dialect where it is; NULL: not made yet, or no memory */
    uint64_t         senders; /* bit (stream index % 64) of each local sender in the batch */
    uint32_t         batch_count;
    uint32_t         limit[DIALECT_MAX]; /* seats taken when the walk began */
    unsigned         dialect;            /* where it is */
    uint32_t         cursor;
};

/* The subscribers of one channel in this shard.
 *
 *   seats[classic]: [ s4 | s9 | s2 | ... ]   dense, one send each     pending: m7 -> m8 -> m9     walk: m5+m6 joined, at s9
 */
struct audience {
    struct slab_head  head;
    struct map_link   link;
    uint32_t          app;
    uint8_t           name_len;
    bool              may_drop;  /* a slow listener loses messages rather than his connection */
    bool              announces; /* presence: joining and leaving are published */
    bool              is_dirty;  /* home has not heard the present count */
    bool              is_active; /* in hub.active: has pending messages or a walk */
    char              name[CHANNEL_NAME_MAX];
    uint32_t          next_dirty; /* slab index */
    struct list       active;
    struct seats      seats[DIALECT_MAX];
    uint32_t          told_count; /* what home knows */
    uint8_t           told_dialects;
    bool              is_walking;
    struct delivery  *pending; /* owned list, oldest first */
    struct delivery **pending_last;
    struct walk       walk;
};

/* The other process of an upgrade (bridge.h); the stream is shard 0's. */
struct bridge {
    struct stream *stream;  /* NULL: there is none */
    struct buf     partial; /* a record of which a part has come */
    struct buf     scratch;
    uint64_t       backlog; /* bytes that count in backlogs[0] and may still wait for the other process */
    uint64_t       expected_until_ms; /* of every shard; 0: nobody is expected, or the old process is still there */
};

#define INTEREST_BRIDGE UINT16_MAX /* the shard of an interest: the old process's */

/* A member of a channel that announces its members: the old process has his connection, or has let it go. */
struct expected {
    struct expected *next;
    uint32_t         user_id;
    uint8_t          uuid_len;
    char             uuid[UUID_TEXT_MAX];
};

/* The users whose home is here; user.c. */
struct users {
    struct map      all;
    struct map      tokens;    /* revoked ones; token.c */
    struct list     idle;      /* users with nothing to do, the longest idle first */
    struct list     leaving;   /* without connections, still online for the grace, the first to go first */
    struct list     returning; /* the same of those whom the process before has let go, and longer */
    struct list     unsettled; /* the store must still be told that their queue was delivered */
    size_t          idle_count;
    uint64_t        queue_bytes; /* memory of all queues */
    struct tell    *holding;   /* owned list: a blocked connection must take its bytes before these are answered */
    struct expiry  *expiries;  /* owned heap, the first to expire on top */
    size_t          expiry_count, expiry_cap;
    uint64_t        expired_ms; /* when the store was last told to forget old queues */
    uint64_t        swept_ms; /* when unsettled users and old tokens were looked at */
};

struct hub {
    struct map  channels;  /* whose home is here */
    struct map  audiences; /* of channels with listeners here */
    struct map  visitors;
    struct map  apps;
    struct slab audience_slab;
    uint32_t    dirty;  /* first dirty audience */
    struct list active; /* audiences with something to deliver */
    struct list ages;       /* history entries, oldest first */
    struct list trust_ages; /* the same of channels that record without a setting: they may live shorter */
    uint64_t    history_bytes;
    struct users users;
    struct bridge bridge;
    struct map   conferences; /* whose home is here; conference.c */
    uint64_t     apps_cursor;   /* of the walk that frees those nobody uses */
    uint64_t     apps_swept_ms;
    uint32_t     invitation_count; /* of all of them */
    struct publish_report *held; /* reports that wait for a backlog to shrink, oldest first, linked by letter.next */
    struct publish_report **held_last;
};

/* What all shards share: constant but for the backlogs. */
struct hub_shared {
    struct hub_setup   setup;
    struct store_row **loaded; /* owned; one list for each shard, until it has started */
    struct backlog {
        _Alignas(64) _Atomic uint64_t bytes; /* deliveries posted to a shard and not yet in a walk */
    } *backlogs; /* owned; one for each shard */
    _Atomic uint32_t *app_channels; /* owned: of each app, in all shards; NULL: they are not bounded */
};

extern _Thread_local struct hub hub_own;
extern struct hub_shared        hub_shared;

static inline struct slice audience_name(const struct audience *a)
{
    return (struct slice){ a->name, a->name_len };
}

/* audience.c */
struct audience *audience_find(uint32_t app, struct slice name, uint64_t hash);
struct audience *audience_get(uint32_t app, struct slice name, uint64_t hash);
uint32_t audience_count(const struct audience *a);
enum status audience_seat(struct audience *a, const struct dialect *d, struct stream *s, uint32_t slot, uint32_t *out_seat);
void audience_leave(struct audience *a, unsigned dialect, uint32_t seat);
void audience_mark_dirty(struct audience *a);
void audience_compact(struct audience *a);
void audience_let_go(struct audience *a);
void audience_seats_free(struct audience *a);

/* Tells the homes what has changed; true: everything was said. Every letter of the hub goes out behind it, so that whoever hears
 * of a subscriber's deeds has heard of his subscriptions before. */
bool interest_flush(void);
void hub_post(unsigned to, struct letter *given);

/* message.c: appends the bytes for one dialect; gives back the memory that this and sealing keep for the next message. */
void message_encode(struct buf *out, const struct message *m, unsigned dialect);
void message_scratch_clear(void);

/* fanout.c */
void fanout_add(struct delivery *given);
uint32_t fanout_turn(void);
void fanout_drop(struct audience *a);

/* ask.c: a question with copies of channel, note, event, text, extra. NULL: no memory. */
struct ask *ask_make(enum ask_kind kind, uint32_t app, const struct slice texts[5]);

/* Sends the answer to the door. */
void ask_answer(struct ask *a);
void ask_free(struct ask *a);

/* journal.c: what goes to the store, and what comes from it at start. */
void journal_send(struct store_op *given, void (*on_done)(struct store_op *done));
struct store_op *journal_channel(enum store_kind kind, const struct channel *c); /* NULL: no memory */
enum status journal_history(const struct channel *c, const struct message *m, struct publish_report *report,
                            void (*on_done)(struct store_op *done), uint64_t note);
void journal_replay(void);
bool journal_replay_message(struct channel *c, const struct store_row *row); /* false: no memory */
struct message *journal_message(const struct store_row *row); /* NULL: no memory */

/* history.c; for history_load.c: one more at the old end, and afterwards back within the bounds. */
uint32_t history_turn(void);
void     history_add_oldest(struct channel *c, const struct message *m);
void     history_settle(struct channel *c);

/* ask.c: fills in what the channel knows, and lets go of it. */
void ask_answer_from(struct ask *a, struct channel *c);

/* user.c and its siblings (user_internal.h). */
void     users_start(void);
uint32_t users_turn(void);
void     users_stop(void);

/* token.c */
void tokens_list(struct ask *a);
void tokens_sort(struct ask *a);
void token_load(const struct store_row *row);

/* conference.c */
bool conference_load(const struct store_row *row); /* false: no memory */
void conferences_clear(void);

/* How much history a channel of this name keeps without a setting. */
uint32_t hub_history_floor(struct slice name);

/* app.c */
uint32_t apps_turn(void);

/* publish.c */
uint32_t reports_turn(void);
void reports_drop(void);

void channel_forward(struct draft *given, const struct seal *seal); /* of the new process, to the guests here */

/* bridge.c: a record to the other process, from any shard; nothing without one. A message with an interest of the bridge's, in shard 0. */
struct record;
void bridge_say(const struct record *r);
void bridge_message_arrived(struct letter *given);
void bridge_cut(void); /* it could not be told everything */
uint32_t bridge_turn(void);

/* inherit.c */
void inherit_write(struct buf *out);
void inherit_read(void);
void inherit_over(void); /* the old process has ended */
uint32_t inherit_turn(void);
void channel_bridge_set(uint32_t app, struct slice name, uint32_t count);
void member_left_there(const struct record *r);
bool expected_take(struct channel *c, uint32_t user_id, struct slice uuid); /* was he? */
void expected_clear(struct channel *c);

/* subscription.c: presence says that a session has come or gone. */
void presence_publish(const struct session *s, const struct audience *a, enum message_kind kind);

#endif
