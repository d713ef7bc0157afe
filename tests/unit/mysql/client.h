/* client: the least of a MySQL client, on a socket of peer.h. Also used by the tests of cometql. */
#ifndef ENCKE_TESTS_UNIT_MYSQL_CLIENT_H
#define ENCKE_TESTS_UNIT_MYSQL_CLIENT_H

#include "unit/peer.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "mysql/conn.h"
#include "mysql/login.h"
#include "mysql/packet.h"

#define CLIENT_PASSWORD "secret"

struct client {
    int           fd;
    uint8_t       sequence; /* of the packet read last */
    unsigned char salt[MYSQL_SALT_BYTES];
    struct buf    packet;   /* the body read last */
};

/* One packet; false at the end of the stream. */
static inline bool client_read(struct client *c)
{
    unsigned char head[4];
    if (peer_read(c->fd, (char *)head, 4) != 4)
        return false;
    size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    c->sequence = head[3];
    buf_reset(&c->packet);
    char *room = buf_reserve(&c->packet, len + 1);
    c->packet.len = peer_read(c->fd, room, len);
    return c->packet.len == len;
}

static inline void client_send(struct client *c, uint8_t sequence, struct slice body)
{
    struct buf b = { 0 };
    size_t     begin = mysql_packet_begin(&b);
    buf_slice_append(&b, body);
    mysql_packet_end(&b, begin, &sequence);
    peer_send(c->fd, buf_slice(&b));
    buf_clear(&b);
}

static inline void client_answer_salt(const char *password, const unsigned char *salt, unsigned char out[20])
{
    unsigned char once[20], mix[40], salted[20];
    sha1(slice_str(password), once);
    memcpy(mix, salt, 20);
    sha1(slice_of(once, 20), mix + 20);
    sha1(slice_of(mix, 40), salted);
    for (int i = 0; i < 20; i++)
        out[i] = (unsigned char)(once[i] ^ salted[i]);
}

/* caching_sha2_password. */
static inline void client_answer_salt_sha2(const char *password, const unsigned char *salt, unsigned char out[32])
{
    unsigned char once[32], mix[52], salted[32];
    sha256(slice_str(password), once);
    sha256(slice_of(once, 32), mix);
    memcpy(mix + 32, salt, 20);
    sha256(slice_of(mix, 52), salted);
    for (int i = 0; i < 32; i++)
        out[i] = (unsigned char)(once[i] ^ salted[i]);
}

/* Reads the greeting and keeps its salt. */
static inline void client_greet(struct client *c)
{
    assert_true(client_read(c));
    assert_int_equal(c->sequence, 0);
    assert_int_equal(c->packet.at[0], 10);
    const char *at = c->packet.at + 1 + strlen(c->packet.at + 1) + 1 + 4;
    memcpy(c->salt, at, 8);
    memcpy(c->salt + 8, at + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10, 12);
}

static inline void client_put_login(struct buf *b, const struct client *c, const char *user, const char *password,
                                    const char *database, const char *plugin)
{
    uint32_t      capabilities = MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION | MYSQL_PLUGIN_AUTH | MYSQL_CONNECT_WITH_DB |
                            MYSQL_MULTI_STATEMENTS;
    unsigned char answer[20];
    for (int i = 0; i < 4; i++)
        buf_byte(b, (unsigned char)(capabilities >> (8 * i)));
    for (int i = 0; i < 28; i++)
        buf_byte(b, 0);
    buf_append(b, user, strlen(user) + 1);
    if (password != NULL) {
        client_answer_salt(password, c->salt, answer);
        buf_byte(b, 20);
        buf_append(b, answer, 20);
    } else {
        buf_byte(b, 0);
    }
    buf_append(b, database, strlen(database) + 1);
    buf_append(b, plugin, strlen(plugin) + 1);
}

/* Logs in and reads the answer, which is in c.packet. */
static inline struct client client_open(const struct peer *p, const char *user, const char *password, const char *database)
{
    struct client c = { .fd = peer_connect(p) };
    struct buf    b = { 0 };
    client_greet(&c);
    client_put_login(&b, &c, user, password, database, "mysql_native_password");
    client_send(&c, 1, buf_slice(&b));
    buf_clear(&b);
    assert_true(client_read(&c));
    assert_int_equal(c.sequence, 2);
    return c;
}

