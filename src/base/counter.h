/* counter: what is counted, once for each shard.
 *
 * Each shard has a block of numbers that only it writes; anybody may read. A write is a plain load, add and store (relaxed
 * atomics), so counting costs nothing on the hot path. Names, units and meanings stand in counters.def and feed SHOW STATUS,
 * the console and the documentation.
 */
#ifndef ENCKE_BASE_COUNTER_H
#define ENCKE_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
#define COUNTER_ROW(name, key, unit, kind, sentence) COUNTER_##name,
#include "base/counters.def"
#undef COUNTER_ROW
    COUNTER_COUNT
};

enum counter_kind { COUNTER_TOTAL, COUNTER_GAUGE }; /* only grows | goes up and down */

struct counter_row {
    const char       *key; /* "ws_connections" */
    const char       *unit;
    enum counter_kind kind;
    const char       *sentence;
};

struct counter_block {
    _Alignas(64) _Atomic uint64_t value[COUNTER_COUNT];
};

/* The block of the calling thread; never NULL (threads that are no shard count into a spare one). */
extern _Thread_local struct counter_block *counter_self;
extern struct counter_block                counter_outside; /* the spare one */

/* Makes the blocks of `shard_count` shards, once, before they start. */
void counter_setup(unsigned shard_count);

/* A shard thread calls this first. */
void counter_join(unsigned shard);

static inline void counter_add(enum counter c, uint64_t amount)
{
    _Atomic uint64_t *v = &counter_self->value[c];
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + amount, memory_order_relaxed);
}

static inline void counter_sub(enum counter c, uint64_t amount)
{
    counter_add(c, (uint64_t)0 - amount);
}

/* The same for memory, which has to come out even whoever frees what another took: exact in threads that are no shard, too. */
static inline void counter_held(enum counter c, uint64_t bytes)
{
    if (counter_self == &counter_outside)
        atomic_fetch_add_explicit(&counter_outside.value[c], bytes, memory_order_relaxed);
    else
        counter_add(c, bytes);
}

static inline void counter_freed(enum counter c, uint64_t bytes)
{
    counter_held(c, (uint64_t)0 - bytes);
}

/* A gauge that one thread looks up from time to time, and no shard counts. */
void counter_set(enum counter c, uint64_t value);

/* Gauges may be taken in one shard and given back in another: only their sum means something, and it is never below 0. */
uint64_t counter_of(unsigned shard, enum counter c);
uint64_t counter_sum(enum counter c);
const struct counter_row *counter_row(enum counter c);

#endif
