/* map: a seeded hash table of intrusive links.
 *
 * The objects carry a struct map_link; the map owns only its bucket array, which doubles as it fills and halves as it empties.
 * Hashes are made by map_hash with a seed that is random for each process, so no client can choose names that collide.
 * The same hash serves every map and every shard: it is computed once for a channel name and travels with the message.
 *
 *   buckets  [ | o | | o ]
 *                |     +-> link(hash) -> link(hash)
 *
 * Thread: its owner's; map_seed_set once, before any thread starts.
 */
#ifndef ENCKE_BASE_MAP_H
#define ENCKE_BASE_MAP_H

#include "base/slice.h"
#include "base/status.h"

struct map_link {
    struct map_link *next;
    uint64_t         hash;
};

struct map {
    struct map_link **buckets; /* owned; NULL while empty */
    size_t            bucket_count;
    size_t            count;
    unsigned          walks; /* map_each calls running now; the bucket array stays as it is until they end */
};

/* Is this link the one with `key`? The hashes are equal already. */
typedef bool map_is(const struct map_link *link, const void *key);

void map_seed_set(const unsigned char seed[16]);

/* SipHash-2-4 of a number and a text with the process's seed. */
uint64_t map_hash(uint64_t number, struct slice text);

struct map_link *map_find(const struct map *m, uint64_t hash, map_is *is, const void *key);

/* Adds a link whose hash is `hash`; the caller knows that its key is not in the map. E_NO_MEMORY only for the very first
 * bucket array: a table that cannot grow gets slower, not wrong. */
enum status map_put(struct map *m, struct map_link *link, uint64_t hash) __attribute__((warn_unused_result));

/* Removes a link that is in the map. */
void map_drop(struct map *m, struct map_link *link);

/* Calls `each` for every link; `each` may drop the link it was given and no other. */
void map_each(struct map *m, void (*each)(struct map_link *link, void *context), void *context);

/* One step of a walk that may rest between steps while links come and go: calls `each` for the links of one bucket, and moves
 * `*cursor`, which begins as 0. `each` may drop the link it was given and no other. False: that was the last step.
 *
 * The order is that of the hashes with their bits turned around, in which doubling only splits buckets and halving only joins
 * neighbours. So a link that is in the map from the first step to the last is met exactly once, any other at most once. */
bool map_walk(struct map *m, uint64_t *cursor, void (*each)(struct map_link *link, void *context), void *context);

/* Frees the buckets; the objects are the caller's. */
void map_clear(struct map *m);

#endif
