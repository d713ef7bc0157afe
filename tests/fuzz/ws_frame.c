/* Messages out of frames, compression agreed and not: in one piece and in pieces of every small size, with the same events and the
 * same end. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ws/deflate.h"
#include "ws/message.h"

#define MESSAGE_BYTES 5000

/* What was seen, as one number, so that two readings can be compared. */
struct seen {
    uint64_t hash;
    unsigned events;
    unsigned bad;
};

static void check(int holds)
{
    if (!holds)
        abort();
}

static void mix(struct seen *s, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        s->hash = (s->hash ^ at[i]) * UINT64_C(1099511628211);
}

static void note(struct seen *s, const struct ws_event *e)
{
    unsigned what[3] = { e->kind, e->is_binary, e->code };

    check(e->payload.len <= MESSAGE_BYTES);
    if (e->kind == WS_EVENT_MESSAGE)
        check(e->is_binary || utf8_is_valid(e->payload));
    else
        check(e->payload.len <= WS_CONTROL_MAX);
    mix(s, what, sizeof what);
    mix(s, e->payload.at, e->payload.len);
    s->events++;
}

static struct seen read_all(const uint8_t *data, size_t size, size_t step, const struct ws_rules *rules)
{
    struct ws_partial *partial = NULL;
    struct seen        s = { 0 };

    for (size_t from = 0; from < size && s.bad == 0; from += step) {
        size_t len = size - from < step ? size - from : step, used = 0, taken;
        char  *piece = malloc(len); /* exactly as long, and ours to change */
        check(piece != NULL);
        memcpy(piece, data + from, len);
        while (used < len && s.bad == 0) {
            struct ws_event e;
            enum feed       fed = ws_message_feed(&partial, rules, piece + used, len - used, &taken, &e);
            check(taken <= len - used && (taken > 0 || fed == FEED_BAD));
            used += taken;
            if (fed == FEED_DONE)
                note(&s, &e);
            else if (fed == FEED_BAD)
                s.bad = e.code;
            else
                check(used == len);
        }
        ws_partial_settle(&partial);
        free(piece);
    }
    ws_partial_free(&partial);
    return s;
}

static void read_in_all_steps(const uint8_t *data, size_t size, const struct ws_rules *rules)
{
    static const size_t steps[] = { 1, 2, 3, 7, 13, 64 };
    struct seen         whole = read_all(data, size, size > 0 ? size : 1, rules);

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct seen s = read_all(data, size, steps[i], rules);
        check(s.hash == whole.hash && s.events == whole.events && s.bad == whole.bad);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_in_all_steps(data, size, &(struct ws_rules){ .message_bytes = MESSAGE_BYTES });
    read_in_all_steps(data, size, &(struct ws_rules){ .message_bytes = MESSAGE_BYTES, .has_deflate = true });
    deflate_part.on_stop();
    return 0;
}
