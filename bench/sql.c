/* sql.c: see sql.h. */
#include "bench/sql.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "bench/target.h"
#include "bench/walker.h"

#define READ_BYTES (16 * 1024)
#define PATIENCE_MS 30000
#define CAPABILITIES 0x00088201u /* long password, protocol 4.1, secure connection, plugin */
#define COM_QUERY 3

/* --- bytes ----------------------------------------------------------------------------------------------- */

static void put_packet(struct buf *out, unsigned sequence, struct slice body)
{
    unsigned char head[4] = { body.len & 255, body.len >> 8 & 255, body.len >> 16 & 255, (unsigned char)sequence };
    buf_append(out, head, sizeof head);
    buf_slice_append(out, body);
}

/* Takes the first packet of c->in; at == NULL: not all there. The body is valid until more is read. */
static struct slice take_packet(struct sql_conn *c, size_t *at)
{
    if (c->in.len - *at < 4)
        return slice_of(NULL, 0);
    const unsigned char *head = (const unsigned char *)c->in.at + *at;
    size_t               len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    if (c->in.len - *at < 4 + len)
        return slice_of(NULL, 0);
    *at += 4 + len;
    return slice_of(head + 4, len);
}

static void read_more(struct sql_conn *c)
{
    char   *to = buf_reserve(&c->in, READ_BYTES);
    ssize_t n = to != NULL ? recv(c->fd, to, READ_BYTES, 0) : -1;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("a CometQL connection broke: %s", n == 0 ? "closed by the server" : strerror(errno));
    c->in.len += (size_t)n;
}

static void expect_ok(struct slice body)
{
    if (body.len == 0 || body.at[0] != 0)
        die("CometQL answers: %.*s", body.len > 9 ? (int)body.len - 9 : 0, body.len > 9 ? body.at + 9 : "");
}

/* --- login ----------------------------------------------------------------------------------------------- */

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

static struct slice wait_packet(struct sql_conn *c, size_t *at)
{
    struct slice body;
    while ((body = take_packet(c, at)).at == NULL)
        read_more(c);
    return body;
}

static void find_salt(struct slice greeting, char out[20])
{
    size_t version = slice_find(greeting, '\0');
    size_t at = version == SIZE_MAX ? SIZE_MAX : version + 1 + 4; /* behind the connection's id */
    if (greeting.len < 2 || greeting.at[0] != 10 || at > greeting.len || greeting.len - at < 8 + 19 + 12)
        die("this is no MySQL greeting");
    memcpy(out, greeting.at + at, 8);
    memcpy(out + 8, greeting.at + at + 8 + 19, 12);
}

static void login(struct sql_conn *c, const char *password)
{
    static const unsigned char fixed[32] = {
        CAPABILITIES & 255, CAPABILITIES >> 8 & 255, CAPABILITIES >> 16 & 255, 0, 0, 0, 0, 1, 45
    };
    char          salt[20];
    unsigned char answer[1 + SHA1_SIZE] = { SHA1_SIZE };
    struct buf    body = { 0 };
    size_t        at = 0;
    find_salt(wait_packet(c, &at), salt);
    scramble(password, salt, answer + 1);
    buf_append(&body, fixed, sizeof fixed);
    buf_append(&body, "root", 5);
    buf_append(&body, answer, sizeof answer);
    buf_append(&body, "mysql_native_password", 22);
    put_packet(&c->out, 1, buf_slice(&body));
    buf_clear(&body);
    if (send(c->fd, c->out.at, c->out.len, MSG_NOSIGNAL) != (ssize_t)c->out.len)
        die("cannot log in: %s", strerror(errno));
    buf_reset(&c->out);
    expect_ok(wait_packet(c, &at));
    buf_reset(&c->in);
}

static void conn_open(struct sql_conn *c, uint16_t port, const char *password)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    int                on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *c = (struct sql_conn){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("cannot connect to CometQL: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    login(c, password);
}

void sql_open(struct sql *s, uint16_t port, const char *password)
{
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < SQL_CONNECTIONS; i++) {
        conn_open(&s->conns[i], port, password);
        struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };
        if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->conns[i].fd, &e) < 0)
            die("epoll: %s", strerror(errno));
    }
}

