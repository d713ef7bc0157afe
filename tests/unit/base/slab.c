#include "unit/test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/slab.h"

struct thing {
    struct slab_head head;
    uint64_t         words[15];
};

static struct slab things(uint32_t limit)
{
    struct slab s;
    slab_init(&s, sizeof(struct thing), limit);
    return s;
}

TEST(an_object_is_zeroed_and_found_by_index_and_generation)
{
    UNUSED_STATE;
    struct slab   s = things(10);
    struct thing *t = slab_take(&s);
    assert_non_null(t);
    for (int i = 0; i < 15; i++)
        assert_true(t->words[i] == 0);
    assert_true(t->head.generation & 1);
    assert_ptr_equal(slab_find(&s, t->head.index, t->head.generation), t);
    assert_ptr_equal(slab_at(&s, t->head.index), t);
    slab_validate(&s);
    slab_clear(&s);
}

TEST(a_successor_in_the_same_place_is_zeroed_and_does_not_match_the_old_generation)
{
    UNUSED_STATE;
    struct slab   s = things(10);
    struct thing *t = slab_take(&s);
    uint32_t      index = t->head.index, generation = t->head.generation;
    memset(t->words, 0xFF, sizeof t->words);
    slab_give(&s, t);
    assert_null(slab_find(&s, index, generation));
    assert_null(slab_find(&s, index, generation + 1));
    t = slab_take(&s);
    assert_int_equal(t->head.index, index);
    assert_int_not_equal(t->head.generation, generation);
    assert_true(t->words[0] == 0 && t->words[14] == 0);
    assert_null(slab_find(&s, index, generation));
    slab_clear(&s);
}

TEST(any_index_and_generation_are_safe_to_ask)
{
    UNUSED_STATE;
    struct slab s = things(10);
    assert_null(slab_find(&s, 0, 1));
    assert_null(slab_find(&s, SLAB_NONE, SLAB_NONE));
    slab_take(&s);
    for (uint64_t index = 0; index <= UINT32_MAX; index += 9973) {
        assert_null(slab_find(&s, (uint32_t)index, 0));
        assert_null(slab_find(&s, (uint32_t)index, UINT32_MAX));
    }
    slab_clear(&s);
}

TEST(the_bound_is_kept)
{
    UNUSED_STATE;
    struct slab s = things(3);
    void       *a = slab_take(&s);
    assert_non_null(slab_take(&s));
    assert_non_null(slab_take(&s));
    assert_null(slab_take(&s));
    slab_give(&s, a);
    assert_non_null(slab_take(&s));
    slab_clear(&s);
}

/* Takes `count` objects; places[i] is the object with index i. */
static struct thing **take_many(struct slab *s, uint32_t count)
{
    struct thing **places = calloc(count, sizeof *places);
    for (uint32_t i = 0; i < count; i++) {
        struct thing *t = slab_take(s);
        assert_non_null(t);
        assert_true(t->head.index < count);
        assert_null(places[t->head.index]);
        places[t->head.index] = t;
    }
    return places;
}

TEST(after_a_peak_the_memory_returns_but_for_one_chunk)
{
    UNUSED_STATE;
    struct slab    s = things(UINT32_MAX);
    uint32_t       count = s.per_chunk * 100;
    struct thing **all = take_many(&s, count);
    size_t         peak = slab_bytes(&s);
    assert_true(peak >= (size_t)count * sizeof(struct thing));
    for (uint32_t i = 0; i < count; i++)
        slab_give(&s, all[i]);
    slab_validate(&s);
    assert_int_equal(s.live, 0);
    assert_int_equal(slab_bytes(&s), peak / 100);
    assert_int_equal(s.spare, 0);
    free(all);
    slab_clear(&s);
    assert_int_equal(slab_bytes(&s), 0);
}

