/* Compressed payloads of clients: bounded and without effect on the next; and what the server compresses, which must come back. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "ws/deflate.h"
#include "ws/frame.h"

#define LIMIT     5000
#define OVERSHOOT 65536 /* what may be written before the bound is looked at again */

static const struct ws_deflate_rules rules = { .is_on = true, .level = 1, .min_bytes = 0 };

static void check(int holds)
{
    if (!holds)
        abort();
}

static enum inflated inflate_exactly(struct slice packed, size_t limit, struct buf *out)
{
    char *exact = malloc(packed.len > 0 ? packed.len : 1); /* so that ASan sees a read past the end */

    check(exact != NULL);
    if (packed.len > 0)
        memcpy(exact, packed.at, packed.len);
    enum inflated end = inflate_message(slice_of(exact, packed.len), limit, out);
    free(exact);
    return end;
}

/* What was done to the shard's one state must not reach the next message. */
static void check_state_is_new(void)
{
    struct buf out = { 0 };

    check(inflate_exactly(SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), LIMIT, &out) == INFLATED);
    check(slice_is(buf_slice(&out), "Hello"));
    buf_clear(&out);
}

static void inflate_as_it_came(struct slice in)
{
    struct buf    first = { 0 }, second = { 0 };
    enum inflated end = inflate_exactly(in, LIMIT, &first);

    check(end != INFLATE_NO_MEMORY);
    check(first.len <= (end == INFLATED ? LIMIT : LIMIT + OVERSHOOT));
    check_state_is_new();
    check(inflate_exactly(in, LIMIT, &second) == end);
    check(first.len == second.len && (first.len == 0 || memcmp(first.at, second.at, first.len) == 0));
    buf_clear(&first);
    buf_clear(&second);
}

static void pack_and_inflate(struct slice text)
{
    struct buf frame = { 0 }, packed = { 0 }, back = { 0 };

    ws_frame_make(&frame, WS_BINARY, text);
    if (deflate_frame(&packed, buf_slice(&frame))) {
        check(packed.len < frame.len && (unsigned char)packed.at[0] == 0xc2);
        struct slice payload = slice_skip(buf_slice(&packed), ws_frame_head_len(buf_slice(&packed)));
        check(inflate_exactly(payload, text.len, &back) == INFLATED);
        check(slice_equal(buf_slice(&back), text));
    } else {
        check(packed.len == 0);
    }
    buf_clear(&frame);
    buf_clear(&packed);
    buf_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of((const char *)data, size);

    deflate_setup(&rules);
    inflate_as_it_came(in);
    pack_and_inflate(in);
    deflate_part.on_stop();
    return 0;
}
