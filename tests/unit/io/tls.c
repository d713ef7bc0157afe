/* One TLS connection, on one end of a socketpair and without a shard; and the files it is made from. */
#include "io/tls.h"
#include "io/tls_tickets.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "unit/tls_client.h"

/* The client speaks to memory; what goes to and fro is carried by hand, in portions. */
struct pair {
    struct certificate_files files;
    struct tls_context      *context;
    struct tls              *server;
    struct tls_client        client;
    int                      ours; /* the client's end of the wire */
    int                      theirs;
};

static struct pair pair_make(int version, int chain, int send_buffer)
{
    struct pair p = { .files = certificate_make_valid("one.example", -60, 3600, chain) };
    int         fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    if (send_buffer > 0)
        assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer), 0);
    p.ours = fds[0];
    p.theirs = fds[1];
    p.context = certificate_context(&p.files);
    p.server = tls_new(p.context, p.theirs, SLICE(""));
    p.client = tls_client_on(-1, version);
    return p;
}

static void pair_free(struct pair *p)
{
    tls_client_close(&p->client);
    tls_free(p->server);
    tls_context_free(p->context);
    close(p->ours);
    close(p->theirs);
    certificate_remove(&p->files);
}

/* What lies on the wire for the client. */
static void carry_to_client(struct pair *p)
{
    char    bytes[4096];
    ssize_t n;
    while ((n = recv(p->ours, bytes, sizeof bytes, 0)) > 0)
        BIO_write(SSL_get_rbio(p->client.ssl), bytes, (int)n);
}

/* Up to `len` bytes the client has said; false: there are none. */
static bool carry_to_server(struct pair *p, size_t len)
{
    char bytes[4096];
    int  n = BIO_read(SSL_get_wbio(p->client.ssl), bytes, (int)(len < sizeof bytes ? len : sizeof bytes));
    return n > 0 && send(p->ours, bytes, (size_t)n, 0) == n;
}

static void shake(struct pair *p, size_t portion)
{
    char room[65536];
    size_t len;
    for (int i = 0; i < 100000 && !(tls_is_shaken(p->server) && SSL_is_init_finished(p->client.ssl)); i++) {
        carry_to_client(p);
        SSL_do_handshake(p->client.ssl);
        while (carry_to_server(p, portion))
            assert_int_equal(tls_read(p->server, room, sizeof room, &len), TLS_DRAINED);
        assert_true(tls_flush(p->server));
    }
    assert_true(tls_is_shaken(p->server));
    assert_string_equal(tls_version(p->server), SSL_get_version(p->client.ssl));
}

static void send_all(struct pair *p, struct slice bytes)
{
    struct iovec one = { (void *)(uintptr_t)bytes.at, bytes.len };
    assert_int_equal(tls_send(p->server, &one, 1), bytes.len);
}

TEST(a_handshake_and_a_record_may_be_split_at_every_byte)
{
    UNUSED_STATE;
    const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t v = 0; v < 2; v++)
        for (size_t portion = 1; portion < 12; portion += 5) {
            struct pair p = pair_make(versions[v], 0, 0);
            char room[65536] = { 0 };
            size_t      len, all = 0;
            shake(&p, portion);
            tls_client_send(&p.client, SLICE("what the client says"));
            while (carry_to_server(&p, portion)) {
                assert_int_equal(tls_read(p.server, room + all, sizeof room - all, &len), TLS_DRAINED);
                all += len;
            }
            assert_string_equal(room, "what the client says");
            send_all(&p, SLICE("what we say"));
            carry_to_client(&p);
            tls_client_expect(&p.client, "what we say");
            pair_free(&p);
        }
}

TEST(bytes_read_before_it_began_belong_to_the_handshake)
{
    UNUSED_STATE;
    struct pair p = pair_make(0, 0, 0);
    char        hello[4096], room[64];
    size_t      len;
    SSL_do_handshake(p.client.ssl);
    int n = BIO_read(SSL_get_wbio(p.client.ssl), hello, sizeof hello);
    for (int cut = 1; cut <= n; cut += cut < n - 100 ? 100 : 1) {
        struct tls *t = tls_new(p.context, p.theirs, slice_of(hello, (size_t)cut));
        if (cut < n) {
            assert_int_equal(tls_read(t, room, sizeof room, &len), TLS_DRAINED);
            assert_int_equal(recv(p.ours, room, 1, 0), -1); /* no answer to half a hello */
            assert_int_equal(send(p.ours, hello + cut, (size_t)(n - cut), 0), n - cut);
        }
        assert_int_equal(tls_read(t, room, sizeof room, &len), TLS_DRAINED);
        assert_int_equal(recv(p.ours, room, 1, 0), 1);
        while (recv(p.ours, room, sizeof room, 0) > 0)
            ;
        tls_free(t);
    }
    pair_free(&p);
}

