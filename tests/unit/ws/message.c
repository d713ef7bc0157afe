#include "unit/test.h"

#include <stdio.h>

#include "ws/conn.h"
#include "ws/message.h"

#define LIMIT 100000

static const unsigned char mask[4] = { 0x01, 0x80, 0xff, 0x5a };
static const struct ws_rules rules = { .message_bytes = LIMIT };

/* A conversation: what a client sent, and what was made of it. */
struct talk {
    struct buf bytes;
    struct buf story; /* "T(5)hello ping() ... " */
    unsigned   bad;   /* the close code, 0: none */
};

static void frame(struct talk *t, enum ws_opcode opcode, bool is_final, struct slice payload)
{
    ws_frame_make_masked(&t->bytes, opcode, is_final, payload, mask);
}

static void note(struct talk *t, const struct ws_event *e)
{
    switch (e->kind) {
    case WS_EVENT_MESSAGE:
        buf_printf(&t->story, "%c%zu(", e->is_binary ? 'B' : 'T', e->payload.len);
        break;
    case WS_EVENT_PING:
        buf_text(&t->story, "ping(");
        break;
    case WS_EVENT_PONG:
        buf_text(&t->story, "pong(");
        break;
    case WS_EVENT_CLOSE:
        buf_printf(&t->story, "close%u(", e->code);
        break;
    }
    buf_slice_append(&t->story, slice_first(e->payload, 30));
    buf_text(&t->story, ") ");
}

static void feed(struct talk *t, struct ws_partial **p, const char *at, size_t len)
{
    char           *copy = malloc(len + 1); /* so that ASan sees a read past the end */
    size_t          used = 0, taken;
    struct ws_event e;
    enum feed       fed = FEED_DONE;

    memcpy(copy, at, len);
    while (used < len && t->bad == 0) {
        fed = ws_message_feed(p, &rules, copy + used, len - used, &taken, &e);
        assert_true(taken <= len - used);
        used += taken;
        if (fed == FEED_DONE)
            note(t, &e);
        else if (fed == FEED_BAD)
            t->bad = e.code;
        else
            assert_true(used == len);
    }
    ws_partial_settle(p);
    free(copy);
}

/* Whole, split at every byte, and byte by byte: the story is the same, and nothing is left in hand. */
static void assert_story(struct talk *t, const char *story, unsigned bad)
{
    struct ws_partial *p = NULL;
    size_t             step = t->bytes.len > 3000 ? 997 : 1;

    for (size_t split = 0; split <= t->bytes.len; split += step) {
        buf_reset(&t->story);
        t->bad = 0;
        feed(t, &p, t->bytes.at, split);
        feed(t, &p, t->bytes.at + split, t->bytes.len - split);
        assert_slice(buf_slice(&t->story), story);
        assert_int_equal(t->bad, bad);
        if (bad == 0)
            assert_null(p);
        ws_partial_free(&p);
    }
    buf_reset(&t->story);
    t->bad = 0;
    for (size_t i = 0; i < t->bytes.len; i++)
        feed(t, &p, t->bytes.at + i, 1);
    assert_slice(buf_slice(&t->story), story);
    assert_int_equal(t->bad, bad);
    ws_partial_free(&p);
    buf_clear(&t->bytes);
    buf_clear(&t->story);
}

TEST(frames_split_at_every_byte_give_the_same_messages)
{
    UNUSED_STATE;
    struct talk t = { 0 };

    frame(&t, WS_TEXT, true, SLICE("hello"));
    frame(&t, WS_BINARY, true, SLICE("\xff\x01"));
    frame(&t, WS_TEXT, true, SLICE(""));
    frame(&t, WS_PING, true, SLICE("p"));
    frame(&t, WS_PONG, true, SLICE(""));
    frame(&t, WS_CLOSE, true, SLICE("\x03\xe8" "bye"));
    assert_story(&t, "T5(hello) B2(\xff\x01) T0() ping(p) pong() close1000(bye) ", 0);
}

TEST(fragments_are_joined_and_control_frames_stand_between_them)
{
    UNUSED_STATE;
    struct talk t = { 0 };

    frame(&t, WS_TEXT, false, SLICE("a"));
    frame(&t, WS_PING, true, SLICE("1"));
    frame(&t, WS_CONTINUATION, false, SLICE(""));
    frame(&t, WS_CONTINUATION, false, SLICE("b\xd0"));
    frame(&t, WS_PONG, true, SLICE("2"));
    frame(&t, WS_CONTINUATION, true, SLICE("\xb9"));
    frame(&t, WS_BINARY, false, SLICE(""));
    frame(&t, WS_CONTINUATION, true, SLICE(""));
    frame(&t, WS_TEXT, true, SLICE("z"));
    assert_story(&t, "ping(1) pong(2) T4(ab\xd0\xb9) B0() T1(z) ", 0);
}

