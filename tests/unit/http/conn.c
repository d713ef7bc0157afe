#include "unit/peer.h"

#include <netinet/tcp.h>

#include "base/buf.h"
#include "http/conn.h"
#include "http/upgrade.h"

#define BIG_BYTES (8u << 20)

static struct http_limits limits;
static char              *big;
static const char        *last_chosen;

/* --- the routes under test --------------------------------------------------------------------------------------------- */

static void say(struct stream *s, struct slice body)
{
    http_answer(s, &(struct http_response){ .status = 200, .content_type = SLICE("text/plain"), .body = body });
}

static void on_hello(struct stream *s, const struct http_request *r)
{
    say(s, r->query.len > 0 ? r->query : SLICE("hello"));
}

static void on_echo(struct stream *s, const struct http_request *r)
{
    say(s, r->body);
}

struct late {
    struct letter letter;
    uint64_t      id;
    unsigned      times; /* to be posted again before it answers */
};

static void late_deliver(struct letter *given)
{
    struct late   *l = (struct late *)(void *)given;
    struct stream *s = stream_find(l->id);

    if (l->times-- > 0) {
        shard_post(0, given);
        return;
    }
    if (s != NULL)
        say(s, SLICE("late"));
    free(l);
}

/* Answers from the inbox, some turns later. */
static void on_late(struct stream *s, const struct http_request *r)
{
    struct late *l = calloc(1, sizeof *l);

    (void)r;
    l->letter.deliver = late_deliver;
    l->id = stream_id(s);
    l->times = 3;
    shard_post(0, &l->letter);
}

static void on_big(struct stream *s, const struct http_request *r)
{
    http_answer(s, &(struct http_response){ .status = 200, .body = slice_of(big, BIG_BYTES),
                                            .is_static = slice_is(r->query, "static") });
}

static void on_last(struct stream *s, const struct http_request *r)
{
    (void)r;
    http_answer(s, &(struct http_response){ .status = 204, .must_close = true });
}

static void on_refused(struct stream *s, const struct http_request *r)
{
    (void)r;
    http_refuse(s, 403, "Not for you");
}

/* Stands in for the ws room: sends back what comes. */
static size_t echo_on_bytes(struct stream *s, char *at, size_t len)
{
    stream_write(s, slice_of(at, len));
    return len;
}

static const struct stream_ops echo_ops = { .name = "echo", .on_bytes = echo_on_bytes };

static void on_upgrade(struct stream *s, const struct http_request *r)
{
    if (slice_is(r->path, "/ws/no")) {
        http_refuse(s, 403, "Not this one");
        return;
    }
    http_upgrade(s, slice_str(last_chosen), slice_of(NULL, 0));
    stream_become(s, &echo_ops, NULL);
}

static const struct http_route routes[] = {
    { "GET", "/hello", false, STREAM_WS, on_hello, NULL },   { "POST", "/echo", false, STREAM_WS, on_echo, NULL },
    { "PUT", "/echo", false, STREAM_WS, on_echo, NULL },     { "GET", "/late", false, STREAM_WS, on_late, NULL },
    { "GET", "/big", false, STREAM_WS, on_big, NULL },       { "GET", "/last", false, STREAM_WS, on_last, NULL },
    { "GET", "/refused", false, STREAM_WS, on_refused, NULL }, { "GET", "/ws/", true, STREAM_WS, NULL, on_upgrade },
    { "GET", "/both", false, STREAM_WS, on_hello, on_upgrade },
};

static struct peer start_with(uint32_t timeout_ms)
{
    limits = (struct http_limits){ 2048, 16, 4096, timeout_ms, timeout_ms };
    http_setup(routes, sizeof routes / sizeof routes[0], &limits);
    last_chosen = "";
    return peer_start(&http_conn_ops, &http_part, 1 << 20);
}

static struct peer start(void)
{
    return start_with(60000);
}

/* --- the client's side ------------------------------------------------------------------------------------------------- */

struct answer {
    unsigned status;
    char     head[2048];
    char    *body;
    size_t   len; /* of the body; what Content-Length says */
};

static struct answer read_head(int fd)
{
    struct answer a = { 0 };
    size_t        len = 0;

