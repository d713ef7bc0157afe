#include "unit/test.h"

#include "base/buf.h"

TEST(a_zeroed_buf_takes_text_and_numbers)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    buf_text(&b, "a=");
    buf_u64(&b, UINT64_MAX);
    buf_byte(&b, ' ');
    buf_i64(&b, INT64_MIN);
    buf_i64(&b, 0);
    buf_printf(&b, " %s-%d", "x", 5);
    buf_slice_append(&b, (struct slice){ NULL, 0 });
    assert_true(buf_ok(&b));
    assert_slice(buf_slice(&b), "a=18446744073709551615 -92233720368547758080 x-5");
    buf_clear(&b);
    assert_null(b.at);
}

TEST(a_long_printf_is_whole)
{
    UNUSED_STATE;
    char text[1000];
    memset(text, 'y', sizeof text);
    struct buf b = { 0 };
    buf_printf(&b, "<%.*s>", (int)sizeof text, text);
    assert_int_equal(b.len, sizeof text + 2);
    assert_int_equal(b.at[b.len - 1], '>');
    buf_clear(&b);
}

TEST(the_limit_is_exact_and_failure_stays)
{
    UNUSED_STATE;
    struct buf b = { .limit = 5 };
    buf_text(&b, "abcd");
    buf_text(&b, "e");
    assert_true(buf_ok(&b));
    buf_text(&b, "f");
    assert_false(buf_ok(&b));
    assert_slice(buf_slice(&b), "abcde");
    buf_drop_front(&b, 5);
    buf_text(&b, "g");
    assert_slice(buf_slice(&b), "");
    buf_reset(&b);
    buf_text(&b, "h");
    assert_true(buf_ok(&b));
    buf_clear(&b);
    assert_int_equal(b.limit, 5);
}

TEST(a_long_printf_may_fill_the_limit_to_the_last_byte)
{
    UNUSED_STATE;
    struct buf b = { .limit = 300 };
    buf_printf(&b, "%300d", 1);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 300);
    assert_true(b.cap <= 300);
    buf_clear(&b);
}

TEST(a_size_that_would_overflow_fails_and_keeps_the_content)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    buf_text(&b, "abc");
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_false(buf_ok(&b));
    assert_slice(buf_slice(&b), "abc");
    buf_clear(&b);
}

TEST(reserved_room_is_the_callers_to_fill)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    char      *at = buf_reserve(&b, 100);
    assert_non_null(at);
    memset(at, 'z', 100);
    b.len += 60;
    assert_int_equal(buf_slice(&b).len, 60);
    buf_drop_front(&b, 59);
    assert_slice(buf_slice(&b), "z");
    buf_drop_front(&b, SIZE_MAX);
    assert_slice(buf_slice(&b), "");
    buf_clear(&b);
    assert_non_null(buf_reserve(&b, 0));
    buf_clear(&b);
}

TEST(taken_memory_is_the_takers)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    buf_text(&b, "mine");
    size_t len;
    char  *at = buf_take(&b, &len);
    assert_slice(slice_of(at, len), "mine");
    assert_slice(buf_slice(&b), "");
    free(at);
    at = buf_take(&b, &len);
    assert_null(at);
    assert_int_equal(len, 0);
}

TEST(many_appends_give_what_was_appended)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    for (unsigned i = 0; i < 100000; i++)
        buf_byte(&b, (unsigned char)(i * 7));
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)b.at[i], (unsigned char)(i * 7));
    buf_clear(&b);
}

TESTS(RUN(a_zeroed_buf_takes_text_and_numbers), RUN(a_long_printf_is_whole), RUN(the_limit_is_exact_and_failure_stays),
      RUN(a_long_printf_may_fill_the_limit_to_the_last_byte), RUN(a_size_that_would_overflow_fails_and_keeps_the_content),
      RUN(reserved_room_is_the_callers_to_fill), RUN(taken_memory_is_the_takers), RUN(many_appends_give_what_was_appended))
