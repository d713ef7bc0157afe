/* take: the fields of a packet's body, one after the other.
 *
 * Reads that run past the end set `is_short` and give nothing, so a parser checks once. Slices point into the body.
 * Pure. Inside the room only.
 */
#ifndef ENCKE_MYSQL_TAKE_H
#define ENCKE_MYSQL_TAKE_H

#include "base/slice.h"

struct reader {
    struct slice rest;
    bool         is_short;
};

static inline struct slice take_bytes(struct reader *r, uint64_t count)
{
    if (count > r->rest.len) {
        r->is_short = true;
        r->rest = slice_skip(r->rest, r->rest.len);
        return SLICE("");
    }
    struct slice taken = slice_first(r->rest, (size_t)count);
    r->rest = slice_skip(r->rest, (size_t)count);
    return taken;
}

static inline uint64_t take_little(struct reader *r, unsigned bytes)
{
    struct slice s = take_bytes(r, bytes);
    uint64_t     value = 0;
    for (size_t i = 0; i < s.len; i++)
        value |= (uint64_t)(unsigned char)s.at[i] << (8 * i);
    return value;
}

/* Up to the NUL, which is taken too. At the end of the packet the NUL may be missing: several clients leave it out. */
static inline struct slice take_text(struct reader *r)
{
    return slice_cut(&r->rest, '\0');
}

static inline uint64_t take_number(struct reader *r)
{
    uint64_t first = take_little(r, 1);
    switch (first) {
    case 0xFC:
        return take_little(r, 2);
    case 0xFD:
        return take_little(r, 3);
    case 0xFE:
        return take_little(r, 8);
    default:
        return first;
    }
}

#endif
