/* Packets fed in two parts must be the packets fed at once. The first byte says where to cut. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "esl/packet.h"

static void feed(struct esl_reader *r, struct slice in, struct buf *seen, bool *is_bad)
{
    struct esl_packet p;
    while (in.len > 0 && !*is_bad) {
        enum feed fed = esl_packet_feed(r, &in, &p);
        if (fed == FEED_DONE)
            buf_printf(seen, "%d %d %.*s %.*s|", p.kind, p.is_ok, SLICE_ARG(p.reply), SLICE_ARG(p.body));
        *is_bad = fed == FEED_BAD;
    }
}

static struct buf run(struct slice in, size_t cut)
{
    struct esl_reader r;
    struct buf        seen = { 0 };
    bool              is_bad = false;
    esl_reader_init(&r, 4096);
    feed(&r, slice_first(in, cut), &seen, &is_bad);
    feed(&r, slice_skip(in, cut), &seen, &is_bad);
    buf_text(&seen, is_bad ? "bad" : "");
    esl_reader_clear(&r);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice in = slice_of(data + 1, size - 1);
    struct buf   whole = run(in, in.len), parts = run(in, data[0]);
    assert(slice_equal(buf_slice(&whole), buf_slice(&parts)));
    buf_clear(&whole);
    buf_clear(&parts);
    return 0;
}
