/* The section [jwt]: which keys are taken, and what is said about those that are not. */
#include "server/jwt_keys.h"

#include "unit/jwt_tokens.h"
#include "unit/server/loading.h"

#define NOW 1795400000

/* --jwt.keys=[]BEFORE path AFTER */
static void load_key(struct loading *l, const char *before, const char *path, const char *after)
{
    char argument[256];
    snprintf(argument, sizeof argument, "--jwt.keys=[]%s%s%s", before, path, after);
    load(l, "", argument);
}

static void refuses(const char *before, const char *path, const char *after, const char *sentence)
{
    struct loading l;
    load_key(&l, before, path, after);
    assert_int_equal(l.status, E_CONFIG);
    if (strstr(l.error.text, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", l.error.text, sentence);
    assert_null(strstr(l.error.text, "hidden"));
    unload(&l);
}

static void refuses_file(const char *name, const char *content, const char *sentence)
{
    char path[64];
    file_make(path, content, strlen(content));
    refuses(name, path, "", sentence);
    unlink(path);
}

static bool accepts(const struct config *c, const char *password, uint32_t app, const char *token)
{
    struct jwt_keys   keys = { 0 };
    struct jwt_claims claims;
    struct error      e;
    assert_int_equal(jwt_keys_load(&keys, c, password, &e), OK);
    enum status status = jwt_verify(&keys, app, slice_str(token), NOW, &claims, &e);
    jwt_keys_clear(&keys);
    return status == OK;
}

TEST(a_public_key_is_read_from_its_file)
{
    UNUSED_STATE;
    struct loading l;
    char           path[64];
    file_make(path, es256_pem, strlen(es256_pem));
    load_key(&l, "File=", path, " , App=15 , kid=a");
    assert_int_equal(l.status, OK);
    assert_true(accepts(&l.config, "x", 15, es256_token));
    assert_false(accepts(&l.config, "x", 16, es256_token));
    char *text = printed(&l.config);
    assert_null(strstr(text, path));
    free(text);
    unload(&l);
    load_key(&l, "File=", path, ",Kid=b");
    assert_false(accepts(&l.config, "x", 15, es256_token));
    unload(&l);
    unlink(path);
}

/* Signed with "CometQLPassword1". */
static const char password_token[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjo1LCJleHAiOjk5ODMzMTEyMDB9."
                                     "jXeCiNOA1eKLiLwcA2bkyaFZOhewvt81FCIfF278aO8";

TEST(the_password_signs_and_the_previous_one_unless_forbidden)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "[main]\npassword = new\n", "");
    assert_true(accepts(&l.config, "CometQLPassword", 1, password_token));
    assert_false(accepts(&l.config, "CometQLPassword", 2, password_token));
    assert_false(accepts(&l.config, "new", 1, password_token));
    unload(&l);
    load(&l, "[jwt]\nprevious_password = CometQLPassword\n", "");
    assert_true(accepts(&l.config, "new", 1, password_token));
    assert_true(accepts(&l.config, "", 1, password_token));
    unload(&l);
    load(&l, "[jwt]\nprevious_password = CometQLPassword\npassword_signs = no\n", "");
    assert_int_equal(l.status, OK);
    assert_true(has_remark(&l, CONFIG_WARNING, "jwt.previous_password has no effect"));
    assert_false(accepts(&l.config, "CometQLPassword", 1, password_token));
    unload(&l);
}

TEST(a_secret_stands_in_a_file_or_in_the_setting)
{
    UNUSED_STATE;
    struct loading l;
    char           path[64];
    file_make(path, "CometQLPassword1\r\n", 18);
    load_key(&l, "SecretFile=", path, "");
    assert_int_equal(l.status, OK);
    assert_true(accepts(&l.config, "x", 40, password_token));
    unload(&l);
    unlink(path);
    load_key(&l, "Secret=CometQLPassword1", "", ",App=40");
    assert_int_equal(l.status, OK);
    assert_true(accepts(&l.config, "x", 40, password_token));
    assert_false(accepts(&l.config, "x", 41, password_token));
    unload(&l);
}

TEST(what_is_wrong_with_a_key_is_said_without_showing_a_secret)
{
    UNUSED_STATE;
    refuses("File=/nonexistent/a.pem", "", "", "jwt.keys, key 1: cannot read /nonexistent/a.pem: No such file");
    refuses("File=/tmp", "", "", "/tmp is not a file");
    refuses("App=15", "", "", "exactly one of File=, SecretFile= and Secret=");
    refuses("File=/a,Secret=hiddenhiddenhidden", "", "", "exactly one of");
    refuses("Secret=hidden", "", "", "fewer than 16 bytes");
    refuses("Secret=hiddenhiddenhidden,App=x", "", "", "App is no dev id");
    refuses("hidden", "", "", "expected Name=value");
    refuses("Hidden=hidden", "", "", "a name is none of");
    refuses_file("File=", rsa_1024_pem, "the RSA key has 1024 bits; 2048 to 8192");
    refuses_file("File=", p384_pem, "another curve");
    refuses_file("File=", private_pem, "private key");
    refuses_file("File=", "hidden", "no public key in PEM");
    refuses_file("SecretFile=", "hidden\n", "fewer than 16 bytes");
}

TEST(the_place_in_the_file_is_named)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "[jwt]\nkeys = []Secret=0123456789abcdef\nkeys = []File=/nonexistent/a.pem\n", "");
    assert_int_equal(l.status, E_CONFIG);
    assert_non_null(strstr(l.error.text, ":3: jwt.keys, key 2: cannot read"));
    unload(&l);
}

TESTS(RUN(a_public_key_is_read_from_its_file), RUN(the_password_signs_and_the_previous_one_unless_forbidden),
      RUN(a_secret_stands_in_a_file_or_in_the_setting), RUN(what_is_wrong_with_a_key_is_said_without_showing_a_secret),
      RUN(the_place_in_the_file_is_named))
