/* meter.c: see meter.h. Open addressing; an entry of another second is a free place. Within one second entries are only added, so a search
 * that meets a free place has seen all there is. */
#include "io/meter.h"

#include <stdlib.h>

#include "base/log.h"
#include "io/internal.h"

#define FIRST_CAP 64u

static bool is_current(const struct meter *m, uint32_t second)
{
    return m->second == second;
}

/* The place of the id, or the free one where it belongs. There is always a free one. */
static struct meter *place_of(struct meter *at, uint32_t cap, uint64_t id, uint32_t second)
{
    uint32_t i = (uint32_t)(id * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (cap - 1);
    while (is_current(&at[i], second) && at[i].id != id)
        i = (i + 1) & (cap - 1);
    return &at[i];
}

static bool grow(struct meters *m)
{
    uint32_t      cap = m->cap > 0 ? m->cap * 2 : FIRST_CAP;
    struct meter *grown = calloc(cap, sizeof *grown);
    if (grown == NULL)
        return false;
    for (uint32_t i = 0; i < m->cap; i++)
        if (is_current(&m->at[i], m->second))
            *place_of(grown, cap, m->at[i].id, m->second) = m->at[i];
    counter_held(COUNTER_MEMORY_SHARDS, (cap - m->cap) * sizeof *grown);
    free(m->at);
    m->at = grown;
    m->cap = cap;
    return true;
}

static struct meter *meter_of(struct meters *m, uint64_t id)
{
    uint32_t second = (uint32_t)(shard_here.now_ms / 1000) + 1; /* never 0, which new memory has */
    if (m->second != second) {
        m->second = second;
        m->count = 0;
    }
    if (m->count >= m->cap / 2 && !grow(m) && m->count + 1 >= m->cap)
        return NULL;
    struct meter *found = place_of(m->at, m->cap, id, second);
    if (!is_current(found, second)) {
        *found = (struct meter){ .id = id, .second = second };
        m->count++;
    }
    return found;
}

static bool refuse(const struct stream *s, enum meter_kind what)
{
    static const char *const settings[METER_COUNT] = {
        [METER_MESSAGES] = "limits.messages", [METER_BYTES] = "limits.bytes", [METER_SUBSCRIPTIONS] = "limits.subscriptions"
    };
    static struct log_limit limit = { .every_ms = 10000 };
    char                    peer[ADDRESS_TEXT_MAX];
    counter_add(COUNTER_FLOODS, 1);
    stream_peer(s, peer, sizeof peer);
    log_limited(&limit, LOG_WARN, "%s: closed %s, which does too much in a second (%s)", stream_port(s)->name, peer, settings[what]);
    return false;
}

bool meter_take(const struct stream *s, enum meter_kind what, uint32_t amount)
{
    uint32_t most = shard_own->setup->meters.most[what];
    if (most == 0 || (s->flags & STREAM_LIMITED) == 0)
        return true;
    struct meter *m = meter_of(&shard_own->meters, stream_local_id(s));
    if (m == NULL)
        return true;
    if (amount <= most - m->done[what]) {
        m->done[what] += amount;
        return true;
    }
    m->done[what] = most;
    return refuse(s, what);
}
