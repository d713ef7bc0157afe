/* login: see login.h. */
#include "mysql/login.h"

#include "base/crypto.h"
#include "mysql/packet.h"
#include "mysql/result.h"
#include "mysql/take.h"

static const struct {
    const char *name;
    uint8_t     answer_bytes;
} plugins[MYSQL_PLUGIN_COUNT] = {
    [MYSQL_NATIVE] = { "mysql_native_password", SHA1_SIZE },
    [MYSQL_SHA2] = { "caching_sha2_password", SHA256_SIZE },
};

bool mysql_plugin_find(struct slice name, enum mysql_plugin *out_plugin)
{
    for (unsigned i = 0; i < MYSQL_PLUGIN_COUNT; i++) {
        if (!slice_is(name, plugins[i].name))
            continue;
        *out_plugin = (enum mysql_plugin)i;
        return true;
    }
    return false;
}

size_t mysql_plugin_answer_bytes(enum mysql_plugin plugin)
{
    return plugins[plugin].answer_bytes;
}

static void put_plugin(struct buf *out, enum mysql_plugin plugin)
{
    buf_append(out, plugins[plugin].name, strlen(plugins[plugin].name) + 1);
}

static void put_little(struct buf *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_byte(out, (unsigned char)(value >> (8 * i) & 0xFF));
}

void mysql_salt_make(unsigned char out_salt[MYSQL_SALT_BYTES])
{
    random_bytes(out_salt, MYSQL_SALT_BYTES);
    for (size_t i = 0; i < MYSQL_SALT_BYTES; i++) {
        out_salt[i] &= 0x7F;
        while (out_salt[i] == 0 || out_salt[i] == '$') {
            random_bytes(&out_salt[i], 1);
            out_salt[i] &= 0x7F;
        }
    }
}

void mysql_greeting_write(struct buf *out, uint8_t *sequence, const char *version, uint32_t offered,
                          uint32_t connection_id, const unsigned char salt[MYSQL_SALT_BYTES])
{
    static const char reserved[10] = { 0 };
    size_t            begin = mysql_packet_begin(out);
    buf_byte(out, 10); /* protocol version */
    buf_append(out, version, strlen(version) + 1);
    put_little(out, connection_id, 4);
    buf_append(out, salt, 8);
    buf_byte(out, 0);
    put_little(out, offered & 0xFFFF, 2);
    buf_byte(out, MYSQL_CHARSET_UTF8MB4);
    put_little(out, MYSQL_STATUS_AUTOCOMMIT, 2);
    put_little(out, offered >> 16, 2);
    buf_byte(out, MYSQL_SALT_BYTES + 1);
    buf_append(out, reserved, sizeof reserved);
    buf_append(out, salt + 8, MYSQL_SALT_BYTES - 8);
    buf_byte(out, 0);
    put_plugin(out, MYSQL_NATIVE);
    mysql_packet_end(out, begin, sequence);
}

void mysql_switch_write(struct buf *out, uint8_t *sequence, enum mysql_plugin plugin,
                        const unsigned char salt[MYSQL_SALT_BYTES])
{
    size_t begin = mysql_packet_begin(out);
    buf_byte(out, 0xFE);
    put_plugin(out, plugin);
    buf_append(out, salt, MYSQL_SALT_BYTES);
    buf_byte(out, 0);
    mysql_packet_end(out, begin, sequence);
}

void mysql_fast_write(struct buf *out, uint8_t *sequence)
{
    size_t begin = mysql_packet_begin(out);
    buf_byte(out, 0x01); /* more of the authentication: */
    buf_byte(out, 0x03); /* it has succeeded */
    mysql_packet_end(out, begin, sequence);
}

static struct slice take_answer(struct reader *r, uint32_t capabilities)
{
    if (capabilities & MYSQL_PLUGIN_AUTH_LENENC)
        return take_bytes(r, take_number(r));
    if (capabilities & MYSQL_SECURE_CONNECTION)
        return take_bytes(r, r->rest.len > 0 ? take_little(r, 1) : 0);
    return take_text(r);
}

