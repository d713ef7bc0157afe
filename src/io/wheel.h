/* wheel: one timer for each object of a slab, O(1) to arm and to disarm.
 *
 * A hashed wheel of 1,024 slots of 64 ms. The links are slab indices, 4 bytes each, inside the object. A timer that is more
 * than one round away stays in its slot until its round comes. Timers are late by up to one slot, never early.
 *
 *   slot 17: [ 4711 ] <-> [ 23 ]      (due tick 17, or 17 + 1024, ...)
 *   slot 18: empty
 *
 * Thread: its owner's.
 */
#ifndef ENCKE_IO_WHEEL_H
#define ENCKE_IO_WHEEL_H

#include "base/slab.h"

#define WHEEL_SLOTS   1024u
#define WHEEL_TICK_MS 64u
#define WHEEL_EXPIRED UINT32_MAX

struct wheel_node {
    uint32_t next; /* SLAB_NONE at the end */
    uint32_t prev; /* SLAB_NONE at the front */
    uint32_t due;  /* tick; 0 = not armed, WHEEL_EXPIRED = in the list of those being called */
};

struct wheel {
    struct slab *slab;    /* borrowed */
    size_t       node_at; /* offset of the struct wheel_node in an object */
    uint64_t     start_ms;
    uint32_t     now; /* the last tick that was handled */
    uint32_t     armed;
    uint32_t     slot[WHEEL_SLOTS + 1]; /* the last: those that are due now */
};

void wheel_init(struct wheel *w, struct slab *slab, size_t node_at, uint64_t now_ms);

/* Arms the timer of `object`, or moves it. */
void wheel_arm(struct wheel *w, void *object, uint64_t now_ms, uint64_t after_ms);
void wheel_disarm(struct wheel *w, void *object);

/* Calls `due` for each object whose time has come, at most `most`; its timer is disarmed by then. `due` may arm and disarm any
 * timer. The rest is called first in the next turns; wheel_wait_ms is 0 until then. */
void wheel_turn(struct wheel *w, uint64_t now_ms, void (*due)(void *object), unsigned most);

/* Milliseconds until something may be due, at most `most_ms`. */
uint32_t wheel_wait_ms(const struct wheel *w, uint64_t now_ms, uint32_t most_ms);

#endif
