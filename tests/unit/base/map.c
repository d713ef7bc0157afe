#include "unit/test.h"

#include "base/list.h"
#include "base/map.h"

struct item {
    struct map_link link;
    uint64_t        key;
};

static bool item_is(const struct map_link *link, const void *key)
{
    return ((const struct item *)(const void *)link)->key == *(const uint64_t *)key;
}

static void sip_reference_seed(void)
{
    unsigned char seed[16];
    for (unsigned char i = 0; i < 16; i++)
        seed[i] = i;
    map_seed_set(seed);
}

TEST(the_hash_is_siphash_2_4)
{
    UNUSED_STATE;
    /* Key 00..0f, message 00 01 02 ...: the vectors published with SipHash, at the lengths 8 to 16. */
    static const uint64_t expected[] = {
        0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7, 0x751e8fbc860ee5fb,
        0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5, 0x3f2acc7f57c29bdb,
    };
    char message[16];
    for (char i = 0; i < 16; i++)
        message[(int)i] = i;
    sip_reference_seed();
    for (size_t len = 0; len <= 8; len++)
        assert_true(map_hash(0x0706050403020100, slice_of(message + 8, len)) == expected[len]);
}

TEST(the_hash_depends_on_number_text_and_seed)
{
    UNUSED_STATE;
    sip_reference_seed();
    uint64_t hash = map_hash(1, SLICE("news"));
    assert_true(hash == map_hash(1, SLICE("news")));
    assert_true(hash != map_hash(2, SLICE("news")));
    assert_true(hash != map_hash(1, SLICE("newt")));
    assert_true(map_hash(1, (struct slice){ NULL, 0 }) == map_hash(1, SLICE("")));
    map_seed_set((const unsigned char[16]){ 9 });
    assert_true(hash != map_hash(1, SLICE("news")));
}

TEST(an_empty_map_finds_nothing)
{
    UNUSED_STATE;
    struct map m = { 0 };
    uint64_t   key = 1;
    assert_null(map_find(&m, 0, item_is, &key));
    map_clear(&m);
}

TEST(links_with_equal_hashes_are_told_apart_by_key)
{
    UNUSED_STATE;
    struct map  m = { 0 };
    struct item items[40];
    for (uint64_t i = 0; i < 40; i++) {
        items[i].key = i;
        assert_int_equal(map_put(&m, &items[i].link, 77), OK);
    }
    for (uint64_t i = 0; i < 40; i += 2)
        map_drop(&m, &items[i].link);
    for (uint64_t i = 0; i < 40; i++) {
        struct map_link *found = map_find(&m, 77, item_is, &i);
        assert_ptr_equal(found, i % 2 ? &items[i].link : NULL);
    }
    map_clear(&m);
}

TEST(the_buckets_double_at_load_one_and_halve_at_an_eighth)
{
    UNUSED_STATE;
    static struct item items[1024];
    struct map         m = { 0 };
    for (uint64_t i = 0; i < 1024; i++) {
        items[i].key = i;
        assert_int_equal(map_put(&m, &items[i].link, i * 0x9E3779B97F4A7C15u), OK);
        assert_true(m.count <= m.bucket_count);
    }
    assert_int_equal(m.bucket_count, 1024);
    for (uint64_t i = 0; i < 1024; i++) {
        map_drop(&m, &items[i].link);
        assert_true(m.bucket_count == 16 || m.count >= m.bucket_count / 8);
    }
    assert_int_equal(m.bucket_count, 16);
    map_clear(&m);
}

struct walk {
    struct map *map;
    unsigned    met;
    bool        drops;
};

static void meet(struct map_link *link, void *context)
{
    struct walk *walk = context;
    walk->met++;
    if (walk->drops) {
        map_drop(walk->map, link);
        memset(link, 0xEE, sizeof *link);
    }
}

TEST(a_walk_may_drop_what_it_was_given)
{
    UNUSED_STATE;
    static struct item items[500];
    struct map         m = { 0 };
    for (uint64_t i = 0; i < 500; i++)
        assert_int_equal(map_put(&m, &items[i].link, i * 0x9E3779B97F4A7C15u), OK);
    struct walk walk = { &m, 0, false };
    map_each(&m, meet, &walk);
    assert_int_equal(walk.met, 500);
    walk = (struct walk){ &m, 0, true };
    map_each(&m, meet, &walk);
    assert_int_equal(walk.met, 500);
    assert_int_equal(m.count, 0);
    assert_int_equal(m.bucket_count, 16);
    map_clear(&m);
}

