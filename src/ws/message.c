/* message.c: see message.h. Start reading at ws_message_feed. */
#include "ws/message.h"

#include <stdlib.h>

#include "base/counter.h"
#include "base/utf8.h"
#include "io/kept.h"
#include "ws/conn.h"
#include "ws/deflate.h"

static enum feed fail(struct ws_event *e, unsigned code, const char *reason)
{
    e->code = (uint16_t)code;
    e->reason = reason;
    return FEED_BAD;
}

static enum feed fail_memory(struct ws_event *e)
{
    return fail(e, WS_CLOSE_INTERNAL, "out of memory");
}

bool ws_partial_need(struct ws_partial **partial)
{
    if (*partial == NULL && (*partial = calloc(1, sizeof **partial)) != NULL)
        counter_held(COUNTER_MEMORY_UNFINISHED, sizeof **partial);
    return *partial != NULL;
}

void ws_partial_free(struct ws_partial **partial)
{
    if (*partial == NULL)
        return;
    kept_drop(&(*partial)->kept);
    buf_clear(&(*partial)->message);
    buf_clear(&(*partial)->held);
    counter_freed(COUNTER_MEMORY_UNFINISHED, sizeof **partial);
    free(*partial);
    *partial = NULL;
}

static void forget_given(struct ws_partial *p)
{
    if (!p->is_given)
        return;
    p->is_given = false;
    buf_reset(&p->message);
}

void ws_partial_settle(struct ws_partial **partial)
{
    struct ws_partial *p = *partial;

    if (p == NULL)
        return;
    forget_given(p);
    if (!p->in_message && !p->in_frame && p->head_len == 0 && p->held.len == 0)
        ws_partial_free(partial);
}

/* --- events ------------------------------------------------------------------------------------------------------------ */

static enum feed close_event(struct ws_event *e, struct slice payload)
{
    e->kind = WS_EVENT_CLOSE;
    if (payload.len == 0)
        return FEED_DONE;
    if (payload.len == 1)
        return fail(e, WS_CLOSE_PROTOCOL, "a Close frame has half a code");
    unsigned code = (unsigned)(unsigned char)payload.at[0] << 8 | (unsigned char)payload.at[1];
    if (!ws_close_code_is_valid(code))
        return fail(e, WS_CLOSE_PROTOCOL, "a Close frame has a code that must not be sent");
    e->payload = slice_skip(payload, 2);
    if (!utf8_is_valid(e->payload))
        return fail(e, WS_CLOSE_INVALID_TEXT, "the reason of a Close frame is not UTF-8");
    e->code = (uint16_t)code;
    return FEED_DONE;
}

/* `payload` is whole and unmasked. */
static enum feed control_event(struct ws_event *e, unsigned opcode, struct slice payload)
{
    if (opcode == WS_CLOSE)
        return close_event(e, payload);
    e->kind = opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG;
    e->payload = payload;
    return FEED_DONE;
}

/* The usual case: one frame, one message, all of it at `at`. */
static enum feed whole_message(struct ws_event *e, const struct ws_frame *f, char *at)
{
    struct slice payload = { at, (size_t)f->len };

    ws_mask(at, payload.len, f->mask, 0);
    e->kind = WS_EVENT_MESSAGE;
    e->is_binary = f->opcode == WS_BINARY;
    e->payload = payload;
    if (!e->is_binary && !utf8_is_valid(payload))
        return fail(e, WS_CLOSE_INVALID_TEXT, "a text is not UTF-8");
    return FEED_DONE;
}

/* --- compressed messages ----------------------------------------------------------------------------------------------- */

/* The whole of p->message, or of `packed` where it lies, is inflated into p->message and given out. */
static enum feed inflate_event(struct ws_partial *p, struct slice packed, bool is_binary, const struct ws_rules *rules, struct ws_event *e)
{
    struct buf    plain = { 0 };
    enum inflated end = inflate_message(packed, rules->message_bytes, &plain);

    buf_clear(&p->message);
    p->message = plain;
    p->is_given = true;
    if (end == INFLATE_NO_MEMORY)
        return fail_memory(e);
    if (end == INFLATE_TOO_BIG)
        return fail(e, WS_CLOSE_TOO_BIG, "the message is too big");
    if (end == INFLATE_BAD)
        return fail(e, WS_CLOSE_INVALID_TEXT, "a compressed message cannot be inflated");
    e->kind = WS_EVENT_MESSAGE;
    e->is_binary = is_binary;
    e->grown = plain.len > packed.len ? (uint32_t)(plain.len - packed.len) : 0;
    e->payload = plain.len > 0 ? buf_slice(&plain) : SLICE("");
    if (!is_binary && !utf8_is_valid(e->payload))
        return fail(e, WS_CLOSE_INVALID_TEXT, "a text is not UTF-8");
    return FEED_DONE;
}

