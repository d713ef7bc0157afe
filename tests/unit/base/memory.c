/* What is reported of the process's memory, and when the allocator is told to give back. */
#include "base/memory.h"

#include <malloc.h>
#include <sched.h>
#include <stdlib.h>

#include "unit/test.h"

#define MB (UINT64_C(1) << 20)

TEST(the_parts_make_up_the_whole)
{
    UNUSED_STATE;
    memory_look(1000);
    counter_held(COUNTER_SLAB_STREAMS, 65536);
    counter_held(COUNTER_SLAB_STREAMS_USED, 640);
    counter_held(COUNTER_MEMORY_SEATS, 100);
    counter_held(COUNTER_MEMORY_TLS, 11);
    struct memory_sums m = memory_sums();
    assert_true(m.rss > 0 && m.files > 0);
    assert_int_equal(m.slabs, 65536);
    assert_int_equal(m.slabs_used, 640);
    assert_int_equal(m.structures, 111);
    uint64_t parts = m.files + m.slabs + m.structures + m.rest + m.other;
    assert_true(parts >= m.rss && (m.other == 0 || parts == m.rss));
}

TEST(what_is_counted_twice_or_too_early_makes_nothing_negative)
{
    UNUSED_STATE;
    memory_look(2000);
    counter_held(COUNTER_SLAB_HTTP, 1024 * 1024 * MB);
    struct memory_sums m = memory_sums();
    assert_int_equal(m.other, 0);
    counter_freed(COUNTER_SLAB_HTTP, 1024 * 1024 * MB);
    assert_true(memory_sums().other < 1024 * 1024 * MB);
}

TEST(the_heap_gives_back_once_when_it_has_changed_and_changes_no_more)
{
    UNUSED_STATE;
    struct memory_swing s = { 0 };
    assert_false(memory_is_worth_a_trim(&s, 0, 0));
    assert_false(memory_is_worth_a_trim(&s, 5 * MB, 20 * MB)); /* coming */
    assert_false(memory_is_worth_a_trim(&s, 9 * MB, 20 * MB));
    assert_true(memory_is_worth_a_trim(&s, 9 * MB + MB / 4, 20 * MB));
    assert_false(memory_is_worth_a_trim(&s, 9 * MB + MB / 4, 20 * MB)); /* their pages are back */
    assert_false(memory_is_worth_a_trim(&s, 3 * MB, 26 * MB));          /* used again */
    assert_true(memory_is_worth_a_trim(&s, 3 * MB, 26 * MB));
}

TEST(the_heap_gives_nothing_back_for_little)
{
    UNUSED_STATE;
    struct memory_swing s = { 0 };
    for (int i = 0; i < 3; i++)
        assert_false(memory_is_worth_a_trim(&s, 5 * MB, 200 * MB)); /* little, beside the rest */
    s = (struct memory_swing){ 0 };
    for (int i = 0; i < 3; i++)
        assert_false(memory_is_worth_a_trim(&s, MB / 8, 0));
    assert_true(memory_is_worth_a_trim(&s, MB / 8, 0) == false && s.has_changed); /* not forgotten */
}

/* Blocks of a size that nothing else here uses, as many as the allocator keeps for a thread: for the allocator they are in use. */
static size_t in_use_with_some_kept(void)
{
    void *kept[7];
    for (int i = 0; i < 7; i++)
        assert_non_null(kept[i] = malloc(1000));
    for (int i = 0; i < 7; i++)
        free(kept[i]);
    return mallinfo2().uordblks;
}

TEST(a_thread_that_is_asked_gives_back_what_is_kept_for_it)
{
    UNUSED_STATE;
    size_t before = in_use_with_some_kept();
    memory_thread_turn();
    assert_int_equal(mallinfo2().uordblks, before); /* nobody has asked */
    memory_ask_threads();
    memory_thread_turn();
    if (before == 0)
        skip(); /* the allocator of a sanitizer or of valgrind tells nothing */
    /* until the thread that takes them has ended; that there ever was one costs some of it */
    while (mallinfo2().uordblks + 7 * 1000 / 2 > before)
        sched_yield();
}

TESTS(RUN(the_parts_make_up_the_whole), RUN(what_is_counted_twice_or_too_early_makes_nothing_negative),
      RUN(the_heap_gives_back_once_when_it_has_changed_and_changes_no_more),
      RUN(the_heap_gives_nothing_back_for_little), RUN(a_thread_that_is_asked_gives_back_what_is_kept_for_it))
