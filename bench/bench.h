/* bench: what all rows share. */
#ifndef ENCKE_BENCH_BENCH_H
#define ENCKE_BENCH_BENCH_H

#include <stdbool.h>

#include "bench/crowd.h"
#include "bench/publisher.h"
#include "bench/report.h"

struct bench {
    struct report *report;
    const char    *server; /* path of the program under test */
    const char    *only;   /* name of the one section to run, or NULL */
    unsigned       runs;
    unsigned       connections; /* of the memory and connection rows */
    bool           is_quick;
};

static inline bool bench_wants(const struct bench *b, const char *section)
{
    return b->only == NULL || strcmp(b->only, section) == 0;
}

/* Subscribes all of them to BENCH_CHANNEL and waits until the server counts so many. */
void bench_subscribe(struct crowd *c, struct publisher *p, unsigned count);

void bench_connections(const struct bench *b); /* connections.c: memory, connections per second */
void bench_broadcast(const struct bench *b);   /* broadcast.c: one at a time, bursts, latency */
void bench_silence(const struct bench *b);     /* silence.c: pings and pongs, P7 */
void bench_slow(const struct bench *b);        /* slow.c: subscribers that do not read, P9 */
void bench_start(const struct bench *b);       /* start.c: from fork() until ready, P11 */
void bench_growth(const struct bench *b);      /* growth.c: the same costs at 1,000 ... connections; only when asked for */
void bench_statements(const struct bench *b);  /* connections.c: CometQL without subscribers */

#endif
