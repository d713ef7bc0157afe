#include "unit/peer.h"

#include <stdatomic.h>

#include "base/buf.h"
#include "ws/conn.h"
#include "ws/frame.h"

static struct ws_limits limits;
static atomic_int       opened, closed;

/* --- a dialect that echoes ---------------------------------------------------------------------------------------------- */

struct echo {
    struct ws_conn ws;
    struct letter  letter; /* for "pause" */
    bool           has_letter_out;
    bool           is_gone;
};

static void resume_deliver(struct letter *given)
{
    struct echo *e = (struct echo *)(void *)((char *)given - offsetof(struct echo, letter));

    e->has_letter_out = false;
    if (e->is_gone)
        free(e);
    else
        ws_conn_resume(&e->ws);
}

/* "bye": closes. "pause": reads no more until a letter has come back. "turn": pauses and resumes at once. */
static void on_message(struct ws_conn *ws, struct slice text, bool is_binary)
{
    struct echo *e = (struct echo *)(void *)ws;

    if (slice_is(text, "bye")) {
        ws_conn_close(ws, WS_CLOSE_GOING_AWAY, SLICE("until later"));
        return;
    }
    if (slice_is(text, "pause")) {
        stream_pause(ws->stream);
        e->letter.deliver = resume_deliver;
        e->has_letter_out = true;
        shard_post(0, &e->letter);
    }
    if (slice_is(text, "turn")) {
        stream_pause(ws->stream);
        ws_conn_resume(ws);
    }
    if (is_binary)
        ws_conn_text(ws, SLICE("binary"));
    else
        ws_conn_text(ws, text);
}

static void on_close(struct ws_conn *ws)
{
    struct echo *e = (struct echo *)(void *)ws;

    atomic_fetch_add(&closed, 1);
    e->is_gone = true;
    if (!e->has_letter_out)
        free(e);
}

static const struct ws_ops polite = { .name = "polite", .on_message = on_message, .on_close = on_close };
static const struct ws_ops curt = { .name = "curt", .on_message = on_message, .on_close = on_close, .drops_without_close = true };

static const struct ws_ops *ops_under_test;

static void on_open(struct stream *s)
{
    struct echo *e = calloc(1, sizeof *e);

    atomic_fetch_add(&opened, 1);
    ws_conn_start(&e->ws, s, ops_under_test);
}

static const struct stream_ops opener = { .name = "opener", .on_open = on_open };

static struct peer start_with(const struct ws_ops *ops, uint32_t ping_ms, uint32_t idle_ms)
{
    limits = (struct ws_limits){ .message_bytes = 200000, .ping_ms = ping_ms, .idle_ms = idle_ms };
    ws_setup(&limits);
    ops_under_test = ops;
    atomic_store(&opened, 0);
    atomic_store(&closed, 0);
    return peer_start(&opener, NULL, 1 << 20);
}

static struct peer start(const struct ws_ops *ops)
{
    return start_with(ops, 0, 0);
}

static void stop(struct peer *p)
{
    peer_stop(p);
    assert_int_equal(atomic_load(&opened), atomic_load(&closed));
}

/* --- the client's side -------------------------------------------------------------------------------------------------- */

static const unsigned char mask[4] = { 0x01, 0x80, 0xff, 0x5a };

static void send_frame(int fd, enum ws_opcode opcode, bool is_final, struct slice payload)
{
    struct buf b = { 0 };

    ws_frame_make_masked(&b, opcode, is_final, payload, mask);
    peer_send(fd, buf_slice(&b));
    buf_clear(&b);
}

static void send_text(int fd, const char *text)
{
    send_frame(fd, WS_TEXT, true, slice_str(text));
}

static void expect_frame_at(int fd, enum ws_opcode opcode, struct slice payload, const char *file, int line)
{
    struct buf b = { 0 };

    ws_frame_make(&b, opcode, payload);
    peer_expect_at(fd, buf_slice(&b), file, line);
    buf_clear(&b);
}

#define expect_frame(fd, opcode, payload) expect_frame_at((fd), (opcode), (payload), __FILE__, __LINE__)
#define expect_text(fd, text)             expect_frame((fd), WS_TEXT, slice_str(text))

/* --- tests -------------------------------------------------------------------------------------------------------------- */

