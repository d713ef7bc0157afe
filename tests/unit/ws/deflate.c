#include "unit/test.h"

#include <dlfcn.h>

#include "ws/conn.h"
#include "ws/deflate.h"
#include "ws/frame.h"
#include "ws/message.h"

static struct ws_limits limits = { .deflate = { .is_on = true, .level = 6, .min_bytes = 10 } };

#define LIMIT 1000000

/* In place of zlib's: they fail as they do without memory while the test wants it. */
static bool is_poor;

#define Z_MEM_ERROR (-4)

int deflateInit2_(void *z, int level, int method, int bits, int memory, int strategy, const char *version, int size);
int deflateInit2_(void *z, int level, int method, int bits, int memory, int strategy, const char *version, int size)
{
    int (*real)(void *, int, int, int, int, int, const char *, int);

    *(void **)&real = dlsym(RTLD_NEXT, "deflateInit2_");
    return is_poor ? Z_MEM_ERROR : real(z, level, method, bits, memory, strategy, version, size);
}

int inflateInit2_(void *z, int bits, const char *version, int size);
int inflateInit2_(void *z, int bits, const char *version, int size)
{
    int (*real)(void *, int, const char *, int);

    *(void **)&real = dlsym(RTLD_NEXT, "inflateInit2_");
    return is_poor ? Z_MEM_ERROR : real(z, bits, version, size);
}

static enum inflated inflate_all(struct slice packed, size_t limit, struct buf *out)
{
    char         *exact = malloc(packed.len > 0 ? packed.len : 1); /* so that ASan sees a read past the end */
    enum inflated end;

    if (packed.len > 0)
        memcpy(exact, packed.at, packed.len);
    end = inflate_message(slice_of(exact, packed.len), limit, out);
    free(exact);
    return end;
}

static void assert_inflates(struct slice packed, const char *text)
{
    struct buf out = { 0 };

    assert_int_equal(inflate_all(packed, LIMIT, &out), INFLATED);
    assert_int_equal(out.len, strlen(text));
    assert_slice(out.len > 0 ? buf_slice(&out) : SLICE(""), text);
    buf_clear(&out);
}

static void assert_fails(struct slice packed, size_t limit, enum inflated end)
{
    struct buf out = { 0 };

    assert_int_equal(inflate_all(packed, limit, &out), end);
    assert_true(out.len <= limit + 2 * 65536);
    buf_clear(&out);
}