static inline void client_close(struct client *c)
{
    buf_clear(&c->packet);
    peer_close_all(c->fd);
}

/* A cell or name at *at; NULL cells as "NULL". */
static inline struct slice client_text(const struct client *c, size_t *at)
{
    unsigned char first = (unsigned char)c->packet.at[(*at)++];
    size_t        len = first;
    if (first == 0xFB)
        return SLICE("NULL");
    if (first == 0xFC || first == 0xFD) {
        unsigned width = first == 0xFC ? 2 : 3;
        len = 0;
        for (unsigned i = 0; i < width; i++)
            len |= (size_t)(unsigned char)c->packet.at[(*at)++] << (8 * i);
    }
    struct slice text = slice_of(c->packet.at + *at, len);
    *at += len;
    return text;
}

/* A cell of a binary row; the place of the cells is behind the bitmap. */
static inline struct slice client_binary_text(const struct client *c, unsigned i, size_t *at)
{
    bool is_null = (unsigned char)c->packet.at[1 + (i + 2) / 8] >> (i + 2) % 8 & 1;
    return is_null ? SLICE("NULL") : client_text(c, at);
}

static inline void client_put_row(struct client *c, unsigned columns, bool is_binary, struct buf *out)
{
    size_t at = is_binary ? 1 + (columns + 9) / 8 : 0;
    if (is_binary)
        assert_int_equal(c->packet.at[0], 0);
    for (unsigned i = 0; i < columns; i++) {
        struct slice cell = is_binary ? client_binary_text(c, i, &at) : client_text(c, &at);
        buf_text(out, i > 0 ? "," : "");
        buf_slice_append(out, cell);
    }
    assert_int_equal(at, c->packet.len);
    buf_text(out, "|");
}

/* Reads the answer to a statement as text into `out`:
 *   "ok 1/7"   "error 3: text"   "name,users|a,1|b,0|" */
static inline void client_read_rows(struct client *c, bool is_binary, struct buf *out)
{
    assert_true(client_read(c));
    unsigned char first = (unsigned char)c->packet.at[0];
    if (first == 0x00) {
        buf_printf(out, "ok %d/%d", c->packet.at[1], c->packet.at[2]);
        return;
    }
    if (first == 0xFF) {
        unsigned code = (unsigned char)c->packet.at[1] | (unsigned)(unsigned char)c->packet.at[2] << 8;
        buf_printf(out, "error %u: %.*s", code, (int)c->packet.len - 9, c->packet.at + 9);
        return;
    }
    unsigned columns = first;
    uint8_t  expected = c->sequence;
    for (unsigned i = 0; i < columns; i++) {
        assert_true(client_read(c));
        assert_int_equal(c->sequence, ++expected);
        size_t at = 0;
        for (int field = 0; field < 4; field++)
            client_text(c, &at);
        struct slice name = client_text(c, &at);
        buf_printf(out, "%s%.*s", i > 0 ? "," : "", SLICE_ARG(name));
    }
    buf_text(out, "|");
    assert_true(client_read(c));
    assert_int_equal((unsigned char)c->packet.at[0], 0xFE);
    ++expected;
    for (;;) {
        assert_true(client_read(c));
        assert_int_equal(c->sequence, ++expected);
        if ((unsigned char)c->packet.at[0] == 0xFE && c->packet.len == 5)
            return;
        if ((unsigned char)c->packet.at[0] == 0xFF) {
            buf_text(out, "error");
            return;
        }
        client_put_row(c, columns, is_binary, out);
    }
}

static inline void client_read_answer(struct client *c, struct buf *out)
{
    client_read_rows(c, false, out);
}

static inline void client_query(struct client *c, struct slice sql)
{
    struct buf b = { 0 };
    buf_byte(&b, 0x03);
    buf_slice_append(&b, sql);
    client_send(c, 0, buf_slice(&b));
    buf_clear(&b);
}

static inline void client_expect_at(struct client *c, const char *sql, const char *answer, const char *file, int line)
{
    struct buf out = { 0 };
    client_query(c, slice_str(sql));
    client_read_answer(c, &out);
    if (!slice_is(buf_slice(&out), answer)) {
        print_error("for: %s\n", sql);
        assert_slice_at(buf_slice(&out), answer, file, line);
    }
    buf_clear(&out);
}

#define client_expect(c, sql, answer) client_expect_at((c), (sql), (answer), __FILE__, __LINE__)

#endif
