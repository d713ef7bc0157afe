/* conn.c: from bytes to events (message.h), and what each event does. */
#include "ws/conn.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "base/counter.h"
#include "io/kept.h"
#include "io/meter.h"
#include "io/shard.h"
#include "ws/message.h"

#define BUNCH_MS        512u  /* pings of a shard leave together so often */
#define BUNCHED_FROM_MS 4000u /* sooner ones leave by themselves */
#define TEXT_ON_STACK   2048 /* a message up to this is one write even when the stream is not corked */

static const struct ws_limits *limits_set; /* once, before the shards start */

void ws_setup(const struct ws_limits *limits)
{
    limits_set = limits;
    deflate_setup(&limits->deflate);
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

static void write_frame(struct ws_conn *ws, enum ws_opcode opcode, struct slice payload)
{
    unsigned char bytes[WS_MADE_MAX + TEXT_ON_STACK];
    size_t        head_len = ws_frame_make_head(bytes, opcode, payload.len);

    if (payload.len <= TEXT_ON_STACK) {
        if (payload.len > 0)
            memcpy(bytes + head_len, payload.at, payload.len);
        stream_write(ws->stream, slice_of(bytes, head_len + payload.len));
        return;
    }
    stream_cork(ws->stream);
    if (stream_write(ws->stream, slice_of(bytes, head_len)))
        stream_write(ws->stream, payload);
    stream_uncork(ws->stream);
}

void ws_conn_text(struct ws_conn *ws, struct slice text)
{
    if (stream_is_open(ws->stream))
        write_frame(ws, WS_TEXT, text);
}

/* `code` 0: a Close frame without a body. */
static void say_close(struct ws_conn *ws, unsigned code, struct slice reason)
{
    char   body[WS_CONTROL_MAX];
    size_t len = 0;

    if (code != 0) {
        reason = utf8_first(reason, sizeof body - 2);
        body[0] = (char)(code >> 8);
        body[1] = (char)(code & 0xff);
        if (reason.len > 0)
            memcpy(body + 2, reason.at, reason.len);
        len = 2 + reason.len;
    }
    ws->flags |= WS_FLAG_CLOSING;
    write_frame(ws, WS_CLOSE, slice_of(body, len));
    stream_finish(ws->stream);
}

void ws_conn_close(struct ws_conn *ws, enum ws_close_code code, struct slice reason)
{
    if (!stream_is_open(ws->stream))
        return;
    if (ws->ops->drops_without_close)
        stream_close(ws->stream);
    else
        say_close(ws, code, reason);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static uint32_t quiet_ms(const struct ws_conn *ws)
{
    return (uint32_t)shard_here.now_ms - ws->heard_ms;
}

/* 0 to a tenth of `ms`: a million clients that came in one storm must not fall due in one tick. */
static uint32_t jitter(uint32_t ms)
{
    static _Thread_local uint64_t state;

    if (state == 0)
        state = random_u64() | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * (ms / 10 + 1) >> 32);
}

static uint32_t left_of(uint32_t limit_ms, uint32_t spent_ms)
{
    return limit_ms > spent_ms ? limit_ms - spent_ms : 0;
}

/* A ping is due when it is quiet, once; without an idle limit again and again, for the sake of proxies that forget. */
static bool may_ping(const struct ws_conn *ws)
{
    return limits_set->ping_ms > 0 && ((ws->flags & WS_FLAG_PINGED) == 0 || limits_set->idle_ms == 0);
}

/* Pings leave a shard in bunches, every half a second, so that their pongs come in bunches as well and a turn of the shard serves many
 * of them; the shards take turns, so that a message waits for one bunch at most. */
static uint64_t with_others(uint64_t wait_ms)
{
    uint64_t at = shard_here.now_ms + wait_ms + BUNCH_MS * shard_here.index / shard_here.count;
    return wait_ms + BUNCH_MS - at % BUNCH_MS;
}

/* Arms the timer for whatever can be due next. It is not moved for every message: what has come since is seen when it is due. */
static void watch(struct ws_conn *ws)
{
    uint32_t quiet = ws->flags & WS_FLAG_PINGED && limits_set->idle_ms == 0 ? 0 : quiet_ms(ws);
    uint64_t wait_ms = UINT64_MAX;

    if (limits_set->idle_ms > 0)
        wait_ms = left_of(limits_set->idle_ms, quiet);
    if (may_ping(ws)) {
        uint64_t ping_ms = (uint64_t)left_of(limits_set->ping_ms, quiet) + jitter(limits_set->ping_ms);
        if (ping_ms >= BUNCHED_FROM_MS && with_others(ping_ms) < wait_ms)
            ping_ms = with_others(ping_ms);
        wait_ms = ping_ms < wait_ms ? ping_ms : wait_ms;
    }
    if (wait_ms == UINT64_MAX)
        stream_wait_no_more(ws->stream);
    else
        stream_wait(ws->stream, wait_ms);
}

static void conn_on_quiet(struct stream *s)
{
    struct ws_conn *ws = s->owner;
    uint32_t        quiet = quiet_ms(ws);

    if (limits_set->idle_ms > 0 && quiet >= limits_set->idle_ms) {
        stream_close(s); /* nobody is there to read a Close frame */
        return;
    }
    if (may_ping(ws) && quiet >= limits_set->ping_ms) {
        ws->flags |= WS_FLAG_PINGED;
        stream_write(s, SLICE("\x89\x00"));
    }
    watch(ws);
}

static void note_heard(struct ws_conn *ws)
{
    ws->heard_ms = (uint32_t)shard_here.now_ms;
    if (ws->flags & WS_FLAG_PINGED) {
        ws->flags &= ~(uint32_t)WS_FLAG_PINGED;
        watch(ws); /* it was waiting for the end, not for the next ping */
    }
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

/* The newest ping that could not be answered at once. */
struct pong {
    bool    is_due;
    uint8_t len;
    char    payload[WS_CONTROL_MAX];
};

/* While the socket is blocked only the newest ping of a read is answered (RFC 6455 section 5.5.3), so that pings cannot pile
 * up answers. */
static void on_ping(struct ws_conn *ws, struct slice payload, struct pong *pong)
{
    if (!stream_is_blocked(ws->stream)) {
        write_frame(ws, WS_PONG, payload);
        return;
    }
    pong->is_due = true;
    pong->len = (uint8_t)payload.len;
    if (payload.len > 0)
        memcpy(pong->payload, payload.at, payload.len);
}

static void on_event(struct ws_conn *ws, const struct ws_event *e, struct pong *pong)
{
    switch (e->kind) {
    case WS_EVENT_MESSAGE:
        if (shard_here.is_guest) { /* it is not for this process any more: no answer, so nothing is promised */
            stream_leave(ws->stream, 0);
            return;
        }
        ws->ops->on_message(ws, e->payload, e->is_binary);
        return;
    case WS_EVENT_PING:
        on_ping(ws, e->payload, pong);
        return;
    case WS_EVENT_PONG:
        return; /* note_heard has seen it */
    case WS_EVENT_CLOSE:
        if (ws->ops->drops_without_close)
            stream_close(ws->stream);
        else
            say_close(ws, e->code, SLICE("")); /* the echo: the code, no reason */
        return;
    }
}

static void refuse_flood(struct ws_conn *ws)
{
    if (ws->ops->on_flood != NULL)
        ws->ops->on_flood(ws);
    else
        ws_conn_close(ws, WS_CLOSE_POLICY, SLICE("too much in a second"));
}

/* What inflating has added counts as if it had been sent: a client pays for the work he makes, not for the bytes that ask for it. */
static bool is_too_much(const struct ws_conn *ws, const struct ws_event *e)
{
    return !meter_take(ws->stream, METER_MESSAGES, 1) || (e->grown > 0 && !meter_take(ws->stream, METER_BYTES, e->grown));
}

static bool may_read(const struct ws_conn *ws)
{
    return stream_is_open(ws->stream) && (ws->stream->flags & STREAM_PAUSED) == 0;
}

/* Events until the bytes end, reading is paused or the connection is over. Returns how many bytes were looked at. */
static size_t read_events(struct ws_conn *ws, char *at, size_t len)
{
    struct pong     pong = { .is_due = false };
    struct ws_rules rules = { limits_set->message_bytes, (ws->flags & WS_FLAG_DEFLATE) != 0 };
    struct ws_event event;
    size_t          used = 0, taken;

    ws->flags |= WS_FLAG_READING;
    while (used < len && may_read(ws)) {
        enum feed fed = ws_message_feed(&ws->partial, &rules, at + used, len - used, &taken, &event);
        used += taken;
        if (fed == FEED_DONE && is_too_much(ws, &event))
            refuse_flood(ws);
        else if (fed == FEED_DONE)
            on_event(ws, &event, &pong);
        if (fed != FEED_BAD)
            continue;
        counter_add(COUNTER_TOO_LARGE, event.code == WS_CLOSE_TOO_BIG);
        ws_conn_close(ws, event.code, slice_str(event.reason));
    }
    ws->flags &= ~(uint32_t)WS_FLAG_READING;
    if (pong.is_due && stream_is_open(ws->stream))
        write_frame(ws, WS_PONG, slice_of(pong.payload, pong.len));
    return used;
}

/* Paused with bytes in hand. */
static void hold(struct ws_conn *ws, const char *at, size_t len)
{
    if (!ws_partial_need(&ws->partial)) {
        stream_close(ws->stream);
        return;
    }
    buf_append(&ws->partial->held, at, len);
    if (!buf_ok(&ws->partial->held))
        stream_close(ws->stream);
}

/* After reading: what is still in hand counts. */
static void settle(struct ws_conn *ws)
{
    ws_partial_settle(&ws->partial);
    const struct ws_partial *p = ws->partial;
    if (p == NULL || kept_change(ws->stream, &ws->partial->kept, p->message.cap + p->held.cap))
        return;
    ws_partial_free(&ws->partial);
    ws_conn_close(ws, WS_CLOSE_TRY_LATER, SLICE("too much waits for its end"));
}

/* Goes on with what is in hand. */
static void read_held(struct ws_conn *ws)
{
    struct ws_partial *p = ws->partial; /* stays while `held` has bytes */

    p->held_at += read_events(ws, p->held.at + p->held_at, p->held.len - p->held_at);
    if (p->held_at == p->held.len) {
        buf_clear(&p->held);
        p->held_at = 0;
    }
    settle(ws);
}

static size_t conn_on_bytes(struct stream *s, char *at, size_t len)
{
    struct ws_conn *ws = s->owner;

    note_heard(ws);
    if (!meter_take(s, METER_BYTES, (uint32_t)len)) {
        refuse_flood(ws);
        return len;
    }
    if (ws->partial != NULL && ws->partial->held.len > 0) { /* resumed behind our back: the order must be kept */
        hold(ws, at, len);
        if (stream_is_open(s))
            read_held(ws);
        return len;
    }
    size_t used = read_events(ws, at, len);
    if (used < len && stream_is_open(s))
        hold(ws, at + used, len - used);
    settle(ws);
    return len;
}

void ws_conn_resume(struct ws_conn *ws)
{
    struct stream *s = ws->stream;

    stream_resume(s);
    if (ws->flags & WS_FLAG_READING || ws->partial == NULL || ws->partial->held.len == 0)
        return; /* read_events goes on by itself, or nothing is in hand */
    stream_cork(s);
    read_held(ws);
    stream_uncork(s);
}

static void conn_on_drain(struct stream *s)
{
    struct ws_conn *ws = s->owner;

    note_heard(ws); /* the peer takes what it is sent: it lives, also while nothing of it is read */
    if (ws->ops->on_drain != NULL)
        ws->ops->on_drain(ws);
}

static void conn_on_gone(struct stream *s)
{
    struct ws_conn *ws = s->owner;

    ws_partial_free(&ws->partial);
    ws->ops->on_close(ws);
}

/* The client stays connected until it has what is queued for it; a dialect that never closes cleanly ends without a Close frame. */
static void conn_on_leave(struct stream *s, uint32_t back_ms)
{
    struct ws_conn *ws = s->owner;

    if (ws->ops->on_leave != NULL)
        ws->ops->on_leave(ws, back_ms);
    if (ws->ops->drops_without_close)
        stream_finish(s);
    else
        ws_conn_close(ws, WS_CLOSE_RESTART, SLICE("The server is restarted"));
}

const struct stream_ops ws_stream_ops = {
    .name = "ws",
    .on_bytes = conn_on_bytes,
    .on_drain = conn_on_drain,
    .on_quiet = conn_on_quiet,
    .on_leave = conn_on_leave,
    .on_gone = conn_on_gone,
    .stays_as_guest = true,
};

void ws_conn_start(struct ws_conn *ws, struct stream *stream, const struct ws_ops *ops)
{
    *ws = (struct ws_conn){ .stream = stream, .ops = ops, .heard_ms = (uint32_t)shard_here.now_ms };
    stream_become(stream, &ws_stream_ops, ws);
    watch(ws);
}

void ws_conn_allow_deflate(struct ws_conn *ws)
{
    ws->flags |= WS_FLAG_DEFLATE;
}
