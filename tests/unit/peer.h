/* peer: one real shard behind a real port, and the client's end of a connection to it.
 *
 *   struct peer p = peer_start(&http_conn_ops, &http_part);
 *   int fd = peer_connect(&p);
 *   peer_send(fd, SLICE("..."));
 *   peer_expect(fd, "...");          reads exactly as many bytes and compares
 *   assert_true(peer_is_ended(fd));  waits for the end of the stream
 *   peer_stop(&p);
 *
 * Nothing here sleeps: reads wait for bytes, at most PEER_DEADLINE_S.
 */
#ifndef ENCKE_TESTS_UNIT_PEER_H
#define ENCKE_TESTS_UNIT_PEER_H

#include "unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counter.h"
#include "io/shard.h"

#define PEER_DEADLINE_S 20

struct peer {
    struct port              *port;
    struct shards_setup      *setup;
    const struct shard_part **parts;
};

/* The port and the setup can be changed until peer_go. */
static inline struct peer peer_prepare(const struct stream_ops *first_ops, const struct shard_part *part, uint64_t queue_bytes)
{
    struct peer p = { calloc(1, sizeof *p.port), calloc(1, sizeof *p.setup), calloc(1, sizeof *p.parts) };

    *p.port = (struct port){
        .name = "test", .ip = "127.0.0.1", .backlog = 64, .kind = STREAM_WS, .first_ops = first_ops,
        .queue_limit_bytes = queue_bytes, .online = COUNTER_WS_ONLINE, .added = COUNTER_WS_ADDED, .ended = COUNTER_WS_ENDED,
        .events = COUNTER_WS_EVENTS,
    };
    *p.parts = part;
    *p.setup = (struct shards_setup){
        .shard_count = 1, .ports = p.port, .port_count = 1, .parts = p.parts, .part_count = part != NULL, .nofile = 1024,
    };
    return p;
}

static inline void peer_go(struct peer *p)
{
    struct error e = { 0 };
    static bool  is_set_up;
    if (!is_set_up)
        counter_setup(1);
    is_set_up = true;
    if (port_reserve(p->port, &e) != OK || shards_start(p->setup, &e) != OK)
        fail_msg("%s", e.text);
    port_release(p->port);
}

static inline struct peer peer_start(const struct stream_ops *first_ops, const struct shard_part *part, uint64_t queue_bytes)
{
    struct peer p = peer_prepare(first_ops, part, queue_bytes);
    peer_go(&p);
    return p;
}

static inline void peer_stop(struct peer *p)
{
    shards_stop(0);
    shards_join();
    free(p->port);
    free(p->setup);
    free(p->parts);
}

/* From another address of this machine: all of 127.0.0.0/8 is. */
static inline int peer_connect_from(const struct peer *p, const char *from)
{
    struct sockaddr_in own = { .sin_family = AF_INET };
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(p->port->port) };
    struct timeval     deadline = { .tv_sec = PEER_DEADLINE_S };
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline), 0);
    assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline int peer_connect(const struct peer *p)
{
    return peer_connect_from(p, "127.0.0.1");
}

static inline void peer_send(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            fail_msg("the server does not take bytes any more");
        bytes = slice_skip(bytes, (size_t)n);
    }
}

/* Reads `len` bytes; fewer when the stream ends before. */
static inline size_t peer_read(int fd, char *out, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(fd, out + got, len - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

static inline void peer_expect_at(int fd, struct slice wanted, const char *file, int line)
{
    char  *bytes = malloc(wanted.len + 1);
    size_t got = peer_read(fd, bytes, wanted.len);

    if (got != wanted.len || memcmp(bytes, wanted.at, got) != 0) {
        print_error("got \"%.*s\" instead of \"%.*s\"\n", (int)got, bytes, SLICE_ARG(wanted));
        _fail(file, line);
    }
    free(bytes);
}

#define peer_expect(fd, literal)      peer_expect_at((fd), SLICE(literal), __FILE__, __LINE__)
#define peer_expect_slice(fd, wanted) peer_expect_at((fd), (wanted), __FILE__, __LINE__)

/* True: the stream ended (or was reset) without another byte. */
static inline bool peer_is_ended(int fd)
{
    char    byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

/* Closes the client's end and waits until the shard has let go of every connection. */
static inline void peer_close_all(int fd)
{
    close(fd);
    while (counter_sum(COUNTER_WS_ONLINE) > 0)
        sched_yield();
}

#endif
