/* jwt_keys: the keys that sign tokens, from the configuration (section [jwt], and main.password).
 *
 *   [jwt]
 *   keys = []File=/etc/encke/app.pem                  a public key: RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA)
 *   keys = []SecretFile=/etc/encke/key,App=15,Kid=b   a secret for HS256, 16 bytes or more on one line
 *   keys = []Secret=0123456789abcdef                  the same in the file itself; without a comma in it
 *
 * Thread: main, before the shards start.
 */
#ifndef ENCKE_SERVER_JWT_KEYS_H
#define ENCKE_SERVER_JWT_KEYS_H

#include "base/jwt.h"
#include "server/config.h"

/* `password` is the one in force (main.password, or the one that was made); empty adds no key. `out_keys` is given zeroed and
 * cleared by the caller, also after a failure: E_CONFIG with a sentence that names the setting, or E_NO_MEMORY. */
enum status jwt_keys_load(struct jwt_keys *out_keys, const struct config *c, const char *password,
                          struct error *out_error) __attribute__((warn_unused_result));

#endif
