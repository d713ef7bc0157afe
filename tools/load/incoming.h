/* incoming: the frames in what a WebSocket server sends (RFC 6455, unmasked), copying only those that come in pieces. Pure, resumable at
 * any byte.
 *
 * Of each frame at most the first INCOMING_LOOK bytes of the payload are looked at; the rest is skipped.
 */
#ifndef ENCKE_LOAD_INCOMING_H
#define ENCKE_LOAD_INCOMING_H

#include <stdbool.h>

#include "base/slice.h"

#define INCOMING_LOOK (64u * 1024) /* a server may put many messages into one frame */

struct incoming {
    uint64_t       skip; /* bytes of the present payload that are still to come */
    unsigned char *kept; /* owned: the beginning of a frame that is not whole yet; NULL: none */
    uint32_t       kept_len, kept_cap;
};

enum incoming_kind { INCOMING_DATA, INCOMING_PING, INCOMING_PONG, INCOMING_CLOSE };

struct incoming_frame {
    enum incoming_kind kind;
    struct slice       look; /* the beginning of the payload, valid during the call */
};

/* Calls on_frame for each frame whose look has come. False: what came is no WebSocket, or there is no memory. on_frame may clear `in`:
 * then the rest of `bytes` means nothing, and on_frame is to pass over what it is still called with. */
bool incoming_feed(struct incoming *in, struct slice bytes, void (*on_frame)(void *context, const struct incoming_frame *f), void *context);
void incoming_clear(struct incoming *in);

#endif
