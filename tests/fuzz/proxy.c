/* A PROXY header fed in two parts must be the header fed at once. The first byte says where to cut. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>

#include "io/proxy.h"

static enum feed run(struct proxy_header *h, struct slice in, size_t cut, size_t *out_left)
{
    struct slice first = slice_first(in, cut), second = slice_skip(in, cut);
    proxy_init(h);
    enum feed fed = proxy_feed(h, &first);
    if (fed == FEED_MORE) {
        assert(first.len == 0);
        fed = proxy_feed(h, &second);
    }
    *out_left = first.len + second.len;
    return fed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct proxy_header whole, parts;
    size_t              left, left_of_parts;
    struct slice        in = slice_of(data + 1, size - 1);
    enum feed           fed = run(&whole, in, in.len, &left);
    assert(run(&parts, in, data[0], &left_of_parts) == fed && left == left_of_parts);
    assert(fed != FEED_BAD || (whole.sentence != NULL && whole.sentence == parts.sentence));
    if (fed != FEED_DONE)
        return 0;
    assert(in.len - left <= 16 + PROXY_V2_MAX);
    assert(whole.has_source == parts.has_source && whole.source_port == parts.source_port);
    assert(!whole.has_source || address_equal(&whole.source, &parts.source));
    return 0;
}
