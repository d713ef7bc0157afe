/* conference: who was invited to which conference.
 *
 * A list of invitations for each (app, name), at the home shard of the name (the one a channel of that name would
 * have):
 *
 *   (app 15, "7001")   user 5: caller 0, profile default, on pbx1:7443, message "..."
 *                      user 9: caller 5, ...                                             sorted by user
 *
 * The hub keeps them and gives them back, no more: what is told to the invited user is the door's business. They live
 * until they are deleted, over restarts (STORE_CONFERENCE_PUT), and hold from the moment they are stored. Bounds:
 * CONFERENCE_INVITATIONS_MAX in each shard.
 *
 * Doors ask with ask_conference_new and ask_send (ask.h): ASK_CONFERENCE, _PUT, _DROP. Thread: the home shard.
 */
#ifndef ENCKE_HUB_CONFERENCE_H
#define ENCKE_HUB_CONFERENCE_H

#include "hub/ask.h"

#define CONFERENCE_INVITATIONS_MAX 100000

/* PUT takes all of them; DROP name and user (CONFERENCE_EVERYBODY: the whole list); ASK_CONFERENCE the name. The
 * caller's id goes into `number`. NULL when there is no memory. */
#define CONFERENCE_EVERYBODY UINT32_MAX
struct ask *ask_conference_new(enum ask_kind kind, uint32_t app, struct slice name, uint32_t user_id,
                               struct slice profile, struct slice message, struct slice node);

/* Takes a question about a conference to its home. */
void conference_ask(struct ask *given);

#endif
