/* upgrade_wire: the two processes' connection while main has it: whole records, sent and awaited. Included by upgrade*.c only. */
#ifndef ENCKE_SERVER_UPGRADE_WIRE_H
#define ENCKE_SERVER_UPGRADE_WIRE_H

#include "base/buf.h"
#include "hub/record.h"

/* False: the other side is gone, or has not taken it in time. */
bool wire_send(int fd, struct slice bytes, uint32_t patience_ms);
bool wire_say(int fd, const struct record *r, uint32_t patience_ms);

enum wire_result { WIRE_RECORD, WIRE_NOTHING_YET, WIRE_GONE };

/* Reads one whole record into `bytes` (and not a byte more), where its texts point to. WIRE_NOTHING_YET: none has begun within
 * `wait_ms`. One that has begun must come to its end within 10 s; one that cannot be is WIRE_GONE. */
enum wire_result wire_hear(int fd, struct buf *bytes, struct record *out, uint32_t wait_ms);

#endif
