#include "unit/test.h"

#include "base/json_out.h"

static void assert_json(struct slice text, const char *expected)
{
    struct buf b = { 0 };
    json_out_string(&b, text);
    assert_true(buf_ok(&b));
    assert_slice(buf_slice(&b), expected);
    buf_clear(&b);
}

TEST(plain_text_of_any_length_goes_out_as_it_is)
{
    UNUSED_STATE;
    char text[40], expected[43];
    for (size_t len = 0; len <= sizeof text; len++) {
        memset(text, 'p', sizeof text);
        memset(expected, 'p', sizeof expected);
        expected[0] = expected[len + 1] = '"';
        expected[len + 2] = '\0';
        assert_json(slice_of(text, len), expected);
    }
}

TEST(escapes_are_those_of_the_classic_protocol)
{
    UNUSED_STATE;
    assert_json(SLICE("\"\\\b\f\n\r\t/"), "\"\\\"\\\\\\b\\f\\n\\r\\t/\"");
    assert_json(SLICE("\x01\x0B\x1F\x7F"), "\"\\u0001\\u000b\\u001f\x7F\"");
    assert_json(SLICE("a\0b"), "\"a\\u0000b\"");
}

TEST(an_escape_is_seen_at_every_place_of_a_word)
{
    UNUSED_STATE;
    for (int c = 0; c < 256; c++) {
        struct buf alone = { 0 };
        char       one = (char)c;
        json_out_escaped(&alone, slice_of(&one, 1));
        for (size_t place = 0; place < 24; place++) {
            char text[24];
            memset(text, '~', sizeof text);
            text[place] = one;
            struct buf b = { 0 }, expected = { 0 };
            json_out_escaped(&b, slice_of(text, sizeof text));
            buf_append(&expected, text, place);
            buf_slice_append(&expected, buf_slice(&alone));
            for (size_t i = place + 1; i < sizeof text; i++)
                buf_byte(&expected, '~');
            assert_true(slice_equal(buf_slice(&b), buf_slice(&expected)));
            buf_clear(&b);
            buf_clear(&expected);
        }
        buf_clear(&alone);
    }
}

TEST(an_apostrophe_behind_a_backslash_is_hidden_from_the_old_library)
{
    UNUSED_STATE;
    assert_json(SLICE("it's"), "\"it's\"");
    assert_json(SLICE("'"), "\"'\"");
    assert_json(SLICE("\\'"), "\"\\\\\\u0027\"");
    assert_json(SLICE("\\''"), "\"\\\\\\u0027'\"");
    assert_json(SLICE("\n'\"'"), "\"\\n'\\\"'\"");
    assert_json(SLICE("\\\\'x"), "\"\\\\\\\\\\u0027x\"");
    assert_json(SLICE("12345678\\'12345678'"), "\"12345678\\\\\\u002712345678'\"");
}

TEST(an_apostrophe_that_begins_a_piece_looks_at_the_piece_before)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    json_out_escaped(&b, SLICE("'\\"));
    json_out_escaped(&b, SLICE("'"));
    assert_slice(buf_slice(&b), "'\\\\\\u0027");
    buf_clear(&b);
}

TEST(valid_utf_8_stays_and_bad_bytes_become_replacement_characters)
{
    UNUSED_STATE;
    assert_json(SLICE("\xD0\xBF\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xD0\xBF\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    assert_json(SLICE("a\xFF" "b"), "\"a\xEF\xBF\xBD" "b\"");
    assert_json(SLICE("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_json(SLICE("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_json(SLICE("\xC2\"12345678"), "\"\xEF\xBF\xBD\\\"12345678\"");
}

TEST(a_full_buf_is_marked_and_nothing_is_read_behind_its_end)
{
    UNUSED_STATE;
    for (size_t limit = 1; limit < 20; limit++) {
        struct buf b = { .limit = limit };
        json_out_string(&b, SLICE("abc\\'def\nxyz'"));
        assert_int_equal(buf_ok(&b), limit >= 22);
        buf_clear(&b);
    }
}

TESTS(RUN(plain_text_of_any_length_goes_out_as_it_is), RUN(escapes_are_those_of_the_classic_protocol),
      RUN(an_escape_is_seen_at_every_place_of_a_word),
      RUN(an_apostrophe_behind_a_backslash_is_hidden_from_the_old_library),
      RUN(an_apostrophe_that_begins_a_piece_looks_at_the_piece_before),
      RUN(valid_utf_8_stays_and_bad_bytes_become_replacement_characters),
      RUN(a_full_buf_is_marked_and_nothing_is_read_behind_its_end))
