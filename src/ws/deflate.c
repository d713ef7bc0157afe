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
#define BLOCKS_FREE 64   /* what a message may have beside its bytes; each one more counts as much as BLOCK_BYTES of them: */
#define BLOCK_BYTES 64   /* a megabyte of blocks that say nothing but how they would be coded keeps a shard for 85 ms */
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

/* A message while it is inflated. */
struct inflating {
    z_stream   *z;
    struct buf *out;
    size_t      limit;    /* bytes it may have */
    size_t      chunk;    /* room for the next step */
    size_t      blocks;   /* that have ended */
    bool        has_ended; /* ... the newest of them said that it is the last */
};

/* What it is counted as: blocks have a price of their own, else one could make many that inflate to nothing. */
static size_t weight(const struct inflating *i)
{
    return i->out->len + (i->blocks > BLOCKS_FREE ? (i->blocks - BLOCKS_FREE) * BLOCK_BYTES : 0);
}

/* Until a block or the room ends, or there is nothing left to read. */
static enum inflated inflate_step(struct inflating *i)
{
    z_stream *z = i->z;
    char     *room = buf_reserve(i->out, i->chunk);

    if (room == NULL)
        return INFLATE_NO_MEMORY;
    z->next_out = (Bytef *)room;
    z->avail_out = (uInt)i->chunk;
    int result = inflate(z, Z_BLOCK);
    i->out->len += i->chunk - z->avail_out;
    if (result == Z_MEM_ERROR)
        return INFLATE_NO_MEMORY;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) /* the last: nothing is left to do */
        return INFLATE_BAD;
    i->has_ended = result == Z_STREAM_END;
    i->blocks += i->has_ended || (z->data_type & BETWEEN_BLOCKS) != 0;
    if (z->avail_out == 0 && i->chunk < CHUNK_MAX)
        i->chunk *= 2;
    return weight(i) > i->limit ? INFLATE_TOO_BIG : INFLATED;
}

/* A sender may end each flush with a block that is marked as the last (RFC 7692 section 7.2.1): the next goes on behind it. */
static enum inflated inflate_input(struct inflating *i, struct slice in)
{
    z_stream *z = i->z;

    z->next_in = (Bytef *)(uintptr_t)in.at;
    z->avail_in = (uInt)in.len;
    do {
        enum inflated end = inflate_step(i);
        if (end != INFLATED)
            return end;
        if (i->has_ended && inflateResetKeep(z) != Z_OK)
            return INFLATE_BAD;
    } while (z->avail_in > 0 || (z->avail_out == 0 && !i->has_ended));
    return INFLATED;
}

/* Not cut off inside a block. */
static bool is_whole(const struct inflating *i)
{
    return i->has_ended || (i->z->data_type & (BETWEEN_BLOCKS | UNUSED_BITS)) == BETWEEN_BLOCKS;
}

enum inflated inflate_message(struct slice packed, size_t limit, struct buf *out)
{
    if (packed.len == 0)
        return INFLATED; /* should be one byte (RFC 7692 section 7.2.3.6), but what a flush of nothing gives says nothing else */
    struct inflating i = { .z = packed.len < UINT_MAX ? inflater() : NULL, .out = out, .limit = limit, .chunk = CHUNK_FIRST };
    if (i.z == NULL)
        return INFLATE_NO_MEMORY;
    enum inflated end = inflate_input(&i, packed);
    if (end == INFLATED)
        end = inflate_input(&i, slice_of(tail, sizeof tail));
    if (end == INFLATED && !is_whole(&i))
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