/* A walk in steps, and what it met. */
struct steps {
    struct map *map;
    struct item items[4000];
    uint8_t     met[4000];
    bool        is_in[4000], was_out[4000];
};

static void note(struct map_link *link, void *context)
{
    struct steps *s = context;
    s->met[(struct item *)(void *)link - s->items]++;
}

static void toggle(struct steps *s, size_t i)
{
    if (s->is_in[i])
        map_drop(s->map, &s->items[i].link);
    else
        assert_int_equal(map_put(s->map, &s->items[i].link, s->items[i].key), OK);
    s->is_in[i] = !s->is_in[i];
    s->was_out[i] = true;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

TEST(a_walk_in_steps_meets_what_stays_exactly_once_while_the_map_grows_and_shrinks)
{
    UNUSED_STATE;
    static struct steps s;
    uint64_t            random = 88172645463325252u;
    for (unsigned round = 0; round < 60; round++) {
        struct map m = { 0 };
        memset(&s, 0, sizeof s);
        s.map = &m;
        for (size_t i = 0; i < 4000; i++) {
            s.items[i].key = next_random(&random) & (i % 5 ? UINT64_MAX : 0xFF); /* some share a hash */
            if (round % 3 != 0 || i < 40)
                toggle(&s, i);
        }
        memset(s.was_out, 0, sizeof s.was_out);
        bool     is_in_at_first[4000];
        uint64_t cursor = 0;
        memcpy(is_in_at_first, s.is_in, sizeof s.is_in);
        size_t changes = 0;
        while (map_walk(&m, &cursor, note, &s)) {
            size_t burst = round % 2 ? next_random(&random) % 40 : 2;
            for (size_t i = 0; i < burst; i++, changes++) /* the first 20 stay; others go, or come, or both */
                if (round % 3 == 0 && changes % 8 != 0)
                    changes % 4000 >= 40 && !s.is_in[changes % 4000] ? toggle(&s, changes % 4000) : (void)0;
                else if (next_random(&random) % 4000 >= 20)
                    toggle(&s, 20 + next_random(&random) % 3980);
        }
        for (size_t i = 0; i < 4000; i++) {
            assert_true(s.met[i] <= 1);
            if (is_in_at_first[i] && !s.was_out[i])
                assert_int_equal(s.met[i], 1);
        }
        map_clear(&m);
    }
}

TEST(a_walk_in_steps_of_an_empty_map_ends_at_once_and_the_last_link_may_be_dropped_by_it)
{
    UNUSED_STATE;
    struct map  m = { 0 };
    struct item only;
    uint64_t    cursor = 0;
    struct walk walk = { &m, 0, true };
    assert_false(map_walk(&m, &cursor, meet, &walk));
    assert_int_equal(map_put(&m, &only.link, UINT64_MAX), OK);
    while (map_walk(&m, &cursor, meet, &walk)) {
    }
    assert_int_equal(walk.met, 1);
    assert_int_equal(m.count, 0);
    map_clear(&m);
}

TEST(a_list_gives_its_links_in_order_and_unlinking_twice_is_harmless)
{
    UNUSED_STATE;
    struct thing {
        int         number;
        struct list link;
    } things[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
    struct list head;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_take_first(&head));
    for (int i = 0; i < 3; i++)
        list_add_last(&head, &things[i].link);
    list_unlink(&things[1].link);
    list_unlink(&things[1].link);
    assert_int_equal(list_object(list_take_first(&head), struct thing, link)->number, 0);
    assert_int_equal(list_object(list_take_first(&head), struct thing, link)->number, 2);
    assert_true(list_is_empty(&head));
}

TESTS(RUN(the_hash_is_siphash_2_4), RUN(the_hash_depends_on_number_text_and_seed), RUN(an_empty_map_finds_nothing),
      RUN(links_with_equal_hashes_are_told_apart_by_key), RUN(the_buckets_double_at_load_one_and_halve_at_an_eighth),
      RUN(a_walk_may_drop_what_it_was_given),
      RUN(a_walk_in_steps_meets_what_stays_exactly_once_while_the_map_grows_and_shrinks),
      RUN(a_walk_in_steps_of_an_empty_map_ends_at_once_and_the_last_link_may_be_dropped_by_it),
      RUN(a_list_gives_its_links_in_order_and_unlinking_twice_is_harmless))
