/* Random puts, drops, finds and walks against an array that says which keys are in. */
#include "unit/test.h"

#include "model/seed.h"

#include "base/map.h"

enum { KEYS = 4096, STEPS = 300000 };

struct item {
    struct map_link link;
    uint32_t        key;
    bool            is_in;
    unsigned        met;
};

static struct item items[KEYS];

static bool item_is(const struct map_link *link, const void *key)
{
    return ((const struct item *)(const void *)link)->key == *(const uint32_t *)key;
}

/* Every sixteenth key collides with fifteen others on purpose. */
static uint64_t hash_of(uint32_t key)
{
    return key % 16 == 0 ? key / 256 : map_hash(key, slice_of(&key, sizeof key));
}

static void meet(struct map_link *link, void *context)
{
    struct item *item = (struct item *)(void *)link;
    struct map  *m = context;
    item->met++;
    if (m != NULL && seed_below(2) == 0) {
        map_drop(m, link);
        item->is_in = false;
    }
}

static void check_all(struct map *m, bool drops)
{
    size_t in = 0;
    bool   was_in[KEYS];
    for (uint32_t key = 0; key < KEYS; key++) {
        items[key].met = 0;
        was_in[key] = items[key].is_in;
        in += was_in[key];
        struct map_link *found = map_find(m, hash_of(key), item_is, &key);
        assert_ptr_equal(found, was_in[key] ? &items[key].link : NULL);
    }
    assert_int_equal(m->count, in);
    map_each(m, meet, drops ? m : NULL);
    for (uint32_t key = 0; key < KEYS; key++)
        assert_int_equal(items[key].met, was_in[key]);
    assert_true(m->bucket_count <= 16 || (m->count >= m->bucket_count / 8 && m->count <= m->bucket_count));
}

TEST(a_map_agrees_with_an_array_of_flags)
{
    UNUSED_STATE;
    seed_start();
    unsigned char seed[16];
    for (int i = 0; i < 16; i++)
        seed[i] = (unsigned char)seed_next();
    map_seed_set(seed);
    struct map m = { 0 };
    uint64_t   tide = 50;
    for (int step = 0; step < STEPS; step++) {
        if (step % 10000 == 0) {
            tide = seed_below(101);
            check_all(&m, step % 30000 == 0);
        }
        uint32_t     key = (uint32_t)seed_below(KEYS);
        struct item *item = &items[key];
        item->key = key;
        bool puts = seed_below(100) < tide;
        if (puts && !item->is_in)
            assert_int_equal(map_put(&m, &item->link, hash_of(key)), OK);
        else if (!puts && item->is_in)
            map_drop(&m, &item->link);
        item->is_in = puts;
    }
    check_all(&m, false);
    map_clear(&m);
}

TESTS(RUN(a_map_agrees_with_an_array_of_flags))
