/* Frames of a server, whole and in pieces. */
#include "load/incoming.h"

#include <stdio.h>

#include "base/buf.h"
#include "unit/test.h"
#include "ws/frame.h"

static char said[4096];

static void on_frame(void *context, const struct incoming_frame *f)
{
    (void)context;
    static const char kinds[] = "dpoc";
    size_t            at = strlen(said);
    snprintf(said + at, sizeof said - at, "%c%.*s(%zu) ", kinds[f->kind], f->look.len < 8 ? (int)f->look.len : 8, f->look.at, f->look.len);
}

static void sample(struct buf *out)
{
    static char large[70000];
    memset(large, 'y', sizeof large);
    ws_frame_make(out, WS_TEXT, SLICE("hello"));
    ws_frame_make(out, WS_PING, SLICE("p"));
    ws_frame_make(out, WS_TEXT, slice_of(large, 300));
    ws_frame_make(out, WS_TEXT, slice_of(large, sizeof large));
    ws_frame_make(out, WS_PONG, SLICE(""));
    ws_frame_make(out, WS_TEXT, SLICE("end"));
    ws_frame_make(out, WS_CLOSE, SLICE("\x03\xe8"));
}

static const char wanted[] = "dhello(5) pp(1) dyyyyyyyy(300) dyyyyyyyy(65536) o(0) dend(3) c\x03\xe8(2) ";

TEST(frames_are_found_wherever_the_bytes_are_cut)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    sample(&b);
    for (size_t cut = 0; cut <= b.len; cut += cut < 700 || cut + 700 > b.len ? 1 : 997) {
        struct incoming in = { 0 };
        said[0] = '\0';
        assert_true(incoming_feed(&in, slice_first(buf_slice(&b), cut), on_frame, NULL));
        assert_true(incoming_feed(&in, slice_skip(buf_slice(&b), cut), on_frame, NULL));
        assert_string_equal(said, wanted);
        assert_null(in.kept);
        incoming_clear(&in);
    }
    buf_clear(&b);
}

TEST(frames_that_come_byte_by_byte_are_frames)
{
    UNUSED_STATE;
    struct buf      b = { 0 };
    struct incoming in = { 0 };
    sample(&b);
    said[0] = '\0';
    for (size_t i = 0; i < b.len; i++)
        assert_true(incoming_feed(&in, slice_of(b.at + i, 1), on_frame, NULL));
    assert_string_equal(said, wanted);
    incoming_clear(&in);
    buf_clear(&b);
}

TEST(what_no_server_sends_is_refused)
{
    UNUSED_STATE;
    static const char *const samples[] = { "\x81\x85xxxxx", "\xc1\x01x", "\x83\x01x", "HTTP/1.1", "\x89\x7e\x01\x00" };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct incoming in = { 0 };
        assert_false(incoming_feed(&in, slice_str(samples[i]), on_frame, NULL));
        incoming_clear(&in);
    }
}

static void clear_at_first(void *context, const struct incoming_frame *f)
{
    (void)f;
    incoming_clear(context);
}

TEST(who_hears_a_frame_may_end_it_all)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    sample(&b);
    for (size_t cut = 0; cut < 400; cut++) {
        struct incoming in = { 0 };
        (void)incoming_feed(&in, slice_first(buf_slice(&b), cut), clear_at_first, &in);
        (void)incoming_feed(&in, slice_of(b.at + cut, 400 - cut), clear_at_first, &in);
        incoming_clear(&in);
    }
    buf_clear(&b);
}

TESTS(RUN(who_hears_a_frame_may_end_it_all), RUN(frames_are_found_wherever_the_bytes_are_cut), RUN(frames_that_come_byte_by_byte_are_frames), RUN(what_no_server_sends_is_refused))
