/* inbox: what other threads tell a shard.
 *
 * An intrusive multi-producer, single-consumer queue. A producer pushes with one compare-and-swap; the consumer takes the
 * whole stack with one exchange and turns it around, so each producer's letters arrive in the order it posted them.
 *
 *   producers: push -> [ c -> b -> a ]     consumer: exchange(NULL), reverse -> a, b, c
 *
 * Sleep and wake: the consumer sets `asleep`, looks at the queue once more, then waits; a producer pushes, then exchanges
 * `asleep` to 0 and wakes the consumer only if it was 1. Both sides use seq_cst: the push and the load of `asleep` must not
 * pass each other, nor the store of `asleep` and the second look.
 *
 * Bound: none of its own. What a room posts is bounded by that room: messages by the reports their publishers await
 * (hub/publish.h), questions and answers by one open question for each connection, interest by one letter for each channel and
 * turn, presence by what one read of each connection can ask for.
 */
#ifndef ENCKE_IO_INBOX_H
#define ENCKE_IO_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>

/* First member of everything posted. `deliver` runs in the receiving shard and owns the letter from then on. */
struct letter {
    struct letter *next;
    void         (*deliver)(struct letter *given);
};

struct inbox {
    _Alignas(64) _Atomic(struct letter *) newest; /* written by producers */
    atomic_int     asleep;                        /* written by both, rarely */
    _Alignas(64) struct letter *taken;            /* the consumer's: oldest first */
};

void inbox_init(struct inbox *in);

/* From any thread. True: the consumer sleeps and must be woken by the caller. */
bool inbox_post(struct inbox *in, struct letter *given);

/* The next letter, or NULL. The consumer's thread. */
struct letter *inbox_take(struct inbox *in);

/* True: nothing is there and `asleep` is set: the consumer may wait. False: there is something to take. */
bool inbox_sleep(struct inbox *in);
void inbox_awake(struct inbox *in);

#endif
