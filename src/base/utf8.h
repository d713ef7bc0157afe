/* utf8: is this text UTF-8 (RFC 3629)?
 *
 * A resumable check, so that a text may be split anywhere, also inside a character. Overlong forms, surrogates and numbers
 * above U+10FFFF are refused.
 */
#ifndef ENCKE_BASE_UTF8_H
#define ENCKE_BASE_UTF8_H

#include "base/slice.h"

#define UTF8_START 0u
#define UTF8_BAD   UINT32_MAX

/* Feeds more of the text. Starts with UTF8_START; the answer is the next state: UTF8_START after whole characters, UTF8_BAD
 * when no continuation can make it valid, anything else inside a character. */
uint32_t utf8_feed(uint32_t state, struct slice more);

static inline bool utf8_is_valid(struct slice text)
{
    return utf8_feed(UTF8_START, text) == UTF8_START;
}

/* Length of the whole valid character in front, or 0 when there is none (nothing, an unfinished one, a bad byte). */
size_t utf8_char(struct slice text);

/* At most `max` bytes of the front of a valid text, without cutting a character. */
struct slice utf8_first(struct slice text, size_t max);

#endif
