/* message_id.c: see message_id.h. */
#include "base/message_id.h"

#include <stdio.h>

void message_id_write(uint64_t epoch, uint64_t offset, char out[MESSAGE_ID_SIZE])
{
    uint64_t e = epoch, o = offset;
    snprintf(out, MESSAGE_ID_SIZE, "%08x-%04x-8%03x-%04x-%012llx", (unsigned)(e >> 32), (unsigned)(e >> 16 & 0xffff),
             (unsigned)(e >> 4 & 0xfff), 0x8000u | (unsigned)(e & 0xf) << 10 | (unsigned)(o >> 48 & 0x3ff),
             (unsigned long long)(o & 0xffffffffffffULL));
}

static bool hex_of(struct slice text, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        int  digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        v = v << 4 | (unsigned)digit;
    }
    *out = v;
    return true;
}

bool message_id_parse(struct slice text, uint64_t *out_epoch, uint64_t *out_offset)
{
    static const size_t lengths[] = { 8, 4, 4, 4, 12 };
    uint64_t            part[5];
    if (text.len != MESSAGE_ID_SIZE - 1)
        return false;
    for (size_t i = 0; i < 5; i++) {
        struct slice digits = slice_cut(&text, '-');
        if (digits.len != lengths[i] || !hex_of(digits, &part[i]))
            return false;
    }
    if (part[2] >> 12 != 8 || part[3] >> 14 != 2)
        return false;
    *out_epoch = part[0] << 32 | part[1] << 16 | (part[2] & 0xfff) << 4 | (part[3] >> 10 & 0xf);
    *out_offset = (part[3] & 0x3ff) << 48 | part[4];
    return true;
}
