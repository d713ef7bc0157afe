/* crypto_keys: public keys, and what was signed with the private ones.
 *
 *   struct public_key *key;
 *   if (public_key_read(pem, &key, &e) != OK) ...           PEM, "-----BEGIN PUBLIC KEY-----"
 *   if (public_key_verifies(key, data, signature)) ...
 *   public_key_free(key);
 *
 * Three kinds, each with the one way of signing that JOSE (RFC 7518, RFC 8037) knows it by; the key decides, nobody else:
 *   KEY_RSA      PKCS #1 v1.5 with SHA-256 (RS256), 2048 to 8192 bits
 *   KEY_P256     ECDSA on P-256 with SHA-256 (ES256); the signature is r and s, 32 bytes each
 *   KEY_ED25519  Ed25519 (EdDSA)
 *
 * Thread: read once, then shared: verifying changes nothing.
 */
#ifndef ENCKE_BASE_CRYPTO_KEYS_H
#define ENCKE_BASE_CRYPTO_KEYS_H

#include "base/slice.h"
#include "base/status.h"

enum public_key_kind { KEY_RSA, KEY_P256, KEY_ED25519 };

struct public_key;

/* E_INVALID says what is wrong with it, E_NO_MEMORY. */
enum status public_key_read(struct slice pem, struct public_key **out_key, struct error *out_error)
    __attribute__((warn_unused_result));
void public_key_free(struct public_key *key);

enum public_key_kind public_key_kind(const struct public_key *key);

bool public_key_verifies(const struct public_key *key, struct slice data, struct slice signature);

#endif