TEST(takes_fill_the_lowest_hole_so_that_high_chunks_empty)
{
    UNUSED_STATE;
    struct slab    s = things(UINT32_MAX);
    uint32_t       per = s.per_chunk;
    struct thing **all = take_many(&s, per * 70);
    slab_give(&s, all[per * 66]);
    slab_give(&s, all[per * 3 + 5]);
    struct thing *t = slab_take(&s);
    assert_int_equal(t->head.index, per * 3 + 5);
    t = slab_take(&s);
    assert_int_equal(t->head.index, per * 66);
    t = slab_take(&s);
    assert_int_equal(t->head.index, per * 70);
    slab_validate(&s);
    free(all);
    slab_clear(&s);
}

TEST(a_chunk_that_comes_back_does_not_repeat_generations)
{
    UNUSED_STATE;
    struct slab    s = things(UINT32_MAX);
    uint32_t       per = s.per_chunk;
    struct thing **all = take_many(&s, per * 3);
    uint32_t       highest = 0;
    for (int i = 0; i < 5; i++) {
        slab_give(&s, all[per * 2 + 7]);
        all[per * 2 + 7] = slab_take(&s);
        highest = all[per * 2 + 7]->head.generation;
    }
    for (uint32_t i = per; i < per * 3; i++)
        slab_give(&s, all[i]);
    assert_int_equal(slab_bytes(&s) / s.mapped * 2, slab_bytes(&s));
    assert_null(slab_find(&s, per * 2 + 7, highest));
    for (uint32_t i = 0; i < per * 2; i++) {
        struct thing *t = slab_take(&s);
        if (t->head.index >= per * 2)
            assert_true(t->head.generation > highest);
    }
    assert_null(slab_find(&s, per * 2 + 7, highest));
    slab_validate(&s);
    free(all);
    slab_clear(&s);
}

/* Of a chunk of 64 KB, whose first object stands where it begins. */
static size_t resident_pages(void *first)
{
    unsigned char pages[16];
    size_t        count = 0;
    assert_int_equal(mincore(first, sizeof pages * 4096, pages), 0);
    for (size_t i = 0; i < sizeof pages; i++)
        count += pages[i] & 1;
    return count;
}

TEST(the_chunk_that_is_kept_has_no_pages_left)
{
    UNUSED_STATE;
    struct slab   s = things(100000);
    struct thing *all[512];
    uint32_t      generation = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 512; i++) {
            all[i] = slab_take(&s);
            assert_non_null(all[i]);
            assert_true(all[i]->words[0] == 0 && all[i]->words[14] == 0);
            memset(all[i]->words, 0xFF, sizeof all[i]->words);
        }
        void *first = all[0];
        assert_true(all[0]->head.generation > generation);
        assert_int_equal(resident_pages(first), 16);
        uint32_t index = all[7]->head.index, old = all[7]->head.generation;
        generation = all[0]->head.generation;
        for (int i = 0; i < 512; i++)
            slab_give(&s, all[i]);
        assert_true(resident_pages(first) <= 1);
        assert_null(slab_find(&s, index, old));
        slab_validate(&s);
    }
    slab_clear(&s);
}

TEST(a_walk_meets_every_living_object_in_order)
{
    UNUSED_STATE;
    struct slab    s = things(UINT32_MAX);
    uint32_t       count = s.per_chunk * 4 + 3;
    struct thing **all = take_many(&s, count);
    for (uint32_t i = 0; i < count; i++) {
        if (i % 3 != 0 || i / s.per_chunk == 1)
            slab_give(&s, all[i]);
    }
    uint32_t from = 0, met = 0;
    for (struct thing *t; (t = slab_next(&s, from)) != NULL; from = t->head.index + 1) {
        assert_true(t->head.index >= from && t->head.index % 3 == 0);
        met++;
    }
    assert_int_equal(met, s.live);
    assert_null(slab_next(&s, SLAB_NONE));
    free(all);
    slab_clear(&s);
}

