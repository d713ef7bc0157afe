/* crypto_keys.c: see crypto_keys.h. Beside crypto.c the only user of libcrypto. */
#include "base/crypto_keys.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* a larger one costs a shard milliseconds for each login */
#define P256_HALF 32
#define P256_DER_SIZE 80 /* two numbers of 33 bytes and their heads */

struct public_key {
    enum public_key_kind kind;
    EVP_PKEY            *pkey; /* owned */
};

/* Without it libcrypto would ask on the terminal for the password of an encrypted file. */
static int no_password(char *out, int size, int is_writing, void *user)
{
    (void)out, (void)size, (void)is_writing, (void)user;
    return -1;
}

static enum status rsa_check(const EVP_PKEY *pkey, struct error *e)
{
    int bits = EVP_PKEY_get_bits(pkey);
    if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
        return OK;
    return error_set(e, E_INVALID, "the RSA key has %d bits; %d to %d are accepted", bits, RSA_BITS_MIN, RSA_BITS_MAX);
}

static bool is_p256(const EVP_PKEY *pkey)
{
    char   name[64] = "";
    size_t len;
    return EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) == 1 && strcmp(name, "prime256v1") == 0;
}

/* Which of the three is it? */
static enum status classify(const EVP_PKEY *pkey, enum public_key_kind *out_kind, struct error *e)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        *out_kind = KEY_RSA;
        return rsa_check(pkey, e);
    case EVP_PKEY_EC:
        *out_kind = KEY_P256;
        return is_p256(pkey) ? OK : error_set(e, E_INVALID, "the key is of another curve than P-256 (prime256v1)");
    case EVP_PKEY_ED25519:
        *out_kind = KEY_ED25519;
        return OK;
    default:
        return error_set(e, E_INVALID, "the key is of no known kind; RSA, P-256 and Ed25519 are");
    }
}

static EVP_PKEY *pem_read(struct slice pem)
{
    if (pem.len > INT32_MAX)
        return NULL;
    BIO      *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

enum status public_key_read(struct slice pem, struct public_key **out_key, struct error *out_error)
{
    enum public_key_kind kind = KEY_RSA;
    if (pem.len > 0 && memmem(pem.at, pem.len, "PRIVATE KEY-----", 16) != NULL)
        return error_set(out_error, E_INVALID,
                         "it holds a private key, which belongs to whoever signs; make the public one with: "
                         "openssl pkey -in FILE -pubout");
    EVP_PKEY *pkey = pem.len > 0 ? pem_read(pem) : NULL;
    if (pkey == NULL)
        return error_set(out_error, E_INVALID, "it holds no public key in PEM (-----BEGIN PUBLIC KEY-----)");
    enum status          status = classify(pkey, &kind, out_error);
    struct public_key   *key = status == OK ? malloc(sizeof *key) : NULL;
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return status == OK ? error_plain(out_error, E_NO_MEMORY) : status;
    }
    *key = (struct public_key){ .kind = kind, .pkey = pkey };
    *out_key = key;
    return OK;
}

void public_key_free(struct public_key *key)
{
    if (key != NULL)
        EVP_PKEY_free(key->pkey);
    free(key);
}

enum public_key_kind public_key_kind(const struct public_key *key)
{
    return key->kind;
}

static bool verifies(const struct public_key *key, struct slice data, const unsigned char *signature, size_t len)
{
    EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
    const EVP_MD *digest = key->kind == KEY_ED25519 ? NULL : EVP_sha256(); /* Ed25519 hashes by itself */
    bool          is_right = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key->pkey) == 1 &&
                    EVP_DigestVerify(ctx, signature, len, (const unsigned char *)data.at, data.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return is_right;
}

/* The two halves of a JOSE signature as the DER that libcrypto wants; 0 without memory. */
static size_t der_make(const unsigned char *halves, unsigned char out[P256_DER_SIZE])
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM    *r = BN_bin2bn(halves, P256_HALF, NULL), *s = BN_bin2bn(halves + P256_HALF, P256_HALF, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    int len = i2d_ECDSA_SIG(pair, NULL);
    if (len > 0 && len <= P256_DER_SIZE)
        i2d_ECDSA_SIG(pair, &(unsigned char *){ out });
    ECDSA_SIG_free(pair);
    return len > 0 && len <= P256_DER_SIZE ? (size_t)len : 0;
}

bool public_key_verifies(const struct public_key *key, struct slice data, struct slice signature)
{
    const unsigned char *bytes = (const unsigned char *)signature.at;
    unsigned char        der[P256_DER_SIZE];
    if (signature.len == 0 || data.len == 0)
        return false;
    if (key->kind != KEY_P256)
        return verifies(key, data, bytes, signature.len);
    size_t len = signature.len == 2 * P256_HALF ? der_make(bytes, der) : 0;
    return len > 0 && verifies(key, data, der, len);
}
