#include "unit/test.h"

#include "base/array.h"

TEST(an_array_grows_and_keeps_its_elements)
{
    UNUSED_STATE;
    uint64_t *at = NULL;
    uint32_t  cap = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(array_room(&at, &cap, i + 1, sizeof *at));
        assert_true(cap > i);
        at[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(at[i] == i);
    assert_true(cap <= 1500);
    free(at);
}

TEST(room_that_is_there_is_not_made_again)
{
    UNUSED_STATE;
    uint32_t *at = NULL, cap = 0;
    assert_true(array_room(&at, &cap, 0, sizeof *at));
    assert_null(at);
    assert_true(array_room(&at, &cap, 1, sizeof *at));
    assert_int_equal(cap, 4);
    uint32_t *before = at;
    assert_true(array_room(&at, &cap, 4, sizeof *at));
    assert_ptr_equal(at, before);
    free(at);
}

TEST(a_size_that_would_overflow_changes_nothing)
{
    UNUSED_STATE;
    char    *at = NULL;
    uint32_t cap = 0;
    assert_false(array_room(&at, &cap, UINT32_MAX, SIZE_MAX / 2));
    cap = UINT32_MAX - 1; /* half more than this is no number of 32 bits */
    assert_false(array_room(&at, &cap, UINT32_MAX, 1));
    assert_null(at);
    assert_int_equal(cap, UINT32_MAX - 1);
}

TESTS(RUN(an_array_grows_and_keeps_its_elements), RUN(room_that_is_there_is_not_made_again),
      RUN(a_size_that_would_overflow_changes_nothing))
