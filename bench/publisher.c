/* publisher.c: see publisher.h. */
#include "bench/publisher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench/target.h"
#include "bench/walker.h"
#include "ws/frame.h"

#define REPORT_S 30 /* the longest a report may take */
#define READ_BYTES (64 * 1024)

static void read_more(struct publisher *p)
{
    char   *to = buf_reserve(&p->in, READ_BYTES);
    ssize_t n = to != NULL ? recv(p->fd, to, READ_BYTES, 0) : -1;
    if (n <= 0)
        die("the publisher's connection broke: %s", n == 0 ? "closed by the server" : strerror(errno));
    p->in.len += (size_t)n;
}

static void send_all(struct publisher *p, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(p->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n < 0)
            die("the publisher cannot send: %s", strerror(errno));
        bytes = slice_skip(bytes, (size_t)n);
    }
}

static void say(struct publisher *p, struct slice text)
{
    static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    struct buf                 b = { 0 };
    ws_frame_make_masked(&b, WS_TEXT, true, text, mask);
    send_all(p, buf_slice(&b));
    buf_clear(&b);
}

/* The payload of the first frame in p->in, and the bytes the frame takes; false: not all there. */
static bool first_frame(const struct publisher *p, struct slice *out_payload, size_t *out_size)
{
    const unsigned char *at = (const unsigned char *)p->in.at;
    if (p->in.len < 2)
        return false;
    size_t   head = at[1] < 126 ? 2 : at[1] == 126 ? 4 : 10;
    uint64_t len = head == 2 ? at[1] : 0;
    if (p->in.len < head)
        return false;
    for (size_t i = 2; i < head; i++)
        len = len << 8 | at[i];
    *out_payload = slice_of(at + head, len);
    *out_size = head + len;
    return p->in.len >= *out_size;
}

/* Where `text` ends in `s`, or NULL. */
static const char *after(struct slice s, const char *text)
{
    const char *found = memmem(s.at, s.len, text, strlen(text));
    return found != NULL ? found + strlen(text) : NULL;
}

/* Takes one frame off; true when it is a report of a publication. */
static bool take_frame(struct publisher *p, unsigned *out_count)
{
    struct slice text;
    size_t       size;
    while (!first_frame(p, &text, &size))
        read_more(p);
    if (after(text, "\"event\":\"error\"") != NULL)
        die("the server answers the publisher: %.*s", SLICE_ARG(text));
    bool        is_report = after(text, "\"number_messages\":") != NULL;
    const char *count = after(text, "\"user_in_pipe\":");
    if (count != NULL && out_count != NULL)
        *out_count = (unsigned)strtoul(count, NULL, 10); /* JSON follows the digits */
    buf_drop_front(&p->in, size);
    return is_report;
}

void publisher_open(struct publisher *p, uint16_t port)
{
    struct sockaddr_in   to = { .sin_family = AF_INET, .sin_port = htons(port) };
    const struct timeval patience = { .tv_sec = REPORT_S };
    int                  on = 1;
    *p = (struct publisher){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("the publisher cannot connect: %s", strerror(errno));
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    send_all(p, SLICE("GET /comet-server/ws/sesion=&myid=&devid=0&v=4.08&uuid=benchpublisher000000000000000000&api=js "
                      "HTTP/1.1\r\n"
                      "Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    const char *end;
    do
        read_more(p);
    while ((end = after(buf_slice(&p->in), "\r\n\r\n")) == NULL);
    if (after(buf_slice(&p->in), "HTTP/1.1 101") == NULL)
        die("the server answers the publisher: %.*s", SLICE_ARG(buf_slice(&p->in)));
    p->head_bytes = (uint32_t)(end - p->in.at);
    buf_drop_front(&p->in, p->head_bytes);
    struct slice text;
    size_t       size;
    while (!first_frame(p, &text, &size))
        read_more(p);
    p->hello_bytes = (uint32_t)size;
    take_frame(p, NULL);
}

void publisher_close(struct publisher *p)
{
    close(p->fd);
    buf_clear(&p->in);
}

unsigned publisher_count(struct publisher *p)
{
    unsigned count = UINT32_MAX;
    say(p, SLICE("pipe_count\n" BENCH_CHANNEL "\n"));
    while (count == UINT32_MAX)
        if (take_frame(p, &count))
            p->outstanding--;
    return count;
}

void publisher_send(struct publisher *p, unsigned count, unsigned bytes, unsigned window)
{
    struct buf text = { 0 };
    buf_text(&text, "web_pipe2\n" BENCH_CHANNEL "\nnews\n*\n");
    size_t begin = text.len;
    char  *payload = buf_reserve(&text, bytes);
    if (payload == NULL || bytes < WALKER_LABEL)
        die("a message of %u bytes cannot be made", bytes);
    memset(payload, 'x', bytes);
    text.len += bytes;
    for (unsigned i = 0; i < count; i++) {
        walker_label(text.at + begin, WALKER_WEBSOCKET, p->number);
        p->number = (p->number + 1) % WALKER_NUMBERS;
        say(p, buf_slice(&text));
        p->outstanding++;
        while (p->outstanding >= window)
            p->outstanding -= take_frame(p, NULL);
    }
    buf_clear(&text);
}

void publisher_collect(struct publisher *p)
{
    while (p->outstanding > 0)
        p->outstanding -= take_frame(p, NULL);
}