    while (len < 4 || memcmp(a.head + len - 4, "\r\n\r\n", 4) != 0) {
        assert_true(len < sizeof a.head - 1);
        if (peer_read(fd, a.head + len, 1) != 1)
            fail_msg("the stream ended inside a head: \"%s\"", a.head);
        len++;
    }
    assert_int_equal(sscanf(a.head, "HTTP/1.1 %u ", &a.status), 1);
    const char *length = strstr(a.head, "Content-Length: ");
    a.len = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    return a;
}

static struct answer read_answer(int fd)
{
    struct answer a = read_head(fd);

    a.body = calloc(1, a.len + 1);
    assert_int_equal(peer_read(fd, a.body, a.len), a.len);
    return a;
}

static void expect_answer_at(int fd, unsigned status, const char *body, const char *file, int line)
{
    struct answer a = read_answer(fd);

    if (a.status != status || (body != NULL && strcmp(a.body, body) != 0)) {
        print_error("%s%s\n", a.head, a.body);
        _fail(file, line);
    }
    free(a.body);
}

#define expect_answer(fd, status, body) expect_answer_at((fd), (status), (body), __FILE__, __LINE__)

#define HELLO   "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define LATE    "GET /late HTTP/1.1\r\nHost: a\r\n\r\n"
#define UPGRADE "GET /ws/sesion=&myid= HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Version: 13\r\n"

/* Sends it alone and expects an error that closes. */
static void refused(struct peer *p, const char *text, unsigned status)
{
    int fd = peer_connect(p);

    peer_send(fd, slice_str(text));
    struct answer a = read_answer(fd);
    if (a.status != status)
        fail_msg("%s was answered %u instead of %u", text, a.status, status);
    assert_non_null(strstr(a.head, "Connection: close\r\n"));
    assert_true(a.len > 0);
    assert_true(peer_is_ended(fd));
    free(a.body);
    close(fd);
}

/* --- tests ------------------------------------------------------------------------------------------------------------- */

