/* form.c: see form.h. */
#include "http/form.h"

#define NAME_SIZE 64 /* longer names are nobody's */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte at the front of `s`, decoded, which is taken off. -1: wrongly encoded. */
static int take_byte(struct slice *s)
{
    char c = *s->at;
    if (c != '%') {
        *s = slice_skip(*s, 1);
        return c == '+' ? ' ' : (unsigned char)c;
    }
    int high = s->len > 2 ? hex(s->at[1]) : -1, low = s->len > 2 ? hex(s->at[2]) : -1;
    *s = slice_skip(*s, 3);
    return high >= 0 && low >= 0 ? high * 16 + low : -1;
}

static bool decode(struct slice raw, char *out, size_t size, size_t *out_len)
{
    size_t len = 0;
    while (raw.len > 0) {
        int byte = take_byte(&raw);
        if (byte <= 0 || len == size)
            return false;
        out[len++] = (char)byte;
    }
    *out_len = len;
    return true;
}

enum http_form http_form_value(struct slice form, const char *name, char *out, size_t size, size_t *out_len)
{
    while (form.len > 0) {
        char         found[NAME_SIZE];
        size_t       found_len;
        struct slice value = slice_cut(&form, '&'), raw_name = slice_cut(&value, '=');
        if (decode(raw_name, found, sizeof found, &found_len) && slice_is(slice_of(found, found_len), name))
            return decode(value, out, size, out_len) ? HTTP_FORM_FOUND : HTTP_FORM_BAD;
    }
    return HTTP_FORM_ABSENT;
}