TEST(a_wire_that_takes_little_gets_the_whole_handshake_and_every_byte)
{
    UNUSED_STATE;
    static char  bytes[300000], back[300000];
    struct pair  p = pair_make(0, 100, 1); /* a chain of 40 KB; the kernel's smallest buffer */
    bool         was_blocked = false;
    char room[65536];
    size_t       len;
    for (int i = 0; i < 1000 && !tls_is_shaken(p.server); i++) {
        carry_to_client(&p);
        SSL_do_handshake(p.client.ssl);
        while (carry_to_server(&p, 4096))
            tls_read(p.server, room, sizeof room, &len);
        was_blocked = was_blocked || tls_has_unsent(p.server);
        assert_true(tls_flush(p.server));
    }
    assert_true(was_blocked);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 >> 3);
    size_t taken = 0, got = 0;
    while (got < sizeof bytes) {
        struct iovec rest = { bytes + taken, sizeof bytes - taken };
        size_t       n = tls_send(p.server, &rest, taken < sizeof bytes);
        assert_true(n <= rest.iov_len);
        taken += n;
        carry_to_client(&p);
        got += tls_client_read(&p.client, back + got, sizeof back - got);
        assert_true(tls_flush(p.server));
    }
    assert_memory_equal(bytes, back, sizeof bytes);
    pair_free(&p);
}

TEST(small_pieces_leave_in_one_record)
{
    UNUSED_STATE;
    struct pair  p = pair_make(TLS1_3_VERSION, 0, 0);
    char         big[40000], back[40200];
    struct iovec pieces[102];
    char         wire[256];
    shake(&p, 4096);
    carry_to_client(&p);
    SSL_read(p.client.ssl, wire, 0); /* the tickets */
    for (int i = 0; i < 100; i++)
        pieces[i] = (struct iovec){ "x", i == 50 ? 0 : 1 };
    assert_int_equal(tls_send(p.server, pieces, 100), 99);
    assert_true(recv(p.ours, wire, sizeof wire, MSG_PEEK) < 99 + 40);
    memset(big, 'y', sizeof big);
    pieces[100] = (struct iovec){ big, sizeof big };
    pieces[101] = (struct iovec){ "z", 1 };
    assert_int_equal(tls_send(p.server, pieces + 90, 12), 10 + sizeof big + 1);
    carry_to_client(&p);
    assert_int_equal(tls_client_read(&p.client, back, 109 + sizeof big + 1), 109 + sizeof big + 1);
    assert_int_equal(back[108], 'x');
    assert_int_equal(back[109], 'y');
    assert_int_equal(back[109 + sizeof big], 'z');
    pair_free(&p);
}

TEST(garbage_is_answered_with_an_alert)
{
    UNUSED_STATE;
    struct pair p = pair_make(0, 0, 0);
    char room[65536];
    size_t      len;
    send(p.ours, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 28, 0);
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_FAILED);
    assert_string_equal(tls_reason(p.server), "http request");
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_FAILED); /* for good */
    tls_answer_http(p.server, SLICE("400"));
    assert_int_equal(recv(p.ours, room, sizeof room, 0), 3);
    assert_int_equal(tls_send(p.server, &(struct iovec){ "x", 1 }, 1), SIZE_MAX);
    pair_free(&p);

    p = pair_make(TLS1_3_VERSION, 0, 0);
    shake(&p, 4096);
    tls_client_send(&p.client, SLICE("good"));
    while (carry_to_server(&p, 4096))
        ;
    send(p.ours, "\x17\x03\x03\x00\x20 these bytes were never sealed! ", 37, 0);
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_MORE);
    assert_int_equal(len, 4);
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_FAILED);
    assert_int_equal(len, 0);
    tls_answer_http(p.server, SLICE("never said"));
    carry_to_client(&p);
    assert_true(SSL_read(p.client.ssl, room, 1) <= 0);
    assert_non_null(strstr(ERR_reason_error_string(ERR_peek_last_error()), "bad record mac"));
    pair_free(&p);
}

