/* Streams that speak TLS, on one real shard, spoken to by OpenSSL's client. */
#include "io/stream.h"

#include <netinet/tcp.h>

#include "unit/io/letters.h"
#include "unit/tls_client.h"

static void greet(struct stream *s)
{
    stream_become(s, &letters, NULL);
    stream_write(s, SLICE("welcome"));
}

static void open_in_capitals(struct stream *s)
{
    stream_become(s, &capitals, NULL);
}

static void wait_a_moment(struct stream *s)
{
    stream_wait(s, 1);
}

static const struct stream_ops greeting = { .name = "greeting", .on_open = greet },
                               capitals_at_once = { .name = "capitals", .on_open = open_in_capitals },
                               impatient = { .name = "impatient", .on_open = wait_a_moment, .on_quiet = stream_close };

static struct certificate_files files;

static struct peer start(const struct stream_ops *ops, uint64_t queue_bytes)
{
    struct peer p = peer_start(ops, NULL, queue_bytes);
    files = certificate_make("one.example");
    p.port->tls = certificate_context(&files); /* before the first connection */
    return p;
}

static void stop(struct peer *p)
{
    struct tls_context *context = p->port->tls;
    peer_stop(p);
    tls_context_free(context);
    certificate_remove(&files);
}

/* The server has finished its part of the handshake as well: what is counted from here on is of what is said then. */
static struct tls_client dial(const struct peer *p, int version)
{
    uint64_t          before = counter_sum(COUNTER_TLS_HANDSHAKES);
    struct tls_client c = tls_client_on(peer_connect(p), version);
    struct pollfd     nothing = { .fd = -1 };
    tls_client_shake(&c);
    for (int i = 0; i < PEER_DEADLINE_S * 1000 && counter_sum(COUNTER_TLS_HANDSHAKES) == before; i++)
        poll(&nothing, 1, 1);
    return c;
}

TEST(bytes_come_back_in_both_versions)
{
    UNUSED_STATE;
    const int   versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    struct peer p = start(&letters, 1 << 20);
    uint64_t    before = counter_sum(COUNTER_TLS_HANDSHAKES);
    for (int i = 0; i < 2; i++) {
        struct tls_client c = dial(&p, versions[i]);
        tls_client_send(&c, SLICE("ehello"));
        tls_client_expect(&c, "hello");
        tls_client_close(&c);
    }
    await_online(0);
    assert_int_equal(counter_sum(COUNTER_TLS_HANDSHAKES), before + 2);
    stop(&p);
}

TEST(a_record_larger_than_a_read_comes_whole)
{
    UNUSED_STATE;
    static char       bytes[300000], back[300000];
    struct peer       p = start(&capitals_at_once, 1 << 20);
    struct tls_client c = dial(&p, 0);
    memset(bytes, 'a', sizeof bytes);
    tls_client_send(&c, slice_of(bytes, sizeof bytes));
    assert_int_equal(tls_client_read(&c, back, sizeof back), sizeof back);
    memset(bytes, 'A', sizeof bytes);
    assert_memory_equal(bytes, back, sizeof bytes);
    tls_client_close(&c);
    stop(&p);
}

/* Each byte is a read of its own. */
TEST(a_handshake_in_single_bytes_is_one)
{
    UNUSED_STATE;
    struct peer       p = start(&letters, 1 << 20);
    int               fd = peer_connect(&p), on = 1;
    struct tls_client c = tls_client_on(-1, TLS1_3_VERSION);
    char              bytes[4096];
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (SSL_do_handshake(c.ssl) != 1 || BIO_pending(SSL_get_wbio(c.ssl)) > 0) {
        while (BIO_read(SSL_get_wbio(c.ssl), bytes, 1) == 1) {
            uint64_t events = counter_sum(COUNTER_WS_EVENTS);
            peer_send(fd, slice_of(bytes, 1));
            await_event(events);
        }
        if (SSL_is_init_finished(c.ssl))
            break;
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        assert_true(n > 0);
        BIO_write(SSL_get_rbio(c.ssl), bytes, (int)n);
    }
    SSL_set_fd(c.ssl, fd);
    c.fd = fd;
    tls_client_send(&c, SLICE("ehello"));
    tls_client_expect(&c, "hello");
    tls_client_close(&c);
    stop(&p);
}

