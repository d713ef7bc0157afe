/* The digests are the library's old ones: its new interface (EVP) asks for memory with every digest, and each handshake and each login
 * needs one. These cannot fail, so that no memory is no reason to refuse, and none to stop. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "base/crypto.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/counter.h"

/* --- the library's memory ---------------------------------------------------------------------------------------------- */

static void *count_block(void *block)
{
    if (block != NULL)
        counter_held(COUNTER_MEMORY_TLS, malloc_usable_size(block));
    return block;
}

static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return count_block(malloc(size));
}

static void counted_free(void *block, const char *file, int line)
{
    (void)file, (void)line;
    counter_freed(COUNTER_MEMORY_TLS, malloc_usable_size(block)); /* 0 for NULL */
    free(block);
}

static void *counted_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    size_t before = malloc_usable_size(block);
    void  *grown = realloc(block, size);
    if (grown == NULL)
        return NULL;
    counter_freed(COUNTER_MEMORY_TLS, before);
    return count_block(grown);
}

void crypto_count_memory(void)
{
    (void)CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free);
}

/* --- digests ----------------------------------------------------------------------------------------------------------- */

void sha1(struct slice data, unsigned char out_digest[SHA1_SIZE])
{
    SHA_CTX c;
    SHA1_Init(&c);
    SHA1_Update(&c, data.len > 0 ? data.at : "", data.len);
    SHA1_Final(out_digest, &c);
    OPENSSL_cleanse(&c, sizeof c);
}

/* Of two slices, one behind the other. */
static void sha256_of_two(struct slice first, struct slice second, unsigned char out_digest[SHA256_SIZE])
{
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, first.len > 0 ? first.at : "", first.len);
    SHA256_Update(&c, second.len > 0 ? second.at : "", second.len);
    SHA256_Final(out_digest, &c);
    OPENSSL_cleanse(&c, sizeof c);
}

void sha256(struct slice data, unsigned char out_digest[SHA256_SIZE])
{
    sha256_of_two(data, SLICE(""), out_digest);
}

void hmac_sha256(struct slice key, struct slice data, unsigned char out_digest[SHA256_SIZE])
{
    unsigned char block[SHA256_CBLOCK] = { 0 }, inner[SHA256_SIZE];
    if (key.len > sizeof block)
        sha256(key, block);
    else if (key.len > 0)
        memcpy(block, key.at, key.len);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    sha256_of_two(slice_of(block, sizeof block), data, inner);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    sha256_of_two(slice_of(block, sizeof block), slice_of(inner, sizeof inner), out_digest);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(inner, sizeof inner);
}

void random_bytes(void *out, size_t len)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        bug_if(got < 0 && errno != EINTR);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(struct slice data, char *out)
{
    const unsigned char *in = (const unsigned char *)data.at;
    char                *to = out;
    for (size_t i = 0; i < data.len; i += 3) {
        size_t   have = data.len - i;
        uint32_t bits = (uint32_t)in[i] << 16;
        if (have > 1)
            bits |= (uint32_t)in[i + 1] << 8;
        if (have > 2)
            bits |= in[i + 2];
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = have > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = have > 2 ? alphabet[bits & 63] : '=';
    }
    *to = '\0';
    return (size_t)(to - out);
}

/* 0 to 63, or 64 for what is not in the alphabet. */
static uint32_t sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Bits that the last group has too many are not looked at: some makers of WebSocket keys leave them set. */
size_t base64_decode(struct slice text, unsigned char *out, size_t size)
{
    if (text.len % 4 != 0)
        return SIZE_MAX;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
        padding++;
    size_t len = text.len / 4 * 3 - padding;
    if (len > size)
        return SIZE_MAX;
    size_t   made = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t six = i < text.len - padding ? sextet(text.at[i]) : 0;
        if (six > 63)
            return SIZE_MAX;
        bits = bits << 6 | six;
        if (i % 4 != 3)
            continue;
        for (int shift = 16; shift >= 0 && made < len; shift -= 8)
            out[made++] = (unsigned char)(bits >> shift);
    }
    return len;
}

static uint32_t sextet_url(char c)
{
    if (c == '+' || c == '/')
        return 64;
    return sextet(c == '-' ? '+' : c == '_' ? '/' : c);
}

size_t base64url_decode(struct slice text, unsigned char *out, size_t size)
{
    size_t over = text.len % 4, len = text.len / 4 * 3 + (over > 1 ? over - 1 : 0);
    if (over == 1 || len > size)
        return SIZE_MAX;
    size_t   made = 0;
    uint32_t bits = 0;
    unsigned have = 0; /* bits not yet written */
    for (size_t i = 0; i < text.len; i++) {
        uint32_t six = sextet_url(text.at[i]);
        if (six > 63)
            return SIZE_MAX;
        bits = (bits << 6 | six) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[made++] = (unsigned char)(bits >> have);
        }
    }
    return (bits & ((1u << have) - 1)) == 0 ? made : SIZE_MAX;
}