TEST(a_connection_serves_one_request_after_the_other)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    for (int i = 0; i < 3; i++) {
        peer_send(fd, SLICE(HELLO));
        expect_answer(fd, 200, "hello");
    }
    peer_send(fd, SLICE("\r\nGET /hello?x=%20 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    struct answer a = read_answer(fd);
    assert_string_equal(a.body, "x=%20");
    assert_non_null(strstr(a.head, "Connection: close\r\n"));
    assert_non_null(strstr(a.head, "Date: "));
    assert_non_null(strstr(a.head, "Content-Type: text/plain\r\n"));
    free(a.body);
    assert_true(peer_is_ended(fd));
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(requests_split_at_every_byte_are_served)
{
    UNUSED_STATE;
    static const char text[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" LATE HELLO;
    struct peer       p = start();
    int               fd = peer_connect(&p), on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (size_t split = 0; split < sizeof text; split++) {
        peer_send(fd, slice_of(text, split));
        peer_send(fd, slice_of(text + split, sizeof text - 1 - split));
        expect_answer(fd, 200, "abcde");
        expect_answer(fd, 200, "late");
        expect_answer(fd, 200, "hello");
    }
    for (size_t i = 0; i < sizeof text - 1; i++)
        peer_send(fd, slice_of(text + i, 1));
    expect_answer(fd, 200, "abcde");
    expect_answer(fd, 200, "late");
    expect_answer(fd, 200, "hello");
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(pipelined_requests_are_answered_in_order)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);
    struct buf  all = { 0 };

    for (int i = 0; i < 500; i++)
        buf_printf(&all, "GET %s?%d HTTP/1.1\r\nHost: a\r\n\r\n", i % 7 == 0 ? "/late" : "/hello", i + 1);
    peer_send(fd, buf_slice(&all));
    for (int i = 0; i < 500; i++) {
        char wanted[20];
        snprintf(wanted, sizeof wanted, "%d", i + 1);
        expect_answer(fd, 200, i % 7 == 0 ? "late" : wanted);
    }
    buf_clear(&all);
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(a_client_that_reads_late_gets_every_answer)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    /* More answers than sockets and queue can hold: the server must stop reading, not drop the client. */
    peer_send(fd, SLICE("GET /big?static HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /big?static HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /big HTTP/1.1\r\nHost: a\r\n\r\n" HELLO));
    for (int i = 0; i < 3; i++) {
        struct answer a = read_answer(fd);
        assert_int_equal(a.len, BIG_BYTES);
        assert_memory_equal(a.body, big, BIG_BYTES);
        free(a.body);
    }
    expect_answer(fd, 200, "hello");
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(a_client_that_leaves_in_the_middle_of_an_answer_leaves_nothing_behind)
{
    UNUSED_STATE;
    struct peer p = start();
    char        some[1000];

    for (int i = 0; i < 3; i++) {
        int fd = peer_connect(&p);
        peer_send(fd, i == 0 ? SLICE("GET /big HTTP/1.1\r\nHost: a\r\n\r\n" HELLO)
                  : i == 1   ? SLICE(LATE "GET /he")
                             : SLICE("GET /hel"));
        if (i == 0)
            assert_int_equal(peer_read(fd, some, sizeof some), sizeof some);
        peer_close_all(fd);
    }
    peer_stop(&p);
}

TEST(head_gets_the_length_but_no_body)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    peer_send(fd, SLICE("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /big HTTP/1.1\r\nHost: a\r\n\r\n" HELLO));
    assert_int_equal(read_head(fd).len, 5);
    assert_int_equal(read_head(fd).len, BIG_BYTES);
    expect_answer(fd, 200, "hello");
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(http_1_0_is_kept_alive_only_when_asked)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    peer_send(fd, SLICE("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    struct answer a = read_answer(fd);
    assert_non_null(strstr(a.head, "Connection: keep-alive\r\n"));
    free(a.body);
    peer_send(fd, SLICE("GET /hello HTTP/1.0\r\n\r\n"));
    expect_answer(fd, 200, "hello");
    assert_true(peer_is_ended(fd));
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(an_answer_may_end_the_connection)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    peer_send(fd, SLICE("GET /last HTTP/1.1\r\nHost: a\r\n\r\n" HELLO));
    struct answer a = read_head(fd);
    assert_int_equal(a.status, 204);
    assert_null(strstr(a.head, "Content-Length"));
    assert_true(peer_is_ended(fd));
    close(fd);
    refused(&p, "GET /refused HTTP/1.1\r\nHost: a\r\n\r\n", 403);
    peer_stop(&p);
}

TEST(faults_get_a_clear_answer_and_the_end)
{
    UNUSED_STATE;
    struct peer p = start();
    char        large[4000];

    refused(&p, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404);
    refused(&p, "nonsense\r\n\r\n", 400);
    refused(&p, "GET /hello HTTP/1.1\r\n\r\n", 400);
    refused(&p, "GET /hello HTTP/3.1\r\nHost: a\r\n\r\n", 505);
    refused(&p, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501);
    refused(&p, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n", 413);
    refused(&p, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999999999999999\r\n\r\n", 413);
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    memcpy(large, "GET /", 5);
    refused(&p, large, 414);
    memcpy(large, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", 33);
    refused(&p, large, 431);
    peer_stop(&p);
}

TEST(a_wrong_method_is_told_the_right_ones)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    peer_send(fd, SLICE("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct answer a = read_answer(fd);
    assert_int_equal(a.status, 405);
    assert_non_null(strstr(a.head, "Allow: POST, PUT\r\n"));
    free(a.body);
    close(fd);

    fd = peer_connect(&p);
    peer_send(fd, SLICE("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    a = read_answer(fd);
    assert_non_null(strstr(a.head, "Allow: GET, HEAD\r\n"));
    free(a.body);
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(who_asks_before_sending_a_body_is_told_to_go_on)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    peer_send(fd, SLICE("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
    peer_expect(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    peer_send(fd, SLICE("a"));
    peer_send(fd, SLICE("bc" HELLO));
    expect_answer(fd, 200, "abc");
    expect_answer(fd, 200, "hello");
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(a_slow_head_or_body_is_timed_out)
{
    UNUSED_STATE;
    struct peer p = start_with(200);

    refused(&p, "GET /hello HTTP/1.1\r\nHos", 408);
    refused(&p, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", 408);
    int fd = peer_connect(&p);
    assert_true(peer_is_ended(fd)); /* not a byte: nothing to answer */
    close(fd);
    fd = peer_connect(&p);
    peer_send(fd, SLICE(HELLO));
    expect_answer(fd, 200, "hello");
    assert_true(peer_is_ended(fd));
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(a_websocket_takes_over_and_gets_the_bytes_behind_the_head)
{
    UNUSED_STATE;
    static const char text[] = HELLO UPGRADE "bytes behind";
    struct peer       p = start();

    for (size_t split = 0; split < sizeof text; split++) {
        int fd = peer_connect(&p);
        peer_send(fd, slice_of(text, split));
        peer_send(fd, slice_of(text + split, sizeof text - 1 - split));
        expect_answer(fd, 200, "hello");
        peer_expect(fd, SWITCHED "\r\nbytes behind");
        close(fd);
    }
    int fd = peer_connect(&p);
    for (size_t i = 0; i < sizeof text - 1; i++)
        peer_send(fd, slice_of(text + i, 1));
    expect_answer(fd, 200, "hello");
    peer_expect(fd, SWITCHED "\r\nbytes behind");
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(a_websocket_behind_an_asynchronous_answer_gets_its_bytes_too)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    last_chosen = "chat";
    peer_send(fd, SLICE(LATE UPGRADE "one "));
    expect_answer(fd, 200, "late");
    peer_expect(fd, SWITCHED "Sec-WebSocket-Protocol: chat\r\n\r\none ");
    peer_send(fd, SLICE("two"));
    peer_expect(fd, "two");
    peer_close_all(fd);
    peer_stop(&p);
}

TEST(a_wrong_upgrade_is_told_why)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    peer_send(fd, SLICE("GET /ws/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    struct answer a = read_answer(fd);
    assert_int_equal(a.status, 426);
    assert_non_null(strstr(a.head, "\r\nSec-WebSocket-Version: 13\r\n"));
    free(a.body);
    close(fd);
    refused(&p, "GET /ws/ HTTP/1.1\r\nHost: a\r\n\r\n", 426);
    refused(&p, "GET /ws/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n", 400);
    refused(&p, "POST /ws/ HTTP/1.1\r\nHost: a\r\n\r\n", 405);
    peer_stop(&p);
}

TEST(an_upgrade_may_be_refused_and_a_route_may_serve_both)
{
    UNUSED_STATE;
    struct peer p = start();
    int         fd = peer_connect(&p);

    peer_send(fd, SLICE("GET /both HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
                        "GET //ws/no HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    expect_answer(fd, 200, "hello");
    struct answer a = read_head(fd);
    assert_int_equal(a.status, 101); /* "//ws/no" is another path than "/ws/no" to the route's owner, who gets it raw */
    peer_close_all(fd);
    refused(&p, "GET /ws/no HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 403);
    peer_stop(&p);
}

static int make_big(void **state)
{
    (void)state;
    big = malloc(BIG_BYTES);
    if (big == NULL)
        return -1;
    for (size_t i = 0; i < BIG_BYTES; i++)
        big[i] = (char)(i * 2654435761u >> 16);
    return 0;
}

static int free_big(void **state)
{
    (void)state;
    free(big);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_connection_serves_one_request_after_the_other),
        RUN(requests_split_at_every_byte_are_served),
        RUN(pipelined_requests_are_answered_in_order),
        RUN(a_client_that_reads_late_gets_every_answer),
        RUN(a_client_that_leaves_in_the_middle_of_an_answer_leaves_nothing_behind),
        RUN(head_gets_the_length_but_no_body),
        RUN(http_1_0_is_kept_alive_only_when_asked),
        RUN(an_answer_may_end_the_connection),
        RUN(faults_get_a_clear_answer_and_the_end),
        RUN(a_wrong_method_is_told_the_right_ones),
        RUN(who_asks_before_sending_a_body_is_told_to_go_on),
        RUN(a_slow_head_or_body_is_timed_out),
        RUN(a_websocket_takes_over_and_gets_the_bytes_behind_the_head),
        RUN(a_websocket_behind_an_asynchronous_answer_gets_its_bytes_too),
        RUN(a_wrong_upgrade_is_told_why),
        RUN(an_upgrade_may_be_refused_and_a_route_may_serve_both),
    };
    return cmocka_run_group_tests(tests, make_big, free_big);
}
