/* walker: finds the frames in what a subscriber receives, and checks that each message comes once and in its turn.
 *
 * Light, because it shares the cores with the server: it reads a frame's head and the first bytes of its payload, where
 * the benchmark's messages carry who published them and which one they are, and skips the rest.
 *
 *   {"data":"PPnnnnnnxxxxxxxxxxxxxx...       PP: publisher, 00..16; nnnnnn: 0, 1, 2 ... of that publisher
 *
 * One walker a connection; it survives any split.
 */
#ifndef ENCKE_BENCH_WALKER_H
#define ENCKE_BENCH_WALKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define WALKER_PUBLISHERS 17
#define WALKER_WEBSOCKET 16 /* the publisher over WebSocket; the others are CometQL connections */
#define WALKER_LABEL 8      /* "PPnnnnnn" */
#define WALKER_PREFIX "{\"data\":\""
#define WALKER_LOOK (sizeof(WALKER_PREFIX) - 1 + WALKER_LABEL) /* bytes of a payload that are looked at */
#define WALKER_NUMBERS 1000000                                 /* message numbers wrap here */

struct walker {
    uint64_t skip; /* bytes of the present frame's payload that are still to come */
    uint32_t next[WALKER_PUBLISHERS];
    uint8_t  is_message; /* the present frame is one */
    uint8_t  partial_len;
    uint8_t  partial[10 + WALKER_LOOK + 4]; /* a head that is not whole yet */
};

/* What was seen; the caller zeroes it. */
struct walked {
    uint64_t messages; /* whole ones */
    uint64_t others;   /* other data frames: the first answer */
    uint64_t pings;
    uint64_t faults;      /* messages that were lost, doubled or out of order: the number was not the expected one */
    uint32_t frame_bytes; /* of the last message, head and all; 0: none */
};

void walker_feed(struct walker *w, struct slice bytes, struct walked *out);

/* Dies unless the walker counts right at every split, and sees a message that is missing, one that comes twice and two
 * that changed places. The benchmark's word that nothing was lost stands on it, so it is called at every start. */
void walker_check(void);

/* Writes the label of a message: WALKER_LABEL bytes. */
void walker_label(char *out, unsigned publisher, uint32_t number);

#endif
