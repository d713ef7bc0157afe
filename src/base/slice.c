#include "base/slice.h"

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (a.at[i] != b.at[i] && lower(a.at[i]) != lower(b.at[i])) /* most are the same as they stand */
            return false;
    }
    return true;
}

bool slice_is_nocase(struct slice s, const char *text)
{
    return slice_equal_nocase(s, slice_str(text));
}

bool slice_starts(struct slice s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && (len == 0 || memcmp(s.at, prefix, len) == 0);
}

size_t slice_find(struct slice s, char byte)
{
    const char *found = s.len > 0 ? memchr(s.at, byte, s.len) : NULL;
    return found != NULL ? (size_t)(found - s.at) : SIZE_MAX;
}

struct slice slice_cut(struct slice *rest, char separator)
{
    size_t       place = slice_find(*rest, separator);
    struct slice front = slice_first(*rest, place);
    *rest = place == SIZE_MAX ? slice_skip(*rest, rest->len) : slice_skip(*rest, place + 1);
    return front;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && is_blank(s.at[0]))
        s = slice_skip(s, 1);
    while (s.len > 0 && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

bool slice_u64(struct slice s, uint64_t max, uint64_t *out_value)
{
    if (s.len == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.at[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}