void sql_close(struct sql *s)
{
    for (unsigned i = 0; i < SQL_CONNECTIONS; i++) {
        close(s->conns[i].fd);
        buf_clear(&s->conns[i].in);
        buf_clear(&s->conns[i].out);
    }
    close(s->epoll_fd);
}

/* --- statements ------------------------------------------------------------------------------------------ */

void sql_say(struct sql *s, const char *statement)
{
    struct sql_conn *c = &s->conns[0];
    struct buf       body = { 0 };
    size_t           at = 0;
    buf_byte(&body, COM_QUERY);
    buf_text(&body, statement);
    put_packet(&c->out, 0, buf_slice(&body));
    buf_clear(&body);
    if (send(c->fd, c->out.at, c->out.len, MSG_NOSIGNAL) != (ssize_t)c->out.len)
        die("cannot send to CometQL: %s", strerror(errno));
    buf_reset(&c->out);
    expect_ok(wait_packet(c, &at));
    buf_reset(&c->in);
}

struct insert {
    struct buf text;  /* COM_QUERY and the statement */
    size_t     label; /* where the label stands */
};

static void insert_make(struct insert *n, const char *channel, unsigned bytes)
{
    *n = (struct insert){ 0 };
    buf_byte(&n->text, COM_QUERY);
    buf_printf(&n->text, "INSERT INTO pipes_messages (name, event, message) VALUES ('%s', 'news', '", channel);
    n->label = n->text.len;
    char *payload = buf_reserve(&n->text, bytes);
    if (payload == NULL || bytes < WALKER_LABEL)
        die("a message of %u bytes cannot be made", bytes);
    memset(payload, 'x', bytes);
    n->text.len += bytes;
    buf_text(&n->text, "')");
}

static void flush(struct sql *s, unsigned i)
{
    struct sql_conn *c = &s->conns[i];
    ssize_t          n = send(c->fd, c->out.at, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        die("cannot send to CometQL: %s", strerror(errno));
    buf_drop_front(&c->out, n > 0 ? (size_t)n : 0);
    if (c->wants_out == (c->out.len > 0))
        return;
    c->wants_out = c->out.len > 0;
    struct epoll_event e = { .events = c->wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.u32 = i };
    epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

/* Fills the connection's window; `left` is what is left of all. */
static void send_more(struct sql *s, unsigned i, struct insert *n, unsigned depth, unsigned *left)
{
    struct sql_conn *c = &s->conns[i];
    for (; *left > 0 && c->sent - c->answered < depth; --*left, c->sent++) {
        walker_label(n->text.at + n->label, i, c->number);
        c->number = (c->number + 1) % WALKER_NUMBERS;
        put_packet(&c->out, 0, buf_slice(&n->text));
    }
    if (c->out.len > 0)
        flush(s, i);
}

static unsigned read_answers(struct sql_conn *c)
{
    struct slice body;
    unsigned     count = 0;
    size_t       at = 0;
    read_more(c);
    while ((body = take_packet(c, &at)).at != NULL) {
        expect_ok(body);
        count++;
    }
    buf_drop_front(&c->in, at);
    c->answered += count;
    return count;
}

void sql_insert(struct sql *s, const char *channel, unsigned count, unsigned bytes, unsigned depth)
{
    struct insert      statement;
    struct epoll_event events[SQL_CONNECTIONS];
    unsigned           left = count, answered = 0;
    insert_make(&statement, channel, bytes);
    for (unsigned i = 0; i < SQL_CONNECTIONS; i++)
        send_more(s, i, &statement, depth, &left);
    while (answered < count) {
        int n = epoll_wait(s->epoll_fd, events, SQL_CONNECTIONS, PATIENCE_MS);
        if (n <= 0)
            die("CometQL did not answer for %d s", PATIENCE_MS / 1000);
        for (int i = 0; i < n; i++) {
            unsigned number = events[i].data.u32;
            if (events[i].events & ~(unsigned)EPOLLOUT)
                answered += read_answers(&s->conns[number]);
            send_more(s, number, &statement, depth, &left);
        }
    }
    buf_clear(&statement.text);
}
