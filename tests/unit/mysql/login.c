/* Greeting, login packet, password. */
#include "mysql/login.h"

#include "base/crypto.h"
#include "unit/test.h"

static void put_login(struct buf *b, uint32_t capabilities)
{
    for (int i = 0; i < 4; i++)
        buf_byte(b, (unsigned char)(capabilities >> (8 * i)));
    buf_append(b, "\0\0\0\1\x2d", 5);
    buf_append(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23);
}

static const uint32_t usual = MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION | MYSQL_CONNECT_WITH_DB | MYSQL_PLUGIN_AUTH;

TEST(a_login_packet_of_today_is_understood)
{
    UNUSED_STATE;
    struct buf                b = { 0 };
    struct mysql_login_packet said;
    struct error              error;
    put_login(&b, usual | MYSQL_CONNECT_ATTRS | MYSQL_PLUGIN_AUTH_LENENC);
    buf_append(&b, "root\0\x14" "12345678901234567890" "CometQL_v1\0mysql_native_password\0\x05\x01" "a\x02" "bc", 64);
    assert_int_equal(mysql_login_parse(buf_slice(&b), &said, &error), OK);
    assert_slice(said.user, "root");
    assert_slice(said.answer, "12345678901234567890");
    assert_slice(said.database, "CometQL_v1");
    assert_slice(said.plugin, "mysql_native_password");
    buf_clear(&b);
}

TEST(a_login_packet_cut_anywhere_is_read_within_its_bounds)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    put_login(&b, usual);
    buf_append(&b, "root\0\x14" "12345678901234567890" "db_1\0mysql_native_password\0", 53);
    for (size_t len = 0; len <= b.len; len++) {
        char *exact = malloc(len > 0 ? len : 1);
        memcpy(exact, b.at, len);
        struct mysql_login_packet said;
        struct error              error;
        enum status               status = mysql_login_parse(slice_of(exact, len), &said, &error);
        if (len < 32 && len >= 2)
            assert_int_equal(status, E_AUTH);
        if (len > 58)
            assert_int_equal(status, OK);
        free(exact);
    }
    buf_clear(&b);
}

/* tsung's ts_mysql: no plugin, and the database is the last, to the end of the packet. */
TEST(a_login_packet_of_tsung_ends_with_its_database)
{
    UNUSED_STATE;
    struct buf                b = { 0 };
    struct mysql_login_packet said;
    struct error              error;
    put_login(&b, MYSQL_LONG_PASSWORD | MYSQL_LONG_FLAG | MYSQL_PROTOCOL_41 | MYSQL_TRANSACTIONS | MYSQL_SECURE_CONNECTION |
                      MYSQL_CONNECT_WITH_DB);
    buf_append(&b, "root\0\x14" "12345678901234567890" "CometQL_v1", 36);
    assert_int_equal(mysql_login_parse(buf_slice(&b), &said, &error), OK);
    assert_slice(said.user, "root");
    assert_slice(said.answer, "12345678901234567890");
    assert_slice(said.database, "CometQL_v1");
    assert_int_equal(said.plugin.len, 0);
    buf_clear(&b);
}

TEST(health_checks_of_both_ages_are_understood)
{
    UNUSED_STATE;
    struct mysql_login_packet said;
    struct error              error;
    assert_int_equal(mysql_login_parse(SLICE("\x80\0\0\0\1haproxy_check\0\0"), &said, &error), OK);
    assert_slice(said.user, "haproxy_check");
    assert_int_equal(said.answer.len, 0);

    struct buf b = { 0 };
    put_login(&b, MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION);
    buf_append(&b, "haproxy_check\0\0", 15);
    assert_int_equal(mysql_login_parse(buf_slice(&b), &said, &error), OK);
    assert_slice(said.user, "haproxy_check");
    assert_int_equal(said.answer.len, 0);
    buf_clear(&b);
}

TEST(a_request_for_tls_is_told_from_a_login)
{
    UNUSED_STATE;
    struct buf                b = { 0 };
    struct mysql_login_packet said;
    struct error              error;
    put_login(&b, usual | MYSQL_SSL);
    assert_int_equal(mysql_login_parse(buf_slice(&b), &said, &error), OK);
    assert_true(said.wants_tls);
    assert_int_equal(said.user.len, 0);
    buf_append(&b, "root\0\0", 6); /* the login over TLS repeats the flag */
    assert_int_equal(mysql_login_parse(buf_slice(&b), &said, &error), OK);
    assert_false(said.wants_tls);
    assert_slice(said.user, "root");
    buf_clear(&b);
}

TEST(change_user_is_understood)
{
    UNUSED_STATE;
    struct mysql_login_packet said;
    struct error              error;
    struct slice body = SLICE("15\0\x03" "abc" "db_15\0\x21\0plugin\0");
    assert_int_equal(mysql_change_user_parse(body, false, &said, &error), OK);
    assert_int_equal(said.plugin.len, 0);
    assert_int_equal(mysql_change_user_parse(body, true, &said, &error), OK);
    assert_slice(said.plugin, "plugin");
    assert_slice(said.user, "15");
    assert_slice(said.answer, "abc");
    assert_slice(said.database, "db_15");
    assert_int_equal(mysql_change_user_parse(SLICE("15\0\x03" "ab"), true, &said, &error), E_AUTH);
}

