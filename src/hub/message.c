/* message.c: see message.h. */
#include "hub/message.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/counter.h"
#include "base/status.h"
#include "hub/internal.h"

#define SCRATCH_KEPT (256 * 1024) /* bytes of the scratch buffer that outlive a message */

static struct slice copy_to(char **at, struct slice text)
{
    struct slice copy = { *at, text.len };
    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return copy;
}

struct draft *draft_new(uint32_t app, struct slice channel, struct slice event, struct slice payload)
{
    size_t texts = UUID_TEXT_MAX;
    if (__builtin_add_overflow(texts, channel.len, &texts) || __builtin_add_overflow(texts, event.len, &texts) ||
        __builtin_add_overflow(texts, payload.len, &texts) || texts > SIZE_MAX - sizeof(struct draft))
        return NULL;
    struct draft *d = malloc(sizeof *d + texts);
    if (d == NULL)
        return NULL;
    char *at = (char *)(d + 1);
    *d = (struct draft){ .kind = MESSAGE_TEXT, .app = app, .is_recorded = true };
    d->uuid = slice_of(at, 0);
    counter_held(COUNTER_MEMORY_MESSAGES, sizeof *d + texts);
    at += UUID_TEXT_MAX; /* presence fills it in */
    d->channel = copy_to(&at, channel);
    d->event = copy_to(&at, event);
    d->payload = copy_to(&at, payload);
    return d;
}

static size_t draft_bytes(const struct draft *d)
{
    return sizeof *d + UUID_TEXT_MAX + d->channel.len + d->event.len + d->payload.len;
}

void draft_free(struct draft *d)
{
    if (d == NULL)
        return;
    counter_freed(COUNTER_MEMORY_MESSAGES, draft_bytes(d));
    free(d->report);
    free(d);
}

static _Thread_local struct buf seal_scratch, spare_scratch; /* keep their memory between messages */

void message_scratch_clear(void)
{
    buf_clear(&seal_scratch);
    buf_clear(&spare_scratch);
}

/* A form of another dialect whose bytes nobody wants as they are. */
static void encode_packed(struct buf *out, const struct message *m, const struct dialect *d)
{
    buf_recycle(&spare_scratch, SCRATCH_KEPT);
    d->encode(&spare_scratch, m);
    if (!buf_ok(&spare_scratch))
        out->failed = true;
    else if (!d->pack(out, buf_slice(&spare_scratch)))
        buf_slice_append(out, buf_slice(&spare_scratch));
}

void message_encode(struct buf *out, const struct message *m, unsigned dialect)
{
    const struct dialect *d = hub_shared.setup.dialects[dialect];
    if (d->pack != NULL)
        encode_packed(out, m, d);
    else
        d->encode(out, m);
}

/* Where in the scratch buffer the bytes for a dialect are. */
struct range {
    size_t from, to;
};

/* The other form of bytes that are in `scratch` already. They may be the same. */
static struct range pack_range(struct buf *scratch, const struct dialect *d, struct range plain)
{
    struct range packed = { .from = scratch->len };
    buf_recycle(&spare_scratch, SCRATCH_KEPT); /* not into scratch at once: it may move while it is read */
    if (!buf_ok(scratch) || !d->pack(&spare_scratch, slice_of(scratch->at + plain.from, plain.to - plain.from)))
        return plain;
    buf_slice_append(scratch, buf_slice(&spare_scratch));
    packed.to = scratch->len;
    return packed;
}

/* Encodes for each dialect of the mask into one scratch buffer. */
static void encode_all(struct buf *scratch, const struct message *m, uint8_t mask, struct range out[DIALECT_MAX])
{
    for (unsigned i = 0; i < DIALECT_MAX; i++) {
        out[i] = (struct range){ 0, 0 };
        if ((mask & 1u << i) == 0 || i >= hub_shared.setup.dialect_count)
            continue;
        const struct dialect *d = hub_shared.setup.dialects[i];
        if (d->pack != NULL && mask & 1u << d->plain) {
            out[i] = pack_range(scratch, d, out[d->plain]);
        } else {
            out[i].from = scratch->len;
            message_encode(scratch, m, i);
            out[i].to = scratch->len;
        }
    }
}

struct message *message_seal(struct draft *given, const struct seal *seal)
{
    struct message form = {
        .draft = given, .offset = seal->offset, .epoch = seal->epoch, .sent_ms = seal->sent_ms
    };
    struct range ranges[DIALECT_MAX];
    buf_recycle(&seal_scratch, SCRATCH_KEPT);
    encode_all(&seal_scratch, &form, seal->dialects, ranges);

    size_t          head = sizeof form + seal->deliveries * sizeof(struct delivery);
    struct message *m = buf_ok(&seal_scratch) ? malloc(head + seal_scratch.len) : NULL;
    if (m == NULL) {
        draft_free(given);
        return NULL;
    }
    *m = form;
    atomic_init(&m->refs, 1);
    m->size = head + seal_scratch.len + draft_bytes(given);
    counter_held(COUNTER_MEMORY_MESSAGES, head + seal_scratch.len);
    char *bytes = (char *)m + head;
    if (seal_scratch.len > 0)
        memcpy(bytes, seal_scratch.at, seal_scratch.len);
    for (size_t i = 0; i < DIALECT_MAX; i++)
        if (ranges[i].to > ranges[i].from)
            m->bytes[i] = slice_of(bytes + ranges[i].from, ranges[i].to - ranges[i].from);
    for (unsigned i = 0; i < seal->deliveries; i++)
        *message_delivery(m, i) = (struct delivery){ .message = m };
    return m;
}

struct delivery *message_delivery(struct message *m, unsigned i)
{
    return (struct delivery *)(void *)(m + 1) + i;
}

const struct message *message_ref(const struct message *m)
{
    atomic_fetch_add_explicit((atomic_uint *)(uintptr_t)&m->refs, 1, memory_order_relaxed);
    return m;
}

void message_unref(const struct message *m)
{
    if (m == NULL)
        return;
    /* Release what this thread read, and the last one acquires what the others did before it frees. */
    if (atomic_fetch_sub_explicit((atomic_uint *)(uintptr_t)&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    counter_freed(COUNTER_MEMORY_MESSAGES, m->size - draft_bytes(m->draft));
    draft_free(m->draft);
    free((void *)(uintptr_t)m);
}

size_t message_size(const struct message *m)
{
    return m->size;
}

/* 8-4-4-4-12: the epoch's 64 bits and the offset's 58 low bits around the version (8) and the variant (2 bits). */
void message_id(const struct message *m, char out[MESSAGE_ID_SIZE])
{
    message_id_write(m->epoch, m->offset, out);
}
