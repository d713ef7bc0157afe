/* sql: a bundle of CometQL connections that pipeline INSERTs. main's. */
#ifndef ENCKE_BENCH_SQL_H
#define ENCKE_BENCH_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define SQL_CONNECTIONS 16 /* each numbers its own messages, as publisher 0..15 of the walker */

struct sql_conn {
    int        fd;
    bool       wants_out;      /* EPOLLOUT is armed */
    struct buf out, in;        /* owned */
    uint32_t   number;         /* of its next message */
    unsigned   sent, answered; /* in this run */
};

struct sql {
    struct sql_conn conns[SQL_CONNECTIONS];
    int             epoll_fd;
};

void sql_open(struct sql *s, uint16_t port, const char *password);
void sql_close(struct sql *s);

/* One statement that is answered with OK. */
void sql_say(struct sql *s, const char *statement);

/* `count` statements INSERT INTO pipes_messages over all connections, each with at most `depth` unanswered; returns
 * when all are answered. A message carries `bytes` bytes. */
void sql_insert(struct sql *s, const char *channel, unsigned count, unsigned bytes, unsigned depth);

#endif
