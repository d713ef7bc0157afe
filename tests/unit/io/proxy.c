/* The examples are those of the PROXY protocol's specification (sections 2.1 and 2.2), where it has some. */
#include "io/proxy.h"

#include "unit/test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(literal) slice_of("" literal, sizeof(literal) - 1)

static const char behind[] = "GET / HTTP/1.1\r\n";

/* Feeds `header` and what comes behind it in two parts; asserts that exactly the header is taken when it is good. */
static enum feed feed_cut(struct proxy_header *h, struct slice header, size_t cut)
{
    char   all[PROXY_V2_MAX + 256];
    size_t len = header.len + sizeof behind - 1;
    assert_true(len <= sizeof all && cut <= len);
    memcpy(all, header.at, header.len);
    memcpy(all + header.len, behind, sizeof behind - 1);
    struct slice first = slice_of(all, cut), second = slice_of(all + cut, len - cut);
    proxy_init(h);
    enum feed fed = proxy_feed(h, &first);
    if (fed == FEED_MORE) {
        assert_int_equal(first.len, 0);
        fed = proxy_feed(h, &second);
    }
    if (fed == FEED_DONE)
        assert_int_equal(first.len + second.len, sizeof behind - 1);
    return fed;
}

static void assert_source(struct slice header, const char *address, unsigned port)
{
    struct proxy_header h;
    char                text[ADDRESS_TEXT_MAX];
    for (size_t cut = 0; cut <= header.len; cut++) {
        assert_int_equal(feed_cut(&h, header, cut), FEED_DONE);
        assert_int_equal(h.has_source, address != NULL);
        if (address == NULL)
            continue;
        address_text(&h.source, text);
        assert_string_equal(text, address);
        assert_int_equal(h.source_port, port);
    }
}

static void assert_bad(struct slice header)
{
    struct proxy_header h;
    for (size_t cut = 0; cut <= header.len; cut++) {
        assert_int_equal(feed_cut(&h, header, cut), FEED_BAD);
        assert_non_null(h.sentence);
    }
}

static void assert_all_bad(const struct slice *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_bad(headers[i]);
}

