#include "unit/test.h"

#include <stdio.h>

#include "base/crypto.h"

static const char *hex(const unsigned char *bytes, size_t len)
{
    static char text[2 * SHA256_SIZE + 1];
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

TEST(digests_of_the_published_samples)
{
    UNUSED_STATE;
    unsigned char digest[SHA256_SIZE];
    sha1(SLICE("abc"), digest);
    assert_string_equal(hex(digest, SHA1_SIZE), "a9993e364706816aba3e25717850c26c9cd0d89d");
    sha1((struct slice){ NULL, 0 }, digest);
    assert_string_equal(hex(digest, SHA1_SIZE), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    sha256(SLICE("abc"), digest);
    assert_string_equal(hex(digest, SHA256_SIZE), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(the_websocket_sample_of_rfc_6455)
{
    UNUSED_STATE;
    unsigned char digest[SHA1_SIZE];
    char          text[base64_size(SHA1_SIZE)];
    sha1(SLICE("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), digest);
    assert_int_equal(base64_encode(slice_of(digest, sizeof digest), text), 28);
    assert_string_equal(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(base64_of_the_samples_of_rfc_4648_both_ways)
{
    UNUSED_STATE;
    static const char *const samples[][2] = { { "", "" },           { "f", "Zg==" },         { "fo", "Zm8=" },
                                              { "foo", "Zm9v" },    { "foob", "Zm9vYg==" },  { "fooba", "Zm9vYmE=" },
                                              { "foobar", "Zm9vYmFy" } };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        char          text[16];
        unsigned char bytes[16];
        size_t        len = base64_encode(slice_str(samples[i][0]), text);
        assert_slice(slice_of(text, len), samples[i][1]);
        assert_int_equal(text[len], 0);
        len = base64_decode(slice_str(samples[i][1]), bytes, sizeof bytes);
        assert_slice(slice_of(bytes, len), samples[i][0]);
        if (len > 0)
            assert_true(base64_decode(slice_str(samples[i][1]), bytes, len - 1) == SIZE_MAX);
    }
}

TEST(every_byte_survives_base64)
{
    UNUSED_STATE;
    unsigned char bytes[256], back[256];
    char          text[base64_size(256)];
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)(255 - i);
    for (size_t len = 250; len <= 256; len++) {
        size_t text_len = base64_encode(slice_of(bytes, len), text);
        assert_int_equal(text_len + 1, base64_size(len));
        assert_int_equal(base64_decode(slice_of(text, text_len), back, sizeof back), len);
        assert_memory_equal(bytes, back, len);
    }
}

TEST(what_is_not_base64_is_refused)
{
    UNUSED_STATE;
    static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zm9v=", "Zm=v", "Zm9v\n",
                                       "Zm9-", "Zm9_", " Zm9", "Z\xFFg=", "Zg==Zg==" };
    unsigned char            bytes[16];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(base64_decode(slice_str(bad[i]), bytes, sizeof bytes) == SIZE_MAX);
}

TEST(comparison_sees_every_difference)
{
    UNUSED_STATE;
    char a[20] = "nineteen characters", b[20];
    for (size_t i = 0; i < sizeof a; i++) {
        memcpy(b, a, sizeof a);
        assert_true(crypto_equal(a, b, sizeof a));
        b[i] ^= 1;
        assert_false(crypto_equal(a, b, sizeof a));
    }
    assert_true(crypto_equal(NULL, NULL, 0));
}

TEST(random_bytes_differ_and_stay_inside)
{
    UNUSED_STATE;
    unsigned char bytes[600] = { 0 }, zeros[100] = { 0 };
    random_bytes(bytes + 100, 400);
    assert_memory_equal(bytes, zeros, 100);
    assert_memory_equal(bytes + 500, zeros, 100);
    assert_memory_not_equal(bytes + 100, bytes + 300, 100);
    assert_true(random_u64() != random_u64());
}

TEST(base64url_has_one_text_for_each_sequence_of_bytes)
{
    UNUSED_STATE;
    unsigned char bytes[8];
    assert_int_equal(base64url_decode(SLICE("-_8"), bytes, sizeof bytes), 2);
    assert_memory_equal(bytes, "\xfb\xff", 2);
    assert_int_equal(base64url_decode(SLICE("Zm9v"), bytes, 3), 3);
    assert_int_equal(base64url_decode((struct slice){ 0 }, bytes, 0), 0);
    static const char *const wrong[] = { "-_9", "Zh", "Z", "Zg==", "+/8", "Zm9vZ", "Z g", "Zm9vZm9vZm9v" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(base64url_decode(slice_str(wrong[i]), bytes, sizeof bytes) == SIZE_MAX);
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
TEST(hmac_of_the_standard)
{
    UNUSED_STATE;
    unsigned char digest[SHA256_SIZE];
    char          key[131];
    memset(key, 0x0b, sizeof key);
    hmac_sha256(slice_of(key, 20), SLICE("Hi There"), digest);
    assert_memory_equal(digest, "\xb0\x34\x4c\x61\xd8\xdb\x38\x53", 8);
    hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), digest);
    assert_memory_equal(digest, "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e", 8);
    memset(key, 0xaa, sizeof key);
    hmac_sha256(slice_of(key, 131), SLICE("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    assert_memory_equal(digest, "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f", 8);
}

TESTS(RUN(base64url_has_one_text_for_each_sequence_of_bytes), RUN(hmac_of_the_standard),
      RUN(digests_of_the_published_samples), RUN(the_websocket_sample_of_rfc_6455),
      RUN(base64_of_the_samples_of_rfc_4648_both_ways), RUN(every_byte_survives_base64), RUN(what_is_not_base64_is_refused),
      RUN(comparison_sees_every_difference), RUN(random_bytes_differ_and_stay_inside))
