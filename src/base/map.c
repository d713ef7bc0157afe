#include "base/map.h"

#include <endian.h>
#include <stdlib.h>

#include "base/counter.h"

enum { SMALLEST = 16 };

/* Set once before threads start. Zero in tests that do not care. */
static uint64_t seed_0, seed_1;

static uint64_t load_le64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

void map_seed_set(const unsigned char seed[16])
{
    seed_0 = load_le64(seed);
    seed_1 = load_le64(seed + 8);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

/* The number stands for its eight little-endian bytes, which is exactly SipHash's first word. */
uint64_t map_hash(uint64_t number, struct slice text)
{
    struct sip s = { seed_0 ^ 0x736f6d6570736575u, seed_1 ^ 0x646f72616e646f6du,
                     seed_0 ^ 0x6c7967656e657261u, seed_1 ^ 0x7465646279746573u };
    const unsigned char *at = (const unsigned char *)text.at;
    size_t               left = text.len;
    sip_word(&s, number);
    for (; left >= 8; left -= 8, at += 8)
        sip_word(&s, load_le64(at));
    uint64_t last = (uint64_t)(text.len + 8) << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)at[i] << (8 * i);
    sip_word(&s, last);
    s.v2 ^= 0xFF;
    for (int i = 0; i < 4; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static struct map_link **bucket_of(const struct map *m, uint64_t hash)
{
    return &m->buckets[hash & (m->bucket_count - 1)];
}

/* Moves every link to a new array. False when there is no memory for it; then nothing changed. */
static bool resize(struct map *m, size_t bucket_count)
{
    struct map_link **buckets = calloc(bucket_count, sizeof *buckets);
    if (buckets == NULL)
        return false;
    counter_held(COUNTER_MEMORY_MAPS, (bucket_count - m->bucket_count) * sizeof *buckets);
    struct map old = *m;
    m->buckets = buckets;
    m->bucket_count = bucket_count;
    for (size_t i = 0; i < old.bucket_count; i++) {
        for (struct map_link *link = old.buckets[i], *next; link != NULL; link = next) {
            struct map_link **bucket = bucket_of(m, link->hash);
            next = link->next;
            link->next = *bucket;
            *bucket = link;
        }
    }
    free(old.buckets);
    return true;
}

/* A resize that fails is no failure: the table works on with the array it has. */
static void grow_if_full(struct map *m)
{
    if (m->count >= m->bucket_count && m->walks == 0 && m->bucket_count <= SIZE_MAX / 2 / sizeof *m->buckets)
        (void)resize(m, m->bucket_count * 2);
}

static void shrink_if_empty(struct map *m)
{
    size_t bucket_count = m->bucket_count;
    while (bucket_count > SMALLEST && m->count < bucket_count / 8)
        bucket_count /= 2;
    if (bucket_count < m->bucket_count && m->walks == 0)
        (void)resize(m, bucket_count);
}

struct map_link *map_find(const struct map *m, uint64_t hash, map_is *is, const void *key)
{
    if (m->count == 0)
        return NULL;
    for (struct map_link *link = *bucket_of(m, hash); link != NULL; link = link->next) {
        if (link->hash == hash && is(link, key))
            return link;
    }
    return NULL;
}

enum status map_put(struct map *m, struct map_link *link, uint64_t hash)
{
    if (m->buckets == NULL && !resize(m, SMALLEST))
        return E_NO_MEMORY;
    grow_if_full(m);
    struct map_link **bucket = bucket_of(m, hash);
    *link = (struct map_link){ .next = *bucket, .hash = hash };
    *bucket = link;
    m->count++;
    return OK;
}

void map_drop(struct map *m, struct map_link *link)
{
    bug_if(m->count == 0);
    struct map_link **place = bucket_of(m, link->hash);
    while (*place != link) {
        bug_if(*place == NULL);
        place = &(*place)->next;
    }
    *place = link->next;
    link->next = NULL;
    m->count--;
    shrink_if_empty(m);
}

void map_each(struct map *m, void (*each)(struct map_link *link, void *context), void *context)
{
    m->walks++;
    for (size_t i = 0; i < m->bucket_count; i++) {
        for (struct map_link *link = m->buckets[i], *next; link != NULL; link = next) {
            next = link->next;
            each(link, context);
        }
    }
    m->walks--;
    shrink_if_empty(m);
}

static uint64_t turn_around(uint64_t x)
{
    x = (x >> 1 & 0x5555555555555555u) | (x & 0x5555555555555555u) << 1;
    x = (x >> 2 & 0x3333333333333333u) | (x & 0x3333333333333333u) << 2;
    x = (x >> 4 & 0x0F0F0F0F0F0F0F0Fu) | (x & 0x0F0F0F0F0F0F0F0Fu) << 4;
    return __builtin_bswap64(x);
}

/* The bucket of n bits holds the turned hashes that begin with its own turned bits: a range of 2^(64 - n). After halving the
 * range may begin before the cursor; what lies there was met. */
bool map_walk(struct map *m, uint64_t *cursor, void (*each)(struct map_link *link, void *context), void *context)
{
    if (m->count == 0)
        return false;
    uint64_t from = *cursor, last = from | (UINT64_MAX / m->bucket_count);
    m->walks++;
    for (struct map_link *link = *bucket_of(m, turn_around(from)), *next; link != NULL; link = next) {
        next = link->next;
        if (turn_around(link->hash) >= from)
            each(link, context);
    }
    m->walks--;
    shrink_if_empty(m);
    *cursor = last + 1;
    return last != UINT64_MAX;
}

void map_clear(struct map *m)
{
    bug_if(m->walks > 0);
    counter_freed(COUNTER_MEMORY_MAPS, m->bucket_count * sizeof *m->buckets);
    free(m->buckets);
    *m = (struct map){ 0 };
}
