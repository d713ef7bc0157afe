/* incoming.c: see incoming.h. */
#include "load/incoming.h"

#include <stdlib.h>

#define HEAD_MOST 10u /* a server does not mask */

typedef void frame_handler(void *context, const struct incoming_frame *f);

struct head {
    size_t             len; /* of the head */
    uint64_t           payload;
    enum incoming_kind kind;
};

/* 0: more is needed, 1: understood, -1: no frame of a server. */
static int head_read(struct slice bytes, struct head *out)
{
    const unsigned char *b = (const unsigned char *)bytes.at;
    if (bytes.len < 2)
        return 0;
    unsigned opcode = b[0] & 15, length = b[1] & 127;
    if ((b[0] & 0x70) != 0 || (b[1] & 0x80) != 0 || (opcode > 2 && opcode < 8) || opcode > 10 || (opcode >= 8 && length > 125))
        return -1;
    size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (bytes.len < 2 + more)
        return 0;
    out->payload = more == 0 ? length : 0;
    for (size_t i = 0; i < more; i++)
        out->payload = out->payload << 8 | b[2 + i];
    out->len = 2 + more;
    out->kind = opcode == 8 ? INCOMING_CLOSE : opcode == 9 ? INCOMING_PING : opcode == 10 ? INCOMING_PONG : INCOMING_DATA;
    return 1;
}

static size_t look_of(const struct head *h)
{
    return h->payload < INCOMING_LOOK ? (size_t)h->payload : INCOMING_LOOK;
}

/* The next frame of `bytes`. 0: its look is not whole. */
static int frame_take(struct incoming *in, struct slice *bytes, frame_handler *on_frame, void *context)
{
    struct head h;
    int         read = head_read(*bytes, &h);
    if (read <= 0)
        return read;
    size_t look = look_of(&h);
    if (bytes->len < h.len + look)
        return 0;
    struct incoming_frame f = { .kind = h.kind, .look = slice_of(bytes->at + h.len, look) };
    uint64_t here = bytes->len - h.len;
    in->skip = h.payload > here ? h.payload - here : 0;
    *bytes = slice_skip(*bytes, h.len + (size_t)(h.payload < here ? h.payload : here));
    on_frame(context, &f);
    return 1;
}

static bool keep(struct incoming *in, struct slice bytes, size_t cap)
{
    if (in->kept_cap < cap) {
        unsigned char *more = realloc(in->kept, cap);
        if (more == NULL)
            return false;
        in->kept = more;
        in->kept_cap = (uint32_t)cap;
    }
    memcpy(in->kept + in->kept_len, bytes.at, bytes.len);
    in->kept_len += (uint32_t)bytes.len;
    return true;
}

/* Keeps what is needed of `bytes` for the head and look of the frame that has begun, as far as it is there. False: no memory. */
static bool keep_needed(struct incoming *in, struct slice *bytes)
{
    struct head  h;
    struct slice have = in->kept_len > 0 ? slice_of(in->kept, in->kept_len) : *bytes;
    size_t       wanted = head_read(have, &h) == 1 ? h.len + look_of(&h) : have.len + 1; /* a head grows byte by byte */
    size_t       missing = in->kept_len < wanted ? wanted - in->kept_len : 0;
    struct slice piece = slice_first(*bytes, missing);
    *bytes = slice_skip(*bytes, piece.len);
    return keep(in, piece, wanted > HEAD_MOST ? wanted : HEAD_MOST);
}

/* Completes what is kept with new bytes until it is a frame's look. 0: all bytes were needed for it. */
static int complete(struct incoming *in, struct slice *bytes, frame_handler *on_frame, void *context)
{
    while (in->kept_len > 0) {
        struct slice   whole = slice_of(in->kept, in->kept_len);
        unsigned char *kept = in->kept;
        uint32_t       len = in->kept_len, cap = in->kept_cap;
        in->kept = NULL; /* on_frame may clear */
        in->kept_len = in->kept_cap = 0;
        int taken = frame_take(in, &whole, on_frame, context); /* what was kept ends with the look, so nothing is left of it */
        if (taken != 0) {
            free(kept);
            return taken;
        }
        in->kept = kept;
        in->kept_len = len;
        in->kept_cap = cap;
        if (bytes->len == 0)
            return 0;
        if (!keep_needed(in, bytes))
            return -1;
    }
    return 1;
}

bool incoming_feed(struct incoming *in, struct slice bytes, frame_handler *on_frame, void *context)
{
    int state = complete(in, &bytes, on_frame, context);
    while (state > 0 && bytes.len > 0) {
        if (in->skip > 0) {
            size_t n = in->skip < bytes.len ? (size_t)in->skip : bytes.len;
            in->skip -= n;
            bytes = slice_skip(bytes, n);
            continue;
        }
        state = frame_take(in, &bytes, on_frame, context);
        if (state == 0)
            return keep_needed(in, &bytes);
    }
    return state >= 0;
}

void incoming_clear(struct incoming *in)
{
    free(in->kept);
    *in = (struct incoming){ 0 };
}
