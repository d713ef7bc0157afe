#include "base/slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/status.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define poison(at, len)   ASAN_POISON_MEMORY_REGION(at, len)
#define unpoison(at, len) ASAN_UNPOISON_MEMORY_REGION(at, len)
#else
#define poison(at, len)   ((void)(at), (void)(len))
#define unpoison(at, len) ((void)(at), (void)(len))
#endif

enum { CHUNK_BYTES = 64 * 1024, SMALLEST_CHUNK = 16, PAGE_BYTES = 4096, SPARE_BYTES = PAGE_BYTES };

/* A chunk hands out the objects on its free list first, then those that were never used, whose memory is still the kernel's
 * zeros: a chunk of which little is used costs few pages.
 *
 *   [ 0 used | 1 free ->3 | 2 used | 3 free | fresh: 4 .. per_chunk - 1 ]      first_free = 1
 *
 * A free object's head holds an even generation and, in place of its index, the next free object of the chunk. */
struct slab_chunk {
    char    *base;       /* owned; NULL while given back */
    uint32_t first_free; /* place in the chunk, or SLAB_NONE */
    uint32_t fresh;      /* places from here on were never used since the chunk was mapped */
    uint32_t live;
    uint32_t generation; /* the highest any of its objects had when given back; even */
};

void slab_init(struct slab *s, size_t object_size, uint32_t limit)
{
    bug_if(object_size < sizeof(struct slab_head) || object_size > UINT32_MAX / SMALLEST_CHUNK / 2);
    uint32_t size = ((uint32_t)object_size + 7) & ~7u;
    uint32_t shift = 4;
    while (((size_t)size << (shift + 1)) <= CHUNK_BYTES)
        shift++;
    *s = (struct slab){ .object_size = size,
                        .per_chunk = 1u << shift,
                        .shift = shift,
                        .limit = limit,
                        .first_with_room = SLAB_NONE,
                        .spare = SLAB_NONE,
                        .held = COUNTER_COUNT,
                        .used = COUNTER_COUNT };
    _Static_assert(SMALLEST_CHUNK == 1 << 4, "the shift begins where the smallest chunk does");
}

void slab_count(struct slab *s, enum counter held, enum counter used)
{
    bug_if(s->mapped > 0);
    s->held = held;
    s->used = used;
}

static void count(enum counter c, size_t amount)
{
    if (c != COUNTER_COUNT)
        counter_add(c, amount);
}

