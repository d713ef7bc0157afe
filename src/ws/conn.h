/* conn: a WebSocket on a stream (RFC 6455), the server's side.
 *
 * The dialect's object holds a struct ws_conn; the room turns bytes into whole messages and answers control frames.
 *
 *   stream -> bytes -> frame.h -> control: ping is answered, pong notes life, close ends
 *                             \-> data: unmasked in place, fragments joined in `partial`, UTF-8 checked -> on_message
 *
 * An idle connection has no buffer: `partial` exists only while a frame or message is incomplete, or while reading is paused
 * with bytes in hand.
 *
 * Life: a ping is sent after ping_ms without a byte from the client; no byte for idle_ms ends the connection. A queue that the
 * client has emptied counts as a byte from it.
 */
#ifndef ENCKE_WS_CONN_H
#define ENCKE_WS_CONN_H

#include "io/stream.h"
#include "ws/deflate.h"

struct ws_conn;
struct ws_partial;

/* How a connection ends, for the close code of RFC 6455 section 7.4. */
enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_INVALID_TEXT = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_RESTART = 1012,
    WS_CLOSE_TRY_LATER = 1013,
};

struct ws_limits {
    uint32_t message_bytes; /* largest message, fragments together; close 1009 past it */
    uint32_t ping_ms;       /* quiet time after which the server pings; 0 = never */
    uint32_t idle_ms;       /* quiet time after which the connection is taken for dead; 0 = never */
    struct ws_deflate_rules deflate;
};

struct ws_ops {
    const char *name;

    /* One whole message, valid during the call. Text is valid UTF-8. The dialect may pause the stream (stream_pause): the next
     * message then waits until it is resumed with ws_conn_resume. */
    void (*on_message)(struct ws_conn *ws, struct slice text, bool is_binary);

    /* What was queued for the client has left; may be NULL. For answers that are sent piece by piece. */
    void (*on_drain)(struct ws_conn *ws);

    /* The server is to stop, and is expected back in `back_ms`: the last word to this client; the connection is then ended. May be
     * NULL. */
    void (*on_leave)(struct ws_conn *ws, uint32_t back_ms);

    /* It does more in a second than it may (io/meter.h): say so and end it. NULL: a Close frame with 1008. */
    void (*on_flood)(struct ws_conn *ws);

    /* The connection is over; free the object around the ws_conn. */
    void (*on_close)(struct ws_conn *ws);

    /* Never answer a Close frame and never send one: drop the connection instead (spec classic-protocol.md 3.9). */
    bool drops_without_close;
};

enum ws_flags {
    WS_FLAG_PINGED = 1 << 0,  /* a ping is out and nothing has come since */
    WS_FLAG_CLOSING = 1 << 1, /* a Close frame was sent; nothing more is delivered */
    WS_FLAG_READING = 1 << 2, /* events of a read are being handled */
    WS_FLAG_DEFLATE = 1 << 3, /* compression was agreed */
};

struct ws_conn {
    struct stream       *stream;
    const struct ws_ops *ops;
    struct ws_partial   *partial; /* owned; NULL between messages */
    uint32_t             heard_ms; /* low bits of shard_here.now_ms when the last byte came */
    uint32_t             flags;    /* enum ws_flags */
};

_Static_assert(sizeof(struct ws_conn) == 32, "part of every WebSocket connection");

/* Borrowed for ever; called once before the shards start. */
void ws_setup(const struct ws_limits *limits);

/* Takes over a stream that http_upgrade has answered: calls stream_become(stream, &ws_stream_ops, ws). */
void ws_conn_start(struct ws_conn *ws, struct stream *stream, const struct ws_ops *ops);

/* Right after ws_conn_start: compression was agreed (extension.h), so messages may come compressed. */
void ws_conn_allow_deflate(struct ws_conn *ws);

/* After stream_pause inside on_message: reads on, first what is in hand. */
void ws_conn_resume(struct ws_conn *ws);

/* One text message in one frame, for answers to one client; never compressed. Broadcasts use ws_frame_make and stream_send. */
void ws_conn_text(struct ws_conn *ws, struct slice text);

/* Sends a Close frame and ends the connection when it has left (drops at once where the ops say so). */
void ws_conn_close(struct ws_conn *ws, enum ws_close_code code, struct slice reason);

extern const struct stream_ops ws_stream_ops;

#endif
