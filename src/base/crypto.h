/* crypto: hashes, randomness and the comparison that takes the same time always. The only user of libcrypto's digests. */
#ifndef ENCKE_BASE_CRYPTO_H
#define ENCKE_BASE_CRYPTO_H

#include "base/slice.h"
#include "base/status.h"

#define SHA1_SIZE   20
#define SHA256_SIZE 32

/* Digests need no memory and cannot fail. */
void sha1(struct slice data, unsigned char out_digest[SHA1_SIZE]);
void sha256(struct slice data, unsigned char out_digest[SHA256_SIZE]);

/* RFC 2104, any length of key. */
void hmac_sha256(struct slice key, struct slice data, unsigned char out_digest[SHA256_SIZE]);

/* From the kernel (getrandom); aborts when the kernel has none, for nothing secret could be made then. */
void random_bytes(void *out, size_t len);
uint64_t random_u64(void);

/* From now on counts the memory of the library (COUNTER_MEMORY_TLS). Before its first use, or it is not counted. */
void crypto_count_memory(void);

/* Equal? Takes the same time wherever they differ. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* RFC 4648 section 4, padded, NUL-terminated; `out` has room for base64_size(len). Returns the length without the NUL. */
#define base64_size(len) (((len) + 2) / 3 * 4 + 1)
size_t base64_encode(struct slice data, char *out);

/* Length of the decoded bytes, or SIZE_MAX when `text` is not base64 or needs more than `size`. */
size_t base64_decode(struct slice text, unsigned char *out, size_t size);

/* The same for RFC 4648 section 5 as RFC 7515 wants it: - and _, no padding, no bits left over. One text for each sequence of
 * bytes, so that nobody can write a token in a second way. */
size_t base64url_decode(struct slice text, unsigned char *out, size_t size);

#endif