/* RFC 7692 section 7.2.3 */
TEST(the_examples_of_the_rfc_are_inflated)
{
    UNUSED_STATE;
    assert_inflates(SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello");
    assert_inflates(SLICE("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "Hello");         /* stored */
    assert_inflates(SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello");                     /* the block is marked as the last */
    assert_inflates(SLICE("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "Hello"); /* two blocks */
    assert_inflates(SLICE("\x00"), "");
    assert_inflates(SLICE(""), "");
}

TEST(blocks_go_on_behind_one_that_is_marked_as_the_last)
{
    UNUSED_STATE;
    assert_inflates(SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "HelloHello");
    assert_inflates(SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x01"), "Hello"); /* the mark is on the empty one whose end was taken away */
    assert_inflates(SLICE("\x01"), "");
}

TEST(what_is_no_deflate_is_refused)
{
    UNUSED_STATE;
    assert_fails(SLICE("\xff"), LIMIT, INFLATE_BAD);
    assert_fails(SLICE("\x06"), LIMIT, INFLATE_BAD); /* a block of the reserved kind */
    assert_fails(SLICE("Hello, I am not compressed at all"), LIMIT, INFLATE_BAD);
    assert_fails(SLICE("\xf2\x48\xcd\xc9\xc9\x07"), LIMIT, INFLATE_BAD);     /* cut off */
    assert_fails(SLICE("\xf2\x48\xcd\xc9"), LIMIT, INFLATE_BAD);
    assert_fails(SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00"), LIMIT, INFLATE_BAD); /* no room for the flush */
    assert_fails(SLICE("\x00\x05\x00\xfa\xff\x48\x65"), LIMIT, INFLATE_BAD);
    assert_fails(SLICE("\x02\x07\x02\x00\x00"), LIMIT, INFLATE_BAD);         /* points before the beginning */
    assert_inflates(SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello");         /* the state is as good as new */
}

static struct buf frame_of(char letter, size_t len)
{
    struct buf frame = { 0 };
    char      *text = malloc(len > 0 ? len : 1);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)(letter + i % 3);
    ws_frame_make(&frame, WS_TEXT, slice_of(text, len));
    free(text);
    return frame;
}

/* The payload of the one frame with RSV1 that `packed` is. */
static struct slice packed_payload(struct slice packed)
{
    assert_int_equal((unsigned char)packed.at[0], 0xc1);
    return slice_skip(packed, ws_frame_head_len(packed));
}

TEST(a_frame_of_every_form_of_length_comes_back)
{
    UNUSED_STATE;
    static const size_t lens[] = { 20, 125, 126, 127, 500, 65535, 65536, 300000, 900000 };

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct buf frame = frame_of('a', lens[i]), out = { 0 }, text = { 0 };
        buf_text(&out, "before");
        assert_true(deflate_frame(&out, buf_slice(&frame)));
        assert_true(out.len < frame.len);
        struct slice made = slice_skip(buf_slice(&out), 6);
        assert_slice(slice_first(buf_slice(&out), 6), "before");
        assert_int_equal(inflate_all(packed_payload(made), LIMIT, &text), INFLATED);
        struct slice was = slice_skip(buf_slice(&frame), ws_frame_head_len(buf_slice(&frame)));
        assert_true(slice_equal(buf_slice(&text), was));
        buf_clear(&frame);
        buf_clear(&out);
        buf_clear(&text);
    }
}

TEST(each_message_is_compressed_alone)
{
    UNUSED_STATE;
    struct buf frame = frame_of('a', 400), first = { 0 }, second = { 0 };

    assert_true(deflate_frame(&first, buf_slice(&frame)));
    assert_true(deflate_frame(&second, buf_slice(&frame)));
    assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
    buf_clear(&frame);
    buf_clear(&first);
    buf_clear(&second);
}

TEST(what_is_small_or_does_not_get_smaller_stays_as_it_is)
{
    UNUSED_STATE;
    struct buf out = { 0 }, small = frame_of('a', 9), random = { 0 };
    char       noise[2000];
    uint32_t   seed = 1;

    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
    ws_frame_make(&random, WS_BINARY, slice_of(noise, sizeof noise));
    assert_false(deflate_frame(&out, buf_slice(&small)));
    assert_false(deflate_frame(&out, buf_slice(&random)));
    assert_int_equal(out.len, 0);
    assert_true(buf_ok(&out));
    buf_clear(&out);
    buf_clear(&small);
    buf_clear(&random);
}

TEST(a_bomb_is_stopped_at_its_bound)
{
    UNUSED_STATE;
    struct buf frame = frame_of('a', 900000), out = { 0 }, text = { 0 };

    assert_true(deflate_frame(&out, buf_slice(&frame)));
    struct slice packed = packed_payload(buf_slice(&out));
    assert_true(packed.len < 5000);
    assert_int_equal(inflate_all(packed, 900000, &text), INFLATED);
    assert_fails(packed, 899999, INFLATE_TOO_BIG);
    assert_fails(packed, 1000, INFLATE_TOO_BIG);
    assert_fails(packed, 0, INFLATE_TOO_BIG);
    buf_clear(&frame);
    buf_clear(&out);
    buf_clear(&text);
}

TEST(without_memory_nothing_is_compressed_and_what_comes_compressed_ends_the_connection)
{
    UNUSED_STATE;
    struct buf            frame = frame_of('a', 400), out = { 0 };
    struct ws_partial    *p = NULL;
    const struct ws_rules rules = { .message_bytes = LIMIT, .has_deflate = true };
    char                  hello[] = "\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00";
    struct ws_event       e;
    size_t                used;

    deflate_part.on_stop(); /* what there is would do */
    is_poor = true;
    assert_false(deflate_frame(&out, buf_slice(&frame)));
    assert_true(out.len == 0 && buf_ok(&out));
    assert_int_equal(ws_message_feed(&p, &rules, hello, 13, &used, &e), FEED_BAD);
    assert_int_equal(e.code, WS_CLOSE_INTERNAL);
    ws_partial_free(&p);
    is_poor = false;
    assert_true(deflate_frame(&out, buf_slice(&frame))); /* the next one finds some */
    assert_inflates(SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello");
    buf_clear(&frame);
    buf_clear(&out);
}

/* Each block of a message that is nothing but empty blocks costs time, and no byte. */
TEST(empty_blocks_have_their_price)
{
    UNUSED_STATE;
    struct buf lasts = { 0 }, stored = { 0 };

    for (size_t i = 0; i < 64 + LIMIT / 64; i++) {
        buf_slice_append(&lasts, SLICE("\x03\x00"));
        buf_slice_append(&stored, SLICE("\x00\x00\x00\xff\xff"));
    }
    assert_fails(buf_slice(&lasts), LIMIT / 2, INFLATE_TOO_BIG);
    assert_fails(buf_slice(&stored), LIMIT / 2, INFLATE_TOO_BIG);
    buf_byte(&stored, 0);
    assert_fails(buf_slice(&stored), LIMIT, INFLATE_TOO_BIG); /* one too many */
    assert_inflates(slice_skip(buf_slice(&stored), 5), "");
    assert_inflates(slice_first(buf_slice(&stored), 63 * 5 + 1), "");
    assert_fails(slice_first(buf_slice(&stored), 63 * 5 + 1), 0, INFLATED);
    assert_fails(slice_first(buf_slice(&stored), 64 * 5 + 1), 0, INFLATE_TOO_BIG);
    buf_clear(&lasts);
    buf_clear(&stored);
}

/* --- messages ---------------------------------------------------------------------------------------------------------- */

static const unsigned char mask[4] = { 1, 2, 3, 4 };

/* One masked frame behind `bytes`. */
static void add(struct buf *bytes, enum ws_opcode opcode, bool is_final, unsigned rsv, struct slice payload)
{
    size_t at = bytes->len;

    ws_frame_make_masked(bytes, opcode, is_final, payload, mask);
    bytes->at[at] = (char)((unsigned char)bytes->at[at] | rsv << 4);
}

/* Feeds in pieces of `step` bytes; returns the close code, 0 when the messages were those of `story` ("Hello|Hello|"). */
static unsigned feed(struct slice bytes, size_t step, const struct ws_rules *rules, const char *story)
{
    struct ws_partial *p = NULL;
    struct buf         said = { 0 };
    unsigned           bad = 0;

    for (size_t from = 0; from < bytes.len && bad == 0; from += step) {
        struct slice piece = slice_first(slice_skip(bytes, from), step);
        char        *copy = malloc(piece.len);
        size_t       used = 0, taken;
        memcpy(copy, piece.at, piece.len);
        while (used < piece.len && bad == 0) {
            struct ws_event e;
            enum feed       fed = ws_message_feed(&p, rules, copy + used, piece.len - used, &taken, &e);
            used += taken;
            if (fed == FEED_DONE) {
                buf_slice_append(&said, slice_first(e.payload, 20));
                buf_byte(&said, '|');
            }
            bad = fed == FEED_BAD ? e.code : 0;
        }
        ws_partial_settle(&p);
        free(copy);
    }
    if (bad == 0) {
        assert_slice(said.len > 0 ? buf_slice(&said) : SLICE(""), story);
        assert_null(p);
    }
    ws_partial_free(&p);
    buf_clear(&said);
    return bad;
}

static void assert_fed(struct buf *given, uint32_t message_bytes, const char *story, unsigned bad)
{
    const struct ws_rules rules = { .message_bytes = message_bytes, .has_deflate = true };

    for (size_t step = 1; step <= given->len; step++)
        assert_int_equal(feed(buf_slice(given), step, &rules, story), bad);
    buf_clear(given);
}

#define HELLO SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00")

TEST(compressed_messages_come_between_others)
{
    UNUSED_STATE;
    struct buf b = { 0 };

    add(&b, WS_TEXT, true, 4, HELLO);
    add(&b, WS_TEXT, true, 0, SLICE("plain"));
    add(&b, WS_BINARY, true, 4, HELLO);
    add(&b, WS_TEXT, true, 4, SLICE(""));
    add(&b, WS_TEXT, true, 4, SLICE("\x00"));
    assert_fed(&b, LIMIT, "Hello|plain|Hello|||", 0);
}

TEST(a_compressed_message_may_come_in_fragments_with_pings_between)
{
    UNUSED_STATE;
    struct buf b = { 0 };

    add(&b, WS_TEXT, false, 4, slice_first(HELLO, 3));
    add(&b, WS_PING, true, 0, SLICE("ping"));
    add(&b, WS_CONTINUATION, false, 0, SLICE(""));
    add(&b, WS_CONTINUATION, true, 0, slice_skip(HELLO, 3));
    add(&b, WS_TEXT, false, 0, SLICE("pl"));
    add(&b, WS_CONTINUATION, true, 0, SLICE("ain"));
    add(&b, WS_TEXT, false, 4, SLICE(""));
    add(&b, WS_CONTINUATION, true, 0, HELLO);
    assert_fed(&b, LIMIT, "ping|Hello|plain|Hello|", 0);
}

TEST(a_compressed_message_may_come_in_fragments_of_a_byte)
{
    UNUSED_STATE;
    struct buf b = { 0 };

    add(&b, WS_TEXT, false, 0, SLICE("pl"));
    add(&b, WS_PING, true, 0, SLICE("1"));
    add(&b, WS_CONTINUATION, true, 0, SLICE("ain"));
    for (size_t i = 0; i < HELLO.len; i++) {
        add(&b, i == 0 ? WS_TEXT : WS_CONTINUATION, i + 1 == HELLO.len, i == 0 ? 4 : 0, slice_first(slice_skip(HELLO, i), 1));
        add(&b, WS_PING, true, 0, SLICE("2"));
    }
    assert_fed(&b, LIMIT, "1|plain|2|2|2|2|2|2|Hello|2|", 0);
}

TEST(rsv1_belongs_on_the_first_frame_of_a_message_only)
{
    UNUSED_STATE;
    const struct ws_rules plain = { .message_bytes = LIMIT };
    struct buf            b = { 0 };

    add(&b, WS_TEXT, true, 4, HELLO);
    assert_int_equal(feed(buf_slice(&b), 1, &plain, ""), WS_CLOSE_PROTOCOL);
    buf_clear(&b);
    static const struct { enum ws_opcode opcode; unsigned rsv; } wrong[] = {
        { WS_PING, 4 }, { WS_PONG, 4 }, { WS_CLOSE, 4 }, { WS_TEXT, 2 }, { WS_TEXT, 1 }, { WS_TEXT, 6 }, { WS_BINARY, 7 },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        add(&b, wrong[i].opcode, true, wrong[i].rsv, SLICE(""));
        assert_fed(&b, LIMIT, "", WS_CLOSE_PROTOCOL);
    }
    add(&b, WS_TEXT, false, 4, slice_first(HELLO, 3));
    add(&b, WS_CONTINUATION, true, 4, slice_skip(HELLO, 3));
    assert_fed(&b, LIMIT, "", WS_CLOSE_PROTOCOL);
    add(&b, WS_TEXT, false, 0, SLICE("a"));
    add(&b, WS_CONTINUATION, true, 4, SLICE("b"));
    assert_fed(&b, LIMIT, "", WS_CLOSE_PROTOCOL);
}

TEST(bad_data_bad_text_and_too_much_of_it_have_their_codes)
{
    UNUSED_STATE;
    struct buf b = { 0 };

    add(&b, WS_TEXT, true, 4, SLICE("\xff\xff"));
    assert_fed(&b, LIMIT, "", WS_CLOSE_INVALID_TEXT);
    add(&b, WS_TEXT, true, 4, SLICE("\x00\x02\x00\xfd\xff" "a\xff" "\x00"));
    assert_fed(&b, LIMIT, "", WS_CLOSE_INVALID_TEXT);
    add(&b, WS_BINARY, true, 4, SLICE("\x00\x02\x00\xfd\xff" "a\xff" "\x00"));
    assert_fed(&b, LIMIT, "a\xff|", 0);
    add(&b, WS_TEXT, true, 4, HELLO);
    assert_fed(&b, 5, "Hello|", 0);
    add(&b, WS_TEXT, true, 4, HELLO);
    assert_fed(&b, 4, "", WS_CLOSE_TOO_BIG);
    add(&b, WS_TEXT, false, 4, HELLO);
    add(&b, WS_CONTINUATION, true, 0, SLICE("\x00"));
    assert_fed(&b, 4, "", WS_CLOSE_TOO_BIG);
}

static int begin(void **state)
{
    (void)state;
    ws_setup(&limits);
    return 0;
}

static int end(void **state)
{
    (void)state;
    deflate_part.on_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(the_examples_of_the_rfc_are_inflated), RUN(blocks_go_on_behind_one_that_is_marked_as_the_last),
        RUN(what_is_no_deflate_is_refused), RUN(a_frame_of_every_form_of_length_comes_back), RUN(each_message_is_compressed_alone),
        RUN(what_is_small_or_does_not_get_smaller_stays_as_it_is), RUN(a_bomb_is_stopped_at_its_bound),
        RUN(empty_blocks_have_their_price),
        RUN(without_memory_nothing_is_compressed_and_what_comes_compressed_ends_the_connection),
        RUN(compressed_messages_come_between_others), RUN(a_compressed_message_may_come_in_fragments_with_pings_between),
        RUN(a_compressed_message_may_come_in_fragments_of_a_byte), RUN(rsv1_belongs_on_the_first_frame_of_a_message_only), RUN(bad_data_bad_text_and_too_much_of_it_have_their_codes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
