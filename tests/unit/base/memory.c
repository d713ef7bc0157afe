/* What is reported of the process's memory, and when the allocator is told to give back. */
#include "base/memory.h"

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

TESTS(RUN(the_parts_make_up_the_whole), RUN(what_is_counted_twice_or_too_early_makes_nothing_negative),
      RUN(the_heap_gives_back_once_when_it_has_changed_and_changes_no_more),
      RUN(the_heap_gives_nothing_back_for_little))
