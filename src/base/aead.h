/* aead: authenticated encryption, and the keys that TLS 1.3 derives (RFC 5116; RFC 8446 section 7.1). The only user of libcrypto's
 * ciphers.
 *
 * A key costs no object: each call brings it along, and each thread has one context of each cipher that it loads the key into.
 * That takes a fraction of a microsecond, and saves a kilobyte for each direction of each connection.
 *
 * Thread: any; aead_clear frees what the calling thread keeps.
 */
#ifndef ENCKE_BASE_AEAD_H
#define ENCKE_BASE_AEAD_H

#include "base/slice.h"

#define AEAD_KEY_MAX    32
#define AEAD_NONCE_SIZE 12
#define AEAD_TAG_SIZE   16
#define HKDF_SECRET_MAX 48

enum aead { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, AEAD_COUNT };

size_t aead_key_size(enum aead which);

/* Encrypts `in` to `out`, which may be the same bytes, and puts the tag behind it. False: there is no memory. */
bool aead_seal(enum aead which, const unsigned char *key, const unsigned char nonce[AEAD_NONCE_SIZE], struct slice additional,
               struct slice in, char *out) __attribute__((warn_unused_result));

/* Decrypts in place; the tag is the last AEAD_TAG_SIZE bytes of `at`. False: it is not what was sealed, or there is no memory. */
bool aead_open(enum aead which, const unsigned char *key, const unsigned char nonce[AEAD_NONCE_SIZE], struct slice additional, char *at,
               size_t len) __attribute__((warn_unused_result));

/* HKDF-Expand-Label of TLS 1.3 with an empty context. The secret is as long as the digest: 32 bytes (SHA-256) or 48 (SHA-384). */
bool hkdf_expand_label(struct slice secret, const char *label, unsigned char *out, size_t len) __attribute__((warn_unused_result));

/* Overwrites what is secret, in a way that no compiler leaves out. */
void crypto_wipe(void *at, size_t len);

void aead_clear(void);

#endif
