/* members: who is in which conference, from FreeSWITCH's answer to `api conference xml_list`.
 *
 *   <conferences><conference name="15*7001-FSdefaultDomain"><members><member type="caller">
 *     <caller_id_name>000015123</caller_id_name><join_time>62</join_time><last_talking>4</last_talking>
 *
 * is: app 15, room 7001, user 123, in it for 62 s, silent for 4 s. A conference whose name does not begin with an app's
 * number and a star, and a member who is no caller or whose name is not six digits of an app and the digits of a user,
 * is somebody else's and left out. So is a member whose two apps differ.
 */
#ifndef ENCKE_ESL_MEMBERS_H
#define ENCKE_ESL_MEMBERS_H

#include "base/slice.h"
#include "base/status.h"

#define ESL_ROOM_MAX 64
#define ESL_MEMBERS_MAX 65536 /* in one answer; further ones are left out */

struct esl_member {
    uint32_t app, user_id;
    uint8_t  place_len, join_len, talk_len;
    char     place[ESL_ROOM_MAX + 2]; /* the conference's name without the app, cut: "7001-FSdefaultDomain" */
    char     join_time[20];           /* the texts as they are, cut */
    char     last_talking[20];
};

struct esl_members {
    struct esl_member *at; /* owned */
    unsigned           count, cap;
};

/* E_MALFORMED (nothing is in `out` then) when the answer is not well-formed XML; E_NO_MEMORY. An answer that is no XML
 * at all, such as "-ERR" or a sentence, is a list of nobody. */
enum status esl_members_read(struct slice answer, struct esl_members *out) __attribute__((warn_unused_result));
void        esl_members_clear(struct esl_members *m);

/* The room a member is in: what stands before the first - or * of the place. */
struct slice esl_room_of(const struct esl_member *m);

/* Is he in the room of that name? Other than esl_room_of this finds rooms with - in their names as well. */
bool esl_is_in_room(const struct esl_member *m, struct slice room);

#endif
