/* crowd: many WebSocket connections to one port, in a few threads.
 *
 *   main:     crowd_new   crowd_open   crowd_say   crowd_expect ... publish ... crowd_wait   crowd_free
 *   threads:  (asleep)    connect all  send all    read, walk, count; the last message of all wakes main
 *
 * Each thread has a descriptor table of its own (unshare), so that their number, not the limit of one table, bounds the
 * crowd; what wakes them was made before. Every SOURCE_PORTS connections come from another address of 127.0.0.0/8.
 */
#ifndef ENCKE_BENCH_CROWD_H
#define ENCKE_BENCH_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "bench/series.h"

struct crowd;

struct crowd_opening {
    double seconds;
    double upgrade_median_ms; /* from connect() to the first frame */
    double upgrade_p99_ms;
};

struct crowd_faults {
    uint64_t numbers; /* messages lost, doubled or out of order */
    uint64_t closed;  /* connections the server ended */
};

struct crowd *crowd_new(uint16_t port, unsigned count);

/* Connects all: as fast as it goes, or `pace` a second. Each is open when its first frame has come. False: some could
 * not. */
bool crowd_open(struct crowd *c, unsigned pace, struct crowd_opening *out);

/* Every connection sends these bytes. */
void crowd_say(struct crowd *c, struct slice bytes);

/* So many messages, over all connections, are to come from now on. */
void crowd_expect(struct crowd *c, uint64_t messages);

/* Waits for the last of them; *out_ns is when it was read. False: nothing came for 20 s, or a connection was closed. */
bool crowd_wait(struct crowd *c, uint64_t *out_ns);

uint64_t            crowd_pings(const struct crowd *c);       /* answered since the beginning */
uint32_t            crowd_frame_bytes(const struct crowd *c); /* of the last message; 0: none yet */
struct crowd_faults crowd_faults(const struct crowd *c);

/* Resets all connections and ends the threads. */
void crowd_free(struct crowd *c);

#endif
