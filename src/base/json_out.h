/* json_out: JSON text, appended to a buf.
 *
 * Escapes as the classic protocol wants (spec classic-protocol.md 3.2): \" \\ \b \f \n \r \t, other bytes below 0x20 as \u00xx
 * in lower-case hex, everything else as it is. Beyond that, an apostrophe that follows a backslash in the output is written
 * \u0027, because CppComet's browser library rewrites that pair before it parses. Invalid UTF-8 becomes U+FFFD.
 */
#ifndef ENCKE_BASE_JSON_OUT_H
#define ENCKE_BASE_JSON_OUT_H

#include "base/buf.h"

/* With the quotes around it. */
void json_out_string(struct buf *b, struct slice text);

/* Without quotes: for texts written in pieces. */
void json_out_escaped(struct buf *b, struct slice text);

#endif
