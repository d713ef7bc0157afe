/* hub: the room's part in each shard, and what is set once for all.
 *
 *   publish -> home shard (channel.c: order, history) -> interested shards (audience.c) -> fanout.c -> sockets
 *
 * Reading order: message.h, channel.h, internal.h (the audience), session.h, publish.h, ask.h.
 */
#ifndef ENCKE_HUB_HUB_H
#define ENCKE_HUB_HUB_H

#include "hub/dialect.h"
#include "io/shard.h"

/* How users are treated; user.h. */
struct user_rules {
    bool     has_online_events, has_offline_events, saves_last_seen;
    uint32_t offline_grace_ms;
    uint32_t max_connections; /* of one user; 0 = no bound */
    uint32_t queue_length;    /* messages kept for one user */
    uint64_t queue_age_ms;
    uint64_t queue_bytes;     /* memory for the queues of users who are not connected; the store has them anyway */
    uint32_t message_bytes;   /* largest message to a user */
    uint64_t sip_secret_age_ms; /* how long a SIP secret holds after the last connection; 0: there is no telephony, none are made */
    uint32_t cache_count;     /* users without connections kept in memory, in the whole process */
};

struct hub_setup {
    const struct dialect *const *dialects; /* borrowed for ever */
    unsigned                     dialect_count;
    unsigned                     shard_count;
    uint32_t                     max_subscriptions; /* for each session */
    uint64_t                     history_bytes;     /* memory for history, in the whole process */
    uint64_t                     backlog_bytes;     /* deliveries that may wait for one shard before publishers wait */
    uint64_t                     history_age_ms;    /* 0 = history is kept for ever */
    uint64_t                     floor_age_ms;      /* the same for channels that record without a setting */
    uint32_t                   (*history_floor)(struct slice channel); /* entries kept without a setting; NULL: none */
    bool                       (*may_drop)(struct slice channel); /* slow listeners lose messages of it, not their connection; NULL: none */
    uint32_t                     app_count;         /* apps are 0 ... app_count - 1 */
    uint32_t                     app_channels;      /* channels of one app, in the whole process; 0 = no bound */
    uint64_t                     app_history_bytes; /* memory for the history of one app, an equal share for each shard; 0 = no bound */
    uint64_t                     app_idle_ms;       /* how long the figures of an app are kept that nobody uses; 0 = for ever */
    bool                         has_store;         /* store_open was called */
    bool                       (*app_of_backend)(struct stream *s, uint32_t *out_app); /* false: it has not logged in; may be NULL */
    bool                         stores_history;    /* ... and it keeps histories: what leaves memory is read from it again */
    uint32_t                     return_ms;         /* how long those are waited for whom the process before has let go (bridge.h) */
    const char                  *floor_prefix;      /* what the names of channels with a floor begin with, for the store */
    struct user_rules            users;
};

/* Once, before the shards start. */
enum status hub_setup(const struct hub_setup *setup) __attribute__((warn_unused_result));

/* What the store held, before the shards start: takes the list. */
struct store_row;
enum status hub_load(struct store_row *given) __attribute__((warn_unused_result));

/* Has the store keep what a backend said. Nobody waits for it; without memory, or past the store's bound, it is lost, and that is logged. */
void hub_log_statement(uint32_t app, struct slice text);

/* After the shards have ended. */
void hub_clear(void);

extern const struct shard_part hub_part;

#endif
