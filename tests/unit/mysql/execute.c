/* Values of an execution: each type, NULLs, what was sent ahead, and packets that end too soon. */
#include "mysql/execute.h"

#include "unit/test.h"

#define PARAMETERS 3

struct sample {
    const char  *values;
    size_t       len;
    unsigned     type, flags;
    const char  *text; /* NULL: the SQL NULL */
    enum status  status;
};

#define OF(literal) literal, sizeof(literal) - 1

static const struct sample samples[] = {
    { OF("\xf9"), 1, 0, "-7", OK },
    { OF("\xf9"), 1, 0x80, "249", OK },
    { OF("\x00\x80"), 2, 0, "-32768", OK },
    { OF("\x00\x80"), 2, 0x80, "32768", OK },
    { OF("\xea\x07"), 13, 0x80, "2026", OK },
    { OF("\xff\xff\xff\xff"), 3, 0, "-1", OK },
    { OF("\xff\xff\xff\xff"), 3, 0x80, "4294967295", OK },
    { OF("\x05\0\0\0"), 9, 0, "5", OK },
    { OF("\0\0\0\0\0\0\0\x80"), 8, 0, "-9223372036854775808", OK },
    { OF("\xff\xff\xff\xff\xff\xff\xff\xff"), 8, 0x80, "18446744073709551615", OK },
    { OF("\xcd\xcc\xcc\x3d"), 4, 0, "0.1", OK },
    { OF("\x9a\x99\x99\x99\x99\x99\xb9\x3f"), 5, 0, "0.1", OK },
    { OF("\0\0\0\0\0\0\x24\x40"), 5, 0, "10", OK },
    { OF("\xff\xff\xff\xff\xff\xff\x3f\x43"), 5, 0, "9007199254740991", OK },
    { OF("\0\0\0\0\0\0\xf8\x7f"), 5, 0, NULL, E_INVALID },                       /* not a number */
    { OF("\0\0\x80\x7f"), 4, 0, NULL, E_INVALID },                              /* infinite */
    { OF(""), 6, 0, NULL, OK },
    { OF("\0"), 10, 0, "0000-00-00", OK },
    { OF("\4\xea\x07\x0b\x17"), 10, 0, "2026-11-23", OK },
    { OF("\4\xea\x07\x0b\x17"), 12, 0, "2026-11-23 00:00:00", OK },
    { OF("\7\xea\x07\x0b\x17\1\2\3"), 7, 0, "2026-11-23 01:02:03", OK },
    { OF("\x0b\xea\x07\x0b\x17\1\2\3\x40\xe2\1\0"), 12, 0, "2026-11-23 01:02:03.123456", OK },
    { OF("\5\xea\x07\x0b\x17\1"), 12, 0, NULL, E_MALFORMED },
    { OF("\4\xea\x07\x0d\x17"), 10, 0, NULL, E_INVALID }, /* month 13 */
    { OF("\4\x10\x27\x0b\x17"), 10, 0, NULL, E_INVALID }, /* year 10000 */
    { OF("\0"), 11, 0, "00:00:00", OK },
    { OF("\x08\1\2\0\0\0\3\4\5"), 11, 0, "-51:04:05", OK },
    { OF("\x0c\0\xff\xff\xff\xff\x17\x3b\x3b\x3f\x42\x0f\0"), 11, 0, "103079215103:59:59.999999", OK },
    { OF("\x08\0\0\0\0\0\x1e\0\0"), 11, 0, "30:00:00", OK },
    { OF("\x08\0\0\0\0\0\0\x3c\0"), 11, 0, NULL, E_INVALID },       /* minute 60 */
    { OF("\7\xea\x07\x0b\x17\x18\0\0"), 12, 0, NULL, E_INVALID }, /* hour 24 */
    { OF("\x07\0\0\0\0\0\0\0"), 11, 0, NULL, E_MALFORMED },
    { OF("\x03" "it'"), 253, 0, "it'", OK },
    { OF("\0"), 254, 0, "", OK },
    { OF("\xfc\3\0abc"), 15, 0, "abc", OK },
    { OF("\xfd\2\0\0ab"), 252, 0, "ab", OK },
    { OF("\xfe\2\0\0\0\0\0\0\0ab"), 245, 0, "ab", OK },
    { OF("\4" "-1.5"), 246, 0, "-1.5", OK },
    { OF("\4" "12.5"), 0, 0, "12.5", OK },
    { OF("\1\1"), 16, 0, "\1", OK },
    { OF("\xfe\xff\xff\xff\xff\xff\xff\xff\xff" "ab"), 253, 0, NULL, E_MALFORMED },
    { OF("\1a"), 17, 0, NULL, E_MALFORMED }, /* no such type */
    { OF("\1a"), 244, 0, NULL, E_MALFORMED },
};

static void expect_text(struct slice value, const char *text)
{
    if (text == NULL)
        assert_null(value.at);
    else
        assert_slice(value, text);
}