TEST(an_old_version_is_refused)
{
    UNUSED_STATE;
    struct pair p = pair_make(TLS1_1_VERSION, 0, 0);
    char room[65536];
    size_t      len;
    SSL_set_security_level(p.client.ssl, 0);
    SSL_do_handshake(p.client.ssl);
    assert_true(carry_to_server(&p, 4096));
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_FAILED);
    assert_string_equal(tls_reason(p.server), "unsupported protocol");
    pair_free(&p);
}

TEST(both_ways_of_ending_are_the_end)
{
    UNUSED_STATE;
    for (int says_so = 0; says_so < 2; says_so++) {
        struct pair p = pair_make(0, 0, 0);
        char room[65536];
        size_t      len;
        shake(&p, 4096);
        tls_client_send(&p.client, SLICE("last"));
        if (says_so)
            SSL_shutdown(p.client.ssl);
        while (carry_to_server(&p, 4096))
            ;
        if (!says_so)
            shutdown(p.ours, SHUT_WR);
        assert_int_equal(tls_read(p.server, room, sizeof room, &len), says_so ? TLS_MORE : TLS_DRAINED);
        assert_int_equal(len, 4);
        assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_ENDED);
        send_all(&p, SLICE("answer"));
        tls_end(p.server);
        tls_end(p.server);
        carry_to_client(&p);
        tls_client_expect(&p.client, "answer");
        assert_true(tls_client_is_ended(&p.client));
        pair_free(&p);
    }
}

TEST(a_peer_that_leaves_in_the_handshake_has_ended)
{
    UNUSED_STATE;
    struct pair p = pair_make(0, 0, 0);
    char room[65536];
    size_t      len;
    SSL_do_handshake(p.client.ssl);
    assert_true(carry_to_server(&p, 100));
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_DRAINED);
    shutdown(p.ours, SHUT_WR);
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_ENDED);
    tls_end(p.server);
    assert_false(tls_has_unsent(p.server));
    pair_free(&p);
}

TEST(keys_may_be_renewed_but_not_to_fill_the_memory)
{
    UNUSED_STATE;
    struct pair p = pair_make(TLS1_3_VERSION, 0, 1);
    char        room[65536];
    size_t      len;
    shake(&p, 4096);
    for (int i = 0; i < 10000; i++) {
        SSL_key_update(p.client.ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(p.client.ssl);
        while (carry_to_server(&p, 4096))
            assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_DRAINED);
        assert_false(tls_has_unsent(p.server)); /* one answer to all of them, with what is sent next */
    }
    tls_client_send(&p.client, SLICE("still"));
    assert_true(carry_to_server(&p, 4096));
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_DRAINED);
    assert_int_equal(len, 5);
    send_all(&p, SLICE("here"));
    send_all(&p, SLICE(" and there"));
    carry_to_client(&p);
    tls_client_expect(&p.client, "here and there");
    pair_free(&p);
}

