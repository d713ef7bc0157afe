/* kept: bytes that strangers make a shard keep for them: messages and requests of which a part has come, and output of their own that
 * they do not take. Each connection has a bound (ws.max_message, ws.max_body, ws.max_queue); this is the one of all of them together,
 * without which some thousands that send all but the last byte would fill the memory of any machine.
 *
 *   connection   4 KB | 900 KB | 0 | 12 KB | ...      what each had when it was last looked at
 *   shard      `held`, the sum; its bound is a share of limits.kept
 *
 * Past the bound whoever needs more is refused, not who has most: those who want little hardly need any, for what comes whole in one read
 * is not kept at all. Connections of limits.exempt do not count.
 *
 * Thread: the stream's shard.
 */
#ifndef ENCKE_IO_KEPT_H
#define ENCKE_IO_KEPT_H

#include "io/stream.h"

/* From now on `now` bytes are kept for the connection in place of *kept, which is 0 at first and the caller's to drop. False: that is
 * more than all of them may have; it has been counted and logged, and the caller ends the connection. */
bool kept_change(const struct stream *s, uint32_t *kept, size_t now);

/* They are free. May be called again. */
void kept_drop(uint32_t *kept);

#endif
