/* packet: see packet.h. */
#include "mysql/packet.h"

void mysql_reader_init(struct mysql_reader *r, uint32_t max_body)
{
    *r = (struct mysql_reader){ 0 };
    mysql_reader_bound(r, max_body);
}

void mysql_reader_bound(struct mysql_reader *r, uint32_t max_body)
{
    r->max_body = max_body < MYSQL_BODY_MAX ? max_body : MYSQL_BODY_MAX - 1;
}

void mysql_reader_clear(struct mysql_reader *r)
{
    buf_clear(&r->partial);
    r->head_len = 0;
}

struct buf mysql_reader_take(struct mysql_reader *r)
{
    struct buf taken = r->partial;
    r->partial = (struct buf){ 0 };
    return taken;
}

static uint32_t head_length(const unsigned char head[MYSQL_HEAD_BYTES])
{
    return (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16;
}

static bool head_is_whole(struct mysql_reader *r, struct slice *in)
{
    while (r->head_len < MYSQL_HEAD_BYTES && in->len > 0) {
        r->head[r->head_len++] = (unsigned char)in->at[0];
        *in = slice_skip(*in, 1);
    }
    return r->head_len == MYSQL_HEAD_BYTES;
}

enum feed mysql_packet_feed(struct mysql_reader *r, struct slice *in, struct mysql_packet *out, enum status *out_why)
{
    if (r->head_len == 0)
        buf_clear(&r->partial); /* the packet before has been used by now */
    if (!head_is_whole(r, in))
        return FEED_MORE;

    uint32_t len = head_length(r->head);
    *out = (struct mysql_packet){ .sequence = r->head[3] };
    if (len > r->max_body) {
        *out_why = E_PACKET_TOO_LARGE;
        return FEED_BAD;
    }
    if (r->partial.len == 0 && in->len >= len) {
        out->body = slice_first(*in, len);
        *in = slice_skip(*in, len);
        r->head_len = 0;
        return FEED_DONE;
    }

    struct slice more = slice_first(*in, len - r->partial.len);
    buf_slice_append(&r->partial, more);
    *in = slice_skip(*in, more.len);
    if (!buf_ok(&r->partial)) {
        *out_why = E_NO_MEMORY;
        return FEED_BAD;
    }
    if (r->partial.len < len)
        return FEED_MORE;
    out->body = buf_slice(&r->partial);
    out->is_partial = true;
    r->head_len = 0;
    return FEED_DONE;
}

size_t mysql_packet_begin(struct buf *out)
{
    size_t begin = out->len;
    buf_append(out, "\0\0\0\0", MYSQL_HEAD_BYTES);
    return begin;
}

static void head_write(char *at, size_t len, uint8_t sequence)
{
    at[0] = (char)(len & 0xFF);
    at[1] = (char)(len >> 8 & 0xFF);
    at[2] = (char)(len >> 16 & 0xFF);
    at[3] = (char)sequence;
}

void mysql_packet_end(struct buf *out, size_t begin, uint8_t *sequence)
{
    if (!buf_ok(out))
        return;
    size_t len = out->len - begin - MYSQL_HEAD_BYTES;
    while (len >= MYSQL_BODY_MAX) {
        /* The rest moves up by one head; rare, so the cost does not matter. */
        size_t rest = len - MYSQL_BODY_MAX;
        if (buf_reserve(out, MYSQL_HEAD_BYTES) == NULL)
            return;
        head_write(out->at + begin, MYSQL_BODY_MAX, (*sequence)++);
        begin += MYSQL_HEAD_BYTES + MYSQL_BODY_MAX;
        memmove(out->at + begin + MYSQL_HEAD_BYTES, out->at + begin, rest);
        out->len += MYSQL_HEAD_BYTES;
        len = rest;
    }
    head_write(out->at + begin, len, (*sequence)++);
}

void mysql_put_number(struct buf *out, uint64_t number)
{
    unsigned char bytes[9];
    size_t        len = 0;
    if (number < 251) {
        bytes[len++] = (unsigned char)number;
    } else {
        unsigned width = number <= 0xFFFF ? 2 : number <= 0xFFFFFF ? 3 : 8;
        bytes[len++] = width == 2 ? 0xFC : width == 3 ? 0xFD : 0xFE;
        for (unsigned i = 0; i < width; i++)
            bytes[len++] = (unsigned char)(number >> (8 * i) & 0xFF);
    }
    buf_append(out, bytes, len);
}

void mysql_put_text(struct buf *out, struct slice text)
{
    mysql_put_number(out, text.len);
    buf_slice_append(out, text);
}
