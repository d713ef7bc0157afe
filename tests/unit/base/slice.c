#include "unit/test.h"

TEST(cut_takes_what_stands_before_the_separator)
{
    UNUSED_STATE;
    struct slice rest = SLICE("a,,bc");
    assert_slice(slice_cut(&rest, ','), "a");
    assert_slice(rest, ",bc");
    assert_slice(slice_cut(&rest, ','), "");
    assert_slice(slice_cut(&rest, ','), "bc");
    assert_slice(rest, "");
    assert_slice(slice_cut(&rest, ','), "");
}

TEST(cut_of_an_empty_slice_without_memory_gives_nothing)
{
    UNUSED_STATE;
    struct slice rest = { NULL, 0 };
    assert_slice(slice_cut(&rest, ','), "");
    assert_slice(slice_trim(rest), "");
    assert_true(slice_find(rest, 'x') == SIZE_MAX);
}

TEST(trim_takes_blanks_off_both_ends_only)
{
    UNUSED_STATE;
    assert_slice(slice_trim(SLICE(" \t\r\na b\n ")), "a b");
    assert_slice(slice_trim(SLICE(" \t ")), "");
}

TEST(comparison_without_case_folds_ascii_letters_only)
{
    UNUSED_STATE;
    assert_true(slice_is_nocase(SLICE("Sec-WebSocket-KEY"), "sec-websocket-key"));
    assert_false(slice_is_nocase(SLICE("a@"), "a`"));
    assert_false(slice_is_nocase(SLICE("\xC4"), "\xE4"));
    assert_false(slice_is_nocase(SLICE("ab"), "abc"));
}

TEST(starts_looks_at_the_whole_prefix)
{
    UNUSED_STATE;
    assert_true(slice_starts(SLICE("web_a"), "web_"));
    assert_true(slice_starts((struct slice){ NULL, 0 }, ""));
    assert_false(slice_starts(SLICE("web"), "web_"));
}

TEST(skip_and_first_stop_at_the_end)
{
    UNUSED_STATE;
    assert_slice(slice_skip(SLICE("abc"), 9), "");
    assert_slice(slice_first(SLICE("abc"), 9), "abc");
    assert_slice(slice_first(SLICE("abc"), 2), "ab");
}

TEST(numbers_are_read_up_to_their_bound_and_not_beyond)
{
    UNUSED_STATE;
    uint64_t value = 7;
    assert_true(slice_u64(SLICE("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_true(slice_u64(SLICE("0"), 0, &value));
    assert_true(value == 0);
    assert_true(slice_u64(SLICE("00065535"), 65535, &value));
    assert_int_equal(value, 65535);
    assert_false(slice_u64(SLICE("18446744073709551616"), UINT64_MAX, &value));
    assert_false(slice_u64(SLICE("65536"), 65535, &value));
    assert_false(slice_u64(SLICE("9"), 3, &value));
    assert_int_equal(value, 65535);
}

TEST(what_is_no_number_is_refused)
{
    UNUSED_STATE;
    uint64_t                 value = 7;
    const char *const        bad[] = { "", " 1", "1 ", "-1", "+1", "0x1", "1.0", "1a" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(slice_u64(slice_str(bad[i]), UINT64_MAX, &value));
    assert_int_equal(value, 7);
}

TESTS(RUN(cut_takes_what_stands_before_the_separator), RUN(cut_of_an_empty_slice_without_memory_gives_nothing),
      RUN(trim_takes_blanks_off_both_ends_only), RUN(comparison_without_case_folds_ascii_letters_only),
      RUN(starts_looks_at_the_whole_prefix), RUN(skip_and_first_stop_at_the_end),
      RUN(numbers_are_read_up_to_their_bound_and_not_beyond), RUN(what_is_no_number_is_refused))
