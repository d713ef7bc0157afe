/* jwt: is this token ours, and whose is it?
 *
 * A verifier of JSON Web Tokens (RFC 7519, signed as RFC 7515 says) and nothing else: no clock, no storage, no log. Whether a
 * token was revoked, and whether its user is the one who comes with it, is for the caller.
 *
 *   eyJhbGciOiJIUzI1NiJ9 . eyJ1c2VyX2lkIjo1LCJleHAiOjk5ODMzMTEyMDB9 . kDh...
 *   {"alg":"HS256"}        {"user_id":5,"exp":9983311200}              signature of all before the second dot
 *
 * The key decides the algorithm. A key is made for one (a secret for HS256, a public key for the one of its kind), and `alg` of
 * the token only chooses among the keys made for it: a public key is never used as a secret, and "none" chooses no key.
 *
 * Which keys are tried: those of the token's algorithm that are for its app (or for all); when both the token and the key have a
 * `kid`, the two must be equal. Several may fit, so that an old key can live on beside a new one.
 *
 * Claims: `exp` and `user_id` are required, both numbers; user_id is whole, 1 to 4294967295. A token is good while
 * now <= exp. `nbf`, when there, must be a number and not more than JWT_LEEWAY_S ahead. Others are ignored, `typ` too; a header
 * with `crit` is refused, as RFC 7515 wants of who knows no extension.
 * Stricter than CppComet: it ignored nbf, accepted + and / for - and _, and keys that stand twice.
 *
 * Thread: keys are gathered once and are constant afterwards, shared by all shards; the functions are pure.
 * Errors never show a token, a part of it or a secret.
 */
#ifndef ENCKE_BASE_JWT_H
#define ENCKE_BASE_JWT_H

#include "base/slice.h"
#include "base/status.h"

#define JWT_TOKEN_MAX  4096 /* bytes; CppComet: 600 */
#define JWT_SECRET_MAX 1024 /* bytes */
#define JWT_KEYS_MAX   64   /* all of them may have to be tried for one token */
#define JWT_LEEWAY_S   60   /* by which clocks may differ, for nbf */

struct jwt_key;

/* A zeroed one has no keys: no token is right. */
struct jwt_keys {
    struct jwt_key *at; /* owned */
    uint32_t        count, cap;
};

/* What a key is good for. Zeroed: every app, without a name. */
struct jwt_scope {
    bool         is_for_one_app;
    uint32_t     app;
    struct slice kid; /* empty: none; copied */
};

/* A secret for HS256, copied. `appends_app`: the key is the secret with the decimal app id behind it (CppComet's rule). */
enum status jwt_keys_add_secret(struct jwt_keys *keys, struct slice secret, bool appends_app,
                                const struct jwt_scope *scope, struct error *out_error)
    __attribute__((warn_unused_result));

/* A public key in PEM: RSA for RS256, P-256 for ES256, Ed25519 for EdDSA (crypto_keys.h). */
enum status jwt_keys_add_public(struct jwt_keys *keys, struct slice pem, const struct jwt_scope *scope,
                                struct error *out_error) __attribute__((warn_unused_result));

/* Frees all, secrets wiped. The keys may be used again, empty. */
void jwt_keys_clear(struct jwt_keys *keys);

struct jwt_claims {
    uint32_t user_id;
    uint64_t expires_s; /* unix time; a fraction is cut off; at most 2^53 */
};

/* OK, or why not: E_AUTH (a sentence for tests and the log at debug level), E_NO_MEMORY.
 *
 * For lists of revoked tokens: the text of a token that was accepted is the only one for its bytes, but ECDSA lets anybody make a
 * second signature (r, n - s) from the first. A list that also has to hold against the owner of an ES256 token compares what
 * stands before the second dot: jwt_signed_part. */
enum status jwt_verify(const struct jwt_keys *keys, uint32_t app, struct slice token, uint64_t now_s,
                       struct jwt_claims *out_claims, struct error *out_error) __attribute__((warn_unused_result));

/* The claims of a token that may be anybody's: nothing is verified, not even the time. E_INVALID when they cannot be read. */
enum status jwt_peek(struct slice token, struct jwt_claims *out_claims, struct error *out_error)
    __attribute__((warn_unused_result));

/* Header, dot and payload; empty when `token` does not have three parts. Borrowed from it. */
struct slice jwt_signed_part(struct slice token);

#endif
