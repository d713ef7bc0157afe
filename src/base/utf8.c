#include "base/utf8.h"

/* Inside a character the state says what may follow:
 *
 *   bits 0..7   bytes that are missing (1 to 3)
 *   bits 8..15  smallest value of the next byte     (only the second byte of a character has narrower bounds than
 *   bits 16..23 largest value of the next byte       0x80..0xBF: RFC 3629, section 4)
 */
static uint32_t state_of(uint32_t missing, uint32_t smallest, uint32_t largest)
{
    return missing | smallest << 8 | largest << 16;
}

static uint32_t after_lead(unsigned char lead)
{
    if (lead < 0x80)
        return UTF8_START;
    if (lead < 0xC2)
        return UTF8_BAD;
    if (lead < 0xE0)
        return state_of(1, 0x80, 0xBF);
    if (lead < 0xF0)
        return state_of(2, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    if (lead < 0xF5)
        return state_of(3, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return UTF8_BAD;
}

static uint32_t step(uint32_t state, unsigned char byte)
{
    if (state == UTF8_START)
        return after_lead(byte);
    if (byte < (state >> 8 & 0xFF) || byte > (state >> 16 & 0xFF))
        return UTF8_BAD;
    uint32_t missing = (state & 0xFF) - 1;
    return missing == 0 ? UTF8_START : state_of(missing, 0x80, 0xBF);
}

/* How many of the `len` bytes at `at` are ASCII, in steps of eight. */
static size_t ascii_run(const char *at, size_t len)
{
    size_t run = 0;
    while (len - run >= 8) {
        uint64_t eight;
        memcpy(&eight, at + run, 8);
        if (eight & 0x8080808080808080u)
            break;
        run += 8;
    }
    return run;
}

uint32_t utf8_feed(uint32_t state, struct slice more)
{
    for (size_t i = 0; i < more.len && state != UTF8_BAD; i++) {
        if (state == UTF8_START && (unsigned char)more.at[i] < 0x80) {
            i += ascii_run(more.at + i, more.len - i);
            if (i == more.len)
                break;
        }
        state = step(state, (unsigned char)more.at[i]);
    }
    return state;
}

size_t utf8_char(struct slice text)
{
    uint32_t state = UTF8_START;
    for (size_t i = 0; i < text.len; i++) {
        state = step(state, (unsigned char)text.at[i]);
        if (state == UTF8_START)
            return i + 1;
        if (state == UTF8_BAD)
            return 0;
    }
    return 0;
}

struct slice utf8_first(struct slice text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.at[max] & 0xC0) == 0x80)
        max--;
    return slice_first(text, max);
}
