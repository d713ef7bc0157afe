/* deflate.c: see deflate.h. */
#include "ws/deflate.h"

#include <limits.h>
#include <zlib.h>

#include "base/counter.h"
#include "ws/extension.h"
#include "ws/frame.h"

#define MEM_LEVEL   5    /* a hash of 8 KB is cleared for each message; the next level doubles it and saves 0.1 % */
#define CHUNK_FIRST 1024 /* inflated at a time, to begin with */
#define CHUNK_MAX   65536
#define BIT_PACKED  0x40u

/* What zlib says in data_type when inflate returns. */
#define BETWEEN_BLOCKS 128
#define UNUSED_BITS    7

/* What zlib takes for its states, by its manual (zconf.h): 32 KB, and the largest window with 7 KB. */
#define DEFLATER_BYTES ((1u << (WS_WINDOW_BITS + 2)) + (1u << (MEM_LEVEL + 9)))
#define INFLATER_BYTES ((1u << MAX_WBITS) + 7 * 1024)

static const struct ws_deflate_rules *rules_set; /* once, before the shards start */

static _Thread_local struct {
    z_stream deflater, inflater;
    bool     has_deflater, has_inflater;
} own;

/* An empty stored block: what a flush ends with, and what RFC 7692 section 7.2.1 takes away and 7.2.2 puts back. */
static const unsigned char tail[4] = { 0x00, 0x00, 0xff, 0xff };

void deflate_setup(const struct ws_deflate_rules *rules)
{
    rules_set = rules;
}

bool deflate_is_on(void)
{
    return rules_set != NULL && rules_set->is_on;
}

/* --- compressing ------------------------------------------------------------------------------------------------------- */

static z_stream *deflater(void)
{
    if (own.has_deflater)
        return deflateReset(&own.deflater) == Z_OK ? &own.deflater : NULL;
    own.deflater = (z_stream){ .zalloc = Z_NULL };
    own.has_deflater = deflateInit2(&own.deflater, rules_set->level, Z_DEFLATED, -WS_WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
    if (!own.has_deflater)
        return NULL;
    counter_held(COUNTER_MEMORY_SHARDS, DEFLATER_BYTES);
    return &own.deflater;
}

/* Compresses into `at`; returns the length without the tail, 0 when it needs more than `room`. */
static size_t deflate_into(struct slice payload, unsigned char *at, size_t room)
{
    z_stream *z = deflater();

    if (z == NULL)
        return 0;
    z->next_in = (Bytef *)(uintptr_t)payload.at;
    z->avail_in = (uInt)payload.len;
    z->next_out = at;
    z->avail_out = (uInt)room;
    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in > 0 || z->avail_out == 0) /* a full buffer: the flush may not be complete */
        return 0;
    return room - z->avail_out - sizeof tail;
}

bool deflate_frame(struct buf *out, struct slice frame)
{
    unsigned char head[WS_MADE_MAX];
    struct slice  payload = slice_skip(frame, ws_frame_head_len(frame));

    if (!deflate_is_on() || payload.len < rules_set->min_bytes || payload.len > UINT_MAX / 2)
        return false;
    char *room = buf_reserve(out, WS_MADE_MAX + payload.len);
    if (room == NULL)
        return false;
    /* The head is as long as that of the payload or shorter: compressed where the longer one ends, then moved. Into no more room
     * than the payload takes: what does not get smaller fails. */
    size_t len = deflate_into(payload, (unsigned char *)room + WS_MADE_MAX, payload.len);
    if (len == 0)
        return false;
    size_t head_len = ws_frame_make_head(head, (enum ws_opcode)((unsigned char)frame.at[0] & 0x0f), len);
    head[0] |= BIT_PACKED;
    memcpy(room, head, head_len);
    memmove(room + head_len, room + WS_MADE_MAX, len);
    out->len += head_len + len;
    counter_add(COUNTER_DEFLATED, 1);
    counter_add(COUNTER_DEFLATED_SAVED, payload.len - len);
    return true;
}