/* What a client says that wants only to make work: all at once, as one read finds it. */
static enum tls_read say_asides(struct pair *p, int count)
{
    char          room[65536];
    size_t        len;
    enum tls_read result = TLS_DRAINED;
    for (int i = 0; i < count; i++) {
        SSL_key_update(p->client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(p->client.ssl);
    }
    while (carry_to_server(p, 4096))
        ;
    do
        result = tls_read(p->server, room, sizeof room, &len);
    while (result == TLS_MORE);
    return result;
}

TEST(keys_that_are_renewed_without_end_are_counted_and_end_the_connection)
{
    UNUSED_STATE;
    struct pair p = pair_make(TLS1_3_VERSION, 0, 0);
    shake(&p, 4096);
    assert_int_equal(say_asides(&p, 32), TLS_DRAINED);
    assert_int_equal(tls_asides(p.server), 32);
    assert_int_equal(say_asides(&p, 0), TLS_DRAINED);
    assert_int_equal(tls_asides(p.server), 0);
    assert_int_equal(say_asides(&p, 33), TLS_FAILED);
    assert_string_equal(tls_reason(p.server), "too many messages that are no data");
    pair_free(&p);
}

/* With small records OpenSSL keeps them, and its SSL_read takes key after key without coming back. */
TEST(keys_are_counted_where_the_records_are_openssls_too)
{
    UNUSED_STATE;
    struct pair p = pair_make(TLS1_3_VERSION, 0, 0);
    assert_int_equal(SSL_set_tlsext_max_fragment_length(p.client.ssl, TLSEXT_max_fragment_length_512), 1);
    shake(&p, 4096);
    assert_int_equal(say_asides(&p, 20), TLS_DRAINED);
    assert_int_equal(tls_asides(p.server), 20);
    assert_int_equal(say_asides(&p, 200), TLS_FAILED);
    assert_string_equal(tls_reason(p.server), "too many messages that are no data");
    pair_free(&p);
}

/* OpenSSL answers each, and would not come back from one SSL_read while more of them come. */
TEST(a_wish_for_a_new_handshake_is_counted)
{
    UNUSED_STATE;
    struct pair p = pair_make(TLS1_2_VERSION, 0, 0);
    char        room[65536];
    size_t      len;
    shake(&p, 4096);
    SSL_renegotiate(p.client.ssl);
    SSL_do_handshake(p.client.ssl);
    while (carry_to_server(&p, 4096))
        ;
    assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_DRAINED);
    assert_true(tls_asides(p.server) > 0); /* the wish, and the answer to it */
    pair_free(&p);
}

TEST(a_hello_without_end_is_not_kept)
{
    UNUSED_STATE;
    struct pair   p = pair_make(0, 0, 0);
    char          room[65536];
    unsigned char record[5 + 16384] = { 22, 3, 1, 0x40, 0, 1, 1, 0xff, 0, 3, 3 }; /* a ClientHello of 130,816 bytes begins */
    size_t        len;
    enum tls_read result = TLS_DRAINED;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(result, TLS_DRAINED);
        for (size_t at = 0; at < sizeof record; at += 4096)
            assert_true(send(p.ours, record + at, sizeof record - at < 4096 ? sizeof record - at : 4096, 0) > 0);
        result = tls_read(p.server, room, sizeof room, &len);
    }
    assert_int_equal(result, TLS_FAILED);
    assert_string_equal(tls_reason(p.server), "a handshake that is too long");
    pair_free(&p);
}

/* Carries both ways until the client has `len` bytes. */
static void carry_until(struct pair *p, char *out, size_t len)
{
    for (size_t got = 0; got < len;) {
        carry_to_client(p);
        int n = SSL_read(p->client.ssl, out + got, (int)(len - got));
        got += n > 0 ? (size_t)n : 0;
        assert_true(tls_flush(p->server));
    }
}

static void talk(struct pair *p, const char *text, size_t len)
{
    static char back[100000];
    char        room[65536];
    size_t      taken = 0, part, all = 0;
    tls_client_send(&p->client, slice_of(text, len));
    while (carry_to_server(p, 4096)) {
        enum tls_read result = tls_read(p->server, room, sizeof room, &part);
        assert_true(result == TLS_MORE || result == TLS_DRAINED);
        assert_memory_equal(room, text + all, part);
        all += part;
    }
    assert_int_equal(all, len);
    while (taken < len) {
        struct iovec one = { (void *)(uintptr_t)(text + taken), len - taken };
        size_t       n = tls_send(p->server, &one, 1);
        assert_true(n != SIZE_MAX);
        taken += n;
        carry_to_client(p);
        assert_true(tls_flush(p->server));
    }
    carry_until(p, back, len);
    assert_memory_equal(back, text, len);
}

TEST(every_cipher_carries_every_length_both_ways_and_over_new_keys)
{
    UNUSED_STATE;
    static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256" };
    static const size_t      lengths[] = { 1, 2, 100, 16383, 16384, 16385, 100000 };
    static char              text[100000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7 + i / 256);
    for (size_t i = 0; i < 3; i++) {
        struct pair p = pair_make(TLS1_3_VERSION, 0, 0);
        assert_int_equal(SSL_set_ciphersuites(p.client.ssl, suites[i]), 1);
        shake(&p, 4096);
        assert_string_equal(tls_cipher(p.server), suites[i]);
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            talk(&p, text, lengths[k]);
            SSL_key_update(p.client.ssl, k % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
        }
        tls_end(p.server);
        carry_to_client(&p);
        assert_true(tls_client_is_ended(&p.client));
        pair_free(&p);
    }
}

