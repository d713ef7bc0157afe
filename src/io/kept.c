/* kept.c: see kept.h. */
#include "io/kept.h"

#include "base/log.h"
#include "io/internal.h"

static _Thread_local uint64_t held;

void kept_drop(uint32_t *kept)
{
    held -= *kept;
    counter_sub(COUNTER_KEPT, *kept);
    *kept = 0;
}

static bool refuse(const struct stream *s)
{
    static struct log_limit limit = { .every_ms = 10000 };
    char                    peer[ADDRESS_TEXT_MAX];
    counter_add(COUNTER_KEPT_REFUSED, 1);
    stream_peer(s, peer, sizeof peer);
    log_limited(&limit, LOG_WARN, "%s: closed %s: what is kept for everybody has reached limits.kept", stream_port(s)->name, peer);
    return false;
}

bool kept_change(const struct stream *s, uint32_t *kept, size_t now)
{
    uint64_t most = shard_own->setup->kept_bytes / shard_own->setup->shard_count;
    uint32_t before = *kept, next = now < UINT32_MAX ? (uint32_t)now : UINT32_MAX;
    kept_drop(kept);
    if (shard_own->setup->kept_bytes == 0 || (s->flags & STREAM_LIMITED) == 0)
        return true;
    held += next;
    counter_add(COUNTER_KEPT, next);
    *kept = next;
    return next <= before || held <= most || refuse(s);
}
