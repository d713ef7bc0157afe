#include "unit/test.h"

#include "http/reply.h"

TEST(a_reply_has_its_lines_in_order)
{
    UNUSED_STATE;
    struct buf out = { 0 };

    http_reply(&out, &(struct http_reply){
        .status = 200,
        .keeps_alive = true,
        .date = SLICE("D"),
        .content_type = SLICE("text/html"),
        .headers = SLICE("ETag: \"x\"\r\n"),
        .content_length = 1234,
    });
    assert_slice(buf_slice(&out), "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: keep-alive\r\nContent-Type: text/html\r\n"
                                  "Content-Length: 1234\r\nETag: \"x\"\r\n\r\n");
    buf_clear(&out);
}

TEST(a_reply_without_a_body_has_no_length)
{
    UNUSED_STATE;
    struct buf out = { 0 };

    http_reply(&out, &(struct http_reply){ .status = 304 });
    assert_slice(buf_slice(&out), "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    assert_false(http_status_has_body(204));
    assert_false(http_status_has_body(101));
    assert_true(http_status_has_body(404));
    buf_clear(&out);
}

TEST(an_empty_body_has_the_length_0)
{
    UNUSED_STATE;
    struct buf out = { 0 };

    http_reply(&out, &(struct http_reply){ .status = 200 });
    assert_slice(buf_slice(&out), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    buf_clear(&out);
}

TEST(dates_are_those_of_rfc_9110)
{
    UNUSED_STATE;
    char date[HTTP_DATE_SIZE];

    http_date(784111777, date);
    assert_string_equal(date, "Sun, 06 Nov 1994 08:49:37 GMT");
    http_date(0, date);
    assert_string_equal(date, "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date(UINT64_MAX, date); /* nonsense in, some text out */
    assert_int_equal(strlen(date), HTTP_DATE_SIZE - 1);
}

TEST(every_status_in_use_has_a_reason)
{
    UNUSED_STATE;
    assert_string_equal(http_reason(431), "Request Header Fields Too Large");
    assert_string_equal(http_reason(299), "Unknown");
}

TEST(an_etag_is_found_in_a_list)
{
    UNUSED_STATE;
    struct slice etag = SLICE("\"abc\"");

    assert_true(http_etag_matches(SLICE("\"abc\""), etag));
    assert_true(http_etag_matches(SLICE("W/\"abc\""), etag));
    assert_true(http_etag_matches(SLICE("\"x\", W/\"abc\" ,\"y\""), etag));
    assert_true(http_etag_matches(SLICE("*"), etag));
    assert_false(http_etag_matches(SLICE("\"abcd\""), etag));
    assert_false(http_etag_matches(SLICE("abc"), etag));
    assert_false(http_etag_matches(SLICE(""), etag));
}

TESTS(RUN(a_reply_has_its_lines_in_order), RUN(a_reply_without_a_body_has_no_length), RUN(an_empty_body_has_the_length_0),
      RUN(dates_are_those_of_rfc_9110), RUN(every_status_in_use_has_a_reason), RUN(an_etag_is_found_in_a_list))
