/* mariadb_adopt: messages that CppComet wrote get what ours have: a place in their channel or queue, an id that says it.
 *
 *   pipe_messages    seq = 0: one new epoch for each channel, offsets from 1
 *   users_messages   seq = 0: the time in microseconds, and a little more where that is taken
 *
 * The order is that of the seconds, within a second that of the UUIDs (version 1: made of the time), then that of the ids. Rows
 * are updated one by one in transactions of a thousand: interrupted, it goes on with the rest. Done by `encke migrate`, and at
 * each start of the server for what has come meanwhile.
 */
#ifndef ENCKE_STORE_MARIADB_ADOPT_H
#define ENCKE_STORE_MARIADB_ADOPT_H

#include "store/mariadb_link.h"

/* `seq` is counted up for each message of a channel (schema_count_start). */
enum status adopt_messages(struct link *l, uint64_t *seq, uint64_t *out_history, uint64_t *out_queued, struct error *out_error);

/* The moment in a UUID of version 1, in units of 100 ns; 0 for another text. */
uint64_t uuid_time(struct slice text);

#endif
