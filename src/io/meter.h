/* meter: what a connection has done in this second, and whether that is too much.
 *
 * Only connections of strangers are metered (STREAM_LIMITED: not of limits.exempt), and only those that do something: the meters of one
 * second stand in a table of the shard, by the stream's id, and are void in the next. An idle connection has none, and nothing is
 * ever swept.
 *
 *   second 17:  [ - | s4: 12 messages, 900 bytes | - | s9: 1, 40 | ... ]       second 18:  all of them are void
 *
 * A second is one of the shard's clock, so around its end a connection may do twice as much at once.
 *
 * Thread: the stream's shard. Bound: one entry (32 bytes) for each connection that is active in one second, twice that while the table
 * grows. Without memory nothing is refused.
 */
#ifndef ENCKE_IO_METER_H
#define ENCKE_IO_METER_H

#include "io/stream.h"

enum meter_kind { METER_MESSAGES, METER_BYTES, METER_SUBSCRIPTIONS, METER_COUNT };

struct meter_rules {
    uint32_t most[METER_COUNT]; /* in one second; 0 = no bound */
};

/* Counts `amount` more. False: that is too much; it has been counted and logged, the caller ends the connection. */
bool meter_take(const struct stream *s, enum meter_kind what, uint32_t amount);

#endif