TEST(what_is_written_before_the_handshake_waits_for_it)
{
    UNUSED_STATE;
    struct peer       p = start(&greeting, 1 << 20);
    struct tls_client c = dial(&p, 0);
    tls_client_expect(&c, "welcome");
    tls_client_send(&c, SLICE("ehello"));
    tls_client_expect(&c, "hello");
    tls_client_close(&c);
    stop(&p);
}

TEST(a_slow_reader_gets_every_byte_within_the_bound_and_is_closed_past_it)
{
    UNUSED_STATE;
    static char       buffer[65536];
    struct peer       p = start(&letters, 32 << 20);
    struct tls_client c = dial(&p, 0);
    tls_client_send(&c, SLICE("f"));
    for (size_t total = 0; total < 256 * 65536; total += sizeof buffer)
        assert_int_equal(tls_client_read(&c, buffer, sizeof buffer), sizeof buffer);
    tls_client_send(&c, SLICE("edone"));
    tls_client_expect(&c, "done");
    assert_int_equal(counter_sum(COUNTER_QUEUED_BYTES), 0);
    tls_client_close(&c);
    stop(&p);

    uint64_t slow = counter_sum(COUNTER_SLOW_CLOSED);
    p = start(&letters, 1 << 20);
    c = dial(&p, 0);
    tls_client_send(&c, SLICE("f"));
    await_online(0);
    assert_int_equal(counter_sum(COUNTER_SLOW_CLOSED), slow + 1);
    assert_int_equal(counter_sum(COUNTER_QUEUED_BYTES), 0);
    tls_client_close(&c);
    stop(&p);
}

TEST(finish_sends_what_is_queued_and_says_that_it_was_all)
{
    UNUSED_STATE;
    static char       buffer[65536];
    struct peer       p = start(&letters, 32 << 20);
    struct tls_client c = dial(&p, 0);
    tls_client_send(&c, SLICE("q"));
    tls_client_expect(&c, "bye");
    assert_true(tls_client_is_ended(&c));
    assert_true(peer_is_ended(c.fd));
    tls_client_close(&c);

    c = dial(&p, 0);
    tls_client_send(&c, SLICE("F"));
    for (size_t total = 0; total < 256 * 65536; total += sizeof buffer)
        assert_int_equal(tls_client_read(&c, buffer, sizeof buffer), sizeof buffer);
    assert_true(tls_client_is_ended(&c));
    tls_client_close(&c);
    await_online(0);
    stop(&p);
}

TEST(a_client_that_has_said_all_gets_every_byte_of_a_last_answer)
{
    UNUSED_STATE;
    static char buffer[65536];
    struct peer p = start(&letters, 32 << 20);
    for (int i = 0; i < 3; i++) {
        struct tls_client c = dial(&p, 0);
        uint64_t          events = counter_sum(COUNTER_WS_EVENTS);
        tls_client_send(&c, slice_of(&"fFg"[i], 1));
        await_event(events);
        SSL_shutdown(c.ssl);
        for (size_t total = 0; total < 256 * 65536; total += sizeof buffer)
            assert_int_equal(tls_client_read(&c, buffer, sizeof buffer), sizeof buffer);
        tls_client_close(&c);
    }
    await_online(0);
    stop(&p);
}

TEST(what_comes_during_a_pause_is_read_after_it)
{
    UNUSED_STATE;
    struct peer       p = start(&letters, 1 << 20);
    struct tls_client c = dial(&p, 0);
    unsigned          pauses = atomic_load(&letters_pauses);
    tls_client_send(&c, SLICE("p"));
    await_pause(pauses); /* an event may be that of the handshake's end, and then both came in one read */
    tls_client_send(&c, SLICE("elate"));
    tls_client_expect(&c, "quietlate");
    tls_client_send(&c, SLICE("brest")); /* and the table may change */
    tls_client_expect(&c, "REST");
    tls_client_close(&c);
    stop(&p);
}

TEST(close_ends_and_a_client_may_vanish)
{
    UNUSED_STATE;
    struct peer       p = start(&letters, 1 << 20);
    struct tls_client c = dial(&p, 0);
    char              byte;
    tls_client_send(&c, SLICE("x"));
    assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
    tls_client_close(&c);
    c = dial(&p, 0);
    close(c.fd); /* without a word */
    c.fd = -1;
    await_online(0);
    tls_client_close(&c);
    stop(&p);
}