TEST(a_line_of_version_1_names_the_source)
{
    UNUSED_STATE;
    assert_source(SLICE("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), "192.168.0.1", 56324);
    assert_source(SLICE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255", 65535);
    assert_source(SLICE("PROXY TCP6 2001:db8::7 2001:db8::1 0 443\r\n"), "2001:db8::7", 0);
    assert_source(SLICE("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
    assert_source(SLICE("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"), "192.0.2.7", 1);
}

TEST(an_unknown_source_leaves_the_peer)
{
    UNUSED_STATE;
    assert_source(SLICE("PROXY UNKNOWN\r\n"), NULL, 0);
    assert_source(SLICE("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), NULL,
                  0); /* the longest line there is: 107 bytes */
    assert_source(SLICE("PROXY UNKNOWN what ever\r\n"), NULL, 0);
}

TEST(a_line_that_is_not_exactly_right_is_refused)
{
    UNUSED_STATE;
    static const struct slice wrong[] = {
        { "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n", 46 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r \n", 48 },
        { "PROXY  TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", 48 },
        { "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n", 48 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n", 48 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n", 43 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 56324 \r\n", 44 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n", 48 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n", 47 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 1 65536\r\n", 45 },
        { "PROXY TCP4 192.168.0.1 192.168.0.11 -1 443\r\n", 44 },
        { "PROXY TCP4 192.168.0.01 192.168.0.11 1 443\r\n", 44 },
        { "PROXY TCP4 ::1 ::1 56324 443\r\n", 30 },
        { "PROXY TCP4 ::ffff:192.0.2.7 ::1 1 2\r\n", 37 },
        { "PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n", 47 },
        { "PROXY TCP6 :: ::1 56324 443\r\n", 29 },
        { "PROXY TCP5 192.168.0.1 192.168.0.11 56324 443\r\n", 47 },
        { "PROXY UNKNOWNS\r\n", 16 },
        { "PROXY \r\n", 8 },
        { "PROXY\r\n", 7 },
        { "proxy UNKNOWN\r\n", 15 },
        { "GET / HTTP/1.1\r\n\r\n", 18 },
        { "\x16\x03\x01\x02", 4 },
        { "\n", 1 },
    };
    assert_all_bad(wrong, sizeof wrong / sizeof *wrong);
}

TEST(a_line_of_107_bytes_without_an_end_is_refused)
{
    UNUSED_STATE;
    char line[PROXY_V1_MAX];
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_bad(slice_of(line, sizeof line));
}

TEST(garbage_is_refused_at_its_first_wrong_byte)
{
    UNUSED_STATE;
    struct proxy_header h;
    struct slice        in = SLICE("PROXI");
    proxy_init(&h);
    assert_int_equal(proxy_feed(&h, &in), FEED_BAD);
    in = SLICE("G");
    proxy_init(&h);
    assert_int_equal(proxy_feed(&h, &in), FEED_BAD);
    in = BYTES("\r\n\r\n\0\r\nX");
    proxy_init(&h);
    assert_int_equal(proxy_feed(&h, &in), FEED_BAD);
}

TEST(a_header_of_version_2_names_the_source)
{
    UNUSED_STATE;
    assert_source(BYTES(SIGNATURE "\x21\x11\x00\x0c" "\xc0\x00\x02\x07" "\xc6\x33\x64\x01" "\xdc\x04" "\x01\xbb"), "192.0.2.7", 56324);
    assert_source(BYTES(SIGNATURE "\x21\x21\x00\x24" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                        "\xff\xff" "\x01\xbb"), "2001:db8::7", 65535);
    assert_source(BYTES(SIGNATURE "\x21\x21\x00\x24" "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
                        "\x00\x01" "\x01\xbb"), "192.0.2.7", 1);
}

TEST(what_stands_behind_the_addresses_is_passed_over)
{
    UNUSED_STATE;
    assert_source(BYTES(SIGNATURE "\x21\x11\x00\x14" "\xc0\x00\x02\x07" "\xc6\x33\x64\x01" "\xdc\x04" "\x01\xbb"
                        "\x01\x00\x05" "h2\r\nx"), "192.0.2.7", 56324);
}

TEST(the_largest_header_of_version_2_is_taken_and_a_larger_one_is_not)
{
    UNUSED_STATE;
    static char all[16 + PROXY_V2_MAX];
    memcpy(all, SIGNATURE "\x21\x11\x10\x00" "\xc0\x00\x02\x07", 20);
    struct proxy_header h;
    assert_int_equal(feed_cut(&h, slice_of(all, sizeof all), 1000), FEED_DONE);
    assert_true(h.has_source);
    all[15] = 1;
    assert_int_equal(feed_cut(&h, slice_of(all, sizeof all), 1000), FEED_BAD);
}

TEST(a_header_of_version_2_without_an_address_leaves_the_peer)
{
    UNUSED_STATE;
    assert_source(BYTES(SIGNATURE "\x20\x00\x00\x00"), NULL, 0);                 /* LOCAL */
    assert_source(BYTES(SIGNATURE "\x20\x11\x00\x0c" "123456789012"), NULL, 0); /* LOCAL: the family does not count */
    assert_source(BYTES(SIGNATURE "\x20\xff\x00\x01" "1"), NULL, 0);
    assert_source(BYTES(SIGNATURE "\x21\x00\x00\x00"), NULL, 0);                 /* UNSPEC */
    assert_source(BYTES(SIGNATURE "\x21\x00\x00\x03" "abc"), NULL, 0);
    assert_source(BYTES(SIGNATURE "\x21\x12\x00\x0c" "123456789012"), NULL, 0); /* UDP over IPv4 */

    char unix_socket[16 + 216] = SIGNATURE "\x21\x31\x00\xd8";
    assert_source(slice_of(unix_socket, sizeof unix_socket), NULL, 0);
}

TEST(a_header_of_version_2_that_is_not_exactly_right_is_refused)
{
    UNUSED_STATE;
    assert_bad(BYTES(SIGNATURE "\x11\x11\x00\x0c" "123456789012")); /* version 1 */
    assert_bad(BYTES(SIGNATURE "\x31\x11\x00\x0c" "123456789012")); /* version 3 */
    assert_bad(BYTES(SIGNATURE "\x22\x11\x00\x0c" "123456789012")); /* a command that does not exist */
    assert_bad(BYTES(SIGNATURE "\x21\x41\x00\x0c" "123456789012")); /* a family that does not exist */
    assert_bad(BYTES(SIGNATURE "\x21\x13\x00\x0c" "123456789012")); /* a transport that does not exist */
    assert_bad(BYTES(SIGNATURE "\x21\x11\x00\x0b" "12345678901"));  /* too short for its addresses */
    assert_bad(BYTES(SIGNATURE "\x21\x21\x00\x0c" "123456789012"));
    assert_bad(BYTES(SIGNATURE "\x21\x31\x00\x0c" "123456789012"));
    assert_bad(BYTES(SIGNATURE "\x21\x11\xff\xff"));
    assert_bad(BYTES(SIGNATURE "\x21\x21\x00\x24" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* nobody's address, and ours for unix sockets */
                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" "\x00\x01" "\x01\xbb"));
}

TESTS(RUN(a_line_of_version_1_names_the_source), RUN(an_unknown_source_leaves_the_peer),
      RUN(a_line_that_is_not_exactly_right_is_refused), RUN(a_line_of_107_bytes_without_an_end_is_refused),
      RUN(garbage_is_refused_at_its_first_wrong_byte), RUN(a_header_of_version_2_names_the_source),
      RUN(what_stands_behind_the_addresses_is_passed_over),
      RUN(the_largest_header_of_version_2_is_taken_and_a_larger_one_is_not),
      RUN(a_header_of_version_2_without_an_address_leaves_the_peer),
      RUN(a_header_of_version_2_that_is_not_exactly_right_is_refused))