/* The client's side of mysql_native_password. */
static void native_answer(struct slice password, const unsigned char salt[20], unsigned char out[20])
{
    unsigned char once[20], mix[40], salted[20];
    sha1(password, once);
    memcpy(mix, salt, 20);
    sha1(slice_of(once, 20), mix + 20);
    sha1(slice_of(mix, 40), salted);
    for (int i = 0; i < 20; i++)
        out[i] = (unsigned char)(once[i] ^ salted[i]);
}

TEST(only_the_right_password_is_right)
{
    UNUSED_STATE;
    unsigned char salt[20], answer[20];
    mysql_salt_make(salt);
    native_answer(SLICE("secret"), salt, answer);
    assert_true(mysql_password_is_right(MYSQL_NATIVE, SLICE("secret"), salt, slice_of(answer, 20)));
    assert_false(mysql_password_is_right(MYSQL_NATIVE, SLICE("secret"), salt, slice_of(answer, 19)));
    assert_false(mysql_password_is_right(MYSQL_NATIVE, SLICE("secret"), salt, SLICE("")));
    assert_false(mysql_password_is_right(MYSQL_NATIVE, SLICE("Secret"), salt, slice_of(answer, 20)));
    answer[7] ^= 1;
    assert_false(mysql_password_is_right(MYSQL_NATIVE, SLICE("secret"), salt, slice_of(answer, 20)));
    native_answer(SLICE(""), salt, answer);
    assert_false(mysql_password_is_right(MYSQL_NATIVE, SLICE(""), salt, slice_of(answer, 20)));
}

/* Of a client that knows only caching_sha2_password; the bytes are those of Python's hashlib. */
TEST(an_answer_of_caching_sha2_password_is_checked)
{
    UNUSED_STATE;
    static const unsigned char salt[] = "abcdefghijklmnopqrst";
    unsigned char              answer[32] = { 0xc7, 0x6e, 0x28, 0x98, 0x61, 0x2a, 0x4c, 0xf0,
                                                0x42, 0xc7, 0x7f, 0xa8, 0xc4, 0x70, 0x2c, 0x4c,
                                                0x64, 0xc0, 0xc2, 0xc5, 0x57, 0xc5, 0x3c, 0x4d,
                                                0x75, 0x59, 0x5a, 0xaa, 0x6a, 0xba, 0xe8, 0x09 };
    assert_true(mysql_password_is_right(MYSQL_SHA2, SLICE("secret"), salt, slice_of(answer, 32)));
    assert_false(mysql_password_is_right(MYSQL_SHA2, SLICE("Secret"), salt, slice_of(answer, 32)));
    assert_false(mysql_password_is_right(MYSQL_SHA2, SLICE("secret"), salt, slice_of(answer, 20)));
    assert_false(mysql_password_is_right(MYSQL_SHA2, SLICE("secret"), salt, SLICE("")));
    assert_false(mysql_password_is_right(MYSQL_SHA2, SLICE(""), salt, slice_of(answer, 32)));
    answer[31] ^= 1;
    assert_false(mysql_password_is_right(MYSQL_SHA2, SLICE("secret"), salt, slice_of(answer, 32)));
}

TEST(a_salt_has_no_byte_that_confuses_clients_and_is_new_each_time)
{
    UNUSED_STATE;
    unsigned char salt[20], other[20];
    for (int round = 0; round < 500; round++) {
        mysql_salt_make(salt);
        for (int i = 0; i < 20; i++)
            assert_true(salt[i] > 0 && salt[i] < 128 && salt[i] != '$');
        mysql_salt_make(other);
        assert_memory_not_equal(salt, other, 20);
    }
}

TEST(the_greeting_has_the_bytes_clients_expect)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    uint8_t    sequence = 0;
    mysql_greeting_write(&b, &sequence, "5.7", MYSQL_OFFERED, 0x01020304, (const unsigned char *)"abcdefghijklmnopqrst");
    static const char expected[] = "\x47\0\0\0" "\x0a" "5.7\0" "\x04\x03\x02\x01" "abcdefgh\0" "\x0d\xa2" "\x2d" "\x02\0"
                                   "\x0b\0" "\x15" "\0\0\0\0\0\0\0\0\0\0" "ijklmnopqrst\0" "mysql_native_password";
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.at, expected, sizeof expected);
    assert_int_equal(sequence, 1);
    buf_clear(&b);
}

TESTS(RUN(a_login_packet_of_today_is_understood), RUN(a_login_packet_cut_anywhere_is_read_within_its_bounds),
      RUN(a_login_packet_of_tsung_ends_with_its_database), RUN(health_checks_of_both_ages_are_understood),
      RUN(a_request_for_tls_is_told_from_a_login), RUN(change_user_is_understood),
      RUN(only_the_right_password_is_right), RUN(an_answer_of_caching_sha2_password_is_checked),
      RUN(a_salt_has_no_byte_that_confuses_clients_and_is_new_each_time), RUN(the_greeting_has_the_bytes_clients_expect))
