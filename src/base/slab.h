/* slab: many objects of one size, found by index and told apart by generation.
 *
 * Objects live in chunks taken from the kernel (mmap), never move, and are found by a 32-bit index in two loads. Each begins
 * with a struct slab_head. The generation is odd while the object lives and grows by one at each take and give, so a
 * (index, generation) pair kept somewhere else can never match a successor in the same place by accident.
 *
 *   chunk 0 [ o o . o ]  chunk 1 [ . . . . ] -> given back to the kernel  chunk 2 [ o . . . ]
 *
 * One empty chunk is kept, but not its pages when many of them were used.
 *
 * Takes prefer the lowest chunk that has room, so that after a peak the high chunks empty and their memory returns.
 * A chunk that was given back remembers the highest generation it had.
 *
 * Thread: its owner's. Errors: slab_take returns NULL when the kernel gives no memory or the bound is reached.
 */
#ifndef ENCKE_BASE_SLAB_H
#define ENCKE_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"

#define SLAB_NONE UINT32_MAX

struct slab_head {
    uint32_t index;      /* its place; constant while it lives */
    uint32_t generation; /* odd: lives */
};

struct slab_chunk; /* internal */

struct slab {
    uint32_t            object_size; /* bytes, a multiple of 8 */
    uint32_t            per_chunk;   /* objects in a chunk; a power of two */
    uint32_t            shift;       /* index >> shift = chunk */
    uint32_t            limit;       /* most objects */
    uint32_t            live;        /* objects taken now */
    uint32_t            chunk_count; /* entries in use of `chunks` */
    uint32_t            first_with_room; /* the lowest chunk that has memory and room, or SLAB_NONE */
    uint32_t            mapped;      /* chunks that have memory now */
    uint32_t            spare;       /* the empty chunk that is kept, or SLAB_NONE */
    enum counter        held, used;  /* bytes are counted there; COUNTER_COUNT: nowhere */
    uint32_t            chunk_cap;   /* entries `chunks` and bits `room` have space for; a multiple of 64 */
    struct slab_chunk  *chunks;      /* owned */
    uint64_t           *room;        /* owned; a bit for each chunk: it has memory and room */
};

/* Prepares an empty slab; takes no memory yet. `object_size` includes the head. */
void slab_init(struct slab *s, size_t object_size, uint32_t limit);

/* From now on counts the bytes of its chunks and of its living objects there. For a slab that is empty yet. */
void slab_count(struct slab *s, enum counter held, enum counter used);

/* Unmaps everything, living or not. */
void slab_clear(struct slab *s);

/* A zeroed object (but for its head), or NULL. */
void *slab_take(struct slab *s);

/* Gives it back. Giving back twice is a bug and aborts. */
void slab_give(struct slab *s, void *object);

/* The object at `index` if it lives in generation `generation`; else NULL. Any two numbers are safe to ask. */
void *slab_find(const struct slab *s, uint32_t index, uint32_t generation);

/* The object at `index`, which must live. For indices that only the owner's own structures hold. */
void *slab_at(const struct slab *s, uint32_t index);

/* Begins to bring it into the cache; the same index is given to slab_at a little later. */
void slab_prefetch(const struct slab *s, uint32_t index);

/* The first living object with an index of at least `from`, or NULL: for walks over all. */
void *slab_next(const struct slab *s, uint32_t from);

/* Bytes mapped now. */
size_t slab_bytes(const struct slab *s);

/* Aborts when an invariant is broken; for tests. */
void slab_validate(const struct slab *s);

#endif
