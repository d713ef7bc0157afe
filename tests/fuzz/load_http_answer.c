/* The answer of an HTTP server, and the figures in its body, however it is cut. */
#include "fuzz/fuzz.h"
#include "load/http_answer.h"
#include "load/metrics.h"

static enum feed read_pieces(struct slice whole, size_t piece, struct buf *body, struct http_answer *a)
{
    enum feed fed = FEED_MORE;
    http_answer_begin(a, body);
    while (whole.len > 0 && fed == FEED_MORE) {
        struct slice in = slice_first(whole, piece);
        fed = http_answer_feed(a, &in);
        whole = slice_skip(whole, piece);
    }
    return fed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer     a, b;
    struct buf             one = { .limit = 1 << 20 }, other = { .limit = 1 << 20 };
    struct metrics_figures f;
    enum feed fed = read_pieces(slice_of(data, size), size > 0 ? size : 1, &one, &a);
    bug_if(fed != read_pieces(slice_of(data, size), 1, &other, &b));
    bug_if(a.status != b.status || !slice_equal(buf_slice(&one), buf_slice(&other)));
    (void)metrics_read(buf_slice(&one), &f);
    (void)metrics_read(slice_of(data, size), &f);
    buf_clear(&one);
    buf_clear(&other);
    return 0;
}
