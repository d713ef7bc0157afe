/* stage: the server and the raw loop, with a crowd of subscribers at each. Sections play on it.
 *
 * Thread: main. What goes wrong ends the benchmark.
 */
#ifndef ENCKE_BENCH_STAGE_H
#define ENCKE_BENCH_STAGE_H

#include "bench/bench.h"
#include "bench/raw.h"
#include "bench/sql.h"
#include "bench/target.h"

#define WINDOW 200 /* reports a WebSocket publisher leaves outstanding */

struct stage {
    const struct bench *bench;
    unsigned            count; /* subscribers of each */
    struct target       target;
    struct raw          raw;
    struct crowd       *ours, *raws;
    struct publisher    publisher;
    struct sql          sql;
};

/* `count` subscribers of BENCH_CHANNEL at the server, and as many sockets at the raw loop. */
void stage_open(struct stage *s, const struct bench *b, unsigned count);

/* A message that was lost, doubled or out of order, and a connection that the server closed, is a fault. */
void stage_close(struct stage *s);

/* Seconds from `begin` until the crowd had everything. */
double stage_wait(struct crowd *c, uint64_t begin, const char *whose);

/* Seconds for one message to all; the publisher's clock is running from before it is sent. */
double stage_deliver_one(struct stage *s, unsigned bytes);

/* The raw loop's, in frames of the size that the server sent last. */
double stage_deliver_raw(struct stage *s, unsigned count, uint32_t join_bytes);

void stage_wait_until(uint64_t when_ns);

#endif
