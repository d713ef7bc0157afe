/* login: see login.h. */
#include "mysql/login.h"

#include "base/crypto.h"
#include "mysql/packet.h"
#include "mysql/result.h"
#include "mysql/take.h"

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
    buf_append(out, MYSQL_PLUGIN, sizeof MYSQL_PLUGIN);
    mysql_packet_end(out, begin, sequence);
}

void mysql_switch_write(struct buf *out, uint8_t *sequence, const unsigned char salt[MYSQL_SALT_BYTES])
{
    size_t begin = mysql_packet_begin(out);
    buf_byte(out, 0xFE);
    buf_append(out, MYSQL_PLUGIN, sizeof MYSQL_PLUGIN);
    buf_append(out, salt, MYSQL_SALT_BYTES);
    buf_byte(out, 0);
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

enum status mysql_change_user_parse(struct slice body, struct mysql_login_packet *out, struct error *error)
{
    struct reader r = { .rest = body };
    *out = (struct mysql_login_packet){ .capabilities = MYSQL_SECURE_CONNECTION };
    out->user = take_text(&r);
    out->answer = take_answer(&r, MYSQL_SECURE_CONNECTION);
    out->database = take_text(&r);
    return r.is_short ? error_set(error, E_AUTH, "Authentication failure: the login packet is cut short") : OK;
}

bool mysql_password_is_right(struct slice password, const unsigned char salt[MYSQL_SALT_BYTES], struct slice answer)
{
    if (password.len == 0 || answer.len != SHA1_SIZE)
        return false;
    unsigned char once[SHA1_SIZE], salted[MYSQL_SALT_BYTES + SHA1_SIZE], expected[SHA1_SIZE];
    sha1(password, once);
    memcpy(salted, salt, MYSQL_SALT_BYTES);
    sha1(slice_of(once, sizeof once), salted + MYSQL_SALT_BYTES);
    sha1(slice_of(salted, sizeof salted), expected);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        expected[i] ^= once[i];
    return crypto_equal(expected, answer.at, SHA1_SIZE);
}
