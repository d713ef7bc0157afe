/* client: the other end of a talk (talk.h). Every wait has a deadline. */
#ifndef ENCKE_TESTS_UNIT_HUB_CLIENT_H
#define ENCKE_TESTS_UNIT_HUB_CLIENT_H

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/hub/talk.h"

#define DEADLINE_MS 20000

struct client {
    int    fd;
    char   in[65536];
    size_t len;
};

static void client_open(struct client *c)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(talk_port.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    c->len = 0;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
}

static void client_close(struct client *c)
{
    close(c->fd);
    c->fd = -1;
}

static void client_say(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void client_say(struct client *c, const char *format, ...)
{
    char    text[2048];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    text[n++] = '\n';
    for (int sent = 0; sent < n;) {
        ssize_t k = send(c->fd, text + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        assert_true(k > 0);
        sent += (int)k;
    }
}

/* The next line, without its end; fails the test past the deadline or at the end of the stream. */
static void client_line(struct client *c, char *out, size_t size)
{
    for (;;) {
        char *end = memchr(c->in, '\n', c->len);
        if (end != NULL) {
            size_t n = (size_t)(end - c->in);
            assert_true(n < size);
            memcpy(out, c->in, n);
            out[n] = '\0';
            c->len -= n + 1;
            memmove(c->in, end + 1, c->len);
            return;
        }
        struct pollfd p = { .fd = c->fd, .events = POLLIN };
        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
        ssize_t n = recv(c->fd, c->in + c->len, sizeof c->in - c->len, 0);
        assert_true(n > 0);
        c->len += (size_t)n;
    }
}

static void client_hears(struct client *c, const char *wanted)
{
    char line[2048];
    client_line(c, line, sizeof line);
    assert_string_equal(line, wanted);
}

static void client_asks(struct client *c, const char *question, const char *answer)
{
    client_say(c, "%s", question);
    client_hears(c, answer);
}

#endif
