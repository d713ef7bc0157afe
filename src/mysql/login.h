/* login: greeting, login packet, authentication switch and the two ways to show a password.
 *
 *   server: greeting (salt) ---->
 *   client:                 <---- the login packet's first 32 bytes (SSLRequest); what follows is TLS     (may be left out)
 *   client:                 <---- login packet (user, answer to the salt, database, plugin)
 *   server: OK | ERR | switch to a plugin (new salt) ---->
 *   client:                                          <---- answer
 *
 * mysql_native_password is what the greeting names, for old clients know nothing else; a client that names
 * caching_sha2_password, as those of MySQL 9 do, is asked for that. The server knows the password in clear, so the fast
 * path of caching_sha2_password always decides: the password itself never travels, neither in clear nor under RSA.
 *
 * Only what works is offered: TLS where there is a certificate, no compression, EOF packets. Pure but for
 * mysql_salt_make.
 */
#ifndef ENCKE_MYSQL_LOGIN_H
#define ENCKE_MYSQL_LOGIN_H

#include "base/buf.h"
#include "base/status.h"

#define MYSQL_SALT_BYTES 20u

enum mysql_plugin {
    MYSQL_NATIVE, /* mysql_native_password: an answer of 20 bytes */
    MYSQL_SHA2,   /* caching_sha2_password: 32 bytes, and a word of success before OK */
    MYSQL_PLUGIN_COUNT,
};

enum mysql_capability {
    MYSQL_LONG_PASSWORD = 1u << 0,
    MYSQL_LONG_FLAG = 1u << 2,
    MYSQL_CONNECT_WITH_DB = 1u << 3,
    MYSQL_PROTOCOL_41 = 1u << 9,
    MYSQL_SSL = 1u << 11,
    MYSQL_TRANSACTIONS = 1u << 13,
    MYSQL_SECURE_CONNECTION = 1u << 15,
    MYSQL_MULTI_STATEMENTS = 1u << 16,
    MYSQL_MULTI_RESULTS = 1u << 17,
    MYSQL_PLUGIN_AUTH = 1u << 19,
    MYSQL_CONNECT_ATTRS = 1u << 20,
    MYSQL_PLUGIN_AUTH_LENENC = 1u << 21,
};

#define MYSQL_OFFERED                                                                                                  \
    (MYSQL_LONG_PASSWORD | MYSQL_LONG_FLAG | MYSQL_CONNECT_WITH_DB | MYSQL_PROTOCOL_41 | MYSQL_TRANSACTIONS |          \
     MYSQL_SECURE_CONNECTION | MYSQL_MULTI_STATEMENTS | MYSQL_MULTI_RESULTS | MYSQL_PLUGIN_AUTH)

/* What the client said; slices into the packet. */
struct mysql_login_packet {
    uint32_t     capabilities;
    bool         wants_tls; /* it is an SSLRequest: the other fields are empty */
    struct slice user;
    struct slice answer; /* to the salt; empty: no password */
    struct slice database;
    struct slice plugin; /* empty: not named */
};

/* 20 unpredictable bytes of 1..127 without '$' (some clients treat it as a separator). */
void mysql_salt_make(unsigned char out_salt[MYSQL_SALT_BYTES]);

/* `offered`: MYSQL_OFFERED, and MYSQL_SSL where it can be had. */
void mysql_greeting_write(struct buf *out, uint8_t *sequence, const char *version, uint32_t offered,
                          uint32_t connection_id, const unsigned char salt[MYSQL_SALT_BYTES]);
void mysql_switch_write(struct buf *out, uint8_t *sequence, enum mysql_plugin plugin,
                        const unsigned char salt[MYSQL_SALT_BYTES]);

/* caching_sha2_password: the answer was right, OK follows. */
void mysql_fast_write(struct buf *out, uint8_t *sequence);

/* False: a plugin that is not known here. */
bool mysql_plugin_find(struct slice name, enum mysql_plugin *out_plugin);
size_t mysql_plugin_answer_bytes(enum mysql_plugin plugin);

/* Both shapes, 4.1 and older, and SSLRequest. E_AUTH: it is no login packet. */
enum status mysql_login_parse(struct slice body, struct mysql_login_packet *out, struct error *error)
    __attribute__((warn_unused_result));

/* The body of COM_CHANGE_USER, without the command byte: user, answer, database, and of clients that know plugins the
 * charset and the plugin. */
enum status mysql_change_user_parse(struct slice body, bool knows_plugins, struct mysql_login_packet *out,
                                    struct error *error) __attribute__((warn_unused_result));

/* Is this the answer of somebody who knows the password? In constant time. Nobody has an empty password.
 *   MYSQL_NATIVE   SHA1(password) XOR SHA1(salt . SHA1(SHA1(password)))
 *   MYSQL_SHA2     SHA256(password) XOR SHA256(SHA256(SHA256(password)) . salt)
 */
bool mysql_password_is_right(enum mysql_plugin plugin, struct slice password,
                             const unsigned char salt[MYSQL_SALT_BYTES], struct slice answer);

#endif