/* One frame, one compressed message, all of it at `at`. */
static enum feed whole_packed(struct ws_partial **partial, const struct ws_frame *f, char *at, const struct ws_rules *rules, struct ws_event *e)
{
    if (!ws_partial_need(partial))
        return fail_memory(e);
    ws_mask(at, (size_t)f->len, f->mask, 0);
    return inflate_event(*partial, slice_of(at, (size_t)f->len), f->opcode == WS_BINARY, rules, e);
}

/* --- frames in pieces -------------------------------------------------------------------------------------------------- */

static enum feed take_control_piece(struct ws_partial *p, char *at, size_t len, struct ws_event *e)
{
    ws_mask(at, len, p->frame.mask, p->got);
    memcpy(p->control + p->got, at, len);
    p->got += len;
    if (p->got < p->frame.len)
        return FEED_MORE;
    p->in_frame = false;
    return control_event(e, p->frame.opcode, slice_of(p->control, (size_t)p->frame.len));
}

static enum feed end_data_frame(struct ws_partial *p, const struct ws_rules *rules, struct ws_event *e)
{
    p->in_frame = false;
    p->in_message = !p->frame.is_final;
    if (!p->frame.is_final)
        return FEED_MORE;
    if (p->is_packed)
        return inflate_event(p, buf_slice(&p->message), p->is_binary, rules, e);
    if (!p->is_binary && p->utf8 != UTF8_START)
        return fail(e, WS_CLOSE_INVALID_TEXT, "a text ends inside a character");
    p->is_given = true;
    e->kind = WS_EVENT_MESSAGE;
    e->is_binary = p->is_binary;
    e->payload = p->message.len > 0 ? buf_slice(&p->message) : SLICE("");
    return FEED_DONE;
}

static enum feed take_data_piece(struct ws_partial *p, char *at, size_t len, const struct ws_rules *rules, struct ws_event *e)
{
    ws_mask(at, len, p->frame.mask, p->got);
    if (!p->is_binary && !p->is_packed) {
        p->utf8 = utf8_feed(p->utf8, slice_of(at, len));
        if (p->utf8 == UTF8_BAD)
            return fail(e, WS_CLOSE_INVALID_TEXT, "a text is not UTF-8");
    }
    if (len > 0)
        buf_append(&p->message, at, len);
    if (!buf_ok(&p->message))
        return fail_memory(e);
    p->got += len;
    return p->got < p->frame.len ? FEED_MORE : end_data_frame(p, rules, e);
}

/* What there is of the payload of p->frame. FEED_MORE also at the end of a frame that ends no message. */
static enum feed take_piece(struct ws_partial *p, const struct ws_rules *rules, char *at, size_t len, size_t *out_taken, struct ws_event *e)
{
    uint64_t left = p->frame.len - p->got;
    size_t   n = len < left ? len : (size_t)left;

    *out_taken = n;
    return ws_opcode_is_control(p->frame.opcode) ? take_control_piece(p, at, n, e) : take_data_piece(p, at, n, rules, e);
}

static void begin_frame(struct ws_partial *p, const struct ws_frame *f)
{
    p->frame = *f;
    p->got = 0;
    p->in_frame = true;
    p->head_len = 0;
    if (ws_opcode_is_control(f->opcode) || f->opcode == WS_CONTINUATION)
        return;
    p->is_binary = f->opcode == WS_BINARY;
    p->is_packed = f->is_packed;
    p->utf8 = UTF8_START;
}

/* Completes the head that has begun in p->head, byte by byte. */
static enum feed take_head_bytes(struct ws_partial *p, unsigned context, const char *at, size_t len, size_t *out_taken,
                                 struct ws_frame *out, const char **out_reason)
{
    enum feed fed = FEED_MORE;
    size_t    i = 0;

    while (fed == FEED_MORE && i < len) {
        p->head[p->head_len++] = at[i++];
        fed = ws_frame_feed(slice_of(p->head, p->head_len), context, out, out_reason);
    }
    *out_taken = i;
    return fed;
}

