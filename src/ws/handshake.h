/* handshake: what RFC 6455 section 4 computes. Pure.
 *
 * The server's side of the opening is http's (http/upgrade.h, http_upgrade); these are for clients, for tests, and for the
 * choice of a subprotocol.
 */
#ifndef ENCKE_WS_HANDSHAKE_H
#define ENCKE_WS_HANDSHAKE_H

#include "base/slice.h"

#define WS_KEY_SIZE    25 /* with the NUL */
#define WS_ACCEPT_SIZE 29 /* with the NUL */

/* A fresh Sec-WebSocket-Key. */
void ws_key_make(char out[WS_KEY_SIZE]);

/* The Sec-WebSocket-Accept that answers a key. */
void ws_accept_key(struct slice key, char out[WS_ACCEPT_SIZE]);

/* The first of `wanted` (ends with NULL; the server's order of preference) that the client's list offers, or NULL. `offered`
 * is the value of Sec-WebSocket-Protocol; names compare exactly. */
const char *ws_protocol_choose(struct slice offered, const char *const *wanted);

#endif