TEST(a_client_that_wants_small_records_gets_them)
{
    UNUSED_STATE;
    static char text[5000];
    struct pair p = pair_make(TLS1_3_VERSION, 0, 0);
    memset(text, 's', sizeof text);
    assert_int_equal(SSL_set_tlsext_max_fragment_length(p.client.ssl, TLSEXT_max_fragment_length_512), 1);
    shake(&p, 4096);
    talk(&p, text, sizeof text);
    pair_free(&p);
}

TEST(a_record_that_was_changed_anywhere_ends_the_connection_with_an_alert)
{
    UNUSED_STATE;
    for (int at = 0;; at += at == 2 ? 2 : 1) { /* not the high byte of the length: a longer record would only be waited for */
        struct pair p = pair_make(TLS1_3_VERSION, 0, 0);
        char        record[256], room[65536];
        size_t      len;
        shake(&p, 4096);
        carry_to_client(&p);
        SSL_read(p.client.ssl, room, 1); /* the tickets */
        tls_client_send(&p.client, SLICE("x"));
        int n = BIO_read(SSL_get_wbio(p.client.ssl), record, sizeof record);
        if (at == n) {
            pair_free(&p);
            return;
        }
        record[at] ^= 1;
        record[4] = at == 4 ? (char)(n - 5 - 1) : record[4];
        assert_int_equal(send(p.ours, record, (size_t)n, 0), n);
        assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_FAILED);
        assert_int_equal(tls_read(p.server, room, sizeof room, &len), TLS_FAILED);
        carry_to_client(&p);
        assert_true(SSL_read(p.client.ssl, room, 1) <= 0);
        int reason = ERR_GET_REASON(ERR_peek_error());
        assert_true(reason == SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC || reason == SSL_AD_REASON_OFFSET + SSL_AD_UNEXPECTED_MESSAGE ||
                    reason == SSL_AD_REASON_OFFSET + SSL_AD_RECORD_OVERFLOW);
        ERR_clear_error();
        pair_free(&p);
    }
}

/* --- tickets ----------------------------------------------------------------------------------------------------------- */

#define HOUR_MS UINT64_C(3600000)

