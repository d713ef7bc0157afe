#include "unit/test.h"

#include "base/utf8.h"

static const char *const valid[] = {
    "", "ascii only, and more than eight bytes of it", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
    "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF",
    "12345678\xD0\xBF\xD1\x80\xD0\xB8 1234567\xE2\x82\xAC 2345678901234567890\xF0\x9F\x98\x80",
};

static const char *const bad[] = {
    "\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
    "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF", "\xC2\x41",
    "\xE2\x82\x41", "\xF0\x9F\x98\x41", "12345678\xFF", "1234567\xFF 9", "\xE2\xE2\x82\xAC",
};

TEST(valid_text_split_at_every_byte_is_valid)
{
    UNUSED_STATE;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct slice text = slice_str(valid[i]);
        assert_true(utf8_is_valid(text));
        for (size_t cut = 0; cut <= text.len; cut++) {
            uint32_t half = utf8_feed(UTF8_START, slice_first(text, cut));
            assert_int_not_equal(half, UTF8_BAD);
            assert_int_equal(utf8_feed(half, slice_skip(text, cut)), UTF8_START);
        }
    }
}

TEST(bad_text_split_at_every_byte_is_bad)
{
    UNUSED_STATE;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct slice text = slice_str(bad[i]);
        for (size_t cut = 0; cut <= text.len; cut++) {
            uint32_t half = utf8_feed(UTF8_START, slice_first(text, cut));
            assert_int_equal(utf8_feed(half, slice_skip(text, cut)), UTF8_BAD);
        }
    }
}

TEST(an_unfinished_character_is_not_valid_but_may_become_so)
{
    UNUSED_STATE;
    assert_false(utf8_is_valid(SLICE("a\xE2\x82")));
    assert_int_not_equal(utf8_feed(UTF8_START, SLICE("a\xE2\x82")), UTF8_BAD);
}

/* A second opinion: decodes, then asks whether the number and its shortest form are right. */
static bool twin_is_valid(const unsigned char *at, size_t len)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    for (size_t i = 0; i < len;) {
        size_t size = at[i] < 0x80 ? 1 : at[i] >> 5 == 6 ? 2 : at[i] >> 4 == 14 ? 3 : at[i] >> 3 == 30 ? 4 : 0;
        if (size == 0 || i + size > len)
            return false;
        uint32_t value = size == 1 ? at[i] : at[i] & (0x7Fu >> size);
        for (size_t k = 1; k < size; k++) {
            if (at[i + k] >> 6 != 2)
                return false;
            value = value << 6 | (at[i + k] & 0x3F);
        }
        if (value < smallest[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
            return false;
        i += size;
    }
    return true;
}

TEST(every_sequence_of_three_bytes_and_the_edges_of_four_agree_with_a_decoder)
{
    UNUSED_STATE;
    static const unsigned char edges[] = { 0x41, 0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0 };
    for (uint32_t n = 0; n < 1u << 24; n++) {
        unsigned char at[4] = { (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n };
        if (utf8_is_valid(slice_of(at, 3)) != twin_is_valid(at, 3))
            fail_msg("%06x", n);
        for (size_t k = 0; at[0] >= 0xEF && k < sizeof edges; k++) {
            at[3] = edges[k];
            if (utf8_is_valid(slice_of(at, 4)) != twin_is_valid(at, 4))
                fail_msg("%06x%02x", n, at[3]);
        }
    }
}

TEST(the_character_in_front_is_measured)
{
    UNUSED_STATE;
    assert_int_equal(utf8_char(SLICE("ab")), 1);
    assert_int_equal(utf8_char(SLICE("\xF0\x9F\x98\x80x")), 4);
    assert_int_equal(utf8_char(SLICE("\xF0\x9F\x98")), 0);
    assert_int_equal(utf8_char(SLICE("\x80")), 0);
    assert_int_equal(utf8_char(SLICE("")), 0);
}

TEST(a_cut_never_splits_a_character)
{
    UNUSED_STATE;
    struct slice text = slice_str(valid[11]);
    for (size_t max = 0; max <= text.len + 2; max++) {
        struct slice first = utf8_first(text, max);
        assert_true(utf8_is_valid(first));
        assert_true(first.len <= max && (first.len + 4 > max || first.len == text.len));
    }
}

TESTS(RUN(valid_text_split_at_every_byte_is_valid), RUN(bad_text_split_at_every_byte_is_bad),
      RUN(an_unfinished_character_is_not_valid_but_may_become_so),
      RUN(every_sequence_of_three_bytes_and_the_edges_of_four_agree_with_a_decoder),
      RUN(the_character_in_front_is_measured), RUN(a_cut_never_splits_a_character))
