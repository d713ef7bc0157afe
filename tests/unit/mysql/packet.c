/* Packets: framing in both directions. */
#include "mysql/packet.h"

#include "unit/test.h"

TEST(a_whole_packet_is_handed_out_in_place)
{
    UNUSED_STATE;
    struct mysql_reader r;
    struct mysql_packet p;
    enum status         why;
    struct slice        in = SLICE("\x03\0\0\x07" "abcX");
    const char         *at = in.at;
    mysql_reader_init(&r, 100);
    assert_int_equal(mysql_packet_feed(&r, &in, &p, &why), FEED_DONE);
    assert_slice(p.body, "abc");
    assert_ptr_equal(p.body.at, at + 4);
    assert_int_equal(p.sequence, 7);
    assert_false(p.is_partial);
    assert_slice(in, "X");
    assert_null(r.partial.at);
    mysql_reader_clear(&r);
}

TEST(packets_split_at_every_byte_are_the_same)
{
    UNUSED_STATE;
    static const char bytes[] = "\x05\0\0\0" "\x03" "abcd" "\0\0\0\x01" "\x01\0\0\x02" "\x0e" "\x02\0\0\x03" "xy";
    size_t            len = sizeof bytes - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        for (size_t second = cut; second <= len; second++) {
            struct mysql_reader r;
            struct mysql_packet p;
            enum status         why;
            struct buf          seen = { 0 };
            size_t              edges[] = { 0, cut, second, len };
            mysql_reader_init(&r, 100);
            for (int part = 0; part < 3; part++) {
                struct slice in = slice_of(bytes + edges[part], edges[part + 1] - edges[part]);
                while (in.len > 0) {
                    if (mysql_packet_feed(&r, &in, &p, &why) == FEED_DONE)
                        buf_printf(&seen, "%d:%.*s|", p.sequence, SLICE_ARG(p.body));
                    else
                        assert_int_equal(in.len, 0);
                }
            }
            assert_slice(buf_slice(&seen), "0:\x03" "abcd|1:|2:\x0e|3:xy|");
            buf_clear(&seen);
            mysql_reader_clear(&r);
        }
    }
}

TEST(a_packet_over_the_bound_is_refused_by_its_head)
{
    UNUSED_STATE;
    struct mysql_reader r;
    struct mysql_packet p;
    enum status         why = OK;
    struct slice        in = SLICE("\x65\0\0\x05");
    mysql_reader_init(&r, 100);
    assert_int_equal(mysql_packet_feed(&r, &in, &p, &why), FEED_BAD);
    assert_int_equal(why, E_PACKET_TOO_LARGE);
    assert_int_equal(p.sequence, 5);
    assert_null(r.partial.at);

    in = SLICE("\xff\xff\xff\0");
    mysql_reader_init(&r, UINT32_MAX);
    assert_int_equal(mysql_packet_feed(&r, &in, &p, &why), FEED_BAD);
    mysql_reader_clear(&r);
}

TEST(a_promised_length_takes_no_memory)
{
    UNUSED_STATE;
    struct mysql_reader r;
    struct mysql_packet p;
    enum status         why;
    struct slice        in = SLICE("\0\0\x80\0" "abc");
    mysql_reader_init(&r, 0xF00000);
    assert_int_equal(mysql_packet_feed(&r, &in, &p, &why), FEED_MORE);
    assert_true(r.partial.cap < 4096);
    mysql_reader_clear(&r);
}

TEST(numbers_have_the_length_the_protocol_wants)
{
    UNUSED_STATE;
    static const struct {
        uint64_t    number;
        const char *bytes;
        size_t      len;
    } samples[] = { { 0, "\0", 1 },
                    { 250, "\xfa", 1 },
                    { 251, "\xfc\xfb\0", 3 },
                    { 65535, "\xfc\xff\xff", 3 },
                    { 65536, "\xfd\0\0\x01", 4 },
                    { 70000, "\xfd\x70\x11\x01", 4 },
                    { 16777215, "\xfd\xff\xff\xff", 4 },
                    { 16777216, "\xfe\0\0\0\x01\0\0\0\0", 9 },
                    { UINT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 9 } };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct buf b = { 0 };
        mysql_put_number(&b, samples[i].number);
        assert_int_equal(b.len, samples[i].len);
        assert_memory_equal(b.at, samples[i].bytes, b.len);
        buf_clear(&b);
    }
}

TEST(a_body_of_16_megabytes_leaves_as_two_packets)
{
    UNUSED_STATE;
    for (size_t extra = 0; extra < 2; extra++) {
        struct buf b = { 0 };
        uint8_t    sequence = 255;
        size_t     begin = mysql_packet_begin(&b);
        char      *room = buf_reserve(&b, MYSQL_BODY_MAX + extra);
        assert_non_null(room);
        memset(room, 'x', MYSQL_BODY_MAX + extra);
        b.len += MYSQL_BODY_MAX + extra;
        mysql_packet_end(&b, begin, &sequence);
        assert_int_equal(b.len, MYSQL_BODY_MAX + extra + 8);
        assert_memory_equal(b.at, "\xff\xff\xff\xff", 4);
        char second[4] = { (char)extra, 0, 0, 0 };
        assert_memory_equal(b.at + 4 + MYSQL_BODY_MAX, second, 4);
        assert_int_equal(sequence, 1);
        buf_clear(&b);
    }
}

TESTS(RUN(a_whole_packet_is_handed_out_in_place), RUN(packets_split_at_every_byte_are_the_same),
      RUN(a_packet_over_the_bound_is_refused_by_its_head), RUN(a_promised_length_takes_no_memory),
      RUN(numbers_have_the_length_the_protocol_wants), RUN(a_body_of_16_megabytes_leaves_as_two_packets))
