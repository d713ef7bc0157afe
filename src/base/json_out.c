#include "base/json_out.h"

#include "base/utf8.h"

#define EVERY_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Not zero when one of the eight bytes is an escape's or no ASCII. Each term sets the high bit of a byte that is: below
 * 0x20; a quote; a backslash; 0x80 or more. A borrow may mark a byte above one that is marked already, which costs nothing. */
static uint64_t marks(uint64_t eight)
{
    uint64_t quote = eight ^ EVERY_BYTE('"');
    uint64_t slash = eight ^ EVERY_BYTE('\\');
    return ((eight - EVERY_BYTE(0x20)) | (quote - EVERY_BYTE(1)) | (slash - EVERY_BYTE(1)) | eight) & EVERY_BYTE(0x80);
}

static bool is_plain_ascii(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* Length of the front of `text` that goes out as it is. */
static size_t plain_run(struct slice text)
{
    size_t run = 0;
    while (run < text.len) {
        uint64_t eight;
        if (text.len - run >= sizeof eight) {
            memcpy(&eight, text.at + run, sizeof eight);
            if (marks(eight) == 0) {
                run += sizeof eight;
                continue;
            }
        }
        size_t one = is_plain_ascii(text.at[run]) ? 1 : 0;
        if ((unsigned char)text.at[run] >= 0x80)
            one = utf8_char(slice_skip(text, run));
        if (one == 0)
            break;
        run += one;
    }
    return run;
}

static void escape(struct buf *b, unsigned char byte)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };
    static const char hex[] = "0123456789abcdef";
    if (byte >= 0x80) {
        buf_text(b, "\xEF\xBF\xBD");
    } else if (byte == '"' || byte == '\\' || (byte < 0x20 && letters[byte] != 0)) {
        char two[2] = { '\\', byte < 0x20 ? letters[byte] : (char)byte };
        buf_append(b, two, sizeof two);
    } else {
        char six[6] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] };
        buf_append(b, six, sizeof six);
    }
}

void json_out_escaped(struct buf *b, struct slice text)
{
    while (text.len > 0) {
        /* Only where a run begins can a backslash stand before it: no run holds one. */
        if (text.at[0] == '\'' && b->len > 0 && b->at[b->len - 1] == '\\') {
            buf_text(b, "\\u0027");
            text = slice_skip(text, 1);
            continue;
        }
        size_t run = plain_run(text);
        buf_append(b, text.at, run);
        text = slice_skip(text, run);
        if (text.len > 0) {
            escape(b, (unsigned char)text.at[0]);
            text = slice_skip(text, 1);
        }
    }
}

void json_out_string(struct buf *b, struct slice text)
{
    buf_byte(b, '"');
    json_out_escaped(b, text);
    buf_byte(b, '"');
}
