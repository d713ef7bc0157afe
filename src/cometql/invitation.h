/* invitation: what a user is told who is invited to a conference (spec cometql.md section 7.1). Pure but for the call's
 * key.
 *
 *   {"message":"...","sys":{"callKey":"...","callPipe":"web_syscall_v1_...","caller_id":5,...}}      keys in the order
 * of their bytes
 */
#ifndef ENCKE_COMETQL_INVITATION_H
#define ENCKE_COMETQL_INVITATION_H

#include "base/buf.h"

/* One FreeSWITCH server of the setting sip.freeswitch. */
struct telephony_node {
    const char *id;      /* "Server:WSport", as the column `node` shows it */
    const char *ws_host; /* what browsers connect to */
    uint16_t    ws_port;
    const char *stream_server; /* what the column `stream` shows; "" unless configured */
};

struct telephony {
    const struct telephony_node *nodes;
    unsigned                     count; /* 0: there is no telephony */
    struct slice                 salt;  /* secret */
};

struct invitation_text {
    uint32_t     app, caller_id;
    struct slice name, profile, message;
    int64_t      stream;
};

#define CALL_PIPE_PREFIX "web_syscall_v1_"
#define CALL_PIPE_SIZE (sizeof CALL_PIPE_PREFIX + 32)

/* The same server for all members of a room. `count` > 0. */
unsigned invitation_pick(uint32_t app, struct slice name, unsigned count);

/* The channel the members signal on: the same for all of one (app, name, profile, server), and not to be guessed
 * without the salt. NUL-terminated. */
void invitation_call_pipe(struct slice salt, uint32_t app, struct slice name, struct slice profile, const char *node,
                          char out[CALL_PIPE_SIZE]);

/* Random, version 4; NUL-terminated. */
void invitation_call_key(char out[37]);

void invitation_put(struct buf *out, const struct telephony *t, const struct telephony_node *node,
                    const struct invitation_text *i, const char *call_key);

#endif