TEST(messages_come_back_whole_however_they_were_sent)
{
    UNUSED_STATE;
    struct peer p = start(&polite);
    int         fd = peer_connect(&p);

    send_text(fd, "hello");
    expect_text(fd, "hello");
    send_text(fd, "");
    expect_text(fd, "");
    send_frame(fd, WS_BINARY, true, SLICE("\xff"));
    expect_text(fd, "binary");
    send_frame(fd, WS_TEXT, false, SLICE("in "));
    send_frame(fd, WS_PING, true, SLICE("?"));
    send_frame(fd, WS_CONTINUATION, true, SLICE("pieces"));
    expect_frame(fd, WS_PONG, SLICE("?"));
    expect_text(fd, "in pieces");
    peer_close_all(fd);
    stop(&p);
}

TEST(a_large_message_comes_back)
{
    UNUSED_STATE;
    static const size_t lens[] = { 125, 126, 2048, 2049, 65535, 65536, 200000 };
    struct peer         p = start(&polite);
    int                 fd = peer_connect(&p);
    char               *text = malloc(200000);

    memset(text, 'x', 200000);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        send_frame(fd, WS_TEXT, true, slice_of(text, lens[i]));
        expect_frame(fd, WS_TEXT, slice_of(text, lens[i]));
    }
    free(text);
    peer_close_all(fd);
    stop(&p);
}

TEST(many_messages_in_one_read_are_answered_in_order)
{
    UNUSED_STATE;
    struct peer p = start(&polite);
    int         fd = peer_connect(&p);
    struct buf  all = { 0 }, wanted = { 0 };

    for (int i = 0; i < 3000; i++) {
        char text[20];
        snprintf(text, sizeof text, "message %d", i);
        struct slice s = i % 100 == 0 ? SLICE("pause") : i % 100 == 50 ? SLICE("turn") : slice_str(text);
        ws_frame_make_masked(&all, WS_TEXT, true, s, mask);
        ws_frame_make(&wanted, WS_TEXT, s);
    }
    peer_send(fd, buf_slice(&all));
    peer_expect_slice(fd, buf_slice(&wanted));
    buf_clear(&all);
    buf_clear(&wanted);
    peer_close_all(fd);
    stop(&p);
}

TEST(a_client_that_leaves_while_paused_leaves_nothing_behind)
{
    UNUSED_STATE;
    struct peer p = start(&polite);

    for (int i = 0; i < 20; i++) {
        int fd = peer_connect(&p);
        send_text(fd, "pause");
        send_text(fd, "more");
        send_frame(fd, WS_TEXT, false, SLICE("unfinished"));
        peer_close_all(fd);
    }
    stop(&p);
}

TEST(a_close_is_echoed_with_its_code)
{
    UNUSED_STATE;
    struct peer p = start(&polite);
    int         fd = peer_connect(&p);

    send_frame(fd, WS_CLOSE, true, SLICE("\x0f\xa0reason"));
    expect_frame(fd, WS_CLOSE, SLICE("\x0f\xa0"));
    assert_true(peer_is_ended(fd));
    close(fd);
    fd = peer_connect(&p);
    send_frame(fd, WS_CLOSE, true, SLICE(""));
    expect_frame(fd, WS_CLOSE, SLICE(""));
    assert_true(peer_is_ended(fd));
    peer_close_all(fd);
    stop(&p);
}

TEST(the_dialect_can_close)
{
    UNUSED_STATE;
    struct peer p = start(&polite);
    int         fd = peer_connect(&p);

    send_text(fd, "bye");
    send_text(fd, "not delivered any more");
    expect_frame(fd, WS_CLOSE, SLICE("\x03\xe9until later"));
    assert_true(peer_is_ended(fd));
    peer_close_all(fd);
    stop(&p);
}

/* What is sent, and the code the server closes with. */
static void assert_closed_with(struct peer *p, struct slice bytes, unsigned code)
{
    int           fd = peer_connect(p);
    unsigned char head[4];

    peer_send(fd, bytes);
    assert_int_equal(peer_read(fd, (char *)head, 4), 4);
    assert_int_equal(head[0], 0x88);
    assert_int_equal(head[2] << 8 | head[3], code);
    close(fd);
}