TEST(garbage_gets_an_alert_and_an_end)
{
    UNUSED_STATE;
    struct peer p = start(&letters, 1 << 20);
    uint64_t    before = counter_sum(COUNTER_TLS_FAILED);
    int         fd = peer_connect(&p);
    char        alert[64];
    peer_send(fd, SLICE("\x16\x03\x01\x00\x05garbage, and more of it"));
    assert_int_equal(peer_read(fd, alert, sizeof alert), 7); /* and then the end */
    assert_int_equal(alert[0], 21);
    close(fd);
    await_online(0);
    assert_int_equal(counter_sum(COUNTER_TLS_FAILED), before + 1);
    stop(&p);
}

TEST(a_handshake_that_is_too_slow_is_given_up)
{
    UNUSED_STATE;
    struct peer p = start(&impatient, 1 << 20);
    int         fd = peer_connect(&p);
    peer_send(fd, SLICE("\x16\x03\x01\x02\x00\x01")); /* the beginning of a hello */
    assert_true(peer_is_ended(fd));
    close(fd);
    await_online(0);
    stop(&p);
}

TEST(a_plain_stream_becomes_one_of_tls)
{
    UNUSED_STATE;
    struct peer p = start(&letters, 1 << 20);
    letters_tls = p.port->tls;
    p.port->tls = NULL;
    for (int together = 0; together < 2; together++) {
        struct tls_client c = tls_client_on(-1, 0);
        int               fd = peer_connect(&p);
        char              hello[4097] = "s";
        peer_send(fd, SLICE("eplain"));
        peer_expect(fd, "plain");
        SSL_do_handshake(c.ssl);
        int n = BIO_read(SSL_get_wbio(c.ssl), hello + 1, sizeof hello - 1);
        peer_send(fd, slice_of(hello, together ? (size_t)n + 1 : 1)); /* the hello in the same segment, or later */
        if (!together)
            peer_send(fd, slice_of(hello + 1, (size_t)n));
        SSL_set_fd(c.ssl, fd);
        c.fd = fd;
        tls_client_shake(&c);
        tls_client_send(&c, SLICE("esecret"));
        tls_client_expect(&c, "secret");
        tls_client_close(&c);
    }
    await_online(0);
    p.port->tls = letters_tls;
    stop(&p);
}

TEST(a_proxy_speaks_before_the_handshake)
{
    UNUSED_STATE;
    static const struct address_set nobody = { 0 };
    struct peer p = start(&greeting, 1 << 20);
    p.port->expects_proxy = true;
    p.port->proxies = &nobody;
    p.port->proxy_timeout_ms = 10000;
    for (int together = 0; together < 2; together++) {
        struct tls_client c = tls_client_on(-1, 0);
        int               fd = peer_connect(&p);
        char              bytes[4200] = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
        size_t            head = strlen(bytes);
        SSL_do_handshake(c.ssl);
        size_t n = (size_t)BIO_read(SSL_get_wbio(c.ssl), bytes + head, (int)(sizeof bytes - head));
        peer_send(fd, slice_of(bytes, together ? head + n : head));
        if (!together)
            peer_send(fd, slice_of(bytes + head, n));
        SSL_set_fd(c.ssl, fd);
        c.fd = fd;
        tls_client_shake(&c);
        tls_client_expect(&c, "welcome");
        tls_client_close(&c);
    }
    await_online(0);
    stop(&p);
}

TESTS(RUN(bytes_come_back_in_both_versions), RUN(a_record_larger_than_a_read_comes_whole),
      RUN(a_handshake_in_single_bytes_is_one), RUN(what_is_written_before_the_handshake_waits_for_it),
      RUN(a_slow_reader_gets_every_byte_within_the_bound_and_is_closed_past_it),
      RUN(finish_sends_what_is_queued_and_says_that_it_was_all),
      RUN(a_client_that_has_said_all_gets_every_byte_of_a_last_answer), RUN(what_comes_during_a_pause_is_read_after_it),
      RUN(close_ends_and_a_client_may_vanish), RUN(garbage_gets_an_alert_and_an_end),
      RUN(a_handshake_that_is_too_slow_is_given_up), RUN(a_plain_stream_becomes_one_of_tls),
      RUN(a_proxy_speaks_before_the_handshake))
