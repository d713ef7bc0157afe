/* record.c: see record.h. */
#include "hub/record.h"

#define TEXTS 4

struct wire {
    uint32_t length; /* of all of it */
    uint8_t  kind, flags, subkind, reserved_byte;
    uint32_t app, user_id, count, reserved;
    uint64_t epoch, offset, time_ms, number;
    uint32_t lens[TEXTS];
};

_Static_assert(sizeof(struct wire) == 72, "no holes: it is sent as it lies in memory");

void record_write(struct buf *out, const struct record *r)
{
    const struct slice *texts[TEXTS] = { &r->name, &r->event, &r->payload, &r->extra };
    struct wire         w = {
        .kind = r->kind, .flags = r->flags, .subkind = r->subkind, .app = r->app, .user_id = r->user_id, .count = r->count,
        .epoch = r->epoch, .offset = r->offset, .time_ms = r->time_ms, .number = r->number
    };
    size_t length = sizeof w;
    for (unsigned i = 0; i < TEXTS; i++) {
        w.lens[i] = (uint32_t)texts[i]->len;
        length += texts[i]->len; /* four lengths of memory that exists */
    }
    if (length > RECORD_MOST) {
        out->failed = true;
        return;
    }
    w.length = (uint32_t)length;
    buf_append(out, &w, sizeof w);
    for (unsigned i = 0; i < TEXTS; i++)
        buf_slice_append(out, *texts[i]);
}

uint32_t record_length(const char first[4])
{
    uint32_t length;
    memcpy(&length, first, sizeof length);
    return length >= sizeof(struct wire) && length <= RECORD_MOST ? length : 0;
}

static bool cut(struct slice *rest, size_t len, struct slice *out)
{
    if (len > rest->len)
        return false;
    *out = slice_first(*rest, len);
    *rest = slice_skip(*rest, len);
    return true;
}

enum feed record_feed(struct slice *in, struct record *out)
{
    struct wire w;
    if (in->len < sizeof w.length)
        return FEED_MORE;
    uint32_t length = record_length(in->at);
    if (length == 0)
        return FEED_BAD;
    if (in->len < length)
        return FEED_MORE;
    memcpy(&w, in->at, sizeof w);
    struct slice rest = slice_of(in->at + sizeof w, length - sizeof w);
    *out = (struct record){
        .kind = w.kind, .flags = w.flags, .subkind = w.subkind, .app = w.app, .user_id = w.user_id, .count = w.count,
        .epoch = w.epoch, .offset = w.offset, .time_ms = w.time_ms, .number = w.number
    };
    if (w.kind == 0 || w.kind >= RECORD_KIND_COUNT || !cut(&rest, w.lens[0], &out->name) || !cut(&rest, w.lens[1], &out->event) ||
        !cut(&rest, w.lens[2], &out->payload) || !cut(&rest, w.lens[3], &out->extra) || rest.len > 0)
        return FEED_BAD;
    *in = slice_skip(*in, length);
    return FEED_DONE;
}
