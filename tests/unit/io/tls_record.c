/* The records of TLS 1.3, spoken by both sides of the codec; tests/unit/io/tls.c has OpenSSL on the other side. */
#include "io/tls_record.h"

#include <stdio.h>

#include "unit/test.h"

/* Two ends of one wire. */
struct ends {
    struct tls_records client, server;
};

static struct ends ends_make(void)
{
    struct ends e = { 0 };
    const char  ours[32] = "the secret of what the server sa", theirs[32] = "the secret of what the client sa";
    assert_true(tls_records_begin(&e.server, "TLS_AES_128_GCM_SHA256", slice_of(theirs, 32), slice_of(ours, 32), 0));
    assert_true(tls_records_begin(&e.client, "TLS_AES_128_GCM_SHA256", slice_of(ours, 32), slice_of(theirs, 32), 0));
    return e;
}

/* Seals what a client that keeps to no rules might: content, type and padding as they are. */
static size_t seal_raw(struct tls_records *client, const char *inner, size_t len, char *out)
{
    unsigned char nonce[AEAD_NONCE_SIZE];
    memcpy(nonce, client->out.iv, sizeof nonce);
    nonce[11] ^= (unsigned char)client->out.number++;
    out[0] = 23, out[1] = out[2] = 3;
    out[3] = (char)((len + AEAD_TAG_SIZE) >> 8), out[4] = (char)((len + AEAD_TAG_SIZE) & 0xff);
    assert_true(aead_seal(AEAD_AES_128_GCM, client->out.key, nonce, slice_of(out, 5), slice_of(inner, len), out + 5));
    return len + TLS_RECORD_HEAD + AEAD_TAG_SIZE;
}

static bool open_raw(struct ends *e, const char *inner, size_t len, struct slice *out_content, enum tls_content *out_type,
                     enum tls_alert *out_alert)
{
    static char record[TLS_RECORD_MAX + 100];
    size_t      whole = seal_raw(&e->client, inner, len, record);
    size_t      need = tls_record_need(slice_of(record, whole), out_alert);
    if (need == SIZE_MAX)
        return false;
    assert_int_equal(need, whole);
    return tls_record_open(&e->server, record, whole, out_content, out_type, out_alert);
}

/* RFC 8448 section 3: the keys of the server's data. */
TEST(keys_are_those_of_the_example)
{
    UNUSED_STATE;
    static const unsigned char secret[32] = { 0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47, 0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32,
                                              0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b, 0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43 };
    static const unsigned char key[16] = { 0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef, 0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56 };
    static const unsigned char iv[12] = { 0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83, 0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84 };
    struct tls_records         r = { 0 };
    struct slice               s = slice_of((const char *)secret, sizeof secret);
    assert_true(tls_records_begin(&r, "TLS_AES_128_GCM_SHA256", s, s, 0));
    assert_memory_equal(r.out.key, key, sizeof key);
    assert_memory_equal(r.out.iv, iv, sizeof iv);
    assert_string_equal(tls_records_suite(&r), "TLS_AES_128_GCM_SHA256");
    aead_clear();
}

TEST(an_unknown_cipher_and_a_secret_of_another_length_are_refused)
{
    UNUSED_STATE;
    struct tls_records r = { 0 };
    char               secret[48] = { 0 };
    assert_false(tls_records_begin(&r, "TLS_AES_128_CCM_SHA256", slice_of(secret, 32), slice_of(secret, 32), 0));
    assert_false(tls_records_begin(&r, "TLS_AES_128_GCM_SHA256", slice_of(secret, 48), slice_of(secret, 32), 0));
    assert_false(tls_records_begin(&r, "TLS_AES_256_GCM_SHA384", slice_of(secret, 48), slice_of(secret, 32), 0));
    aead_clear();
}

TEST(padding_is_taken_off_and_nothing_but_padding_is_refused)
{
    UNUSED_STATE;
    struct ends      e = ends_make();
    struct slice     content;
    enum tls_content type;
    enum tls_alert   alert;
    assert_true(open_raw(&e, "hello\x17\0\0\0\0", 10, &content, &type, &alert));
    assert_true(slice_is(content, "hello") && type == TLS_CONTENT_DATA);
    assert_true(open_raw(&e, "\x17", 1, &content, &type, &alert));
    assert_int_equal(content.len, 0);
    assert_false(open_raw(&e, "\0\0\0", 3, &content, &type, &alert));
    assert_int_equal(alert, TLS_ALERT_UNEXPECTED_MESSAGE);
    aead_clear();
}