/* --- inflating --------------------------------------------------------------------------------------------------------- */

static z_stream *inflater(void)
{
    if (own.has_inflater)
        return inflateReset(&own.inflater) == Z_OK ? &own.inflater : NULL;
    own.inflater = (z_stream){ .zalloc = Z_NULL };
    own.has_inflater = inflateInit2(&own.inflater, -MAX_WBITS) == Z_OK;
    if (!own.has_inflater)
        return NULL;
    counter_held(COUNTER_MEMORY_SHARDS, INFLATER_BYTES);
    return &own.inflater;
}

/* Inflates all that is in next_in to `out`. `stream_ended`: its last block said that it is the last. */
static enum inflated inflate_some(z_stream *z, size_t limit, struct buf *out, bool *stream_ended)
{
    size_t chunk = CHUNK_FIRST;

    *stream_ended = false;
    do {
        char *room = buf_reserve(out, chunk);
        if (room == NULL)
            return INFLATE_NO_MEMORY;
        z->next_out = (Bytef *)room;
        z->avail_out = (uInt)chunk;
        int result = inflate(z, Z_SYNC_FLUSH);
        out->len += chunk - z->avail_out;
        if (result == Z_MEM_ERROR)
            return INFLATE_NO_MEMORY;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) /* the last: nothing is left to do */
            return INFLATE_BAD;
        if (out->len > limit)
            return INFLATE_TOO_BIG;
        *stream_ended = result == Z_STREAM_END;
        chunk = chunk < CHUNK_MAX ? chunk * 2 : chunk;
    } while (!*stream_ended && z->avail_out == 0);
    return INFLATED;
}

/* A sender may end each flush with a block that is marked as the last (RFC 7692 section 7.2.1): the next goes on behind it. `is_whole`:
 * the input ends between two blocks. */
static enum inflated inflate_input(z_stream *z, struct slice in, size_t limit, struct buf *out, bool *is_whole)
{
    bool stream_ended;

    z->next_in = (Bytef *)(uintptr_t)in.at;
    z->avail_in = (uInt)in.len;
    do {
        enum inflated end = inflate_some(z, limit, out, &stream_ended);
        if (end != INFLATED)
            return end;
        if (stream_ended && inflateResetKeep(z) != Z_OK)
            return INFLATE_BAD;
    } while (stream_ended && z->avail_in > 0);
    *is_whole = stream_ended || (z->data_type & (BETWEEN_BLOCKS | UNUSED_BITS)) == BETWEEN_BLOCKS;
    return INFLATED;
}

enum inflated inflate_message(struct slice packed, size_t limit, struct buf *out)
{
    if (packed.len == 0)
        return INFLATED; /* should be one byte (RFC 7692 section 7.2.3.6), but what a flush of nothing gives says nothing else */
    z_stream *z = packed.len < UINT_MAX ? inflater() : NULL;
    if (z == NULL)
        return INFLATE_NO_MEMORY;
    bool          is_whole = false;
    enum inflated end = inflate_input(z, packed, limit, out, &is_whole);
    if (end == INFLATED)
        end = inflate_input(z, slice_of(tail, sizeof tail), limit, out, &is_whole);
    if (end == INFLATED && !is_whole) /* cut off inside a block */
        end = INFLATE_BAD;
    if (end == INFLATED)
        counter_add(COUNTER_INFLATED, 1);
    return end;
}

/* --- the shard's part -------------------------------------------------------------------------------------------------- */

static void deflate_stop(void)
{
    if (own.has_deflater) {
        deflateEnd(&own.deflater);
        counter_freed(COUNTER_MEMORY_SHARDS, DEFLATER_BYTES);
    }
    if (own.has_inflater) {
        inflateEnd(&own.inflater);
        counter_freed(COUNTER_MEMORY_SHARDS, INFLATER_BYTES);
    }
    own.has_deflater = own.has_inflater = false;
}

const struct shard_part deflate_part = { .name = "deflate", .on_stop = deflate_stop };
