/* user_internal: what the files about users share. Included nowhere else.
 *
 *   user.c        the object: found, loaded, its questions one after the other, forgotten
 *   user_login.c  connections come and go; online, offline, expiring tokens
 *   user_tell.c   messages to a user, and his queue
 *   user_secret.c what his telephone registers with
 *   token.c       revoked tokens
 */
#ifndef ENCKE_HUB_USER_INTERNAL_H
#define ENCKE_HUB_USER_INTERNAL_H

#include "hub/internal.h"

struct user_conn {
    uint64_t stream;
    uint64_t expires_s; /* of the token he logged in with; 0 = never */
    uint8_t  dialect;
};

/* A message that waits for him. */
struct queued {
    struct queued        *next;
    const struct message *message; /* counted */
};

struct user {
    struct map_link   link;
    struct list       place; /* in users.idle or users.leaving */
    struct list       unsettled; /* in users.unsettled */
    uint32_t          app, id;
    bool              is_known;   /* the store was read */
    bool              is_loading; /* ... is being read */
    bool              is_acting;  /* a question of his is on the call stack */
    bool              is_online;  /* the world was told so */
    bool              is_leaving; /* ... and will be told otherwise when the grace is over */
    bool              is_idle;    /* in users.idle */
    bool              is_settling; /* a QUEUE_DROP is on its way */
    bool              is_elsewhere; /* the process before has connections of his (bridge.h) */
    bool              is_called;    /* ... and was told that they are to leave now */
    uint8_t           hash_len;   /* 0: he has none */
    char              hash[USER_HASH_MAX];
    unsigned char     sip_secret[USER_SIP_SECRET];
    uint64_t          sip_until_ms; /* shard_here.now_ms; 0: he has none, UINT64_MAX: while he is here */
    uint32_t          pins;        /* operations of the store that will come back to him */
    uint64_t          last_seen_s; /* UINT64_MAX: nobody knows */
    uint64_t          leaves_at_ms;
    struct user_conn *conns; /* owned, the oldest login first */
    unsigned          conn_count, conn_cap;
    struct queued    *oldest, *newest; /* owned list */
    uint32_t          queued_count;
    uint64_t          offset;  /* of the last message to him */
    uint64_t          settled; /* the store was told to forget up to here */
    uint64_t          drained; /* ... and should forget up to here */
    struct ask       *waiting, **waiting_last; /* owned list, linked by letter.next */

    /* What is being said to him. */
    unsigned              tells_open, tells_taken;
    bool                  is_draining;
    bool                  drain_broke; /* the connection did not take one */
    uint64_t              drain_stream;
    struct ask           *tell_ask;     /* owned: who wants to hear of it; NULL while draining */
    const struct message *tell_message; /* counted */
};

/* One message on its way to one connection, and back with how it went. */
struct tell {
    struct letter         letter;
    unsigned              home;
    uint32_t              app, user_id;
    uint64_t              stream;
    uint8_t               dialect;
    uint64_t              offset;
    const struct message *message; /* counted until it is said */
    bool                  is_from_queue;
    bool                  was_taken;
};

/* --- user.c */
struct user *user_find(uint32_t app, uint32_t id);
struct user *user_get(uint32_t app, uint32_t id); /* found or made; NULL: no memory */
void user_go_on(struct user *u);  /* the next question, or rest */
void user_touch(struct user *u);  /* he is needed now: not idle */
bool user_is_busy(const struct user *u);
struct store_op *user_op(enum store_kind kind, const struct user *u, struct slice event, struct slice payload);

/* --- user_login.c */
void user_login(struct user *u, struct ask *a);
void user_end_all(struct user *u, enum leave_reason why);
void users_leave_due(void);
void users_expire_due(void);
void user_last_words(struct user *u);

void user_call(struct user *u); /* from the process before, if he is there */
void user_move(uint32_t app, uint32_t id); /* in the process before: his connections leave now */
void user_gone_there(uint32_t app, uint32_t id); /* the process before has none of his any more */
void users_gone_there(void); /* ... of nobody's */
struct record;
bool user_inherit(const struct record *r); /* false: no memory */

/* --- user_secret.c */
void user_secret_login(struct user *u, struct ask *a); /* gives him one, or says the one he has */
void user_secret_left(struct user *u);                 /* his last connection has gone */
void user_secret_drop(struct user *u);
void user_secret_ask(struct ask *a);

/* --- user_tell.c */
void user_tell(struct user *u, struct ask *a);
void user_drain(struct user *u, uint64_t stream);
void user_queue_list(struct user *u, struct ask *a);
void user_queue_drop(struct user *u, struct ask *a);
bool user_queue_load(struct user *u, const struct store_row *rows);
void user_queue_forget(struct user *u, uint64_t up_to);
void users_settle(void);
bool tells_turn(void);
void tells_drop(void);
uint64_t user_next_offset(struct user *u);

/* --- token.c */
bool token_is_revoked(uint32_t app, struct slice token);
void token_ask(struct ask *a);
void tokens_sweep(void);
void tokens_clear(void);

#endif
