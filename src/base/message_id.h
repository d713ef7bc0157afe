/* message_id: epoch and offset of a message as one text, and back.
 *
 *   eeeeeeee-eeee-8eee-xxoo-oooooooooooo      a UUID of version 8 (RFC 9562): 64 bits of epoch, 58 bits of offset;
 *                                             xx = 10 in binary, then 4 bits of epoch and 2 of the offset
 *
 * What lies in the hub and what lies in a database have the same id without anybody storing it twice
 * (docs/decisions/014-message-ids.md). As texts, the ids of one epoch are in the order of their offsets. */
#ifndef ENCKE_BASE_MESSAGE_ID_H
#define ENCKE_BASE_MESSAGE_ID_H

#include "base/slice.h"

#define MESSAGE_ID_SIZE 37 /* with the NUL */

/* Offsets from 2^58 on lose their upper bits. */
void message_id_write(uint64_t epoch, uint64_t offset, char out[MESSAGE_ID_SIZE]);

/* False when the text is no such id; then nothing is written. */
bool message_id_parse(struct slice text, uint64_t *out_epoch, uint64_t *out_offset);

#endif