TEST(sizes_are_rounded_and_big_objects_have_sixteen_to_a_chunk)
{
    UNUSED_STATE;
    struct slab s;
    slab_init(&s, 13, 100);
    assert_int_equal(s.object_size, 16);
    assert_int_equal(s.per_chunk, 4096);
    slab_init(&s, 100000, 100);
    assert_int_equal(s.per_chunk, 16);
    struct slab_head *a = slab_take(&s), *b = slab_take(&s);
    memset(a + 1, 1, 100000 - sizeof *a);
    memset(b + 1, 2, 100000 - sizeof *b);
    slab_give(&s, a);
    slab_give(&s, b);
    slab_validate(&s);
    slab_clear(&s);
    slab_init(&s, sizeof(struct slab_head), 100);
    a = slab_take(&s);
    slab_give(&s, a);
    assert_ptr_equal(slab_take(&s), a);
    slab_clear(&s);
}

/* Runs `act` in a child and says whether it aborted. */
static bool aborts(void (*act)(struct slab *s, struct thing *t))
{
    struct slab   s = things(10);
    struct thing *t = slab_take(&s);
    pid_t         child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        act(&s, t);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    slab_clear(&s);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void give_twice(struct slab *s, struct thing *t)
{
    slab_give(s, t);
    slab_give(s, t);
}

static void give_a_copy(struct slab *s, struct thing *t)
{
    struct thing copy = *t;
    slab_give(s, &copy);
}

static void look_at_the_dead(struct slab *s, struct thing *t)
{
    uint32_t index = t->head.index;
    slab_give(s, t);
    slab_at(s, index);
}

TEST(giving_back_twice_or_what_is_not_ones_own_aborts)
{
    UNUSED_STATE;
    assert_true(aborts(give_twice));
    assert_true(aborts(give_a_copy));
    assert_true(aborts(look_at_the_dead));
}

TEST(what_it_holds_and_what_is_in_use_is_counted)
{
    UNUSED_STATE;
    struct slab s = things(1000);
    slab_count(&s, COUNTER_SLAB_SQL, COUNTER_SLAB_SQL_USED);
    void *all[600];
    for (int i = 0; i < 600; i++)
        assert_non_null(all[i] = slab_take(&s));
    assert_int_equal(counter_sum(COUNTER_SLAB_SQL), slab_bytes(&s));
    assert_int_equal(counter_sum(COUNTER_SLAB_SQL_USED), 600 * sizeof(struct thing));
    for (int i = 0; i < 599; i++)
        slab_give(&s, all[i]);
    assert_int_equal(counter_sum(COUNTER_SLAB_SQL), slab_bytes(&s));
    assert_int_equal(counter_sum(COUNTER_SLAB_SQL_USED), sizeof(struct thing));
    slab_clear(&s);
    assert_int_equal(counter_sum(COUNTER_SLAB_SQL), 0);
    assert_int_equal(counter_sum(COUNTER_SLAB_SQL_USED), 0);
    assert_non_null(slab_take(&s));
    assert_int_equal(counter_sum(COUNTER_SLAB_SQL_USED), sizeof(struct thing));
    slab_clear(&s);
}

TESTS(RUN(what_it_holds_and_what_is_in_use_is_counted), RUN(an_object_is_zeroed_and_found_by_index_and_generation),
      RUN(a_successor_in_the_same_place_is_zeroed_and_does_not_match_the_old_generation),
      RUN(any_index_and_generation_are_safe_to_ask), RUN(the_bound_is_kept),
      RUN(after_a_peak_the_memory_returns_but_for_one_chunk), RUN(the_chunk_that_is_kept_has_no_pages_left), RUN(takes_fill_the_lowest_hole_so_that_high_chunks_empty),
      RUN(a_chunk_that_comes_back_does_not_repeat_generations), RUN(a_walk_meets_every_living_object_in_order),
      RUN(sizes_are_rounded_and_big_objects_have_sixteen_to_a_chunk),
      RUN(giving_back_twice_or_what_is_not_ones_own_aborts))
