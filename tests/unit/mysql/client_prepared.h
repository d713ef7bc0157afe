/* client_prepared: prepared statements for the client of client.h.
 *
 *   uint32_t id = client_prepare(&c, "select name from pipes where name = ?", "?|name");
 *   client_execute(&c, id, "name|abc|", "abc");
 */
#ifndef ENCKE_TESTS_UNIT_MYSQL_CLIENT_PREPARED_H
#define ENCKE_TESTS_UNIT_MYSQL_CLIENT_PREPARED_H

#include "unit/mysql/client.h"

static inline void client_put_u32(struct buf *b, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        buf_byte(b, (unsigned char)(value >> (8 * i)));
}

/* Definitions up to their EOF; their names with commas between. */
static inline void client_read_definitions(struct client *c, unsigned count, struct buf *out)
{
    for (unsigned i = 0; i < count; i++) {
        size_t at = 0;
        assert_true(client_read(c));
        for (int field = 0; field < 4; field++)
            client_text(c, &at);
        struct slice name = client_text(c, &at);
        buf_printf(out, "%s%.*s", i > 0 ? "," : "", SLICE_ARG(name));
    }
    if (count == 0)
        return;
    assert_true(client_read(c));
    assert_int_equal((unsigned char)c->packet.at[0], 0xFE);
}

/* Reads the answer to COM_STMT_PREPARE: "?,?|name,users" or "error 3: text". Returns the id. */
static inline uint32_t client_read_prepared(struct client *c, struct buf *out)
{
    assert_true(client_read(c));
    const unsigned char *at = (const unsigned char *)c->packet.at;
    if (at[0] == 0xFF) {
        buf_printf(out, "error %u: %.*s", at[1] | (unsigned)at[2] << 8, (int)c->packet.len - 9, c->packet.at + 9);
        return 0;
    }
    assert_int_equal(at[0], 0);
    assert_int_equal(c->packet.len, 12);
    uint32_t id = at[1] | (uint32_t)at[2] << 8 | (uint32_t)at[3] << 16 | (uint32_t)at[4] << 24;
    unsigned columns = at[5] | (unsigned)at[6] << 8, parameters = at[7] | (unsigned)at[8] << 8;
    client_read_definitions(c, parameters, out);
    buf_text(out, "|");
    client_read_definitions(c, columns, out);
    return id;
}

static inline uint32_t client_prepare_at(struct client *c, const char *sql, const char *answer, const char *file, int line)
{
    struct buf b = { 0 }, out = { 0 };
    buf_byte(&b, 0x16);
    buf_text(&b, sql);
    client_send(c, 0, buf_slice(&b));
    uint32_t id = client_read_prepared(c, &out);
    if (!slice_is(buf_slice(&out), answer)) {
        print_error("for: %s\n", sql);
        assert_slice_at(buf_slice(&out), answer, file, line);
    }
    buf_clear(&b);
    buf_clear(&out);
    return id;
}

/* `body`: what follows the iteration count. */
static inline void client_execute_raw(struct client *c, uint32_t id, struct slice body)
{
    struct buf b = { 0 };
    buf_byte(&b, 0x17);
    client_put_u32(&b, id);
    buf_byte(&b, 0);
    client_put_u32(&b, 1);
    buf_slice_append(&b, body);
    client_send(c, 0, buf_slice(&b));
    buf_clear(&b);
}

/* Texts; NULL: the SQL NULL. */
static inline void client_put_values(struct buf *b, const char *const *values, size_t count)
{
    for (size_t at = 0; at < count; at += 8) {
        unsigned bits = 0;
        for (size_t i = at; i < at + 8 && i < count; i++)
            bits |= (values[i] == NULL) << (i - at);
        buf_byte(b, (unsigned char)bits);
    }
    if (count > 0)
        buf_byte(b, 1);
    for (size_t i = 0; i < count; i++)
        buf_append(b, "\xfd", 2);
    for (size_t i = 0; i < count; i++)
        if (values[i] != NULL)
            mysql_put_text(b, slice_str(values[i]));
}

static inline void client_execute_at(struct client *c, uint32_t id, const char *const *values, size_t count, const char *answer,
                                     const char *file, int line)
{
    struct buf b = { 0 }, out = { 0 };
    client_put_values(&b, values, count);
    client_execute_raw(c, id, buf_slice(&b));
    client_read_rows(c, true, &out);
    assert_slice_at(buf_slice(&out), answer, file, line);
    buf_clear(&b);
    buf_clear(&out);
}

#define client_prepare(c, sql, answer) client_prepare_at((c), (sql), (answer), __FILE__, __LINE__)
#define client_execute(c, id, answer, ...)                                                                   \
    client_execute_at((c), (id), (const char *const[]){ __VA_ARGS__ },                                      \
                      sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), (answer), __FILE__, __LINE__)

#endif
