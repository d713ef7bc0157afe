/* walker.c: see walker.h. */
#include "bench/walker.h"

#include <string.h>

#include "ws/frame.h"

static uint32_t number_of(const uint8_t *digits, unsigned count)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < count; i++)
        n = n * 10 + (digits[i] - '0');
    return n;
}

void walker_label(char *out, unsigned publisher, uint32_t number)
{
    for (unsigned i = WALKER_LABEL; i-- > 2; number /= 10)
        out[i] = (char)('0' + number % 10);
    out[0] = (char)('0' + publisher / 10);
    out[1] = (char)('0' + publisher % 10);
}

static void check_number(struct walker *w, const uint8_t *label, struct walked *out)
{
    uint32_t publisher = number_of(label, 2), number = number_of(label + 2, WALKER_LABEL - 2);
    if (publisher >= WALKER_PUBLISHERS || number != w->next[publisher])
        out->faults++;
    if (publisher < WALKER_PUBLISHERS)
        w->next[publisher] = (number + 1) % WALKER_NUMBERS;
}

/* The bytes taken by a frame's head and the part of its payload that is looked at; 0: not all there yet. */
static size_t look(struct walker *w, const uint8_t *at, size_t len, struct walked *out)
{
    if (len < 2)
        return 0;
    unsigned length = at[1] & 127u;
    size_t   head = length < 126 ? 2 : length == 126 ? 4 : 10;
    uint64_t payload = head == 2 ? length : 0;
    if (len < head)
        return 0;
    for (size_t i = 2; i < head; i++)
        payload = payload << 8 | at[i];
    size_t seen = payload < WALKER_LOOK ? (size_t)payload : WALKER_LOOK;
    if (len < head + seen)
        return 0;
    unsigned opcode = at[0] & 15u;
    w->skip = payload - seen;
    w->is_message =
        opcode == WS_TEXT && seen == WALKER_LOOK && memcmp(at + head, WALKER_PREFIX, sizeof(WALKER_PREFIX) - 1) == 0;
    if (w->is_message) {
        check_number(w, at + head + sizeof(WALKER_PREFIX) - 1, out);
        out->frame_bytes = (uint32_t)(head + payload);
    } else if (opcode == WS_PING) {
        out->pings++;
    } else if (opcode == WS_TEXT) {
        out->others++;
    }
    return head + seen;
}

/* A head that came in pieces. */
static size_t look_partial(struct walker *w, const uint8_t *at, size_t len, struct walked *out)
{
    size_t had = w->partial_len, room = sizeof w->partial - had, add = len < room ? len : room;
    memcpy(w->partial + had, at, add);
    size_t used = look(w, w->partial, had + add, out);
    w->partial_len = used > 0 ? 0 : (uint8_t)(had + add);
    return used > 0 ? used - had : add;
}

void walker_feed(struct walker *w, struct slice bytes, struct walked *out)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    size_t         len = bytes.len;
    while (len > 0) {
        size_t used;
        if (w->skip > 0) {
            used = w->skip < len ? (size_t)w->skip : len;
            w->skip -= used;
        } else if (w->partial_len > 0 || (used = look(w, at, len, out)) == 0) {
            used = look_partial(w, at, len, out);
            if (w->partial_len > 0)
                return;
        }
        at += used;
        len -= used;
        if (w->skip == 0 && w->is_message) {
            out->messages++;
            w->is_message = 0;
        }
    }
}
