/* What is JSON, and what is found in it. */
#include "base/json.h"

#include "unit/test.h"

static const struct json_limits limits = { .bytes = 1000, .depth = 4 };

static struct json *parsed(const char *text)
{
    struct json *doc = NULL;
    struct error e;
    assert_int_equal(json_parse(slice_str(text), &limits, &doc, &e), OK);
    return doc;
}

static void refused(struct slice text, enum status status, const char *sentence)
{
    struct json *doc = NULL;
    struct error e;
    assert_int_equal(json_parse(text, &limits, &doc, &e), status);
    assert_null(doc);
    assert_int_equal(e.code, status);
    assert_non_null(strstr(e.text, sentence));
    assert_null(strstr(e.text, "secret"));
}

TEST(every_kind_of_value_is_found)
{
    UNUSED_STATE;
    struct json *doc = parsed("{\"t\":\"a\\u00e4\",\"n\":[1,2.5],\"b\":true,\"z\":null,\"o\":{\"i\":-7}}");
    struct slice text;
    int64_t      whole = 0;
    double       number = 0;
    bool         yes = false;
    assert_int_equal(json_kind(doc), JSON_KIND_OBJECT);
    assert_true(json_str(json_get(doc, "t"), &text));
    assert_slice(text, "a\xc3\xa4");
    assert_int_equal(json_count(json_get(doc, "n")), 2);
    assert_true(json_number(json_at(json_get(doc, "n"), 1), &number) && number > 2.4 && number < 2.6);
    assert_true(json_bool(json_get(doc, "b"), &yes) && yes);
    assert_int_equal(json_kind(json_get(doc, "z")), JSON_KIND_NULL);
    assert_true(json_int(json_get(json_get(doc, "o"), "i"), &whole));
    assert_int_equal(whole, -7);
    json_free(doc);
}

TEST(looking_into_nothing_or_into_another_kind_finds_nothing)
{
    UNUSED_STATE;
    struct json *doc = parsed("[\"1\"]");
    struct slice text;
    int64_t      whole;
    double       number;
    bool         yes;
    assert_int_equal(json_kind(json_get(doc, "a")), JSON_KIND_NONE);
    assert_null(json_get(json_get(NULL, "a"), "b"));
    assert_null(json_at(doc, 1));
    assert_null(json_at(NULL, 0));
    assert_int_equal(json_count(NULL), 0);
    assert_false(json_str(NULL, &text) || json_str(doc, &text));
    assert_false(json_int(json_at(doc, 0), &whole) || json_number(json_at(doc, 0), &number));
    assert_false(json_bool(json_at(doc, 0), &yes));
    json_free(doc);
}

TEST(whole_numbers_are_whole_however_they_are_written)
{
    UNUSED_STATE;
    struct json *doc = parsed("[11, 11.0, 1.1e1, 9223372036854775807, -9223372036854775808, 11.5, 1e16, 1e300]");
    const int64_t expected[] = { 11, 11, 11, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < 8; i++) {
        int64_t whole = 0;
        assert_int_equal(json_int(json_at(doc, i), &whole), i < 5);
        assert_true(i >= 5 || whole == expected[i]);
    }
    json_free(doc);
}

TEST(a_text_may_hold_a_zero_byte_and_any_value_may_stand_outermost)
{
    UNUSED_STATE;
    struct json *doc = parsed("\"a\\u0000b\"");
    struct slice text;
    assert_true(json_str(doc, &text));
    assert_true(slice_equal(text, SLICE("a\0b")));
    json_free(doc);
}

TEST(what_can_be_read_in_two_ways_is_refused)
{
    UNUSED_STATE;
    refused(SLICE("{\"secret\":1,\"secret\":2}"), E_INVALID, "twice");
    refused(SLICE("\"secret\xff\""), E_INVALID, "UTF-8");
    refused(SLICE("1 secret"), E_INVALID, "follows");
    refused(SLICE("99999999999999999999"), E_INVALID, "too large");
    refused(SLICE("1e999"), E_INVALID, "too large");
    refused(SLICE("{\"a\\u0000\":1}"), E_INVALID, "zero byte");
    refused(SLICE("[secret]"), E_INVALID, "syntax");
    refused(SLICE("[1,]"), E_INVALID, "syntax");
    refused(SLICE("{\"a\":"), E_INVALID, "too early");
    refused(SLICE(""), E_INVALID, "too early");
    refused((struct slice){ 0 }, E_INVALID, "too early");
}

TEST(length_and_depth_are_bounded)
{
    UNUSED_STATE;
    char long_text[1001];
    memset(long_text, ' ', sizeof long_text);
    long_text[0] = '1';
    refused(slice_of(long_text, sizeof long_text), E_TOO_LONG, "longer than 1000 bytes");
    json_free(parsed("[[[[]]],[[[]]]]"));
    json_free(parsed("[\"[[[[[\\\"[[[[[\"]"));
    refused(SLICE("[[[[[]]]]]"), E_INVALID, "more than 4 levels");
    refused(SLICE("{\"\\\"\":[{\"a\":[{}]}]}"), E_INVALID, "more than 4 levels");
}

TESTS(RUN(every_kind_of_value_is_found), RUN(looking_into_nothing_or_into_another_kind_finds_nothing),
      RUN(whole_numbers_are_whole_however_they_are_written),
      RUN(a_text_may_hold_a_zero_byte_and_any_value_may_stand_outermost), RUN(what_can_be_read_in_two_ways_is_refused),
      RUN(length_and_depth_are_bounded))
