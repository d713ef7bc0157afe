/* session: one visitor on one connection.
 *
 * The dialect's object holds a struct session beside its ws_conn; neither knows the other. It says which app, which user, which
 * browser, and which channels it listens to. Three subscriptions fit inside; more take an array.
 *
 *   session.subs[i] = { audience, seat, since }  <--->  audience.seats[seat] = { stream index, slot i }
 *
 * Each points at the other by number, so that leaving one channel is O(1) and leaving all is O(their number).
 *
 * Thread: its shard's.
 */
#ifndef ENCKE_HUB_SESSION_H
#define ENCKE_HUB_SESSION_H

#include "base/status.h"
#include "hub/dialect.h"
#include "hub/visitor.h"

struct subscription {
    uint32_t audience; /* slab index */
    uint32_t seat;
    uint32_t since_ms; /* low bits of shard_here.now_ms */
};

#define SESSION_INLINE_SUBS 3

struct session {
    struct stream  *stream;
    struct visitor *visitor; /* counted; what users_in_pipes shows of the request's headers; may be NULL */
    union {
        struct subscription  subs[SESSION_INLINE_SUBS];
        struct subscription *more; /* owned, when sub_cap > 0 */
    };
    uint32_t       app;
    uint32_t       user_id; /* 0 = anonymous */
    uint16_t       sub_count;
    uint16_t       sub_cap; /* 0: inline */
    uint8_t        dialect; /* index */
    uint8_t        uuid_len;
    uint16_t       in_flight : 15; /* what is published for it and not yet reported; the dialect's own unit, presence events count 1 */
    uint16_t       is_asking : 1;  /* the dialect's own: a question is open */
    unsigned char  uuid_packed[24]; /* 32 characters of [A-Za-z0-9_-] in 6 bits each */
};

_Static_assert(sizeof(struct session) <= 96, "part of every connection");

/* Begins: fills a zeroed session and counts it. `uuid` is cut to 32 valid characters. */
void session_open(struct session *s, struct stream *stream, const struct dialect *dialect, uint32_t app, struct slice uuid,
                  struct visitor *given_visitor);

/* He has logged in (ASK_USER_LOGIN was answered OK): from now on the session is the user's, until it ends. */
void session_identify(struct session *s, uint32_t user_id);

/* Ends: tells the user's home, gives every seat back, says so to presence, forgets the visitor. */
void session_close(struct session *s);

/* The uuid as text; out has room for 32 characters. */
struct slice session_uuid(const struct session *s, char out[32]);

/* Listens to a channel (2 to 64 valid characters). Twice is once. E_FULL: max_subscriptions reached.
 * E_MANY_CHANNELS: nobody here listens to it, and the app may have no more.
 * E_TOO_FAST: too many in this second, the connection is to be ended. */
enum status subscribe(struct session *s, struct slice name) __attribute__((warn_unused_result));
void unsubscribe_all(struct session *s);

struct subscription *session_subs(struct session *s);

/* Gives back the i-th of them; the last takes its place. */
void unsubscribe_at(struct session *s, unsigned i);

/* The name of the channel of a subscription, valid while it lasts. */
struct slice subscription_name(const struct subscription *sub);

#endif
