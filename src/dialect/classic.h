/* classic: CppComet's protocol, as its browser library speaks it (spec classic-protocol.md).
 *
 *   classic.c           a browser connects: the URL, the opening frame, its end
 *   classic_commands.c  what it may say: subscription, web_pipe2, pipe_count, pipe_log, track_pipe_users ...
 *   classic_users.c     who he is: logging in, what may be known of others, personal messages
 *   classic_encode.c    what it hears: one line of JSON in one text frame
 *
 * There are three dialects for the hub: libraries before version 4 want the same content in a slightly different shape, and our
 * own client hears the position (epoch and offset) of each message, from which it recovers after a break. Two of them have a compressed
 * form (ws/deflate.h), which is a dialect, too: its listeners have seats of their own, and a message is compressed once for all.
 */
#ifndef ENCKE_DIALECT_CLASSIC_H
#define ENCKE_DIALECT_CLASSIC_H

#include "hub/dialect.h"
#include "http/route.h"
#include "io/shard.h"

/* Who may read user_data and the status of a user. */
enum classic_readers { CLASSIC_EVERYONE, CLASSIC_USERS, CLASSIC_SELF };

struct classic_app_readers {
    uint32_t             app;
    enum classic_readers readers;
};

struct jwt_keys;

struct classic_settings {
    const char         *server;         /* "Encke 0.1", in serverInfo */
    uint32_t            app_count;      /* apps (dev ids) are 0 ... app_count - 1 */
    uint32_t            max_subscriptions; /* for each connection */
    const char *const  *droppable;      /* beginnings of names: slow listeners lose messages of these, not their connection */
    size_t              droppable_count;
    bool                refuses_strangers; /* who is not logged in may not stay */
    const struct slice *origins;        /* allowed Origin hosts; ".example.com" allows subdomains */
    size_t              origin_count;   /* 0: any */
    const struct jwt_keys *jwt;         /* what tokens are checked with; NULL: none are accepted */
    enum classic_readers   readers;     /* of all apps but these: */
    const struct classic_app_readers *app_readers;
    size_t                 app_reader_count;
};

/* Borrowed for ever; called once before the shards start. */
void classic_setup(const struct classic_settings *settings);

extern const struct dialect    classic_dialect;     /* version 4 and later; index 0 */
extern const struct dialect    classic_old_dialect; /* before version 4; index 1 */
extern const struct dialect    classic_new_dialect; /* of our own client (api=encke): messages say their position; index 2 */
extern const struct dialect    classic_deflated_dialect, classic_new_deflated_dialect; /* compressed; indices 3 and 4 */
extern const struct shard_part classic_part;

#define CLASSIC_TRUST "trust_" /* the beginning of such names */

/* Entries of history that a channel keeps without a setting: trust_ channels record everything (spec cometql.md 3.5). */
uint32_t classic_history_floor(struct slice channel);

/* Does the name begin like one of `droppable`? */
bool classic_may_drop(struct slice channel);

/* The routes of the four URL prefixes. */
void classic_on_upgrade(struct stream *s, const struct http_request *r);

#endif
