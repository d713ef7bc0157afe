/* phase: how a process stands aside for the one that takes over (docs/internals/upgrade.md).
 *
 *            shards_freeze                                                       shards_open: as if nothing had been
 *   RUN ---> SHUT ------------> QUIET --------------------> [HASTEN] ---> FROZEN ----------------------------------> RUN
 *    ^       nobody is          nothing is read; what was   what takes    | shards_write: what the next must know
 *    |       accepted; who is   read is done and answered   too long      v
 *    |       coming in comes in                             is ended     GUEST: the listeners are gone; whoever is still here
 *   starts_shut begins in SHUT                                            hears what the next process publishes
 *
 * FROZEN is exact: every shard stands still at the top of its turn, no letter is on its way, and no part has anything under way.
 * All that was answered was done, and what was not answered was not begun.
 *
 * Thread: main. The shards follow at the top of their turns.
 */
#ifndef ENCKE_IO_PHASE_H
#define ENCKE_IO_PHASE_H

#include "base/buf.h"
#include "base/status.h"
#include "io/stream.h"

/* Nobody is accepted any more, those who are coming in have `newcomers_ms` to get there, then everything that was begun is ended
 * within `patience_ms`. False: it was not, and the shards run as before. */
bool shards_freeze(uint32_t newcomers_ms, uint32_t patience_ms);

/* Frozen: appends what one shard hands over (shard_part.on_hand_over). */
void shards_write(unsigned shard, struct buf *out);

/* Accepts and reads again. */
void shards_open(void);

/* From frozen: streams whose table says so (stays_as_guest) stay until they are let go (shards_drain), all others leave now. */
void shards_become_guests(void);

/* A connected socket becomes a stream of shard 0: takes the descriptor. Its port is one that is dialled. False: it is closed. When
 * there is no room for it in the shard its table hears on_gone(NULL). */
bool shards_adopt(int given_fd, unsigned port, const struct stream_ops *ops, void *owner);

#endif
