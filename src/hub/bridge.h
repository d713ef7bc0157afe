/* bridge: between the process that has taken over and the one whose connections leave at their pace (docs/internals/upgrade.md).
 *
 *   new: channel home ── interest BRIDGE ──> shard 0 ═══ MESSAGE, TELL, MOVE ═══> shard 0 ── channel home ──> subscribers :old
 *                                                    <══ INTEREST, GONE, LEFT ══
 *
 * To the homes of the new process the old one is one shard more that has subscribers (INTEREST_BRIDGE): each message of such a
 * channel is sent over, sealed already, and the old one only fans it out. One stream, so a channel's order stays. What waits for it
 * counts as backlog of shard 0, so publishers are slowed down to its pace; past the bound of its port the stream is closed, and the
 * old process, which sees that, ends all its connections at once: they come back and recover.
 *
 * A connection that leaves the old process and that comes to the new one: a user is online between the two, and nobody has left the
 * channels that announce it, unless he is not here hub_setup.return_ms after the old process has let him go.
 *
 * Thread: main, where nothing else is said.
 */
#ifndef ENCKE_HUB_BRIDGE_H
#define ENCKE_HUB_BRIDGE_H

#include "base/buf.h"
#include "io/stream.h"

/* The new process, before the shards start: what the old one has handed over, records one after the other. Borrowed until
 * hub_inherited. */
void hub_inherit(struct slice records);

/* All shards have started. */
void hub_inherited(void);

/* Of the stream on either side, for shards_adopt. */
extern const struct stream_ops bridge_ops;

/* Before shards_adopt: it is there until its end. */
void bridge_begin(void);

/* From any thread: has it not ended yet? */
bool bridge_is_up(void);

#endif
