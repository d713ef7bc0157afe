/* label.c: see label.h. */
#include "load/label.h"

static void put_hex(struct buf *out, uint64_t value, unsigned digits)
{
    while (digits-- > 0)
        buf_byte(out, (unsigned char)"0123456789abcdef"[value >> 4 * digits & 15]);
}

static bool take_hex(struct slice *text, unsigned digits, uint64_t *out)
{
    *out = 0;
    if (text->len < digits + 1u)
        return false;
    for (unsigned i = 0; i < digits; i++) {
        char c = text->at[i];
        int  digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        *out = *out << 4 | (unsigned)digit;
    }
    bool is_ended = text->at[digits] == ':';
    *text = slice_skip(*text, digits + 1);
    return is_ended;
}

void label_write(struct buf *out, const struct label *l, uint32_t bytes)
{
    buf_text(out, LABEL_MARK);
    put_hex(out, l->stream, 8);
    buf_byte(out, ':');
    put_hex(out, l->number, 8);
    buf_byte(out, ':');
    put_hex(out, l->sent_ns, 16);
    buf_byte(out, ':');
    for (size_t i = LABEL_BYTES; i < bytes; i++)
        buf_byte(out, 'x');
}

bool label_find(struct slice text, struct label *out)
{
    const size_t mark = sizeof(LABEL_MARK) - 1;
    uint64_t     stream, number;
    for (size_t at = 0; at + LABEL_BYTES <= text.len; at++) {
        if (text.at[at] != 'e' || memcmp(text.at + at, LABEL_MARK, mark) != 0)
            continue;
        struct slice rest = slice_skip(text, at + mark);
        if (!take_hex(&rest, 8, &stream) || !take_hex(&rest, 8, &number) || !take_hex(&rest, 16, &out->sent_ns))
            continue;
        out->stream = (uint32_t)stream;
        out->number = (uint32_t)number;
        return true;
    }
    return false;
}

void track_begin(struct track *t, uint32_t from)
{
    *t = (struct track){ .next = from };
}

void track_hear(struct track *t, uint32_t number, struct track_faults *faults)
{
    if (!t->has_heard && number < t->next) { /* it was on its way when the listener came */
        t->next = number + 1;
        t->has_heard = true;
        return;
    }
    t->has_heard = true;
    if (number == t->next) {
        t->next++;
    } else if (number > t->next) {
        faults->missing += number - t->next;
        t->next = number + 1;
    } else if (number + 1 == t->next) {
        faults->doubled++;
    } else { /* one that was counted as missing, or one that was heard long ago */
        faults->disordered++;
        if (faults->missing > 0)
            faults->missing--;
    }
}

void track_end(const struct track *t, uint32_t published, struct track_faults *faults)
{
    if (published > t->next)
        faults->missing += published - t->next;
}
