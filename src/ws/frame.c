/* frame.c: see frame.h. */
#include "ws/frame.h"

#define BIT_FINAL  0x80u
#define BITS_RSV   0x70u
#define BIT_PACKED 0x40u
#define BIT_MASKED 0x80u

static bool is_known(unsigned opcode)
{
    return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* What is wrong with the first byte, or NULL. */
static const char *judge_first(unsigned byte, unsigned context)
{
    unsigned opcode = byte & 0x0fu;
    bool     is_control = ws_opcode_is_control(opcode), in_message = context & WS_IN_MESSAGE;
    bool     may_be_packed = context & WS_HAS_DEFLATE && (opcode == WS_TEXT || opcode == WS_BINARY);

    if (byte & (may_be_packed ? BITS_RSV & ~BIT_PACKED : BITS_RSV))
        return "a reserved bit is set";
    if (!is_known(opcode))
        return "the opcode is unknown";
    if (is_control && (byte & BIT_FINAL) == 0)
        return "a control frame is fragmented";
    if (!is_control && in_message && opcode != WS_CONTINUATION)
        return "a new message begins inside another";
    if (opcode == WS_CONTINUATION && !in_message)
        return "a continuation continues nothing";
    return NULL;
}

static const char *judge_second(unsigned byte, unsigned opcode)
{
    if ((byte & BIT_MASKED) == 0)
        return "a client's frame is not masked";
    if (ws_opcode_is_control(opcode) && (byte & 0x7fu) > WS_CONTROL_MAX)
        return "a control frame is too long";
    return NULL;
}

static uint64_t big_endian(const unsigned char *at, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < count; i++)
        value = value << 8 | at[i];
    return value;
}

static enum feed bad(const char **out_reason, const char *reason)
{
    if (out_reason != NULL)
        *out_reason = reason;
    return FEED_BAD;
}

enum feed ws_frame_feed(struct slice in, unsigned context, struct ws_frame *out, const char **out_reason)
{
    const unsigned char *at = (const unsigned char *)in.at;
    const char          *reason;

    if (in.len == 0)
        return FEED_MORE;
    if ((reason = judge_first(at[0], context)) != NULL)
        return bad(out_reason, reason);
    if (in.len == 1)
        return FEED_MORE;
    if ((reason = judge_second(at[1], at[0] & 0x0fu)) != NULL)
        return bad(out_reason, reason);

    uint64_t len = at[1] & 0x7fu;
    unsigned more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (more == 8 && in.len > 2 && at[2] & 0x80u)
        return bad(out_reason, "the length has its highest bit set");
    if (in.len < 2u + more)
        return FEED_MORE;
    if (more > 0)
        len = big_endian(at + 2, more);
    if ((more == 2 && len < 126) || (more == 8 && len <= UINT16_MAX))
        return bad(out_reason, "the length is not in its shortest form");
    if (in.len < 2u + more + 4u)
        return FEED_MORE;

    out->opcode = at[0] & 0x0fu;
    out->is_final = (at[0] & BIT_FINAL) != 0;
    out->is_packed = (at[0] & BIT_PACKED) != 0;
    out->head_len = (uint8_t)(2 + more + 4);
    memcpy(out->mask, at + 2 + more, sizeof out->mask);
    out->len = len;
    return FEED_DONE;
}

void ws_mask(char *at, size_t len, const unsigned char mask[4], uint64_t from)
{
    unsigned char turned[8];
    uint64_t      wide;
    size_t        i = 0;

    for (unsigned k = 0; k < 8; k++)
        turned[k] = mask[(from + k) & 3];
    memcpy(&wide, turned, 8);
    for (; len - i >= 8; i += 8) { /* eight at a time; memcpy, because `at` has any alignment */
        uint64_t word;
        memcpy(&word, at + i, 8);
        word ^= wide;
        memcpy(at + i, &word, 8);
    }
    for (; i < len; i++)
        at[i] = (char)((unsigned char)at[i] ^ turned[i & 7]);
}

/* Bytes 1 and on of a head, without a mask. Returns how many. */
static size_t put_len(unsigned char *out, uint64_t len, unsigned masked)
{
    if (len < 126) {
        out[0] = (unsigned char)(masked | len);
        return 1;
    }
    unsigned more = len <= UINT16_MAX ? 2 : 8;
    out[0] = (unsigned char)(masked | (more == 2 ? 126u : 127u));
    for (unsigned i = 0; i < more; i++)
        out[1 + i] = (unsigned char)(len >> 8 * (more - 1 - i));
    return 1 + more;
}

size_t ws_frame_make_head(unsigned char out[WS_MADE_MAX], enum ws_opcode opcode, uint64_t len)
{
    out[0] = (unsigned char)(BIT_FINAL | opcode);
    return 1 + put_len(out + 1, len, 0);
}

size_t ws_frame_head_len(struct slice frame)
{
    unsigned len = frame.len > 1 ? (unsigned char)frame.at[1] & 0x7fu : 0;

    return len == 126 ? 4 : len == 127 ? 10 : 2;
}

void ws_frame_make(struct buf *out, enum ws_opcode opcode, struct slice payload)
{
    unsigned char head[WS_MADE_MAX];
    size_t        head_len = ws_frame_make_head(head, opcode, payload.len);

    if (buf_reserve(out, head_len + payload.len) == NULL)
        return;
    buf_append(out, head, head_len);
    buf_slice_append(out, payload);
}

void ws_frame_make_masked(struct buf *out, enum ws_opcode opcode, bool is_final, struct slice payload,
                          const unsigned char mask[4])
{
    unsigned char head[WS_HEAD_MAX];
    size_t        head_len = 1 + put_len(head + 1, payload.len, BIT_MASKED);

    head[0] = (unsigned char)((is_final ? BIT_FINAL : 0) | opcode);
    memcpy(head + head_len, mask, 4);
    buf_append(out, head, head_len + 4);
    size_t before = out->len;
    buf_slice_append(out, payload);
    if (buf_ok(out) && payload.len > 0)
        ws_mask(out->at + before, payload.len, mask, 0);
}

bool ws_close_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
