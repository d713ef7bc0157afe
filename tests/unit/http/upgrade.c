#include "unit/test.h"

#include <stdio.h>

#include "http/upgrade.h"

static struct http_head parsed;

static struct http_upgrade check(const char *first_line, const char *fields)
{
    static char text[1024];

    snprintf(text, sizeof text, "%s\r\nHost: a\r\n%s\r\n", first_line, fields);
    http_head_init(&parsed, sizeof text, 20);
    assert_int_equal(http_head_feed(&parsed, slice_str(text)), FEED_DONE);
    return http_upgrade_check(&parsed);
}

#define GET     "GET /ws/ HTTP/1.1"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECT "Connection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

TEST(a_whole_opening_is_taken_in_any_case)
{
    UNUSED_STATE;
    struct http_upgrade u = check(GET, UPGRADE CONNECT VERSION KEY);
    assert_int_equal(u.status, 101);
    assert_slice(u.key, "dGhlIHNhbXBsZSBub25jZQ==");
    assert_int_equal(check(GET, "UPGRADE: h2c, WebSocket\r\nconnection: keep-alive, UPGRADE\r\n"
                                "sec-websocket-version:13\r\nSEC-WEBSOCKET-KEY:  dGhlIHNhbXBsZSBub25jZQ== \r\n")
                         .status,
                     101);
}

TEST(an_opening_that_lacks_something_is_told_what)
{
    UNUSED_STATE;
    assert_int_equal(check(GET, UPGRADE CONNECT VERSION).status, 400);
    assert_int_equal(check(GET, CONNECT VERSION KEY).status, 400);
    assert_int_equal(check(GET, UPGRADE VERSION KEY).status, 400);
    assert_int_equal(check(GET, "Upgrade: websockets\r\n" CONNECT VERSION KEY).status, 400);
    assert_int_equal(check(GET, UPGRADE CONNECT VERSION "Sec-WebSocket-Key: short\r\n").status, 400);
    assert_int_equal(check(GET, UPGRADE CONNECT VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXh4eHh4eA==\r\n").status, 400);
    assert_int_equal(check(GET, UPGRADE CONNECT VERSION "Sec-WebSocket-Key: !!hlIHNhbXBsZSBub25jZQ==\r\n").status, 400);
    assert_int_equal(check(GET, UPGRADE CONNECT VERSION KEY KEY).status, 400);
    assert_int_equal(check(GET, UPGRADE CONNECT VERSION KEY "Content-Length: 3\r\n").status, 400);
    assert_int_equal(check("GET /ws/ HTTP/1.0", UPGRADE CONNECT VERSION KEY).status, 400);
    assert_int_equal(check("HEAD /ws/ HTTP/1.1", UPGRADE CONNECT VERSION KEY).status, 405);
}

TEST(another_version_is_told_ours)
{
    UNUSED_STATE;
    struct http_upgrade u = check(GET, UPGRADE CONNECT KEY "Sec-WebSocket-Version: 8\r\n");
    assert_int_equal(u.status, 426);
    assert_non_null(strstr(u.headers, "Sec-WebSocket-Version: 13\r\n"));
    assert_int_equal(check(GET, UPGRADE CONNECT KEY).status, 426);
    assert_int_equal(check(GET, "").status, 426); /* a plain request to an address of WebSockets */
    assert_false(http_upgrade_is_wanted(&parsed));
}

TEST(the_key_of_the_rfc_is_accepted_as_the_rfc_says)
{
    UNUSED_STATE;
    char accept[HTTP_ACCEPT_SIZE];
    http_upgrade_accept(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TESTS(RUN(a_whole_opening_is_taken_in_any_case), RUN(an_opening_that_lacks_something_is_told_what),
      RUN(another_version_is_told_ours), RUN(the_key_of_the_rfc_is_accepted_as_the_rfc_says))
