#include "base/counter.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static const struct counter_row rows[COUNTER_COUNT] = {
#define COUNTER_ROW(name, key, unit, kind, sentence) [COUNTER_##name] = { key, unit, kind, sentence },
#include "base/counters.def"
#undef COUNTER_ROW
};

/* Threads that are no shard share this one, so two of them may lose a count to each other; none of them is hot, and memory is
 * counted exactly (counter_held). */
struct counter_block counter_outside;

/* Set once before threads start. */
static struct counter_block *blocks;
static unsigned              block_count;

_Thread_local struct counter_block *counter_self = &counter_outside;

void counter_setup(unsigned shard_count)
{
    bug_if(shard_count == 0 || blocks != NULL);
    size_t size = shard_count * sizeof *blocks; /* a 32-bit count of blocks of a few hundred bytes fits */
    blocks = aligned_alloc(_Alignof(struct counter_block), size);
    bug_if(blocks == NULL);
    memset(blocks, 0, size);
    block_count = shard_count;
}

void counter_join(unsigned shard)
{
    bug_if(shard >= block_count);
    counter_self = &blocks[shard];
}

uint64_t counter_of(unsigned shard, enum counter c)
{
    return shard < block_count ? atomic_load_explicit(&blocks[shard].value[c], memory_order_relaxed) : 0;
}

uint64_t counter_sum(enum counter c)
{
    uint64_t sum = atomic_load_explicit(&counter_outside.value[c], memory_order_relaxed);
    for (unsigned shard = 0; shard < block_count; shard++)
        sum += counter_of(shard, c);
    bool is_torn = rows[c].kind == COUNTER_GAUGE && sum > UINT64_MAX / 2; /* given back in a shard read later than the one that took */
    return is_torn ? 0 : sum;
}

void counter_set(enum counter c, uint64_t value)
{
    atomic_store_explicit(&counter_outside.value[c], value, memory_order_relaxed);
}

const struct counter_row *counter_row(enum counter c)
{
    bug_if((unsigned)c >= COUNTER_COUNT);
    return &rows[c];
}