static size_t chunk_bytes(const struct slab *s)
{
    return (((size_t)s->object_size << s->shift) + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static struct slab_head *head_at(const struct slab *s, const struct slab_chunk *c, uint32_t place)
{
    return (struct slab_head *)(void *)(c->base + (size_t)place * s->object_size);
}

static void room_mark(struct slab *s, uint32_t chunk)
{
    s->room[chunk / 64] |= UINT64_C(1) << chunk % 64;
    if (chunk < s->first_with_room)
        s->first_with_room = chunk;
}

/* The chunk is full or gone: the hint moves to the next that has room, a word of 64 chunks at a time. */
static void room_unmark(struct slab *s, uint32_t chunk)
{
    s->room[chunk / 64] &= ~(UINT64_C(1) << chunk % 64);
    if (chunk != s->first_with_room)
        return;
    s->first_with_room = SLAB_NONE;
    for (uint32_t word = chunk / 64; word < s->chunk_cap / 64; word++) {
        if (s->room[word] != 0) {
            s->first_with_room = word * 64 + (uint32_t)__builtin_ctzll(s->room[word]);
            return;
        }
    }
}

/* Space for one more entry of the chunk table. */
static bool table_grow(struct slab *s)
{
    if (s->chunk_count < s->chunk_cap)
        return true;
    /* One chunk fewer than the indices allow, so that SLAB_NONE is nobody's index. */
    uint32_t most = (uint32_t)((UINT64_C(1) << 32 >> s->shift) - 1);
    if (s->chunk_count >= most)
        return false;
    uint32_t           cap = s->chunk_cap == 0 ? 64 : s->chunk_cap * 2;
    struct slab_chunk *chunks = realloc(s->chunks, cap * sizeof *chunks);
    if (chunks == NULL)
        return false;
    s->chunks = chunks;
    uint64_t *room = realloc(s->room, cap / 64 * sizeof *room);
    if (room == NULL)
        return false;
    s->room = room;
    memset(room + s->chunk_cap / 64, 0, (cap - s->chunk_cap) / 64 * sizeof *room);
    s->chunk_cap = cap;
    return true;
}

/* The lowest chunk without memory; SLAB_NONE when the table cannot grow. */
static uint32_t chunk_without_memory(struct slab *s)
{
    if (s->mapped < s->chunk_count) {
        for (uint32_t i = 0; i < s->chunk_count; i++) {
            if (s->chunks[i].base == NULL)
                return i;
        }
    }
    if (!table_grow(s))
        return SLAB_NONE;
    s->chunks[s->chunk_count] = (struct slab_chunk){ 0 };
    return s->chunk_count++;
}

static bool chunk_map(struct slab *s)
{
    uint32_t chunk = chunk_without_memory(s);
    if (chunk == SLAB_NONE)
        return false;
    void *base = mmap(NULL, chunk_bytes(s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return false;
    struct slab_chunk *c = &s->chunks[chunk];
    *c = (struct slab_chunk){ .base = base, .first_free = SLAB_NONE, .generation = c->generation };
    s->mapped++;
    count(s->held, chunk_bytes(s));
    room_mark(s, chunk);
    return true;
}

static void chunk_unmap(struct slab *s, uint32_t chunk)
{
    struct slab_chunk *c = &s->chunks[chunk];
    unpoison(c->base, chunk_bytes(s));
    if (munmap(c->base, chunk_bytes(s)) != 0)
        return; /* the kernel has no mapping to spare for the hole: the chunk stays, empty and of use */
    c->base = NULL;
    s->mapped--;
    count(s->held, 0 - chunk_bytes(s));
    room_unmark(s, chunk);
}

/* Nothing lives in it: as if it had just been mapped, when many of its pages were touched. After that few are, so a load that swings
 * between none and some does not come here again and again. */
static void chunk_forget(const struct slab *s, struct slab_chunk *c)
{
    if ((size_t)c->fresh * s->object_size <= SPARE_BYTES || madvise(c->base, chunk_bytes(s), MADV_DONTNEED) != 0)
        return;
    unpoison(c->base, chunk_bytes(s));
    c->fresh = 0;
    c->first_free = SLAB_NONE;
}

/* One empty chunk is kept, the lower one, so that a load that swings around a border does not map and unmap. */
static void chunk_emptied(struct slab *s, uint32_t chunk)
{
    uint32_t other = s->spare;
    if (other == SLAB_NONE) {
        s->spare = chunk;
    } else {
        s->spare = chunk < other ? chunk : other;
        chunk_unmap(s, chunk < other ? other : chunk);
    }
    chunk_forget(s, &s->chunks[s->spare]);
}

void slab_clear(struct slab *s)
{
    for (uint32_t i = 0; i < s->chunk_count; i++) {
        if (s->chunks[i].base != NULL)
            chunk_unmap(s, i);
    }
    free(s->chunks);
    free(s->room);
    count(s->used, 0 - (size_t)s->live * s->object_size);
    enum counter held = s->held, used = s->used;
    slab_init(s, s->object_size, s->limit);
    slab_count(s, held, used);
}

/* A place that was used before: its generation goes on, its bytes become zero again. */
static struct slab_head *take_used(struct slab *s, struct slab_chunk *c, uint32_t *out_place)
{
    struct slab_head *head = head_at(s, c, c->first_free);
    *out_place = c->first_free;
    c->first_free = head->index;
    unpoison(head, s->object_size);
    memset(head + 1, 0, s->object_size - sizeof *head);
    head->generation++;
    return head;
}

static struct slab_head *take_fresh(struct slab *s, struct slab_chunk *c, uint32_t *out_place)
{
    *out_place = c->fresh++;
    struct slab_head *head = head_at(s, c, *out_place);
    head->generation = c->generation + 1;
    return head;
}

void *slab_take(struct slab *s)
{
    if (s->live >= s->limit || (s->first_with_room == SLAB_NONE && !chunk_map(s)))
        return NULL;
    uint32_t           chunk = s->first_with_room;
    struct slab_chunk *c = &s->chunks[chunk];
    uint32_t           place;
    struct slab_head  *head = c->first_free != SLAB_NONE ? take_used(s, c, &place) : take_fresh(s, c, &place);
    head->index = chunk << s->shift | place;
    s->live++;
    count(s->used, s->object_size);
    if (c->live++ == 0 && s->spare == chunk)
        s->spare = SLAB_NONE;
    if (c->live == s->per_chunk)
        room_unmark(s, chunk);
    return head;
}

void slab_give(struct slab *s, void *object)
{
    struct slab_head *head = object;
    bug_if((head->generation & 1) == 0);
    uint32_t chunk = head->index >> s->shift;
    uint32_t place = head->index & (s->per_chunk - 1);
    bug_if(chunk >= s->chunk_count || s->chunks[chunk].base == NULL);
    struct slab_chunk *c = &s->chunks[chunk];
    bug_if(head_at(s, c, place) != head);

    head->generation++;
    /* As a difference, so that the generations may wrap. */
    if ((int32_t)(head->generation - c->generation) > 0)
        c->generation = head->generation;
    head->index = c->first_free;
    c->first_free = place;
    poison(head + 1, s->object_size - sizeof *head);
    s->live--;
    count(s->used, 0 - (size_t)s->object_size);
    if (c->live-- == s->per_chunk)
        room_mark(s, chunk);
    if (c->live == 0)
        chunk_emptied(s, chunk);
}

void *slab_find(const struct slab *s, uint32_t index, uint32_t generation)
{
    uint32_t chunk = index >> s->shift;
    if (chunk >= s->chunk_count || s->chunks[chunk].base == NULL)
        return NULL;
    struct slab_head *head = head_at(s, &s->chunks[chunk], index & (s->per_chunk - 1));
    return head->generation == generation && (generation & 1) != 0 ? head : NULL;
}

void *slab_at(const struct slab *s, uint32_t index)
{
    uint32_t chunk = index >> s->shift;
    bug_if(chunk >= s->chunk_count || s->chunks[chunk].base == NULL);
    struct slab_head *head = head_at(s, &s->chunks[chunk], index & (s->per_chunk - 1));
    bug_if((head->generation & 1) == 0);
    return head;
}

void slab_prefetch(const struct slab *s, uint32_t index)
{
    uint32_t chunk = index >> s->shift;
    bug_if(chunk >= s->chunk_count || s->chunks[chunk].base == NULL);
    __builtin_prefetch(head_at(s, &s->chunks[chunk], index & (s->per_chunk - 1)));
}

void *slab_next(const struct slab *s, uint32_t from)
{
    uint32_t place = from & (s->per_chunk - 1);
    for (uint32_t chunk = from >> s->shift; chunk < s->chunk_count; chunk++, place = 0) {
        const struct slab_chunk *c = &s->chunks[chunk];
        if (c->live == 0)
            continue;
        for (; place < c->fresh; place++) {
            struct slab_head *head = head_at(s, c, place);
            if (head->generation & 1)
                return head;
        }
    }
    return NULL;
}

size_t slab_bytes(const struct slab *s)
{
    return s->mapped * chunk_bytes(s);
}

/* Living, free and fresh objects make up the chunk, and no generation is ahead of what the chunk knows. */
static void chunk_validate(const struct slab *s, uint32_t chunk)
{
    const struct slab_chunk *c = &s->chunks[chunk];
    bool                     marked = (s->room[chunk / 64] >> chunk % 64 & 1) != 0;
    bug_if(c->base == NULL && (c->live != 0 || marked));
    if (c->base == NULL)
        return;
    bug_if(marked != (c->live < s->per_chunk));
    uint32_t live = 0, free_count = 0;
    for (uint32_t place = 0; place < c->fresh; place++) {
        const struct slab_head *head = head_at(s, c, place);
        bool                    lives = (head->generation & 1) != 0;
        live += lives;
        bug_if(lives && head->index != (chunk << s->shift | place));
        bug_if(!lives && (int32_t)(head->generation - c->generation) > 0);
    }
    for (uint32_t place = c->first_free; place != SLAB_NONE; place = head_at(s, c, place)->index) {
        bug_if(place >= c->fresh || (head_at(s, c, place)->generation & 1) != 0);
        bug_if(++free_count > s->per_chunk);
    }
    bug_if(live != c->live || live + free_count != c->fresh);
}

void slab_validate(const struct slab *s)
{
    uint32_t live = 0, mapped = 0, first = SLAB_NONE;
    for (uint32_t i = 0; i < s->chunk_count; i++) {
        const struct slab_chunk *c = &s->chunks[i];
        chunk_validate(s, i);
        live += c->live;
        mapped += c->base != NULL;
        if (first == SLAB_NONE && c->base != NULL && c->live < s->per_chunk)
            first = i;
    }
    bug_if(live != s->live || mapped != s->mapped || first != s->first_with_room);
    bug_if(s->spare != SLAB_NONE && (s->chunks[s->spare].base == NULL || s->chunks[s->spare].live != 0));
}
