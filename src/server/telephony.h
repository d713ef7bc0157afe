/* telephony: the settings of [sip] and [freeswitch], as the rooms want them.
 *
 *   sip.freeswitch = []Server=pbx1,Pwd=secret,Port=8021  ---> telephony_node (cometql: invitations)
 *                                                        \--> esl_server (esl: who is in a conference)
 *
 * Thread: main, before the shards start. Names are resolved then, and only then: a server whose name cannot be resolved
 * is away until the next start, with a warning.
 */
#ifndef ENCKE_SERVER_TELEPHONY_H
#define ENCKE_SERVER_TELEPHONY_H

#include "api/directory.h"
#include "cometql/invitation.h"
#include "esl/client.h"
#include "server/config.h"
#include "server/secret.h"

struct telephony_setup {
    struct telephony       telephony; /* for cometql; borrows from here */
    struct esl_setup       esl;
    struct api_directory   directory;
    struct telephony_node *nodes;   /* owned */
    struct esl_server     *servers; /* owned */
    char                  *texts;   /* owned: what nodes and servers point to */
    struct secret          salt;
};

/* Are the settings right? */
enum status telephony_check(const struct config *c, struct error *out_error) __attribute__((warn_unused_result));

/* Is there any? */
bool telephony_is_on(const struct config *c);

/* Reads them, makes the salt when it must, resolves the names, and hands all of it to esl and api. `out` stays where it
 * is for as long as the shards run. */
enum status telephony_open(struct telephony_setup *out, const struct config *c, unsigned esl_port,
                           struct error *out_error) __attribute__((warn_unused_result));

void telephony_close(struct telephony_setup *t);

#endif