TEST(what_is_too_large_empty_or_of_no_type_is_refused)
{
    UNUSED_STATE;
    static char      inner[TLS_CONTENT_MAX + 2];
    struct ends      e = ends_make();
    struct slice     content;
    enum tls_content type;
    enum tls_alert   alert;
    memset(inner, 0x17, sizeof inner);
    assert_true(open_raw(&e, inner, TLS_CONTENT_MAX + 1, &content, &type, &alert));
    assert_int_equal(content.len, TLS_CONTENT_MAX);
    assert_false(open_raw(&e, inner, TLS_CONTENT_MAX + 2, &content, &type, &alert));
    assert_int_equal(alert, TLS_ALERT_RECORD_OVERFLOW);
    assert_false(open_raw(&e, "\x15", 1, &content, &type, &alert)); /* an empty alert */
    assert_false(open_raw(&e, "x\x14", 2, &content, &type, &alert)); /* change_cipher_spec, encrypted */
    assert_int_equal(alert, TLS_ALERT_UNEXPECTED_MESSAGE);
    aead_clear();
}

TEST(a_head_says_how_much_is_needed_and_what_may_not_come)
{
    UNUSED_STATE;
    enum tls_alert alert;
    assert_int_equal(tls_record_need(SLICE("\x17\x03\x03\x00"), &alert), 0);
    assert_int_equal(tls_record_need(slice_of("\x17\x03\x03\x00\x20", 5), &alert), 37);
    assert_int_equal(tls_record_need(slice_of("\x17\x03\x03\x41\x00", 5), &alert), TLS_RECORD_MAX);
    assert_int_equal(tls_record_need(slice_of("\x17\x03\x03\x41\x01", 5), &alert), SIZE_MAX);
    assert_int_equal(alert, TLS_ALERT_RECORD_OVERFLOW);
    assert_int_equal(tls_record_need(slice_of("\x17\x03\x03\x00\x10", 5), &alert), SIZE_MAX); /* not even a type */
    assert_int_equal(tls_record_need(slice_of("\x14\x03\x03\x00\x01", 5), &alert), SIZE_MAX);
    assert_int_equal(alert, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_int_equal(tls_record_need(slice_of("\x17\x02\x03\x00\x20", 5), &alert), SIZE_MAX);
}

TEST(only_a_whole_key_update_is_taken_behind_the_handshake)
{
    UNUSED_STATE;
    struct ends    e = ends_make();
    enum tls_alert alert;
    assert_false(tls_records_on_handshake(&e.server, slice_of("\x01\0\0\x01\0", 5), &alert)); /* a hello */
    assert_int_equal(alert, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_false(tls_records_on_handshake(&e.server, slice_of("\x18\0\0", 3), &alert));
    assert_false(tls_records_on_handshake(&e.server, slice_of("\x18\0\0\x01\x02", 5), &alert));
    assert_int_equal(alert, TLS_ALERT_DECODE_ERROR);
    assert_false(tls_records_on_handshake(&e.server, slice_of("\x18\0\0\x01\0\x18", 6), &alert));
    assert_true(tls_records_on_handshake(&e.server, slice_of("\x18\0\0\x01\0", 5), &alert));
    assert_false(e.server.owes_update);
    assert_true(tls_records_on_handshake(&e.server, slice_of("\x18\0\0\x01\x01", 5), &alert));
    assert_true(e.server.owes_update);
    aead_clear();
}

/* Takes every record in `wire` as a client does; the data of the last one. */
static struct slice take_all(struct ends *e, char *wire, size_t len)
{
    struct slice     content = SLICE("");
    enum tls_content type;
    enum tls_alert   alert;
    for (size_t at = 0, need; at < len; at += need) {
        need = tls_record_need(slice_of(wire + at, len - at), &alert);
        assert_true(need != SIZE_MAX && need > 0 && need <= len - at);
        assert_true(tls_record_open(&e->client, wire + at, need, &content, &type, &alert));
        if (type == TLS_CONTENT_HANDSHAKE)
            assert_true(tls_records_on_handshake(&e->client, content, &alert));
    }
    return content;
}

TEST(keys_are_renewed_before_they_are_worn_out)
{
    UNUSED_STATE;
    struct ends e = ends_make();
    char        wire[TLS_SEALED_ROOM(4)];
    e.server.out.number = e.client.in.number = UINT64_C(1) << 23;
    size_t len = tls_record_seal(&e.server, TLS_CONTENT_DATA, SLICE("new!"), wire);
    assert_int_equal(len, sizeof wire);
    assert_true(slice_is(take_all(&e, wire, len), "new!"));
    assert_int_equal(e.server.out.number, 1);
    len = tls_record_seal(&e.server, TLS_CONTENT_DATA, SLICE("more"), wire);
    assert_int_equal(len, 4 + TLS_SEALED_MORE);
    assert_true(slice_is(take_all(&e, wire, len), "more"));
    aead_clear();
}

TESTS(RUN(keys_are_those_of_the_example), RUN(an_unknown_cipher_and_a_secret_of_another_length_are_refused),
      RUN(padding_is_taken_off_and_nothing_but_padding_is_refused), RUN(what_is_too_large_empty_or_of_no_type_is_refused),
      RUN(a_head_says_how_much_is_needed_and_what_may_not_come), RUN(only_a_whole_key_update_is_taken_behind_the_handshake),
      RUN(keys_are_renewed_before_they_are_worn_out))