static enum status parse_41(struct reader *r, struct mysql_login_packet *out, struct error *error)
{
    out->capabilities = (uint32_t)take_little(r, 4);
    take_bytes(r, 4 + 1 + 23); /* largest packet, charset, reserved */
    if (r->is_short)
        return error_set(error, E_AUTH, "Authentication failure: the login packet is too short");
    out->wants_tls = out->capabilities & MYSQL_SSL && r->rest.len == 0;
    if (out->wants_tls)
        return OK;

    out->user = take_text(r);
    out->answer = take_answer(r, out->capabilities);
    if (out->capabilities & MYSQL_CONNECT_WITH_DB)
        out->database = take_text(r);
    if (out->capabilities & MYSQL_PLUGIN_AUTH)
        out->plugin = take_text(r); /* connection attributes follow; nothing asks for them */
    return r->is_short ? error_set(error, E_AUTH, "Authentication failure: the login packet is cut short") : OK;
}

/* Before 4.1: HAProxy's health check. The answer to the salt has an older form that is never right. */
static enum status parse_320(struct reader *r, struct mysql_login_packet *out, struct error *error)
{
    out->capabilities = (uint32_t)take_little(r, 2);
    take_bytes(r, 3); /* largest packet */
    if (r->is_short)
        return error_set(error, E_AUTH, "Authentication failure: the login packet is too short");
    out->user = take_text(r);
    out->answer = take_text(r);
    return OK;
}

enum status mysql_login_parse(struct slice body, struct mysql_login_packet *out, struct error *error)
{
    struct reader r = { .rest = body };
    *out = (struct mysql_login_packet){ 0 };
    bool is_41 = body.len >= 2 && ((unsigned char)body.at[1] << 8 & MYSQL_PROTOCOL_41);
    return is_41 ? parse_41(&r, out, error) : parse_320(&r, out, error);
}

enum status mysql_change_user_parse(struct slice body, bool knows_plugins, struct mysql_login_packet *out,
                                    struct error *error)
{
    struct reader r = { .rest = body };
    *out = (struct mysql_login_packet){ .capabilities = MYSQL_SECURE_CONNECTION };
    out->user = take_text(&r);
    out->answer = take_answer(&r, MYSQL_SECURE_CONNECTION);
    out->database = take_text(&r);
    if (knows_plugins && !r.is_short && r.rest.len > 2) {
        take_bytes(&r, 2); /* charset */
        out->plugin = take_text(&r);
    }
    return r.is_short ? error_set(error, E_AUTH, "Authentication failure: the login packet is cut short") : OK;
}

static void expect_native(struct slice password, const unsigned char salt[MYSQL_SALT_BYTES], unsigned char *out)
{
    unsigned char once[SHA1_SIZE], salted[MYSQL_SALT_BYTES + SHA1_SIZE];
    sha1(password, once);
    memcpy(salted, salt, MYSQL_SALT_BYTES);
    sha1(slice_of(once, sizeof once), salted + MYSQL_SALT_BYTES);
    sha1(slice_of(salted, sizeof salted), out);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        out[i] ^= once[i];
}

static void expect_sha2(struct slice password, const unsigned char salt[MYSQL_SALT_BYTES], unsigned char *out)
{
    unsigned char once[SHA256_SIZE], salted[SHA256_SIZE + MYSQL_SALT_BYTES];
    sha256(password, once);
    sha256(slice_of(once, sizeof once), salted);
    memcpy(salted + SHA256_SIZE, salt, MYSQL_SALT_BYTES);
    sha256(slice_of(salted, sizeof salted), out);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        out[i] ^= once[i];
}

bool mysql_password_is_right(enum mysql_plugin plugin, struct slice password,
                             const unsigned char salt[MYSQL_SALT_BYTES], struct slice answer)
{
    unsigned char expected[SHA256_SIZE];
    if (password.len == 0 || answer.len != plugins[plugin].answer_bytes)
        return false;
    if (plugin == MYSQL_SHA2)
        expect_sha2(password, salt, expected);
    else
        expect_native(password, salt, expected);
    return crypto_equal(expected, answer.at, answer.len);
}
