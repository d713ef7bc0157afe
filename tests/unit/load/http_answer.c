/* Answers of HTTP servers, whole and in pieces. */
#include "load/http_answer.h"

#include "unit/test.h"

struct sample {
    const char *text;
    unsigned    status;
    const char *body;
    bool        keeps_alive;
    const char *rest; /* behind the answer */
};

static const struct sample samples[] = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", 200, "hello", true, "HTTP" },
    { "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, "", true, "" },
    { "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, "" },
    { "HTTP/1.1 202\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", 202, "x", false, "" },
    { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false, "" },
    { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\nx", 200, "x", true, "" },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 201, "ok", true, "" },
    { "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok", true, "" },
    { "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n!", 500,
      "hello0123456789", true, "!" },
};

static void check(const struct sample *s, size_t cut)
{
    struct http_answer a;
    struct buf         body = { 0 };
    struct slice       whole = slice_str(s->text), first = slice_first(whole, cut), second = slice_skip(whole, cut);
    http_answer_begin(&a, &body);
    enum feed fed = http_answer_feed(&a, &first);
    if (fed == FEED_MORE) {
        assert_int_equal(first.len, 0);
        fed = http_answer_feed(&a, &second);
    } else {
        second = slice_of(first.at, first.len + second.len);
    }
    assert_int_equal(fed, FEED_DONE);
    assert_int_equal(a.status, s->status);
    assert_int_equal(a.keeps_alive, s->keeps_alive);
    assert_slice(buf_slice(&body), s->body);
    assert_slice(second, s->rest);
    buf_clear(&body);
}

TEST(answers_are_understood_wherever_they_are_cut)
{
    UNUSED_STATE;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (size_t cut = 0; cut <= strlen(samples[i].text); cut++)
            check(&samples[i], cut);
}

TEST(an_answer_without_a_length_ends_with_the_connection)
{
    UNUSED_STATE;
    struct http_answer a;
    struct buf         body = { 0 };
    struct slice       in = SLICE("HTTP/1.1 200 OK\r\n\r\nall of it");
    http_answer_begin(&a, &body);
    assert_int_equal(http_answer_feed(&a, &in), FEED_MORE);
    assert_int_equal(http_answer_end(&a), FEED_DONE);
    assert_false(a.keeps_alive);
    assert_slice(buf_slice(&body), "all of it");
    buf_clear(&body);
}

TEST(what_is_no_answer_is_refused)
{
    UNUSED_STATE;
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n", "HTTP/1.1 99 No\r\n", "HTTP/1.1 2000\r\n", "\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_answer a;
        struct slice       in = slice_str(bad[i]);
        http_answer_begin(&a, NULL);
        assert_int_equal(http_answer_feed(&a, &in), FEED_BAD);
    }
}

TEST(an_answer_that_is_cut_off_is_none)
{
    UNUSED_STATE;
    static const char *const cut[] = { "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab" };
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        struct http_answer a;
        struct slice       in = slice_str(cut[i]);
        http_answer_begin(&a, NULL);
        assert_int_equal(http_answer_feed(&a, &in), FEED_MORE);
        assert_int_equal(http_answer_end(&a), FEED_BAD);
    }
}

TEST(a_head_without_end_is_refused)
{
    UNUSED_STATE;
    struct http_answer a;
    struct slice       in = SLICE("HTTP/1.1 200 OK\r\n");
    enum feed          fed = FEED_MORE;
    http_answer_begin(&a, NULL);
    (void)http_answer_feed(&a, &in);
    for (unsigned i = 0; i < 10000 && fed == FEED_MORE; i++) {
        in = SLICE("X-Header: something\r\n");
        fed = http_answer_feed(&a, &in);
    }
    assert_int_equal(fed, FEED_BAD);
}

TESTS(RUN(answers_are_understood_wherever_they_are_cut), RUN(an_answer_without_a_length_ends_with_the_connection),
      RUN(what_is_no_answer_is_refused), RUN(an_answer_that_is_cut_off_is_none), RUN(a_head_without_end_is_refused))
