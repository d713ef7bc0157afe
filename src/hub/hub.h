/* hub: the room's part in each shard, and what is set once for all.
 *
 *   publish -> home shard (channel.c: order, history) -> interested shards (audience.c) -> fanout.c -> sockets
 *
 * Reading order: message.h, channel.h, internal.h (the audience), session.h, publish.h, ask.h.
 */
#ifndef ENCKE_HUB_HUB_H
#define ENCKE_HUB_HUB_H

#include "hub/dialect.h"
#include "io/shard.h"

struct hub_setup {
    const struct dialect *const *dialects; /* borrowed for ever */
    unsigned                     dialect_count;
    unsigned                     shard_count;
    uint32_t                     max_subscriptions; /* for each session */
    uint64_t                     history_bytes;     /* memory for history, in the whole process */
    uint64_t                     backlog_bytes;     /* deliveries that may wait for one shard before publishers wait */
};

/* Once, before the shards start. */
enum status hub_setup(const struct hub_setup *setup) __attribute__((warn_unused_result));

/* After the shards have ended. */
void hub_clear(void);

extern const struct shard_part hub_part;

#endif
