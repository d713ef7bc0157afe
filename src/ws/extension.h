/* extension: which extensions a connection uses (RFC 6455 section 9.1; RFC 7692, permessage-deflate). Pure.
 *
 *   Sec-WebSocket-Extensions: x-unknown, permessage-deflate; server_max_window_bits=10, permessage-deflate; client_max_window_bits
 *                             ignored    declined: our window is larger                 accepted
 *
 * The client lists offers, the one it likes best first; the first that can be met is accepted. One with a parameter that is unknown,
 * twice there, without its value, or with one it must not have is declined as a whole. Declining everything is no error: the
 * connection is then not compressed.
 *
 * What is always answered: server_no_context_takeover, because a message is compressed once for all its receivers, and
 * client_no_context_takeover, because a window kept for each connection would cost 32 KB.
 */
#ifndef ENCKE_WS_EXTENSION_H
#define ENCKE_WS_EXTENSION_H

#include "base/slice.h"

#define WS_WINDOW_BITS     12 /* of what the server compresses: 4 KB; offers that allow less are declined */
#define WS_EXTENSIONS_SIZE 112 /* longest answer, with its NUL */

struct ws_extensions {
    bool has_deflate;      /* an offer was accepted; later ones are only read */
    bool asked_for_window; /* it had server_max_window_bits: the answer must have it, too */
};

/* Reads the value of one Sec-WebSocket-Extensions header; called for each, in their order, with the same zeroed *chosen. False: it is
 * malformed, and RFC 6455 wants the opening to fail. */
bool ws_extensions_read(struct slice value, struct ws_extensions *chosen);

/* Safari 15.0 to 15.3, and pages in apps of iOS of these numbers, offer compression and break on it. */
bool ws_inflates_badly(struct slice user_agent);

/* The value of the header of the answer; empty when nothing was accepted. */
struct slice ws_extensions_answer(const struct ws_extensions *chosen, char out[WS_EXTENSIONS_SIZE]);

#endif
