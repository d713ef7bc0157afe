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
    put_hex(out, l->run, 8);
    buf_byte(out, ':');
    put_hex(out, l->stream, 8);
    buf_byte(out, ':');
    put_hex(out, l->number, 8);
    buf_byte(out, ':');
    put_hex(out, l->sent_ns, 16);
    buf_byte(out, ':');
    size_t more = bytes > LABEL_BYTES ? bytes - LABEL_BYTES : 0;
    char  *to = more > 0 ? buf_reserve(out, more) : NULL;
    if (to != NULL) {
        memset(to, 'x', more);
        out->len += more;
    }
}

bool label_take(struct slice *text, struct label *out)
{
    const size_t mark = sizeof(LABEL_MARK) - 1;
    uint64_t     run, stream, number, sent_ns;
    const char  *found;
    while (text->len >= LABEL_BYTES && (found = memmem(text->at, text->len, LABEL_MARK, mark)) != NULL) {
        *text = slice_skip(*text, (size_t)(found - text->at) + mark);
        struct slice rest = *text;
        if (!take_hex(&rest, 8, &run) || !take_hex(&rest, 8, &stream) || !take_hex(&rest, 8, &number) ||
            !take_hex(&rest, 16, &sent_ns))
            continue;
        *out = (struct label){ .run = (uint32_t)run, .stream = (uint32_t)stream, .number = (uint32_t)number, .sent_ns = sent_ns };
        *text = rest;
        return true;
    }
    return false;
}

void track_begin(struct track *t, uint32_t from)
{
    *t = (struct track){ .next = from };
}

void track_settle(struct track *t, uint32_t from)
{
    if (!t->has_heard)
        t->next = from;
}

/* The numbers from t->next to before `number` did not come. */
static void skip_to(struct track *t, uint32_t number, struct track_faults *faults)
{
    uint32_t skipped = number - t->next;
    faults->missing += skipped;
    t->gaps = skipped >= 31 ? ~1u : t->gaps << (skipped + 1) | ((1u << skipped) - 1) << 1;
    t->next = number + 1;
}

void track_hear(struct track *t, uint32_t number, struct track_faults *faults)
{
    if (!t->has_heard && number < t->next) { /* it was on its way when the listener came */
        *t = (struct track){ .next = number + 1, .has_heard = true };
        return;
    }
    t->has_heard = true;
    if (number == t->next) {
        t->next++;
        t->gaps <<= 1;
        return;
    }
    if (number > t->next) {
        skip_to(t, number, faults);
        return;
    }
    uint32_t age = t->next - 1 - number;
    if (age < 32 && (t->gaps >> age & 1) == 0) {
        faults->doubled++;
        return;
    }
    faults->disordered++;
    if (age < 32) {
        faults->missing--;
        t->gaps &= ~(1u << age);
    }
}

uint32_t track_behind(const struct track *t, uint32_t published)
{
    return published > t->next ? published - t->next : 0;
}
