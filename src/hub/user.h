/* user: who has logged in, where, and what waits for him, at his home shard.
 *
 * home = hash(app, user id) % shards. The home knows his connections on all shards, whether he is online, when he was last seen,
 * his login secret, and his queue: the messages that found no connection.
 *
 *   user (app 0, 5)   online, hash "3hL..", last seen 0          waiting: [ TELL | LOGIN ]   one after the other
 *     connection shard 0 / id 81.., until 17:00 (token)           queue:   m41 -> m42
 *     connection shard 3 / id 07..
 *
 * Exactly once, in order. What concerns one user is done one thing at a time: a question waits while the one before it is under
 * way. A message to a user goes to the shard of each of his connections, and each shard says whether it was taken; only then is
 * it done, and if nobody took it, it goes to the queue. A login registers first and then drains the queue the same way, so nothing
 * falls between; what a vanishing connection did not take stays for the next.
 *
 * A user is read from the store when somebody needs him (he is "loading" then), and forgotten when he has had no connection for long
 * (user_rules.cache_count).
 *
 * Doors ask with ask_user_new and ask_send (ask.h). Thread: the home shard, but for user_home and user_left.
 */
#ifndef ENCKE_HUB_USER_H
#define ENCKE_HUB_USER_H

#include "hub/ask.h"

#define USER_HASH_MAX   32
#define USER_ID_MAX     2147483647 /* what SQL takes for an id, every door does */
#define USER_SIP_SECRET 16 /* bytes; the answer has two hexadecimal digits for each */

/* Which shard is home. */
unsigned user_home(uint32_t app, uint32_t user_id);

/* A connection that had logged in has ended; from its shard. */
void user_left(uint32_t app, uint32_t user_id, uint64_t stream);

/* Takes a question about a user or a token to the home. */
void user_ask(struct ask *given);

/* Valid login secrets: 1 to 32 characters of A-Z a-z 0-9 = + / _ */
bool user_hash_is_valid(struct slice hash);

#endif