TEST(a_long_message_comes_whole)
{
    UNUSED_STATE;
    struct talk t = { 0 };
    char       *text = malloc(LIMIT);

    memset(text, 'x', LIMIT);
    frame(&t, WS_TEXT, true, slice_of(text, 70000));
    frame(&t, WS_TEXT, true, slice_of(text, 200));
    frame(&t, WS_TEXT, false, slice_of(text, LIMIT - 1));
    frame(&t, WS_CONTINUATION, true, slice_of(text, 1));
    assert_story(&t, "T70000(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx) T200(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx) "
                     "T100000(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx) ", 0);
    free(text);
}

TEST(a_message_past_the_bound_is_refused_by_its_head)
{
    UNUSED_STATE;
    struct talk t = { 0 };
    char       *text = calloc(1, LIMIT + 1);

    frame(&t, WS_BINARY, true, slice_of(text, LIMIT + 1));
    t.bytes.len = 14; /* the head alone */
    assert_story(&t, "", WS_CLOSE_TOO_BIG);

    frame(&t, WS_BINARY, false, slice_of(text, 10));
    frame(&t, WS_CONTINUATION, true, slice_of(text, LIMIT - 9));
    assert_story(&t, "", WS_CLOSE_TOO_BIG);

    buf_append(&t.bytes, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" "mask", 14);
    assert_story(&t, "", WS_CLOSE_TOO_BIG);

    frame(&t, WS_BINARY, false, slice_of(text, 10));
    buf_append(&t.bytes, "\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff" "mask", 14);
    assert_story(&t, "", WS_CLOSE_TOO_BIG);
    free(text);
}

TEST(text_that_is_not_utf8_fails)
{
    UNUSED_STATE;
    struct talk t = { 0 };

    frame(&t, WS_TEXT, true, SLICE("a\xff"));
    assert_story(&t, "", WS_CLOSE_INVALID_TEXT);
    frame(&t, WS_TEXT, true, SLICE("\xd0"));
    assert_story(&t, "", WS_CLOSE_INVALID_TEXT);
    frame(&t, WS_TEXT, false, SLICE("\xd0"));
    frame(&t, WS_CONTINUATION, true, SLICE("x"));
    assert_story(&t, "", WS_CLOSE_INVALID_TEXT);
    frame(&t, WS_TEXT, false, SLICE("\xd0"));
    frame(&t, WS_CONTINUATION, true, SLICE(""));
    assert_story(&t, "", WS_CLOSE_INVALID_TEXT);
    frame(&t, WS_TEXT, false, SLICE("ok"));
    frame(&t, WS_CONTINUATION, false, SLICE("\xed\xa0\x80")); /* a surrogate: bad before the message ends */
    assert_story(&t, "", WS_CLOSE_INVALID_TEXT);
    frame(&t, WS_BINARY, true, SLICE("\xff"));
    assert_story(&t, "B1(\xff) ", 0);
}

TEST(close_frames_are_checked)
{
    UNUSED_STATE;
    struct talk t = { 0 };

    frame(&t, WS_CLOSE, true, SLICE(""));
    assert_story(&t, "close0() ", 0);
    frame(&t, WS_CLOSE, true, SLICE("\x0f\x9f"));
    assert_story(&t, "close3999() ", 0);
    frame(&t, WS_CLOSE, true, SLICE("\x03"));
    assert_story(&t, "", WS_CLOSE_PROTOCOL);
    frame(&t, WS_CLOSE, true, SLICE("\x03\xee"));
    assert_story(&t, "", WS_CLOSE_PROTOCOL);
    frame(&t, WS_CLOSE, true, SLICE("\x03\xe8\xff"));
    assert_story(&t, "", WS_CLOSE_INVALID_TEXT);
}

TEST(a_broken_frame_ends_the_story_after_what_was_whole)
{
    UNUSED_STATE;
    struct talk t = { 0 };

    frame(&t, WS_TEXT, true, SLICE("a"));
    buf_append(&t.bytes, "\x81\x01" "b", 3); /* not masked */
    assert_story(&t, "T1(a) ", WS_CLOSE_PROTOCOL);
    frame(&t, WS_TEXT, false, SLICE("a"));
    frame(&t, WS_TEXT, true, SLICE("b"));
    assert_story(&t, "", WS_CLOSE_PROTOCOL);
    frame(&t, WS_CONTINUATION, true, SLICE("b"));
    assert_story(&t, "", WS_CLOSE_PROTOCOL);
}

TESTS(RUN(frames_split_at_every_byte_give_the_same_messages), RUN(fragments_are_joined_and_control_frames_stand_between_them),
      RUN(a_long_message_comes_whole), RUN(a_message_past_the_bound_is_refused_by_its_head), RUN(text_that_is_not_utf8_fails),
      RUN(close_frames_are_checked), RUN(a_broken_frame_ends_the_story_after_what_was_whole))
