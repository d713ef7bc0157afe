/* Which tokens are right, and whose they are. */
#include "base/jwt.h"

#include <stdio.h>

#include "base/crypto.h"
#include "unit/jwt_tokens.h"
#include "unit/test.h"

#define NOW      1795400000
#define PASSWORD "CometQLPassword"
#define GOOD     "{\"user_id\":5,\"exp\":9983311200}"

static const struct jwt_scope every_app = { 0 };

static size_t url_encode(struct slice bytes, char *out)
{
    size_t len = base64_encode(bytes, out);
    while (len > 0 && out[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return len;
}

/* A token of this header and payload signed with `secret`; valid until the next call. */
static struct slice token_of(const char *header, const char *payload, struct slice secret)
{
    static char   text[16384];
    unsigned char digest[SHA256_SIZE];
    size_t        len = url_encode(slice_str(header), text);
    text[len++] = '.';
    len += url_encode(slice_str(payload), text + len);
    hmac_sha256(secret, slice_of(text, len), digest);
    text[len++] = '.';
    len += url_encode(slice_of(digest, sizeof digest), text + len);
    return slice_of(text, len);
}

static struct slice classic_token(const char *payload)
{
    return token_of("{\"alg\":\"HS256\"}", payload, SLICE(PASSWORD "1"));
}

static struct jwt_keys password_keys(void)
{
    struct jwt_keys keys = { 0 };
    assert_int_equal(jwt_keys_add_secret(&keys, SLICE(PASSWORD), true, &every_app, NULL), OK);
    return keys;
}

static void add_public(struct jwt_keys *keys, const char *pem, const struct jwt_scope *scope)
{
    assert_int_equal(jwt_keys_add_public(keys, slice_str(pem), scope, NULL), OK);
}

static void accepts(const struct jwt_keys *keys, uint32_t app, struct slice token, uint32_t user)
{
    struct jwt_claims claims;
    struct error      e = { 0 };
    if (jwt_verify(keys, app, token, NOW, &claims, &e) != OK)
        fail_msg("%s", e.text);
    assert_int_equal(claims.user_id, user);
}

/* ... with a sentence that has `part` in it, and nothing of the token. */
static void refuses(const struct jwt_keys *keys, uint32_t app, struct slice token, const char *part)
{
    struct jwt_claims claims = { .user_id = 77 };
    struct error      e = { 0 };
    assert_int_equal(jwt_verify(keys, app, token, NOW, &claims, &e), E_AUTH);
    assert_int_equal(claims.user_id, 77);
    if (strstr(e.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.text, part);
    assert_null(strstr(e.text, PASSWORD));
    assert_null(strstr(e.text, "eyJ"));
}

static void refuses_payload(const char *payload, const char *part)
{
    struct jwt_keys keys = password_keys();
    refuses(&keys, 1, classic_token(payload), part);
    jwt_keys_clear(&keys);
}

TEST(a_token_of_the_password_and_the_app_is_right)
{
    UNUSED_STATE;
    struct jwt_keys   keys = password_keys();
    struct jwt_claims claims;
    /* As the documentation of CppComet signs it. */
    struct slice token = SLICE("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjo1LCJleHAiOjk5ODMzMTEyMDB9."
                               "jXeCiNOA1eKLiLwcA2bkyaFZOhewvt81FCIfF278aO8");
    assert_int_equal(jwt_verify(&keys, 1, token, NOW, &claims, NULL), OK);
    assert_int_equal(claims.user_id, 5);
    assert_int_equal(claims.expires_s, 9983311200);
    accepts(&keys, 1, classic_token("{\"user_id\":5,\"exp\":9983484000}"), 5);
    accepts(&keys, 1, classic_token("{\"user_id\":2,\"exp\":9983311200,\"iss\":[\"x\"]}"), 2);
    accepts(&keys, 0, token_of("{\"alg\":\"HS256\"}", GOOD, SLICE(PASSWORD "0")), 5);
    accepts(&keys, UINT32_MAX, token_of("{\"alg\":\"HS256\"}", GOOD, SLICE(PASSWORD "4294967295")), 5);
    jwt_keys_clear(&keys);
}

TEST(a_token_of_another_app_or_key_is_refused)
{
    UNUSED_STATE;
    struct jwt_keys keys = password_keys(), none = { 0 };
    refuses(&keys, 2, classic_token(GOOD), "signature");
    refuses(&keys, 11, classic_token(GOOD), "signature");
    refuses(&keys, 1, token_of("{\"alg\":\"HS256\"}", GOOD, SLICE(PASSWORD)), "signature");
    refuses(&keys, 1, token_of("{\"alg\":\"HS256\"}", GOOD, SLICE("")), "signature");
    refuses(&none, 1, classic_token(GOOD), "no HS256 key for app 1");
    assert_int_equal(jwt_keys_add_secret(&none, SLICE(""), true, &every_app, NULL), E_INVALID);
    jwt_keys_clear(&keys);
}

TEST(exp_is_required_and_holds_to_its_second)
{
    UNUSED_STATE;
    struct jwt_keys keys = password_keys();
    accepts(&keys, 1, classic_token("{\"user_id\":5,\"exp\":1795400000}"), 5);
    accepts(&keys, 1, classic_token("{\"user_id\":5,\"exp\":1795400000.9}"), 5);
    accepts(&keys, 1, classic_token("{\"user_id\":5,\"exp\":1e300}"), 5);
    jwt_keys_clear(&keys);
    refuses_payload("{\"user_id\":5,\"exp\":1795399999}", "expired 1 s ago");
    refuses_payload("{\"user_id\":5,\"exp\":1795399999.9}", "expired");
    refuses_payload("{\"user_id\":5,\"exp\":0}", "expired");
    refuses_payload("{\"user_id\":5,\"exp\":-1}", "exp");
    refuses_payload("{\"user_id\":5}", "no exp");
    refuses_payload("{\"user_id\":5,\"exp\":\"9983311200\"}", "exp");
    refuses_payload("{\"user_id\":5,\"exp\":null}", "exp");
    refuses_payload("{\"user_id\":5,\"exp\":1,\"exp\":9983311200}", "twice");
}

TEST(user_id_is_a_whole_number_that_is_not_0)
{
    UNUSED_STATE;
    struct jwt_keys keys = password_keys();
    accepts(&keys, 1, classic_token("{\"user_id\":11.0,\"exp\":9983311200}"), 11);
    accepts(&keys, 1, classic_token("{\"user_id\":4294967295,\"exp\":9983311200}"), UINT32_MAX);
    jwt_keys_clear(&keys);
    refuses_payload("{\"user_id\":\"5\",\"exp\":9983311200}", "user_id");
    refuses_payload("{\"user_id\":0,\"exp\":9983311200}", "user_id");
    refuses_payload("{\"user_id\":-5,\"exp\":9983311200}", "user_id");
    refuses_payload("{\"user_id\":5.5,\"exp\":9983311200}", "user_id");
    refuses_payload("{\"user_id\":4294967296,\"exp\":9983311200}", "user_id");
    refuses_payload("{\"exp\":9983311200}", "user_id");
    refuses_payload("[5]", "no JSON object");
}

TEST(nbf_may_be_a_minute_ahead)
{
    UNUSED_STATE;
    struct jwt_keys keys = password_keys();
    accepts(&keys, 1, classic_token("{\"user_id\":5,\"exp\":9983311200,\"nbf\":1795400060}"), 5);
    jwt_keys_clear(&keys);
    refuses_payload("{\"user_id\":5,\"exp\":9983311200,\"nbf\":1795400061}", "not good yet");
    refuses_payload("{\"user_id\":5,\"exp\":9983311200,\"nbf\":\"0\"}", "nbf");
}

TEST(other_algorithms_extensions_and_headers_are_refused)
{
    UNUSED_STATE;
    static const char *const headers[][2] = {
        { "{\"alg\":\"none\"}", "algorithm" },       { "{\"alg\":\"HS512\"}", "algorithm" },
        { "{\"alg\":\"HS384\"}", "algorithm" },      { "{\"alg\":\"hs256\"}", "algorithm" },
        { "{\"alg\":\"HS256\\u0000\"}", "algorithm" }, { "{\"alg\":1}", "algorithm" },
        { "{}", "algorithm" },                       { "[]", "no JSON object" },
        { "{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", "crit" },
        { "{\"alg\":\"HS256\",\"kid\":1}", "kid" },  { "{\"alg\":\"none\",\"alg\":\"HS256\"}", "twice" },
    };
    struct jwt_keys keys = password_keys();
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        refuses(&keys, 1, token_of(headers[i][0], GOOD, SLICE(PASSWORD "1")), headers[i][1]);
    jwt_keys_clear(&keys);
}

TEST(only_three_parts_of_base64url_are_a_token)
{
    UNUSED_STATE;
    struct jwt_keys keys = password_keys();
    char            text[JWT_TOKEN_MAX + 2];
    struct slice    good = classic_token(GOOD);
    memcpy(text, good.at, good.len);
    for (size_t len = 0; len < good.len; len++)
        refuses(&keys, 1, slice_first(good, len), "token");
    text[good.len] = '=';
    refuses(&keys, 1, slice_of(text, good.len + 1), "base64url");
    text[good.len] = '.';
    refuses(&keys, 1, slice_of(text, good.len + 1), "three parts");
    memset(text, 'a', sizeof text);
    refuses(&keys, 1, slice_of(text, sizeof text), "up to 4096 bytes");
    refuses(&keys, 1, (struct slice){ 0 }, "three parts");
    refuses(&keys, 1, SLICE(".."), "three parts");
    jwt_keys_clear(&keys);
}

/* Also the bits that base64url leaves over: there is no second way to write a token. */
static void refuses_every_change(const struct jwt_keys *keys, struct slice token)
{
    char text[JWT_TOKEN_MAX];
    memcpy(text, token.at, token.len);
    for (size_t i = 0; i < token.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct jwt_claims claims;
            text[i] = (char)((unsigned char)text[i] ^ 1u << bit);
            if (jwt_verify(keys, 1, slice_of(text, token.len), NOW, &claims, NULL) != E_AUTH)
                fail_msg("bit %u of byte %zu does not matter", bit, i);
            text[i] = (char)((unsigned char)text[i] ^ 1u << bit);
        }
    }
}

static const struct {
    const char *pem, *token;
} made[] = { { rs256_pem, rs256_token }, { es256_pem, es256_token }, { eddsa_pem, eddsa_token } };

TEST(every_bit_of_a_token_matters)
{
    UNUSED_STATE;
    struct jwt_keys keys = password_keys();
    for (size_t i = 0; i < 3; i++)
        add_public(&keys, made[i].pem, &every_app);
    refuses_every_change(&keys, classic_token(GOOD));
    for (size_t i = 0; i < 3; i++)
        refuses_every_change(&keys, slice_str(made[i].token));
    jwt_keys_clear(&keys);
}

TEST(each_public_key_verifies_its_own_algorithm)
{
    UNUSED_STATE;
    for (size_t key = 0; key < 3; key++) {
        struct jwt_keys keys = { 0 };
        add_public(&keys, made[key].pem, &every_app);
        for (size_t token = 0; token < 3; token++) {
            if (key == token)
                accepts(&keys, 9, slice_str(made[token].token), 5);
            else
                refuses(&keys, 9, slice_str(made[token].token), "key for app 9");
        }
        jwt_keys_clear(&keys);
    }
}

TEST(a_public_key_is_never_a_secret)
{
    UNUSED_STATE;
    struct jwt_keys keys = { 0 };
    add_public(&keys, rs256_pem, &every_app);
    refuses(&keys, 1, token_of("{\"alg\":\"HS256\"}", GOOD, slice_str(rs256_pem)), "no HS256 key");
    refuses(&keys, 1, token_of("{\"alg\":\"RS256\"}", GOOD, slice_str(rs256_pem)), "signature");
    jwt_keys_clear(&keys);
}

/* Their claims are not ours: what is missing is found after the signature was found right. */
TEST(the_signatures_printed_in_the_standards_are_right)
{
    UNUSED_STATE;
    struct jwt_keys keys = { 0 };
    unsigned char   secret[64];
    assert_int_equal(base64url_decode(slice_str(rfc_hs256_secret), secret, sizeof secret), 64);
    assert_int_equal(jwt_keys_add_secret(&keys, slice_of(secret, 64), false, &every_app, NULL), OK);
    add_public(&keys, rfc_rsa_pem, &every_app);
    add_public(&keys, rfc_p256_pem, &every_app);
    add_public(&keys, rfc_ed25519_pem, &every_app);
    refuses(&keys, 1, slice_str(rfc_hs256_token), "user_id");
    refuses(&keys, 1, slice_str(rfc_rs256_token), "user_id");
    refuses(&keys, 1, slice_str(rfc_es256_token), "user_id");
    refuses(&keys, 1, slice_str(rfc_eddsa_token), "payload of the token: not valid JSON");
    jwt_keys_clear(&keys);
}

TEST(a_key_of_one_app_and_a_key_with_a_name_are_for_no_other)
{
    UNUSED_STATE;
    struct jwt_keys  keys = { 0 };
    struct jwt_scope app_7 = { .is_for_one_app = true, .app = 7 }, b = { .kid = SLICE("b") };
    add_public(&keys, rs256_pem, &app_7);
    accepts(&keys, 7, slice_str(rs256_token), 5);
    refuses(&keys, 8, slice_str(rs256_token), "no RS256 key for app 8");
    add_public(&keys, rs256_pem, &b);
    refuses(&keys, 8, slice_str(rs256_token), "no RS256 key for app 8 fits the token and its kid");
    jwt_keys_clear(&keys);
    assert_int_equal(jwt_keys_add_secret(&keys, SLICE("0123456789abcdef"), false, &b, NULL), OK);
    accepts(&keys, 8, token_of("{\"alg\":\"HS256\"}", GOOD, SLICE("0123456789abcdef")), 5);
    accepts(&keys, 8, token_of("{\"alg\":\"HS256\",\"kid\":\"b\"}", GOOD, SLICE("0123456789abcdef")), 5);
    refuses(&keys, 8, token_of("{\"alg\":\"HS256\",\"kid\":\"bb\"}", GOOD, SLICE("0123456789abcdef")), "kid");
    jwt_keys_clear(&keys);
}

TEST(an_old_key_lives_on_beside_a_new_one)
{
    UNUSED_STATE;
    struct jwt_keys keys = { 0 };
    assert_int_equal(jwt_keys_add_secret(&keys, SLICE("new password"), true, &every_app, NULL), OK);
    refuses(&keys, 1, classic_token(GOOD), "1 HS256 tried");
    assert_int_equal(jwt_keys_add_secret(&keys, SLICE(PASSWORD), true, &every_app, NULL), OK);
    accepts(&keys, 1, classic_token(GOOD), 5);
    accepts(&keys, 1, token_of("{\"alg\":\"HS256\"}", GOOD, SLICE("new password1")), 5);
    jwt_keys_clear(&keys);
}

TEST(there_is_a_bound_to_keys)
{
    UNUSED_STATE;
    struct jwt_keys keys = { 0 };
    for (unsigned i = 0; i < JWT_KEYS_MAX; i++)
        assert_int_equal(jwt_keys_add_secret(&keys, SLICE("a"), true, &every_app, NULL), OK);
    assert_int_equal(jwt_keys_add_secret(&keys, SLICE("a"), true, &every_app, NULL), E_FULL);
    jwt_keys_clear(&keys);
}

TEST(other_keys_are_refused_by_name)
{
    UNUSED_STATE;
    static const char *const wrong[][2] = {
        { rsa_1024_pem, "1024 bits" }, { p384_pem, "another curve" },   { x25519_pem, "no known kind" },
        { private_pem, "private key" }, { "nothing", "no public key" }, { "", "no public key" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct jwt_keys keys = { 0 };
        struct error    e = { 0 };
        assert_int_equal(jwt_keys_add_public(&keys, slice_str(wrong[i][0]), &every_app, &e), E_INVALID);
        if (strstr(e.text, wrong[i][1]) == NULL)
            fail_msg("%s", e.text);
        assert_int_equal(keys.count, 0);
    }
}

TEST(peeking_reads_claims_of_anybodys_token)
{
    UNUSED_STATE;
    struct jwt_claims claims;
    struct error      e;
    struct slice      token = classic_token("{\"user_id\":5,\"exp\":5}");
    assert_int_equal(jwt_peek(token, &claims, &e), OK);
    assert_int_equal(claims.user_id, 5);
    assert_int_equal(claims.expires_s, 5);
    assert_int_equal(jwt_signed_part(token).len, slice_find(slice_skip(token, 21), '.') + 21);
    assert_int_equal(jwt_peek(SLICE("logout"), &claims, &e), E_INVALID);
    assert_int_equal(jwt_peek(SLICE("a.b.c"), &claims, &e), E_INVALID);
    assert_int_equal(jwt_signed_part(SLICE("a.b")).len, 0);
    assert_slice(jwt_signed_part(SLICE("a.b.c")), "a.b");
}

TESTS(RUN(a_token_of_the_password_and_the_app_is_right), RUN(a_token_of_another_app_or_key_is_refused),
      RUN(exp_is_required_and_holds_to_its_second), RUN(user_id_is_a_whole_number_that_is_not_0),
      RUN(nbf_may_be_a_minute_ahead), RUN(other_algorithms_extensions_and_headers_are_refused),
      RUN(only_three_parts_of_base64url_are_a_token), RUN(every_bit_of_a_token_matters),
      RUN(each_public_key_verifies_its_own_algorithm), RUN(a_public_key_is_never_a_secret),
      RUN(the_signatures_printed_in_the_standards_are_right),
      RUN(a_key_of_one_app_and_a_key_with_a_name_are_for_no_other), RUN(an_old_key_lives_on_beside_a_new_one),
      RUN(there_is_a_bound_to_keys), RUN(other_keys_are_refused_by_name), RUN(peeking_reads_claims_of_anybodys_token))