/* The head at the front of the bytes, or the rest of one that has begun. An incomplete one is kept. */
static enum feed take_head(struct ws_partial **partial, const struct ws_rules *rules, const char *at, size_t len, size_t *out_taken,
                           struct ws_frame *out, struct ws_event *e)
{
    struct ws_partial *p = *partial;
    unsigned           context = (p != NULL && p->in_message ? WS_IN_MESSAGE : 0u) | (rules->has_deflate ? WS_HAS_DEFLATE : 0u);
    const char        *reason = "";
    enum feed          fed;

    if (p != NULL && p->head_len > 0) {
        fed = take_head_bytes(p, context, at, len, out_taken, out, &reason);
    } else {
        fed = ws_frame_feed(slice_of(at, len), context, out, &reason);
        *out_taken = fed == FEED_DONE ? out->head_len : len;
        if (fed == FEED_MORE) {
            if (!ws_partial_need(partial))
                return fail_memory(e);
            memcpy((*partial)->head, at, len);
            (*partial)->head_len = (uint8_t)len;
        }
    }
    return fed == FEED_BAD ? fail(e, WS_CLOSE_PROTOCOL, reason) : fed;
}

/* What cannot be made smaller gets a little larger by being compressed: 5 bytes for each block of it. */
static uint64_t packed_max(uint32_t message_bytes)
{
    return (uint64_t)message_bytes + message_bytes / 1024 + 64;
}

static bool is_too_big(const struct ws_partial *p, const struct ws_frame *f, uint32_t message_bytes)
{
    bool     is_packed = f->opcode == WS_CONTINUATION && p != NULL ? p->is_packed : f->is_packed;
    uint64_t before = p != NULL ? p->message.len : 0;
    uint64_t most = is_packed ? packed_max(message_bytes) : message_bytes;

    return !ws_opcode_is_control(f->opcode) && (f->len > most || before + f->len > most);
}

/* A frame whose head is complete: used where it lies when it is whole and stands alone, else begun in *partial. */
static enum feed take_frame(struct ws_partial **partial, const struct ws_rules *rules, const struct ws_frame *f, char *at, size_t len,
                            size_t *out_taken, struct ws_event *e)
{
    bool is_whole = f->len <= len;
    bool in_message = *partial != NULL && (*partial)->in_message;

    *out_taken = 0;
    if (is_whole && ws_opcode_is_control(f->opcode)) {
        *out_taken = (size_t)f->len;
        ws_mask(at, (size_t)f->len, f->mask, 0);
        return control_event(e, f->opcode, slice_of(at, (size_t)f->len));
    }
    if (is_whole && f->is_final && !in_message) {
        *out_taken = (size_t)f->len;
        return f->is_packed ? whole_packed(partial, f, at, rules, e) : whole_message(e, f, at);
    }
    if (!ws_partial_need(partial))
        return fail_memory(e);
    begin_frame(*partial, f);
    return take_piece(*partial, rules, at, len, out_taken, e);
}

/* One step: the rest of a frame that has begun, or the next frame. */
static enum feed take_some(struct ws_partial **partial, const struct ws_rules *rules, char *at, size_t len, size_t *out_taken,
                           struct ws_event *e)
{
    struct ws_frame f;
    size_t          taken;

    if (*partial != NULL && (*partial)->in_frame)
        return take_piece(*partial, rules, at, len, out_taken, e);
    enum feed fed = take_head(partial, rules, at, len, out_taken, &f, e);
    if (fed != FEED_DONE)
        return fed;
    if (*partial != NULL)
        (*partial)->head_len = 0;
    if (is_too_big(*partial, &f, rules->message_bytes))
        return fail(e, WS_CLOSE_TOO_BIG, "the message is too big");
    fed = take_frame(partial, rules, &f, at + *out_taken, len - *out_taken, &taken, e);
    *out_taken += taken;
    return fed;
}

enum feed ws_message_feed(struct ws_partial **partial, const struct ws_rules *rules, char *at, size_t len, size_t *out_used,
                          struct ws_event *out_event)
{
    enum feed fed = FEED_MORE;
    size_t    used = 0, taken = 0;

    *out_event = (struct ws_event){ .payload = { "", 0 } };
    if (*partial != NULL)
        forget_given(*partial);
    while (fed == FEED_MORE && used < len) {
        fed = take_some(partial, rules, at + used, len - used, &taken, out_event);
        used += taken;
    }
    *out_used = used;
    return fed;
}