TEST(faults_are_closed_with_their_code)
{
    UNUSED_STATE;
    struct peer p = start(&polite);

    assert_closed_with(&p, SLICE("\x81\x01x"), 1002);
    assert_closed_with(&p, SLICE("\x83\x80"), 1002);
    assert_closed_with(&p, SLICE("\x80\x80mask"), 1002);
    assert_closed_with(&p, SLICE("\x81\x81\0\0\0\0\xff"), 1007);
    assert_closed_with(&p, SLICE("\x81\xff\0\0\0\0\0\x03\x0d\x41mask"), 1009); /* 200001 */
    assert_closed_with(&p, SLICE("\x88\x81mask\0"), 1002);
    stop(&p);
}

TEST(who_drops_without_close_never_says_it)
{
    UNUSED_STATE;
    static const char *const sent[] = { "\x88\x80mask", "\x88\x82\0\0\0\0\x03\xe8", "\x81\x01x",
                                        "\x81\x83\0\0\0\0bye", "\x81\x81\0\0\0\0\xff" };
    static const size_t      lens[] = { 6, 8, 3, 9, 7 };
    struct peer              p = start(&curt);

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        int fd = peer_connect(&p);
        peer_send(fd, slice_of(sent[i], lens[i]));
        assert_true(peer_is_ended(fd));
        close(fd);
    }
    stop(&p);
}

TEST(a_quiet_client_is_pinged_and_lives_while_it_answers)
{
    UNUSED_STATE;
    struct peer p = start_with(&polite, 100, 60000);
    int         fd = peer_connect(&p);

    for (int i = 0; i < 2; i++) {
        expect_frame(fd, WS_PING, SLICE(""));
        send_frame(fd, WS_PONG, true, SLICE(""));
    }
    peer_close_all(fd);
    stop(&p);
}

TEST(a_client_that_answers_no_ping_is_dropped)
{
    UNUSED_STATE;
    struct peer p = start_with(&polite, 100, 300);
    int         fd = peer_connect(&p);

    expect_frame(fd, WS_PING, SLICE(""));
    assert_true(peer_is_ended(fd));
    peer_close_all(fd);
    stop(&p);

    p = start_with(&polite, 0, 100); /* and without pings */
    fd = peer_connect(&p);
    assert_true(peer_is_ended(fd));
    peer_close_all(fd);
    stop(&p);
}

TEST(without_an_idle_limit_the_pings_go_on)
{
    UNUSED_STATE;
    struct peer p = start_with(&polite, 70, 0);
    int         fd = peer_connect(&p);

    expect_frame(fd, WS_PING, SLICE(""));
    expect_frame(fd, WS_PING, SLICE(""));
    expect_frame(fd, WS_PING, SLICE(""));
    peer_close_all(fd);
    stop(&p);
}

TEST(a_flood_of_pings_is_answered)
{
    UNUSED_STATE;
    struct peer p = start(&polite);
    int         fd = peer_connect(&p);
    struct buf  all = { 0 }, wanted = { 0 };

    for (int i = 0; i < 500; i++) {
        char text[20];
        snprintf(text, sizeof text, "%d", i);
        ws_frame_make_masked(&all, WS_PING, true, slice_str(text), mask);
        ws_frame_make(&wanted, WS_PONG, slice_str(text));
    }
    peer_send(fd, buf_slice(&all));
    peer_expect_slice(fd, buf_slice(&wanted)); /* nothing blocks here, so each has its pong */
    buf_clear(&all);
    buf_clear(&wanted);
    peer_close_all(fd);
    stop(&p);
}

TESTS(RUN(messages_come_back_whole_however_they_were_sent), RUN(a_large_message_comes_back),
      RUN(many_messages_in_one_read_are_answered_in_order), RUN(a_client_that_leaves_while_paused_leaves_nothing_behind),
      RUN(a_close_is_echoed_with_its_code), RUN(the_dialect_can_close), RUN(faults_are_closed_with_their_code),
      RUN(who_drops_without_close_never_says_it), RUN(a_quiet_client_is_pinged_and_lives_while_it_answers),
      RUN(a_client_that_answers_no_ping_is_dropped), RUN(without_an_idle_limit_the_pings_go_on),
      RUN(a_flood_of_pings_is_answered))
