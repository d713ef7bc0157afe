#include "unit/test.h"

#include <stdio.h>

#include "http/head.h"

#define HEAD_BYTES 4096
#define FIELDS     20

/* Feeds the bytes in two parts, moving them between the calls, so that a pointer kept from the first call would be seen. */
static enum feed feed_in_two(struct http_head *h, struct slice bytes, size_t split, char **out_copy)
{
    char *first = malloc(split + 1), *second = malloc(bytes.len + 1);

    assert_non_null(first);
    assert_non_null(second);
    memcpy(first, bytes.at, split);
    memcpy(second, bytes.at, bytes.len);
    http_head_init(h, HEAD_BYTES, FIELDS);
    enum feed fed = http_head_feed(h, slice_of(first, split));
    free(first);
    if (fed == FEED_MORE)
        fed = http_head_feed(h, slice_of(second, bytes.len));
    else if (fed == FEED_DONE)
        assert_int_equal(http_head_feed(h, slice_of(second, bytes.len)), FEED_DONE);
    *out_copy = second;
    return fed;
}

static enum feed feed(struct http_head *h, const char *text)
{
    http_head_init(h, HEAD_BYTES, FIELDS);
    return http_head_feed(h, slice_str(text));
}

static void assert_refused(const char *text, unsigned status)
{
    struct slice     bytes = slice_str(text);
    struct http_head h;
    char            *copy;

    for (size_t split = 0; split <= bytes.len; split++) {
        if (feed_in_two(&h, bytes, split, &copy) != FEED_BAD || h.status != status)
            fail_msg("split at %zu: status %u instead of %u for %s", split, h.status, status, text);
        free(copy);
    }
}

static const char browser[] = "GET /ws/sesion=&myid=&devid=0&v=3.24&uuid=48wTOvoa-uEtC0thHzBkIKir14sXgkOy&api=js HTTP/1.1\r\n"
                              "Host: localhost:8087\r\n"
                              "CONNECTION: keep-alive, Upgrade\r\n"
                              "upgrade:websocket\r\n"
                              "Origin: \t http://a.b \t\r\n"
                              "User-Agent:\r\n"
                              "X-Twice: one\r\n"
                              "x-twice: two, three\r\n"
                              "\r\n";

TEST(a_head_split_at_every_byte_gives_the_same_request)
{
    UNUSED_STATE;
    char with_more[sizeof browser + 8];
    snprintf(with_more, sizeof with_more, "%sGET / H", browser);

    for (size_t split = 0; split <= strlen(with_more); split++) {
        struct http_head h;
        char            *copy;
        assert_int_equal(feed_in_two(&h, slice_str(with_more), split, &copy), FEED_DONE);
        assert_int_equal(h.len, sizeof browser - 1);
        assert_slice(h.method, "GET");
        assert_slice(h.path, "/ws/sesion=&myid=&devid=0&v=3.24&uuid=48wTOvoa-uEtC0thHzBkIKir14sXgkOy&api=js");
        assert_slice(h.query, "");
        assert_int_equal(h.minor, 1);
        assert_true(h.keeps_alive);
        assert_int_equal(h.field_count, 7);
        assert_slice(http_head_get(&h, "host"), "localhost:8087");
        assert_slice(http_head_get(&h, "origin"), "http://a.b");
        assert_slice(http_head_get(&h, "User-agent"), "");
        assert_non_null(http_head_get(&h, "user-agent").at);
        assert_null(http_head_get(&h, "cookie").at);
        assert_slice(http_head_name(&h, 1), "CONNECTION");
        assert_slice(http_head_value(&h, 2), "websocket");
        assert_true(http_head_lists(&h, "connection", "upgrade"));
        assert_false(http_head_lists(&h, "connection", "upgrad"));
        assert_true(http_head_lists(&h, "x-twice", "three"));
        assert_int_equal(http_head_count(&h, "x-twice"), 2);
        free(copy);
    }
}

TEST(a_head_that_comes_byte_by_byte_is_the_same_too)
{
    UNUSED_STATE;
    struct http_head h;

    http_head_init(&h, HEAD_BYTES, FIELDS);
    for (size_t len = 0; len < sizeof browser - 1; len++) {
        assert_int_equal(http_head_feed(&h, slice_of(browser, len)), FEED_MORE);
        assert_true(h.pos == len); /* nothing is looked at twice */
    }
    assert_int_equal(http_head_feed(&h, slice_of(browser, sizeof browser - 1)), FEED_DONE);
    assert_slice(http_head_get(&h, "upgrade"), "websocket");
}

