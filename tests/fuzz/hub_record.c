/* What another process says: a record that is taken lies inside what came, and says the same when it is written again. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "hub/record.h"

static bool lies_in(struct slice text, const uint8_t *data, size_t size)
{
    return text.len == 0 || (text.at >= (const char *)data && text.at + text.len <= (const char *)data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice  in = slice_of(data, size);
    struct record r;
    while (record_feed(&in, &r) == FEED_DONE) {
        struct buf    b = { 0 };
        struct record again;
        assert(lies_in(r.name, data, size) && lies_in(r.event, data, size) && lies_in(r.payload, data, size) && lies_in(r.extra, data, size));
        record_write(&b, &r);
        struct slice copy = buf_slice(&b);
        assert(record_feed(&copy, &again) == FEED_DONE && copy.len == 0);
        assert(again.kind == r.kind && again.epoch == r.epoch && slice_equal(again.name, r.name) && slice_equal(again.payload, r.payload));
        buf_clear(&b);
    }
    return 0;
}
