/* publisher: one WebSocket that publishes with web_pipe2 and reads the reports. Blocking; main's. */
#ifndef ENCKE_BENCH_PUBLISHER_H
#define ENCKE_BENCH_PUBLISHER_H

#include <stdint.h>

#include "base/buf.h"

#define BENCH_CHANNEL "web_bench"

struct publisher {
    int        fd;
    struct buf in;          /* owned: what was read and not used */
    uint32_t   hello_bytes; /* length of the first frame */
    uint32_t   head_bytes;  /* length of the 101 */
    uint32_t   number;      /* of the next message */
    unsigned   outstanding; /* reports that have not come */
};

void publisher_open(struct publisher *p, uint16_t port);
void publisher_close(struct publisher *p);

/* How many subscribe to BENCH_CHANNEL. */
unsigned publisher_count(struct publisher *p);

/* Publishes `count` messages of `bytes` bytes, with at most `window` reports outstanding; returns when all are sent. */
void publisher_send(struct publisher *p, unsigned count, unsigned bytes, unsigned window);

/* Reads the reports that are still to come. */
void publisher_collect(struct publisher *p);

#endif
