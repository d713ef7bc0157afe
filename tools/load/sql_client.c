/* sql_client.c: see sql_client.h. */
#include "load/sql_client.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "load/dial.h"

#define READ_BYTES   (16 * 1024)
#define PATIENCE_S   30
#define CAPABILITIES 0x00088201u /* long password, protocol 4.1, secure connection, plugin */
#define COM_QUERY    3

static void put_packet(struct buf *out, unsigned sequence, struct slice body)
{
    unsigned char head[4] = { body.len & 255, body.len >> 8 & 255, body.len >> 16 & 255, (unsigned char)sequence };
    buf_append(out, head, sizeof head);
    buf_slice_append(out, body);
}

/* The next packet, valid until the next call; at == NULL: the connection broke. */
static struct slice next_packet(struct sql_client *c)
{
    for (;;) {
        size_t               have = c->in.len - c->taken;
        const unsigned char *head = (const unsigned char *)c->in.at + c->taken;
        size_t               len = have >= 4 ? head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 : 0;
        if (have >= 4 && have - 4 >= len) {
            c->taken += 4 + len;
            return slice_of(head + 4, len);
        }
        if (c->taken == c->in.len) {
            buf_reset(&c->in);
            c->taken = 0;
        }
        char   *to = buf_reserve(&c->in, READ_BYTES);
        ssize_t n = to != NULL ? recv(c->fd, to, READ_BYTES, 0) : -1;
        if (n <= 0)
            return slice_of(NULL, 0);
        c->in.len += (size_t)n;
    }
}

static enum status verdict(struct slice body, struct error *e)
{
    if (body.at == NULL)
        return error_set(e, E_IO, "the CometQL connection broke: %s", errno != 0 ? strerror(errno) : "closed by the server");
    if (body.len > 0 && body.at[0] == 0)
        return OK;
    return error_set(e, E_INVALID, "CometQL answers: %.*s", body.len > 9 ? (int)body.len - 9 : 0, body.len > 9 ? body.at + 9 : "");
}

/* mysql_native_password: SHA1(password) xor SHA1(salt + SHA1(SHA1(password))). */
static void scramble(const char *password, const char salt[20], unsigned char out[SHA1_SIZE])
{
    unsigned char once[SHA1_SIZE], salted[20 + SHA1_SIZE];
    sha1(slice_str(password), once);
    memcpy(salted, salt, 20);
    sha1(slice_of(once, sizeof once), salted + 20);
    sha1(slice_of(salted, sizeof salted), out);
    for (unsigned i = 0; i < SHA1_SIZE; i++)
        out[i] ^= once[i];
}

static enum status flush(struct sql_client *c)
{
    struct slice rest = buf_slice(&c->out);
    while (rest.len > 0) {
        ssize_t n = send(c->fd, rest.at, rest.len, MSG_NOSIGNAL);
        if (n <= 0)
            return E_IO;
        rest = slice_skip(rest, (size_t)n);
    }
    buf_reset(&c->out);
    return OK;
}

static enum status login(struct sql_client *c, const char *user, const char *password, struct error *e)
{
    static const unsigned char fixed[32] = { CAPABILITIES & 255, CAPABILITIES >> 8 & 255, CAPABILITIES >> 16 & 255, 0, 0, 0, 0, 1, 45 };
    struct slice  greeting = next_packet(c);
    size_t        version = greeting.at != NULL ? slice_find(greeting, '\0') : SIZE_MAX;
    size_t        at = version == SIZE_MAX ? SIZE_MAX : version + 1 + 4; /* behind the connection's id */
    char          salt[20];
    unsigned char answer[1 + SHA1_SIZE] = { SHA1_SIZE };
    if (greeting.len < 2 || greeting.at[0] != 10 || at > greeting.len || greeting.len - at < 8 + 19 + 12)
        return error_set(e, E_INVALID, "what answers there does not speak the MySQL protocol");
    memcpy(salt, greeting.at + at, 8);
    memcpy(salt + 8, greeting.at + at + 8 + 19, 12);
    scramble(password, salt, answer + 1);
    struct buf body = { 0 };
    buf_append(&body, fixed, sizeof fixed);
    buf_append(&body, user, strlen(user) + 1);
    buf_append(&body, answer, sizeof answer);
    buf_append(&body, "mysql_native_password", 22);
    put_packet(&c->out, 1, buf_slice(&body));
    buf_clear(&body);
    return flush(c) == OK ? verdict(next_packet(c), e) : error_set(e, E_IO, "cannot log in: %s", strerror(errno));
}

enum status sql_client_open(struct sql_client *c, const char *host, uint16_t port, const char *user, const char *password,
                            struct error *out_error)
{
    struct error why = { 0 };
    *c = (struct sql_client){ .fd = dial(host, port, PATIENCE_S, NULL, NULL, &why) };
    if (c->fd < 0)
        return error_set(out_error, E_IO, "--sql: %s", why.text);
    return login(c, user, password, out_error);
}

enum status sql_client_send(struct sql_client *c, struct slice statement)
{
    static const unsigned char command = COM_QUERY;
    unsigned char              head[4] = { (statement.len + 1) & 255, (statement.len + 1) >> 8 & 255, (statement.len + 1) >> 16 & 255, 0 };
    buf_append(&c->out, head, sizeof head);
    buf_append(&c->out, &command, 1);
    buf_slice_append(&c->out, statement);
    return buf_ok(&c->out) ? flush(c) : E_NO_MEMORY;
}

enum status sql_client_wait(struct sql_client *c, struct error *out_error)
{
    errno = 0;
    return verdict(next_packet(c), out_error);
}

void sql_client_close(struct sql_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_clear(&c->in);
    buf_clear(&c->out);
}
