/* aead.c: see aead.h. */
#include "base/aead.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

static const struct {
    const char *name;
    size_t      key_size;
} ciphers[AEAD_COUNT] = {
    [AEAD_AES_128_GCM] = { "AES-128-GCM", 16 },
    [AEAD_AES_256_GCM] = { "AES-256-GCM", 32 },
    [AEAD_CHACHA20_POLY1305] = { "ChaCha20-Poly1305", 32 },
};

/* What a thread keeps: looking a cipher up costs more than using it. */
static _Thread_local EVP_CIPHER_CTX *contexts[AEAD_COUNT];
static _Thread_local EVP_KDF        *kdf;

size_t aead_key_size(enum aead which)
{
    return ciphers[which].key_size;
}

/* Once for each cipher and thread. */
static EVP_CIPHER_CTX *context_new(enum aead which)
{
    EVP_CIPHER     *cipher = EVP_CIPHER_fetch(NULL, ciphers[which].name, NULL);
    EVP_CIPHER_CTX *context = cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
    if (context != NULL && EVP_CipherInit_ex2(context, cipher, NULL, NULL, 1, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        context = NULL;
    }
    EVP_CIPHER_free(cipher); /* the context has its own reference */
    contexts[which] = context;
    return context;
}

/* The context with this key and nonce, and the additional data read. NULL: there is no memory. */
static EVP_CIPHER_CTX *loaded(enum aead which, const unsigned char *key, const unsigned char *nonce, struct slice additional, int seals)
{
    int             n;
    EVP_CIPHER_CTX *c = contexts[which] != NULL ? contexts[which] : context_new(which);
    if (c == NULL || EVP_CipherInit_ex2(c, NULL, key, nonce, seals, NULL) != 1 ||
        EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)additional.at, (int)additional.len) != 1)
        return NULL;
    return c;
}

bool aead_seal(enum aead which, const unsigned char *key, const unsigned char nonce[AEAD_NONCE_SIZE], struct slice additional,
               struct slice in, char *out)
{
    int             n = 0, rest = 0;
    EVP_CIPHER_CTX *c = loaded(which, key, nonce, additional, 1);
    bool            is_done = c != NULL && in.len <= INT32_MAX &&
                   EVP_CipherUpdate(c, (unsigned char *)out, &n, (const unsigned char *)in.at, (int)in.len) == 1 &&
                   EVP_CipherFinal_ex(c, (unsigned char *)out + n, &rest) == 1 && (size_t)n + (size_t)rest == in.len &&
                   EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, out + in.len) == 1;
    if (!is_done)
        ERR_clear_error();
    return is_done;
}

bool aead_open(enum aead which, const unsigned char *key, const unsigned char nonce[AEAD_NONCE_SIZE], struct slice additional, char *at,
               size_t len)
{
    int n = 0, rest = 0;
    if (len < AEAD_TAG_SIZE || len > INT32_MAX)
        return false;
    size_t          text_len = len - AEAD_TAG_SIZE;
    unsigned char  *bytes = (unsigned char *)at;
    EVP_CIPHER_CTX *c = loaded(which, key, nonce, additional, 0);
    bool            is_done = c != NULL && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, bytes + text_len) == 1 &&
                   EVP_CipherUpdate(c, bytes, &n, bytes, (int)text_len) == 1 && EVP_CipherFinal_ex(c, bytes + n, &rest) == 1;
    if (!is_done)
        ERR_clear_error();
    return is_done;
}

bool hkdf_expand_label(struct slice secret, const char *label, unsigned char *out, size_t len)
{
    static const char prefix[] = "tls13 ";
    int               mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const OSSL_PARAM  parameters[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, secret.len == 48 ? (char[]){ "SHA384" } : (char[]){ "SHA256" }, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.at, secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)(uintptr_t)prefix, sizeof prefix - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)(uintptr_t)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    if (kdf == NULL)
        kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool         is_done = context != NULL && EVP_KDF_derive(context, out, len, parameters) == 1;
    EVP_KDF_CTX_free(context);
    if (!is_done)
        ERR_clear_error();
    return is_done;
}

void crypto_wipe(void *at, size_t len)
{
    OPENSSL_cleanse(at, len);
}

void aead_clear(void)
{
    for (unsigned i = 0; i < AEAD_COUNT; i++) {
        EVP_CIPHER_CTX_free(contexts[i]);
        contexts[i] = NULL;
    }
    EVP_KDF_free(kdf);
    kdf = NULL;
}
