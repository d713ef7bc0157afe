/* message: whole messages and control frames out of a client's bytes (RFC 6455 sections 5.4 to 5.6). Pure.
 *
 *   bytes -> head (frame.h) -> unmask in place -> text | binary | fragment | ping | pong | close -> one event at a time
 *
 * A frame that lies whole in the bytes given is used where it lies, without a copy. Only an incomplete head, an incomplete
 * payload or an unfinished fragmented message is copied, into a struct ws_partial that exists just as long as it is needed.
 * Control frames may stand between fragments. Text is checked for UTF-8 as it comes, so that a bad text fails at its first bad
 * byte, not at its end.
 *
 * A compressed message (RFC 7692) is collected as it comes and inflated when it is whole, because no window is kept for a connection.
 *
 * Bound: a message of at most `message_bytes`; refused with 1009 as soon as the heads of its frames say that it will be larger, or as
 * soon as it inflates to more.
 */
#ifndef ENCKE_WS_MESSAGE_H
#define ENCKE_WS_MESSAGE_H

#include "ws/frame.h"

enum ws_event_kind { WS_EVENT_MESSAGE, WS_EVENT_PING, WS_EVENT_PONG, WS_EVENT_CLOSE };

struct ws_event {
    enum ws_event_kind kind;
    bool               is_binary;
    uint32_t           grown;   /* bytes that a message has more than came for it, because it was compressed */
    uint16_t           code;    /* of a Close, 0 when it has none; after FEED_BAD the code to close with */
    const char        *reason;  /* after FEED_BAD: what is wrong; constant */
    struct slice       payload; /* message, application data of a ping or pong, reason of a Close; unmasked; valid until the
                                 * next call or ws_partial_settle */
};

/* What holds for the messages of a connection. */
struct ws_rules {
    uint32_t message_bytes; /* largest message */
    bool     has_deflate;   /* compression was agreed */
};

struct ws_partial {
    struct buf      message;    /* payload of the message so far, unmasked */
    struct buf      held;       /* the conn's: bytes not looked at because reading is paused */
    size_t          held_at;    /* how many of those have been looked at since */
    struct ws_frame frame;      /* while in_frame */
    uint64_t        got;        /* bytes of its payload */
    uint32_t        kept;       /* the conn's: as which it counts (io/kept.h) */
    uint32_t        utf8;       /* state of the check */
    bool            in_message; /* a fragmented message has begun */
    bool            is_binary;
    bool            is_packed;  /* the message is compressed */
    bool            in_frame;   /* the head is complete, the payload is not */
    bool            is_given;   /* `message` was given out: forget it at the next call */
    uint8_t         head_len;   /* bytes of an incomplete head */
    char            head[WS_HEAD_MAX];
    char            control[WS_CONTROL_MAX];
};

/* Takes bytes (and changes them) up to and with the end of the next event: FEED_DONE, *out_event, and how many were taken in
 * *out_used; call again with the rest. FEED_MORE: all were taken. FEED_BAD: close with out_event->code. *partial is NULL at
 * first and owned by the caller. */
enum feed ws_message_feed(struct ws_partial **partial, const struct ws_rules *rules, char *at, size_t len, size_t *out_used,
                          struct ws_event *out_event);

/* An empty one where there is none. False: no memory. */
bool ws_partial_need(struct ws_partial **partial);

/* Frees it when nothing is in hand. */
void ws_partial_settle(struct ws_partial **partial);

/* Frees it with everything in it; NULL is allowed. */
void ws_partial_free(struct ws_partial **partial);

#endif
