/* jwt.c: see jwt.h. Start reading at the end. */
#include "base/jwt.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/crypto.h"
#include "base/crypto_keys.h"
#include "base/json.h"

#define PART_MAX (JWT_TOKEN_MAX / 4 * 3) /* bytes of a decoded part */
#define PART_DEPTH 8                     /* other claims may nest */
#define APP_DIGITS 10
#define SECONDS_MAX (UINT64_C(1) << 53)

enum jwt_algorithm { JWT_HS256, JWT_RS256, JWT_ES256, JWT_EDDSA, JWT_ALGORITHM_COUNT };

static const char *const algorithm_names[JWT_ALGORITHM_COUNT] = {
    [JWT_HS256] = "HS256",
    [JWT_RS256] = "RS256",
    [JWT_ES256] = "ES256",
    [JWT_EDDSA] = "EdDSA",
};

struct jwt_key {
    enum jwt_algorithm algorithm;
    bool               appends_app;
    bool               is_for_one_app;
    uint32_t           app;
    char              *secret; /* owned; of HS256, otherwise NULL */
    size_t             secret_len;
    struct public_key *public_key; /* owned; NULL for HS256 */
    char              *kid;        /* owned; NULL: none */
    size_t             kid_len;
};

/* A token taken apart, borrowed from its text; nothing is decoded. */
struct parts {
    struct slice header, payload, signature;
};

/* What the header says. */
struct header {
    enum jwt_algorithm algorithm;
    struct json       *doc; /* owned; kid looks into it */
    struct slice       kid; /* empty: none */
};

/* --- the keys --- */

static void key_clear(struct jwt_key *k)
{
    if (k->secret != NULL)
        explicit_bzero(k->secret, k->secret_len);
    free(k->secret);
    free(k->kid);
    public_key_free(k->public_key);
}

static char *copy_of(struct slice s)
{
    char *copy = malloc(s.len + 1);
    if (copy != NULL) {
        memcpy(copy, s.len > 0 ? s.at : "", s.len);
        copy[s.len] = '\0';
    }
    return copy;
}

/* Takes what `key` owns, also when it fails. */
static enum status key_add(struct jwt_keys *keys, struct jwt_key key, const struct jwt_scope *scope, struct error *e)
{
    key.is_for_one_app = scope->is_for_one_app;
    key.app = scope->app;
    key.kid_len = scope->kid.len;
    key.kid = scope->kid.len > 0 ? copy_of(scope->kid) : NULL;
    enum status status = OK;
    if (keys->count == JWT_KEYS_MAX)
        status = error_set(e, E_FULL, "there are more than %d keys for tokens", JWT_KEYS_MAX);
    else if ((key.kid == NULL && scope->kid.len > 0) ||
             !array_room(&keys->at, &keys->cap, keys->count + 1, sizeof *keys->at))
        status = error_plain(e, E_NO_MEMORY);
    if (status == OK)
        keys->at[keys->count++] = key;
    else
        key_clear(&key);
    return status;
}