/* Of a client that has been there. The caller's. */
static SSL_SESSION *ticket_of(struct pair *p)
{
    char room[65536];
    shake(p, 4096);
    carry_to_client(p);
    SSL_read(p->client.ssl, room, sizeof room); /* those of TLS 1.3 come behind the handshake */
    SSL_SESSION *session = SSL_get1_session(p->client.ssl);
    SSL_set_shutdown(p->client.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else the client forgets it */
    return session;
}

/* Another connection with it: is the handshake a short one? */
static bool opens(struct pair *p, int version, SSL_SESSION *session)
{
    tls_client_close(&p->client);
    tls_free(p->server);
    p->server = tls_new(p->context, p->theirs, SLICE(""));
    p->client = tls_client_on(-1, version);
    SSL_set_session(p->client.ssl, session);
    shake(p, 4096);
    carry_to_client(p);
    char room[65536];
    SSL_read(p->client.ssl, room, sizeof room);
    bool is = SSL_session_reused(p->client.ssl);
    SSL_set_shutdown(p->client.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return is;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

TEST(a_ticket_opens_until_its_key_was_replaced_twice)
{
    UNUSED_STATE;
    for (unsigned i = 0; i < 2; i++) {
        tls_tickets_begin(HOUR_MS, 0);
        struct pair  p = pair_make(versions[i], 0, 0);
        SSL_SESSION *session = ticket_of(&p);
        assert_true(SSL_SESSION_is_resumable(session));
        assert_true(opens(&p, versions[i], session));
        assert_false(tls_tickets_turn(HOUR_MS - 1));
        assert_true(tls_tickets_turn(HOUR_MS));
        assert_true(opens(&p, versions[i], session));
        assert_true(tls_tickets_turn(2 * HOUR_MS));
        assert_false(opens(&p, versions[i], session));
        SSL_SESSION_free(session);
        pair_free(&p);
    }
}

TEST(who_comes_with_an_old_ticket_gets_a_new_one)
{
    UNUSED_STATE;
    for (unsigned i = 0; i < 2; i++) {
        tls_tickets_begin(HOUR_MS, 0);
        struct pair  p = pair_make(versions[i], 0, 0);
        SSL_SESSION *first = ticket_of(&p);
        assert_true(tls_tickets_turn(HOUR_MS));
        assert_true(opens(&p, versions[i], first));
        SSL_SESSION *second = SSL_get1_session(p.client.ssl);
        assert_true(tls_tickets_turn(2 * HOUR_MS));
        assert_false(opens(&p, versions[i], first));
        assert_true(opens(&p, versions[i], second));
        SSL_SESSION_free(first);
        SSL_SESSION_free(second);
        pair_free(&p);
    }
}

TEST(a_ticket_outlives_the_certificates_and_the_process)
{
    UNUSED_STATE;
    char keys[TLS_TICKETS_BYTES];
    tls_tickets_begin(HOUR_MS, 0);
    struct pair         p = pair_make(TLS1_3_VERSION, 0, 0);
    SSL_SESSION        *session = ticket_of(&p);
    struct tls_files    again = certificate_named(&p.files);
    struct tls_context *fresh;
    assert_int_equal(tls_context_new(&again, 1, &fresh, NULL), OK);
    tls_context_replace(p.context, fresh);
    assert_true(opens(&p, TLS1_3_VERSION, session));
    tls_tickets_write(keys, 10);
    tls_tickets_begin(HOUR_MS, 20); /* another process has another key, */
    assert_true(tls_tickets_turn(20 + HOUR_MS));
    assert_false(opens(&p, TLS1_3_VERSION, session));
    assert_true(tls_tickets_read(slice_of(keys, sizeof keys), 20)); /* until it hears of this one's */
    assert_true(opens(&p, TLS1_3_VERSION, session));
    assert_false(tls_tickets_turn(HOUR_MS)); /* which was 10 ms old */
    assert_true(tls_tickets_turn(HOUR_MS + 10));
    assert_false(tls_tickets_read(slice_of(keys, sizeof keys - 1), 20));
    memset(keys, 0, sizeof keys);
    assert_false(tls_tickets_read(slice_of(keys, sizeof keys), 20));
    SSL_SESSION_free(session);
    pair_free(&p);
}

TEST(without_keys_there_are_no_tickets)
{
    UNUSED_STATE;
    for (unsigned i = 0; i < 2; i++) {
        tls_tickets_begin(0, 0);
        struct pair  p = pair_make(versions[i], 0, 0);
        SSL_SESSION *session = ticket_of(&p);
        assert_false(SSL_SESSION_has_ticket(session));
        assert_false(opens(&p, versions[i], session));
        assert_false(tls_tickets_turn(HOUR_MS));
        SSL_SESSION_free(session);
        pair_free(&p);
    }
}

/* --- certificates ------------------------------------------------------------------------------------------------------ */

static void assert_shown(struct pair *p, const char *asked, const char *shown)
{
    tls_free(p->server);
    tls_client_close(&p->client);
    p->server = tls_new(p->context, p->theirs, SLICE(""));
    p->client = tls_client_on(-1, 0);
    if (asked != NULL)
        SSL_set_tlsext_host_name(p->client.ssl, asked);
    shake(p, 4096);
    carry_to_client(p);
    X509 *x = SSL_get1_peer_certificate(p->client.ssl);
    assert_int_equal(X509_check_host(x, shown, 0, 0, NULL), 1);
    X509_free(x);
}

TEST(the_certificate_with_the_name_asked_for_is_shown)
{
    UNUSED_STATE;
    struct pair              p = pair_make(0, 0, 0);
    struct certificate_files two = certificate_make("two.example"), any = certificate_make("*.three.example");
    struct tls_files         files[] = { certificate_named(&p.files), certificate_named(&two), certificate_named(&any) };
    tls_context_free(p.context); /* the connection keeps it */
    assert_int_equal(tls_context_new(files, 3, &p.context, NULL), OK);
    assert_shown(&p, NULL, "one.example");
    assert_shown(&p, "one.example", "one.example");
    assert_shown(&p, "two.example", "two.example");
    assert_shown(&p, "a.three.example", "b.three.example");
    assert_shown(&p, "nobody.example", "one.example");
    pair_free(&p);
    certificate_remove(&two);
    certificate_remove(&any);
}

static void assert_unusable(const char *certificate, const char *key, const char *setting, const char *why)
{
    struct tls_files    files = { certificate, key, "ws.tls_certificate", "ws.tls_key" };
    struct tls_context *context = NULL;
    struct error        e = { 0 };
    assert_int_equal(tls_context_new(&files, 1, &context, &e), E_CONFIG);
    assert_null(context);
    if (strncmp(e.text, setting, strlen(setting)) != 0 || strstr(e.text, why) == NULL)
        fail_msg("\"%s\" says nothing of %s, %s", e.text, setting, why);
}

static void write_key_with_passphrase(const char *path)
{
    EVP_PKEY *key = certificate_key();
    FILE     *out = fopen(path, "w");
    PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
    fclose(out);
    EVP_PKEY_free(key);
}

TEST(what_is_wrong_with_the_files_is_said)
{
    UNUSED_STATE;
    struct certificate_files one = certificate_make("one.example"), two = certificate_make("two.example");
    const char              *c = one.certificate;
    assert_unusable("/nowhere/c.pem", one.key, "ws.tls_certificate: ", "/nowhere/c.pem: No such file");
    assert_unusable(c, "/nowhere/k.pem", "ws.tls_key: ", "/nowhere/k.pem: No such file");
    assert_unusable(one.dir, one.key, "ws.tls_certificate: ", "is no file");
    assert_unusable(one.key, one.key, "ws.tls_certificate: ", "no certificate in PEM");
    assert_unusable(c, c, "ws.tls_key: ", "no private key in PEM");
    assert_unusable(c, two.key, "ws.tls_key: ", "does not fit");
    write_key_with_passphrase(two.key);
    assert_unusable(c, two.key, "ws.tls_key: ", "passphrase");
    if (geteuid() != 0) { /* root may read everything */
        chmod(one.key, 0);
        assert_unusable(c, one.key, "ws.tls_key: ", "must be allowed to");
    }
    certificate_remove(&one);
    certificate_remove(&two);
}

TEST(a_certificate_out_of_its_time_is_told_and_used)
{
    UNUSED_STATE;
    const struct {
        long        from_s, until_s;
        enum status status;
        const char *text;
    } rows[] = { { -7200, -3600, E_INVALID, "only until" }, { 3600, 7200, E_INVALID, "only from" }, { -60, 60, OK, "" } };
    for (size_t i = 0; i < 3; i++) {
        struct certificate_files f = certificate_make_valid("one.example", rows[i].from_s, rows[i].until_s, 0);
        struct tls_files         files = certificate_named(&f);
        struct tls_context      *context = certificate_context(&f);
        struct error             e = { 0 };
        assert_int_equal(tls_context_check_dates(context, &files, &e), rows[i].status);
        assert_non_null(strstr(e.text, rows[i].text));
        tls_context_free(context);
        certificate_remove(&f);
    }
}

TESTS(RUN(a_handshake_and_a_record_may_be_split_at_every_byte), RUN(bytes_read_before_it_began_belong_to_the_handshake),
      RUN(a_wire_that_takes_little_gets_the_whole_handshake_and_every_byte), RUN(small_pieces_leave_in_one_record),
      RUN(garbage_is_answered_with_an_alert), RUN(an_old_version_is_refused), RUN(both_ways_of_ending_are_the_end),
      RUN(a_peer_that_leaves_in_the_handshake_has_ended), RUN(keys_may_be_renewed_but_not_to_fill_the_memory),
      RUN(keys_that_are_renewed_without_end_are_counted_and_end_the_connection),
      RUN(keys_are_counted_where_the_records_are_openssls_too),
      RUN(a_wish_for_a_new_handshake_is_counted), RUN(a_hello_without_end_is_not_kept),
      RUN(every_cipher_carries_every_length_both_ways_and_over_new_keys),
      RUN(a_client_that_wants_small_records_gets_them), RUN(a_record_that_was_changed_anywhere_ends_the_connection_with_an_alert),
      RUN(a_ticket_opens_until_its_key_was_replaced_twice),
      RUN(who_comes_with_an_old_ticket_gets_a_new_one), RUN(a_ticket_outlives_the_certificates_and_the_process),
      RUN(without_keys_there_are_no_tickets), RUN(the_certificate_with_the_name_asked_for_is_shown),
      RUN(what_is_wrong_with_the_files_is_said), RUN(a_certificate_out_of_its_time_is_told_and_used))
