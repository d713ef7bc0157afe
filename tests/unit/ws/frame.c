#include "unit/test.h"

#include "ws/frame.h"

static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

static enum feed parse(const char *bytes, size_t len, bool in_message, struct ws_frame *f)
{
    const char *reason = NULL;
    enum feed   fed = ws_frame_feed(slice_of(bytes, len), in_message, f, &reason);
    assert_int_equal(fed == FEED_BAD, reason != NULL);
    return fed;
}

#define PARSE(bytes, in_message, f) parse(bytes, sizeof(bytes) - 1, in_message, f)

TEST(the_masked_hello_of_the_rfc_is_read)
{
    UNUSED_STATE;
    struct ws_frame f;
    char            bytes[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

    for (size_t len = 0; len < 6; len++)
        assert_int_equal(parse(bytes, len, false, &f), FEED_MORE);
    assert_int_equal(PARSE(bytes, false, &f), FEED_DONE);
    assert_int_equal(f.opcode, WS_TEXT);
    assert_true(f.is_final);
    assert_int_equal(f.head_len, 6);
    assert_true(f.len == 5);
    ws_mask(bytes + 6, 5, f.mask, 0);
    assert_slice(slice_of(bytes + 6, 5), "Hello");
}

TEST(every_length_survives_making_and_reading)
{
    UNUSED_STATE;
    static const uint64_t lens[] = { 0, 1, 125, 126, 127, 65535, 65536, 1000000 };

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct buf      out = { 0 };
        struct ws_frame f;
        char           *payload = calloc(1, lens[i] + 1);
        ws_frame_make_masked(&out, WS_BINARY, true, slice_of(payload, lens[i]), mask);
        assert_true(buf_ok(&out));
        size_t head_len = out.len - lens[i];
        for (size_t len = 0; len < head_len; len++)
            assert_int_equal(parse(out.at, len, false, &f), FEED_MORE);
        assert_int_equal(parse(out.at, head_len, false, &f), FEED_DONE);
        assert_true(f.len == lens[i] && f.head_len == head_len && f.opcode == WS_BINARY);
        buf_clear(&out);
        free(payload);
    }
}

TEST(what_the_rfc_forbids_is_refused_at_its_byte)
{
    UNUSED_STATE;
    struct ws_frame f;

    assert_int_equal(PARSE("\xc1", false, &f), FEED_BAD); /* reserved bits */
    assert_int_equal(PARSE("\xa1", false, &f), FEED_BAD);
    assert_int_equal(PARSE("\x91", false, &f), FEED_BAD);
    for (int opcode = 3; opcode < 16; opcode++) {
        char byte = (char)(0x80 | opcode);
        bool is_known = opcode >= 8 && opcode <= 10;
        assert_int_equal(parse(&byte, 1, false, &f), is_known ? FEED_MORE : FEED_BAD);
    }
    assert_int_equal(PARSE("\x09", false, &f), FEED_BAD);          /* a control frame in pieces */
    assert_int_equal(PARSE("\x88\xfe", false, &f), FEED_BAD);      /* a control frame of 126 bytes */
    assert_int_equal(PARSE("\x89\xff", false, &f), FEED_BAD);
    assert_int_equal(PARSE("\x81\x05", false, &f), FEED_BAD);      /* not masked */
    assert_int_equal(PARSE("\x88\x00", false, &f), FEED_BAD);
    assert_int_equal(PARSE("\x80", false, &f), FEED_BAD);          /* continues nothing */
    assert_int_equal(PARSE("\x00", false, &f), FEED_BAD);
    assert_int_equal(PARSE("\x81", true, &f), FEED_BAD);           /* a message in a message */
    assert_int_equal(PARSE("\x02", true, &f), FEED_BAD);
    assert_int_equal(PARSE("\x80\x80mask", true, &f), FEED_DONE);
    assert_int_equal(PARSE("\x89\x80mask", true, &f), FEED_DONE);  /* control frames may stand between */
    assert_int_equal(PARSE("\x81\xfe\x00\x7d", false, &f), FEED_BAD);                         /* 125 in two bytes */
    assert_int_equal(PARSE("\x81\xfe\x00\x7emask", false, &f), FEED_DONE);
    assert_int_equal(PARSE("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", false, &f), FEED_BAD); /* 65535 in eight */
    assert_int_equal(PARSE("\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00mask", false, &f), FEED_DONE);
    assert_int_equal(PARSE("\x81\xff\x80", false, &f), FEED_BAD);                             /* highest bit */
}

TEST(masking_at_any_phase_and_alignment_is_the_same_as_byte_by_byte)
{
    UNUSED_STATE;
    char bytes[100];

    for (size_t offset = 0; offset < 9; offset++) {
        for (size_t len = 0; len < 40; len++) {
            for (uint64_t from = 0; from < 5; from++) {
                for (size_t i = 0; i < sizeof bytes; i++)
                    bytes[i] = (char)i;
                ws_mask(bytes + offset, len, mask, from);
                for (size_t i = 0; i < sizeof bytes; i++) {
                    bool is_in = i >= offset && i < offset + len;
                    char wanted = (char)(is_in ? i ^ mask[(from + i - offset) % 4] : i);
                    assert_int_equal(bytes[i], wanted);
                }
            }
        }
    }
}

TEST(a_server_frame_is_short_and_not_masked)
{
    UNUSED_STATE;
    struct buf    out = { 0 };
    unsigned char head[WS_MADE_MAX];

    ws_frame_make(&out, WS_TEXT, SLICE("Hello"));
    assert_slice(buf_slice(&out), "\x81\x05Hello");
    buf_clear(&out);
    assert_int_equal(ws_frame_make_head(head, WS_TEXT, 125), 2);
    assert_int_equal(ws_frame_make_head(head, WS_TEXT, 126), 4);
    assert_memory_equal(head, "\x81\x7e\x00\x7e", 4);
    assert_int_equal(ws_frame_make_head(head, WS_BINARY, 65535), 4);
    assert_int_equal(ws_frame_make_head(head, WS_BINARY, 65536), 10);
    assert_memory_equal(head, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

TEST(close_codes_are_those_that_may_be_sent)
{
    UNUSED_STATE;
    static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 };
    static const unsigned bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535 };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(ws_close_code_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(ws_close_code_is_valid(bad[i]));
}

TESTS(RUN(the_masked_hello_of_the_rfc_is_read), RUN(every_length_survives_making_and_reading),
      RUN(what_the_rfc_forbids_is_refused_at_its_byte), RUN(masking_at_any_phase_and_alignment_is_the_same_as_byte_by_byte),
      RUN(a_server_frame_is_short_and_not_masked), RUN(close_codes_are_those_that_may_be_sent))
