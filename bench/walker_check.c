/* walker_check: the walker against a stream whose faults are known. */
#include "bench/target.h"
#include "bench/walker.h"
#include "ws/frame.h"

static void add_message(struct buf *out, unsigned publisher, uint32_t number, size_t bytes)
{
    struct buf payload = { 0 };
    char       label[WALKER_LABEL];
    walker_label(label, publisher, number);
    buf_text(&payload, WALKER_PREFIX);
    buf_append(&payload, label, sizeof label);
    while (payload.len < bytes)
        buf_byte(&payload, 'x');
    ws_frame_make(out, WS_TEXT, buf_slice(&payload));
    buf_clear(&payload);
}

/* Every length form, two publishers, a ping and a frame that is no message in between. */
static void make_good(struct buf *out)
{
    ws_frame_make(out, WS_TEXT, SLICE("{\"authorized\":false}"));
    add_message(out, 0, 0, 40);
    add_message(out, 16, 0, 1000);
    ws_frame_make(out, WS_PING, SLICE(""));
    add_message(out, 0, 1, 70000);
    add_message(out, 16, 1, WALKER_LOOK);
    ws_frame_make(out, WS_TEXT, SLICE("short"));
    add_message(out, 0, 2, 125);
}

static struct walked walk_pieces(struct slice bytes, size_t piece)
{
    struct walker w = { 0 };
    struct walked seen = { 0 };
    for (; bytes.len > 0; bytes = slice_skip(bytes, piece))
        walker_feed(&w, slice_first(bytes, piece), &seen);
    return seen;
}

static void check_splits(void)
{
    struct buf good = { 0 };
    make_good(&good);
    for (size_t piece = 1; piece < 200; piece++) {
        struct walked seen = walk_pieces(buf_slice(&good), piece);
        if (seen.messages != 5 || seen.others != 2 || seen.pings != 1 || seen.faults != 0)
            die("the counter of messages is wrong when they come in pieces of %zu bytes", piece);
    }
    struct walked seen = walk_pieces(slice_first(buf_slice(&good), good.len - 1), SIZE_MAX);
    if (seen.messages != 4)
        die("the counter of messages counts one that is not whole");
    buf_clear(&good);
}

static void check_fault(const char *what, const uint32_t *numbers, unsigned count)
{
    struct buf b = { 0 };
    for (unsigned i = 0; i < count; i++)
        add_message(&b, 3, numbers[i], 64);
    if (walk_pieces(buf_slice(&b), SIZE_MAX).faults == 0)
        die("the counter of messages does not see %s", what);
    buf_clear(&b);
}

void walker_check(void)
{
    check_splits();
    check_fault("a lost message", (const uint32_t[]){ 0, 1, 3 }, 3);
    check_fault("a doubled message", (const uint32_t[]){ 0, 1, 1 }, 3);
    check_fault("two messages that changed places", (const uint32_t[]){ 0, 2, 1 }, 3);
}