TEST(the_state_of_an_incomplete_head_can_be_copied)
{
    UNUSED_STATE;
    for (size_t split = 0; split < sizeof browser - 1; split++) {
        struct http_head a, b;
        http_head_init(&a, HEAD_BYTES, FIELDS);
        assert_int_equal(http_head_feed(&a, slice_of(browser, split)), FEED_MORE);
        memset(&b, 0xee, sizeof b);
        http_head_copy(&b, &a);
        memset(&a, 0xee, sizeof a);
        assert_int_equal(http_head_feed(&b, slice_of(browser, sizeof browser - 1)), FEED_DONE);
        assert_slice(http_head_get(&b, "origin"), "http://a.b");
        assert_int_equal(b.field_count, 7);
    }
}

TEST(paths_and_queries_come_raw)
{
    UNUSED_STATE;
    static const struct {
        const char *target, *path, *query;
    } rows[] = {
        { "/", "/", "" },
        { "/a?b=c?d", "/a", "b=c?d" },
        { "/a?", "/a", "" },
        { "//ws/sesion=&myid=undefined", "//ws/sesion=&myid=undefined", "" },
        { "//comet-server/ws/sesion=a%20b&\"<>{}|\\^`", "//comet-server/ws/sesion=a%20b&\"<>{}|\\^`", "" },
        { "/\xd0\xb9\xff", "/\xd0\xb9\xff", "" },
        { "http://example.org", "/", "" },
        { "http://example.org?x", "/", "x" },
        { "HTTPS://example.org:1/p/q?x", "/p/q", "x" },
        { "*", "*", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_head h;
        char             text[200];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].target);
        assert_int_equal(feed(&h, text), FEED_DONE);
        assert_slice(h.path, rows[i].path);
        assert_slice(h.query, rows[i].query);
    }
}

