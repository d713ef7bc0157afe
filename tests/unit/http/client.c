#include "http/client.h"

#include <stdio.h>

#include "unit/test.h"

/* The client that these header lines name: a text, or "" for the peer. Trusted are loopback and 10.0.0.0/8. */
static const char *client_of(const char *lines)
{
    static char        text[ADDRESS_TEXT_MAX];
    char               head[1024];
    struct http_head   h;
    struct address     a;
    struct address_set trusted = { 0 };
    assert_int_equal(address_set_add(&trusted, SLICE("loopback")), OK);
    assert_int_equal(address_set_add(&trusted, SLICE("10.0.0.0/8")), OK);
    int len = snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
    http_head_init(&h, sizeof head, 32);
    assert_int_equal(http_head_feed(&h, slice_of(head, (size_t)len)), FEED_DONE);
    text[0] = '\0';
    if (http_client_address(&h, &trusted, &a))
        address_text(&a, text);
    address_set_clear(&trusted);
    return text;
}

TEST(x_real_ip_is_the_client)
{
    UNUSED_STATE;
    assert_string_equal(client_of("X-Real-IP: 192.0.2.7\r\n"), "192.0.2.7");
    assert_string_equal(client_of("x-real-ip:  2001:db8::7 \r\nX-Forwarded-For: 192.0.2.9\r\n"), "2001:db8::7");
    assert_string_equal(client_of("X-Real-IP: ::ffff:192.0.2.7\r\n"), "192.0.2.7");
}

TEST(without_it_the_right_most_stranger_is_the_client)
{
    UNUSED_STATE;
    assert_string_equal(client_of("X-Forwarded-For: 192.0.2.7\r\n"), "192.0.2.7");
    assert_string_equal(client_of("X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n"), "192.0.2.7");
    assert_string_equal(client_of("X-Forwarded-For: 203.0.113.9,192.0.2.7 ,10.0.0.4,127.0.0.1\r\n"), "192.0.2.7");
    assert_string_equal(client_of("X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\nX-Forwarded-For: 10.0.0.4\r\n"), "192.0.2.7");
    assert_string_equal(client_of("X-Forwarded-For: lies, 192.0.2.7, 10.0.0.4\r\n"), "192.0.2.7");
    assert_string_equal(client_of("X-Forwarded-For: ,, 192.0.2.7, ,\r\n"), "192.0.2.7");
}

TEST(when_all_are_trusted_the_left_most_is_the_client)
{
    UNUSED_STATE;
    assert_string_equal(client_of("X-Forwarded-For: 10.0.0.9, 10.0.0.4\r\nX-Forwarded-For: 127.0.0.1\r\n"), "10.0.0.9");
}

TEST(what_is_malformed_leaves_the_peer)
{
    UNUSED_STATE;
    assert_string_equal(client_of(""), "");
    assert_string_equal(client_of("X-Real-IP: unknown\r\n"), "");
    assert_string_equal(client_of("X-Real-IP:\r\nX-Forwarded-For: \r\n"), "");
    assert_string_equal(client_of("X-Real-IP: 192.0.2.7\r\nX-Real-IP: 192.0.2.8\r\n"), "");
    assert_string_equal(client_of("X-Real-IP: 192.0.2.7, 192.0.2.8\r\n"), "");
    assert_string_equal(client_of("X-Forwarded-For: 192.0.2.7, unknown, 10.0.0.4\r\n"), "");
    assert_string_equal(client_of("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 192.0.2.8:5678\r\n"), "");
    assert_string_equal(client_of("X-Real-IP: ::\r\n"), ""); /* nobody's address, and ours for unix sockets */
    assert_string_equal(client_of("X-Forwarded-For: 192.0.2.7, ::\r\n"), "");
    assert_string_equal(client_of("X-Real-IP: nonsense\r\nX-Forwarded-For: 192.0.2.7\r\n"), "192.0.2.7");
}

TESTS(RUN(x_real_ip_is_the_client), RUN(without_it_the_right_most_stranger_is_the_client),
      RUN(when_all_are_trusted_the_left_most_is_the_client), RUN(what_is_malformed_leaves_the_peer))