/* A copy of its own length, so that a sanitizer sees every read past its end. */
static enum status read_copy(struct slice body, unsigned count, unsigned char *types, bool *has_types,
                             const struct mysql_long_data *sent, struct mysql_values *out, char **out_copy)
{
    struct error error = { 0 };
    *out_copy = malloc(body.len + (body.len == 0));
    if (body.len > 0)
        memcpy(*out_copy, body.at, body.len);
    *out = (struct mysql_values){ 0 };
    enum status status = mysql_values_read(slice_of(*out_copy, body.len), count, types, has_types, sent, out, &error);
    assert_true(status == OK || (error.code == status && error.text[0] != '\0'));
    return status;
}

TEST(each_type_becomes_its_text_and_no_packet_cut_short_is_taken)
{
    UNUSED_STATE;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct sample *s = &samples[i];
        struct buf           body = { 0 };
        buf_append(&body, "\0\1", 2);
        buf_byte(&body, (unsigned char)s->type);
        buf_byte(&body, (unsigned char)s->flags);
        buf_append(&body, s->values, s->len);
        for (size_t len = 0; len <= body.len; len++) {
            unsigned char       types[2] = { 0 };
            bool                has_types = false;
            char               *copy;
            struct mysql_values values;
            enum status status = read_copy(slice_first(buf_slice(&body), len), 1, types, &has_types, NULL, &values, &copy);
            if (len == body.len) {
                assert_int_equal(status, s->status);
                if (status == OK)
                    expect_text(values.at[0], s->text);
            } else {
                assert_true(status == E_MALFORMED || status == E_INVALID);
            }
            mysql_values_clear(&values);
            free(copy);
        }
        buf_clear(&body);
    }
}

TEST(types_are_remembered_until_others_come)
{
    UNUSED_STATE;
    unsigned char       types[2 * PARAMETERS];
    bool                has_types = false;
    struct mysql_values values;
    char               *copy;
    assert_int_equal(read_copy(SLICE("\0\0\1\2\3"), 3, types, &has_types, NULL, &values, &copy), E_MALFORMED);
    free(copy);
    mysql_values_clear(&values);

    assert_int_equal(read_copy(SLICE("\0\1\1\0\xfd\0\1\x80\xff\2hi\xff"), 3, types, &has_types, NULL, &values, &copy), OK);
    assert_slice(values.at[0], "-1");
    assert_slice(values.at[1], "hi");
    assert_slice(values.at[2], "255");
    free(copy);
    mysql_values_clear(&values);

    assert_int_equal(read_copy(SLICE("\2\0\5\xfe"), 3, types, &has_types, NULL, &values, &copy), OK);
    assert_slice(values.at[0], "5");
    assert_null(values.at[1].at);
    assert_slice(values.at[2], "254");
    free(copy);
    mysql_values_clear(&values);

    assert_int_equal(read_copy(SLICE("\5\1\6\0\1\0\6\0\7"), 3, types, &has_types, NULL, &values, &copy), OK);
    assert_null(values.at[0].at);
    assert_slice(values.at[1], "7");
    assert_null(values.at[2].at);
    free(copy);
    mysql_values_clear(&values);
}

TEST(what_was_sent_ahead_is_not_in_the_packet)
{
    UNUSED_STATE;
    unsigned char          types[2 * PARAMETERS];
    bool                   has_types = false;
    struct mysql_values    values;
    char                  *copy;
    struct mysql_long_data sent[PARAMETERS] = { [0] = { .is_sent = true }, [2] = { .is_sent = true } };
    buf_text(&sent[2].text, "long");
    assert_int_equal(read_copy(SLICE("\4\1\xfc\0\1\0\xfc\0\7"), 3, types, &has_types, sent, &values, &copy), OK);
    assert_slice(values.at[0], "");
    assert_non_null(values.at[0].at);
    assert_slice(values.at[1], "7");
    assert_slice(values.at[2], "long");
    mysql_values_clear(&values);
    free(copy);
    buf_clear(&sent[2].text);
}

TEST(many_values_keep_their_places)
{
    UNUSED_STATE;
    enum { MANY = 65535 };
    struct buf          body = { 0 };
    unsigned char      *types = calloc(MANY, 2);
    bool                has_types = false;
    struct mysql_values values;
    char               *copy;
    for (int i = 0; i < (MANY + 7) / 8; i++)
        buf_byte(&body, 0);
    buf_byte(&body, 1);
    for (int i = 0; i < MANY; i++)
        buf_append(&body, "\x02\x80", 2);
    for (int i = 0; i < MANY; i++) {
        buf_byte(&body, (unsigned char)(i & 0xFF));
        buf_byte(&body, (unsigned char)(i >> 8));
    }
    assert_int_equal(read_copy(buf_slice(&body), MANY, types, &has_types, NULL, &values, &copy), OK);
    for (uint64_t i = 0, number; i < MANY; i++) {
        assert_true(slice_u64(values.at[i], MANY, &number));
        assert_int_equal(number, i);
    }
    mysql_values_clear(&values);
    free(copy);
    free(types);
    buf_clear(&body);
}

TESTS(RUN(each_type_becomes_its_text_and_no_packet_cut_short_is_taken), RUN(types_are_remembered_until_others_come),
      RUN(what_was_sent_ahead_is_not_in_the_packet), RUN(many_values_keep_their_places))