enum status jwt_keys_add_secret(struct jwt_keys *keys, struct slice secret, bool appends_app,
                                const struct jwt_scope *scope, struct error *out_error)
{
    if (secret.len == 0)
        return error_set(out_error, E_INVALID, "an empty secret would let everybody sign");
    if (secret.len > JWT_SECRET_MAX)
        return error_set(out_error, E_TOO_LONG, "the secret is longer than %d bytes", JWT_SECRET_MAX);
    struct jwt_key key = { .algorithm = JWT_HS256, .appends_app = appends_app, .secret_len = secret.len };
    key.secret = copy_of(secret);
    if (key.secret == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    return key_add(keys, key, scope, out_error);
}

enum status jwt_keys_add_public(struct jwt_keys *keys, struct slice pem, const struct jwt_scope *scope,
                                struct error *out_error)
{
    static const enum jwt_algorithm of_kind[] = {
        [KEY_RSA] = JWT_RS256, [KEY_P256] = JWT_ES256, [KEY_ED25519] = JWT_EDDSA
    };
    struct jwt_key key = { 0 };
    enum status    status = public_key_read(pem, &key.public_key, out_error);
    if (status != OK)
        return status;
    key.algorithm = of_kind[public_key_kind(key.public_key)];
    return key_add(keys, key, scope, out_error);
}

void jwt_keys_clear(struct jwt_keys *keys)
{
    for (uint32_t i = 0; i < keys->count; i++)
        key_clear(&keys->at[i]);
    free(keys->at);
    *keys = (struct jwt_keys){ 0 };
}

/* --- taking a token apart --- */

static bool split(struct slice token, struct parts *out)
{
    struct slice rest = token;
    if (token.len > JWT_TOKEN_MAX)
        return false;
    out->header = slice_cut(&rest, '.');
    out->payload = slice_cut(&rest, '.');
    out->signature = rest;
    return out->header.len > 0 && out->payload.len > 0 && rest.len > 0 && slice_find(rest, '.') == SIZE_MAX;
}

struct slice jwt_signed_part(struct slice token)
{
    struct parts p;
    if (!split(token, &p))
        return (struct slice){ 0 };
    return slice_first(token, p.header.len + 1 + p.payload.len);
}

/* A part as JSON; `code` is what a bad one is called. */
static enum status part_read(struct slice part, const char *name, enum status code, struct json **out_doc,
                             struct error *e)
{
    unsigned char                   bytes[PART_MAX];
    static const struct json_limits limits = { .bytes = PART_MAX, .depth = PART_DEPTH };
    struct error                    why;
    size_t                          len = base64url_decode(part, bytes, sizeof bytes);
    if (len == SIZE_MAX)
        return error_set(e, code, "the %s of the token is not base64url without padding", name);
    enum status status = json_parse(slice_of(bytes, len), &limits, out_doc, &why);
    if (status == E_NO_MEMORY)
        return error_plain(e, E_NO_MEMORY);
    if (status != OK)
        return error_set(e, code, "the %s of the token: %s", name, why.text);
    if (json_kind(*out_doc) == JSON_KIND_OBJECT)
        return OK;
    json_free(*out_doc);
    return error_set(e, code, "the %s of the token is no JSON object", name);
}

static enum status header_understand(const struct json *doc, struct header *out, struct error *e)
{
    struct slice name;
    if (!json_str(json_get(doc, "alg"), &name))
        return error_set(e, E_AUTH, "the header of the token names no algorithm");
    unsigned i = 0;
    while (i < JWT_ALGORITHM_COUNT && !slice_is(name, algorithm_names[i]))
        i++;
    if (i == JWT_ALGORITHM_COUNT)
        return error_set(e, E_AUTH, "the algorithm of the token is none of HS256, RS256, ES256 and EdDSA");
    if (json_get(doc, "crit") != NULL)
        return error_set(e, E_AUTH, "the header of the token wants an extension (crit), and none is known");
    if (json_get(doc, "kid") != NULL && !json_str(json_get(doc, "kid"), &out->kid))
        return error_set(e, E_AUTH, "kid in the header of the token is no text");
    out->algorithm = (enum jwt_algorithm)i;
    return OK;
}

static enum status header_read(struct slice part, struct header *out, struct error *e)
{
    *out = (struct header){ 0 };
    enum status status = part_read(part, "header", E_AUTH, &out->doc, e);
    if (status != OK)
        return status;
    status = header_understand(out->doc, out, e);
    if (status != OK)
        json_free(out->doc);
    return status;
}

/* --- claims --- */

static enum status claims_understand(const struct json *doc, enum status code, struct jwt_claims *out, struct error *e)
{
    double  expires;
    int64_t user;
    if (json_get(doc, "exp") == NULL)
        return error_set(e, code, "the token has no exp: it would be good for ever");
    if (!json_number(json_get(doc, "exp"), &expires) || expires < 0)
        return error_set(e, code, "exp of the token is no number of seconds since 1970");
    if (!json_int(json_get(doc, "user_id"), &user) || user < 1 || user > UINT32_MAX)
        return error_set(e, code, "user_id of the token is no whole number from 1 to 4294967295, or not there");
    out->user_id = (uint32_t)user;
    out->expires_s = expires < (double)SECONDS_MAX ? (uint64_t)expires : SECONDS_MAX;
    return OK;
}

static enum status times_check(const struct json *doc, const struct jwt_claims *claims, uint64_t now_s, struct error *e)
{
    const struct json *from = json_get(doc, "nbf");
    double             begins = 0;
    if (now_s > claims->expires_s)
        return error_set(e, E_AUTH, "the token has expired %llu s ago",
                         (unsigned long long)(now_s - claims->expires_s));
    if (from != NULL && !json_number(from, &begins))
        return error_set(e, E_AUTH, "nbf of the token is no number");
    if (begins > (double)now_s + JWT_LEEWAY_S)
        return error_set(e, E_AUTH, "the token is not good yet (nbf); compare the clocks of both machines");
    return OK;
}

enum status jwt_peek(struct slice token, struct jwt_claims *out_claims, struct error *out_error)
{
    struct parts      p;
    struct json      *doc;
    struct jwt_claims claims;
    if (!split(token, &p))
        return error_set(out_error, E_INVALID, "not a token: three parts with dots between, up to %d bytes",
                         JWT_TOKEN_MAX);
    enum status status = part_read(p.payload, "payload", E_INVALID, &doc, out_error);
    if (status != OK)
        return status;
    status = claims_understand(doc, E_INVALID, &claims, out_error);
    json_free(doc);
    if (status == OK)
        *out_claims = claims;
    return status;
}

/* --- signatures --- */

static bool secret_signed(const struct jwt_key *k, uint32_t app, struct slice data, struct slice signature)
{
    char          secret[JWT_SECRET_MAX + APP_DIGITS + 1];
    unsigned char digest[SHA256_SIZE];
    size_t        len = k->secret_len;
    if (signature.len != sizeof digest)
        return false;
    memcpy(secret, k->secret, len);
    if (k->appends_app)
        len += (size_t)snprintf(secret + len, sizeof secret - len, "%u", app);
    hmac_sha256(slice_of(secret, len), data, digest);
    bool is_right = crypto_equal(digest, signature.at, sizeof digest);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(digest, sizeof digest);
    return is_right;
}

static bool key_fits(const struct jwt_key *k, uint32_t app, const struct header *h)
{
    if (k->algorithm != h->algorithm || (k->is_for_one_app && k->app != app))
        return false;
    return h->kid.len == 0 || k->kid == NULL || slice_equal(h->kid, slice_of(k->kid, k->kid_len));
}

static enum status signature_check(const struct jwt_keys *keys, uint32_t app, const struct header *h, struct slice data,
                                   struct slice encoded, struct error *e)
{
    unsigned char bytes[PART_MAX];
    unsigned      tried = 0;
    size_t        len = base64url_decode(encoded, bytes, sizeof bytes);
    if (len == SIZE_MAX)
        return error_set(e, E_AUTH, "the signature of the token is not base64url without padding");
    struct slice signature = slice_of(bytes, len);
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct jwt_key *k = &keys->at[i];
        if (!key_fits(k, app, h))
            continue;
        tried++;
        if (k->secret != NULL ? secret_signed(k, app, data, signature)
                              : public_key_verifies(k->public_key, data, signature))
            return OK;
    }
    if (tried == 0)
        return error_set(e, E_AUTH, "no %s key for app %u fits the token%s", algorithm_names[h->algorithm], app,
                         h->kid.len > 0 ? " and its kid" : "");
    return error_set(e, E_AUTH, "the signature of the token is not of a key for app %u (%u %s tried)", app, tried,
                     algorithm_names[h->algorithm]);
}

/* --- all of it --- */

enum status jwt_verify(const struct jwt_keys *keys, uint32_t app, struct slice token, uint64_t now_s,
                       struct jwt_claims *out_claims, struct error *out_error)
{
    struct parts      p;
    struct header     header;
    struct json      *doc;
    struct jwt_claims claims;
    if (!split(token, &p))
        return error_set(out_error, E_AUTH, "not a token: three parts with dots between, up to %d bytes",
                         JWT_TOKEN_MAX);
    enum status status = header_read(p.header, &header, out_error);
    if (status != OK)
        return status;
    status = signature_check(keys, app, &header, jwt_signed_part(token), p.signature, out_error);
    json_free(header.doc);
    if (status != OK)
        return status;

    status = part_read(p.payload, "payload", E_AUTH, &doc, out_error);
    if (status != OK)
        return status;
    status = claims_understand(doc, E_AUTH, &claims, out_error);
    if (status == OK)
        status = times_check(doc, &claims, now_s, out_error);
    json_free(doc);
    if (status == OK)
        *out_claims = claims;
    return status;
}