TEST(keep_alive_follows_version_and_connection)
{
    UNUSED_STATE;
    struct http_head h;

    assert_int_equal(feed(&h, "GET / HTTP/1.0\r\n\r\n"), FEED_DONE);
    assert_int_equal(h.minor, 0);
    assert_false(h.keeps_alive);
    assert_int_equal(feed(&h, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), FEED_DONE);
    assert_true(h.keeps_alive);
    assert_int_equal(feed(&h, "GET / HTTP/1.1\r\nHost: a\r\nConnection: x , CLOSE\r\n\r\n"), FEED_DONE);
    assert_false(h.keeps_alive);
    assert_int_equal(feed(&h, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"), FEED_DONE);
    assert_int_equal(h.minor, 1);
    assert_true(h.keeps_alive);
}

TEST(empty_lines_before_a_request_are_skipped)
{
    UNUSED_STATE;
    struct http_head h;

    http_head_init(&h, HEAD_BYTES, FIELDS);
    assert_int_equal(http_head_feed(&h, SLICE("\r\n\r\n")), FEED_MORE);
    assert_false(http_head_has_begun(&h));
    assert_int_equal(feed(&h, "\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"), FEED_DONE);
    assert_slice(h.path, "/x");
    assert_true(http_head_has_begun(&h));
}

TEST(what_two_programs_could_read_differently_is_refused)
{
    UNUSED_STATE;
    assert_refused("GET / HTTP/1.1\nHost: a\n\n", 400);                       /* bare LF */
    assert_refused("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400);              /* bare CR */
    assert_refused("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400);                /* blank before the colon */
    assert_refused("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400);      /* folded line */
    assert_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n: a\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\nHost a\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", 400);             /* control character */
    assert_refused("GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n", 400);
    assert_refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);                /* two blanks */
    assert_refused("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
    assert_refused("GET / http/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("GET /\r\n", 400);
    assert_refused("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("\x16\x03\x01\x02", 400);                                  /* TLS */
    assert_refused("GET / HTTP/1.1\r\n\r\n", 400);                            /* no Host */
    assert_refused("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400);
    assert_refused("GET / HTTP/2.0\r\n\r\n", 505);
    assert_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    assert_refused("GET / HTTP/1.1\r\nHost: a\r\nExpect: money\r\n\r\n", 417);
    assert_refused("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJK / HTTP/1.1\r\n", 501);
}

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

TEST(a_body_has_one_length)
{
    UNUSED_STATE;
    struct http_head h;

    assert_int_equal(feed(&h, POST "Content-Length: 0\r\n\r\n"), FEED_DONE);
    assert_true(h.content_length == 0);
    assert_int_equal(feed(&h, POST "content-length:  12 \r\nExpect: 100-Continue\r\n\r\n"), FEED_DONE);
    assert_true(h.content_length == 12);
    assert_true(h.expects_continue);
    assert_int_equal(feed(&h, POST "Content-Length: 99999999999999999999999\r\n\r\n"), FEED_DONE);
    assert_true(h.content_length == UINT64_MAX); /* over every bound: 413 */

    assert_refused(POST "Content-Length: \r\n\r\n", 400);
    assert_refused(POST "Content-Length: -1\r\n\r\n", 400);
    assert_refused(POST "Content-Length: +1\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 1x\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 0x10\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 1, 1\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400);
    assert_refused(POST "Transfer-Encoding: chunked\r\n\r\n", 501);
    assert_refused(POST "Transfer-Encoding: xchunked\r\n\r\n", 501);
    assert_refused(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    assert_refused(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400);
    assert_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

TEST(a_head_is_bounded_in_bytes_and_lines)
{
    UNUSED_STATE;
    struct http_head h;
    char             text[200];

    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    http_head_init(&h, 100, FIELDS);
    assert_int_equal(http_head_feed(&h, slice_of(text, 99)), FEED_MORE);
    assert_int_equal(http_head_feed(&h, slice_of(text, 100)), FEED_BAD);
    assert_int_equal(h.status, 414);

    memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
    http_head_init(&h, 100, FIELDS);
    assert_int_equal(http_head_feed(&h, slice_of(text, sizeof text)), FEED_BAD);
    assert_int_equal(h.status, 431);

    static const char exact[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    http_head_init(&h, sizeof exact - 1, FIELDS);
    assert_int_equal(http_head_feed(&h, slice_str(exact)), FEED_DONE);
    http_head_init(&h, sizeof exact - 2, FIELDS);
    assert_int_equal(http_head_feed(&h, slice_str(exact)), FEED_BAD);
    assert_int_equal(h.status, 431);

    http_head_init(&h, HEAD_BYTES, 2);
    assert_int_equal(http_head_feed(&h, SLICE("GET / HTTP/1.1\r\nHost: a\r\nB: b\r\n\r\n")), FEED_DONE);
    http_head_init(&h, HEAD_BYTES, 2);
    assert_int_equal(http_head_feed(&h, SLICE("GET / HTTP/1.1\r\nHost: a\r\nB: b\r\nC: c\r\n\r\n")), FEED_BAD);
    assert_int_equal(h.status, 431);
}

TEST(as_many_lines_as_there_is_room_for_are_taken)
{
    UNUSED_STATE;
    struct http_head h, copy;
    char             text[4096] = "GET / HTTP/1.1\r\nHost: a\r\n";
    size_t           len = strlen(text);

    for (int i = 1; i < HTTP_FIELDS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "N%d: %d\r\n", i, i);
    http_head_init(&h, sizeof text, 1000);
    assert_int_equal(http_head_feed(&h, slice_of(text, len)), FEED_MORE);
    http_head_copy(&copy, &h);
    memcpy(text + len, "\r\n", 2);
    assert_int_equal(http_head_feed(&copy, slice_of(text, len + 2)), FEED_DONE);
    assert_slice(http_head_get(&copy, "n127"), "127");
    memcpy(text + len, "N:", 2);
    assert_int_equal(http_head_feed(&h, slice_of(text, len + 2)), FEED_BAD);
    assert_int_equal(h.status, 431);
}

TEST(lists_are_cut_at_commas)
{
    UNUSED_STATE;
    struct slice rest = SLICE(" a ,, b,\t,c "), element;

    assert_true(http_list_next(&rest, &element));
    assert_slice(element, "a");
    assert_true(http_list_next(&rest, &element));
    assert_slice(element, "b");
    assert_true(http_list_next(&rest, &element));
    assert_slice(element, "c");
    assert_false(http_list_next(&rest, &element));
}

TESTS(RUN(a_head_split_at_every_byte_gives_the_same_request), RUN(a_head_that_comes_byte_by_byte_is_the_same_too),
      RUN(the_state_of_an_incomplete_head_can_be_copied), RUN(paths_and_queries_come_raw),
      RUN(keep_alive_follows_version_and_connection), RUN(empty_lines_before_a_request_are_skipped),
      RUN(what_two_programs_could_read_differently_is_refused), RUN(a_body_has_one_length),
      RUN(a_head_is_bounded_in_bytes_and_lines), RUN(as_many_lines_as_there_is_room_for_are_taken),
      RUN(lists_are_cut_at_commas))
