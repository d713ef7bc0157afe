/* Answers, byte by byte. */
#include "mysql/result.h"

#include "unit/test.h"

#define EXPECT(b, literal)                                       \
    do {                                                         \
        assert_int_equal((b).len, sizeof(literal) - 1);          \
        assert_memory_equal((b).at, literal, sizeof(literal) - 1); \
        buf_clear(&(b));                                         \
    } while (0)

TEST(ok_says_autocommit_and_counts_the_packet)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    uint8_t    sequence = 255;
    mysql_result_ok(&b, &sequence, 0, 1, 70000);
    EXPECT(b, "\x0a\0\0\xff" "\0\x01\xfd\x70\x11\x01\x02\0\0\0");
    assert_int_equal(sequence, 0);
    mysql_result_ok(&b, &sequence, MYSQL_STATUS_MORE, 0, 0);
    EXPECT(b, "\x07\0\0\0" "\0\0\0\x0a\0\0\0");
    mysql_result_eof(&b, &sequence, MYSQL_STATUS_MORE);
    EXPECT(b, "\x05\0\0\x01\xfe\0\0\x0a\0");
}

TEST(errors_carry_code_state_and_text)
{
    UNUSED_STATE;
    struct buf   b = { 0 };
    uint8_t      sequence = 1;
    struct error error;
    error_set(&error, E_PACKET_TOO_LARGE, "no");
    mysql_result_error(&b, &sequence, &error);
    EXPECT(b, "\x0b\0\0\x01\xff\x81\x04#08S01no");
    error = (struct error){ .code = E_DENIED };
    mysql_result_error(&b, &sequence, &error);
    EXPECT(b, "\x16\0\0\x02\xff\x93\x01#HY000Access denied");
}

TEST(columns_are_texts_with_a_name)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    uint8_t    sequence = 1;
    mysql_result_columns(&b, &sequence, 0, (struct slice[]){ SLICE("id") }, 1);
    EXPECT(b, "\x01\0\0\x01\x01" "\x18\0\0\x02\x03" "def\0\0\0\x02id\0\x0c\x2d\0\xfc\xff\0\0\xfd\x01\0\x1f\0\0"
              "\x05\0\0\x03\xfe\0\0\x02\0");
    mysql_result_fields(&b, &sequence, (struct slice[]){ SLICE("id") }, 1);
    EXPECT(b, "\x19\0\0\x04\x03" "def\0\0\0\x02id\0\x0c\x2d\0\xfc\xff\0\0\xfd\x01\0\x1f\0\0\0" "\x05\0\0\x05\xfe\0\0\x02\0");
}

TEST(rows_know_the_empty_text_from_null)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    uint8_t    sequence = 9;
    mysql_result_row(&b, &sequence, (struct slice[]){ SLICE("ab"), SLICE(""), { NULL, 0 } }, 3);
    EXPECT(b, "\x05\0\0\x09\x02" "ab\0\xfb");
    mysql_result_text(&b, &sequence, SLICE("Uptime"));
    EXPECT(b, "\x06\0\0\x0aUptime");
}

TEST(binary_rows_have_a_bit_for_each_null)
{
    UNUSED_STATE;
    struct buf         b = { 0 };
    uint8_t            sequence = 9;
    const struct slice null = { NULL, 0 }, a = SLICE("a");
    mysql_result_binary_row(&b, &sequence, (struct slice[]){ null, SLICE(""), a }, 3);
    EXPECT(b, "\x05\0\0\x09\0\x04\0\x01" "a");
    mysql_result_binary_row(&b, &sequence, (struct slice[]){ a, a, a, a, a, null, null }, 7);
    EXPECT(b, "\x0d\0\0\x0a\0\x80\x01\x01" "a\x01" "a\x01" "a\x01" "a\x01" "a");
}

TEST(what_was_prepared_is_told_with_parameters_and_columns)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    uint8_t    sequence = 1;
    mysql_result_prepared(&b, &sequence, 0x10002, 0, NULL, 0);
    EXPECT(b, "\x0c\0\0\x01\0\x02\0\x01\0\0\0\0\0\0\0\0");
    mysql_result_prepared(&b, &sequence, 3, 1, (struct slice[]){ SLICE("id") }, 1);
    EXPECT(b, "\x0c\0\0\x02\0\x03\0\0\0\x01\0\x01\0\0\0\0"
              "\x17\0\0\x03\x03" "def\0\0\0\x01?\0\x0c\x2d\0\xfc\xff\0\0\xfd\x01\0\x1f\0\0" "\x05\0\0\x04\xfe\0\0\x02\0"
              "\x18\0\0\x05\x03" "def\0\0\0\x02id\0\x0c\x2d\0\xfc\xff\0\0\xfd\x01\0\x1f\0\0" "\x05\0\0\x06\xfe\0\0\x02\0");
}

TESTS(RUN(ok_says_autocommit_and_counts_the_packet), RUN(errors_carry_code_state_and_text),
      RUN(binary_rows_have_a_bit_for_each_null), RUN(what_was_prepared_is_told_with_parameters_and_columns),
      RUN(columns_are_texts_with_a_name), RUN(rows_know_the_empty_text_from_null))
