/* incoming.c: see incoming.h. */
#include "load/incoming.h"

#include <stdlib.h>

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
    if ((b[0] & 0x70) != 0 || (b[1] & 0x80) != 0 || (opcode > 2 && opcode < 8) || opcode > 10)
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

/* The next frame of `bytes`. 0: its beginning is not whole. */
static int frame_take(struct incoming *in, struct slice *bytes, void (*on_frame)(void *context, const struct incoming_frame *f),
                      void *context)
{
    struct head h;
    int         read = head_read(*bytes, &h);
    if (read <= 0)
        return read;
    size_t look = h.payload < INCOMING_LOOK ? (size_t)h.payload : INCOMING_LOOK;
    if (bytes->len < h.len + look)
        return 0;
    struct incoming_frame f = { .kind = h.kind, .look = slice_of(bytes->at + h.len, look) };
    on_frame(context, &f);
    uint64_t here = bytes->len - h.len;
    in->skip = h.payload > here ? h.payload - here : 0;
    *bytes = slice_skip(*bytes, h.len + (size_t)(h.payload < here ? h.payload : here));
    return 1;
}

static bool keep(struct incoming *in, struct slice bytes)
{
    if (bytes.len == 0)
        return true;
    if (in->kept == NULL && (in->kept = malloc(INCOMING_KEPT)) == NULL)
        return false;
    memcpy(in->kept + in->kept_len, bytes.at, bytes.len);
    in->kept_len = (uint16_t)(in->kept_len + bytes.len);
    return true;
}

/* Completes what is kept, byte after byte of the new ones, until it is a frame's beginning. 0: all bytes were needed for it. */
static int complete(struct incoming *in, struct slice *bytes, void (*on_frame)(void *context, const struct incoming_frame *f),
                    void *context)
{
    while (in->kept_len > 0) {
        struct slice whole = slice_of(in->kept, in->kept_len);
        int          taken = frame_take(in, &whole, on_frame, context);
        if (taken < 0)
            return -1;
        if (taken > 0) {
            in->kept_len = 0; /* what was kept ends with the look, so nothing is left of it */
            free(in->kept);
            in->kept = NULL;
            return 1;
        }
        if (bytes->len == 0)
            return 0;
        if (!keep(in, slice_first(*bytes, 1)))
            return -1;
        *bytes = slice_skip(*bytes, 1);
    }
    return 1;
}

bool incoming_feed(struct incoming *in, struct slice bytes, void (*on_frame)(void *context, const struct incoming_frame *f), void *context)
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
            return keep(in, bytes);
    }
    return state >= 0;
}

void incoming_clear(struct incoming *in)
{
    free(in->kept);
    *in = (struct incoming){ 0 };
}
