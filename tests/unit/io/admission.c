/* Who may come in: one real shard, and clients of several addresses (all of 127.0.0.0/8 is this machine). */
#include "io/admission.h"

#include "unit/io/letters.h"

#include "base/clock.h"

static struct slice refusals[REFUSAL_COUNT];

/* Letters, and w: keeps the shard busy for 20 ms. All are newcomers for ever, because nothing settles them. */
static size_t on_words(struct stream *s, char *at, size_t len)
{
    uint64_t end_ms = clock_mono_ms() + 20;
    while (at[0] == 'w' && clock_mono_ms() < end_ms)
        ;
    return on_letters(s, at, len);
}

static const struct stream_ops words;

static void on_open_words(struct stream *s)
{
    stream_become(s, &words, NULL);
}

static const struct stream_ops words = {
    .name = "words", .on_open = on_open_words, .on_bytes = on_words, .on_quiet = stream_close, .on_gone = on_gone
};

/* Refusals say which of them it is. */
static struct peer guarded(struct admission rules)
{
    struct peer p = peer_prepare(&words, NULL, 1 << 20);
    refusals[REFUSE_FULL] = SLICE("full");
    refusals[REFUSE_BUSY] = SLICE("busy");
    refusals[REFUSE_RATE] = SLICE("rate");
    refusals[REFUSE_ADDRESS] = SLICE("address");
    refusals[REFUSE_ADDRESS_RATE] = SLICE("address rate");
    p.port->is_guarded = true;
    p.port->refusals = refusals;
    p.setup->admission = rules;
    peer_go(&p);
    return p;
}

/* Talks to the server, so that it has been taken in. */
static int enter(const struct peer *p, const char *from)
{
    int fd = peer_connect_from(p, from);
    peer_send(fd, SLICE("ehello"));
    peer_expect(fd, "hello");
    return fd;
}

static void refused(const struct peer *p, const char *from, const char *text)
{
    int fd = peer_connect_from(p, from);
    peer_expect_slice(fd, slice_str(text));
    assert_true(peer_is_ended(fd));
    close(fd);
}

TEST(an_address_has_as_many_connections_as_it_may_and_others_are_not_touched)
{
    UNUSED_STATE;
    struct peer p = guarded((struct admission){ .address_connections = 2 });
    uint64_t    count = counter_sum(COUNTER_REFUSED_ADDRESS);
    int         first = enter(&p, "127.0.0.2"), second = enter(&p, "127.0.0.2");
    refused(&p, "127.0.0.2", "address");
    assert_int_equal(counter_sum(COUNTER_REFUSED_ADDRESS), count + 1);
    int other = enter(&p, "127.0.0.3");
    close(first);
    await_online(2);
    close(enter(&p, "127.0.0.2"));
    await_online(2);
    close(enter(&p, "127.0.0.2"));
    close(second);
    close(other);
    await_online(0);
    peer_stop(&p);
}

TEST(a_thousand_connections_that_come_and_go_leave_no_trace_in_the_account)
{
    UNUSED_STATE;
    struct peer p = guarded((struct admission){ .address_connections = 3 });
    for (int i = 0; i < 1000; i++) {
        int fd = enter(&p, "127.0.0.2");
        if (i % 2) {
            peer_send(fd, SLICE("x"));
            assert_true(peer_is_ended(fd));
        }
        close(fd);
        await_online(0);
    }
    int fds[] = { enter(&p, "127.0.0.2"), enter(&p, "127.0.0.2"), enter(&p, "127.0.0.2") };
    refused(&p, "127.0.0.2", "address");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    peer_stop(&p);
}

TEST(who_comes_too_often_from_one_address_is_refused_after_the_burst)
{
    UNUSED_STATE;
    struct peer p = guarded((struct admission){ .address_rate = 1 });
    uint64_t    count = counter_sum(COUNTER_REFUSED_ADDRESS_RATE);
    int         taken = 0;
    while (counter_sum(COUNTER_REFUSED_ADDRESS_RATE) == count) { /* a slow machine takes one more each second */
        int  fd = peer_connect_from(&p, "127.0.0.2");
        char text[16];
        peer_send(fd, SLICE("ehello"));
        taken += peer_read(fd, text, 5) == 5 && memcmp(text, "hello", 5) == 0;
        close(fd);
    }
    assert_true(taken >= ADMISSION_BURST_S);
    close(enter(&p, "127.0.0.3"));
    await_online(0);
    peer_stop(&p);
}

TEST(an_exempt_address_has_no_bound)
{
    UNUSED_STATE;
    struct address_set exempt = { 0 };
    assert_int_equal(address_set_add(&exempt, SLICE("127.0.0.2")), OK);
    struct peer p = guarded((struct admission){ .address_connections = 1, .address_rate = 1, .exempt = &exempt });
    int         fds[40];
    for (int i = 0; i < 40; i++)
        fds[i] = enter(&p, "127.0.0.2");
    int fd = enter(&p, "127.0.0.3");
    refused(&p, "127.0.0.3", "address");
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    close(fd);
    peer_stop(&p);
    address_set_clear(&exempt);
}

TEST(past_the_rate_in_all_a_connection_is_refused_whoever_it_is)
{
    UNUSED_STATE;
    struct peer p = guarded((struct admission){ .rate = 1 });
    uint64_t    count = counter_sum(COUNTER_REFUSED_RATE);
    for (int i = 0; counter_sum(COUNTER_REFUSED_RATE) == count; i++) {
        assert_true(i < 1000);
        close(peer_connect_from(&p, i % 2 ? "127.0.0.2" : "127.0.0.3"));
        await_online(0);
    }
    peer_stop(&p);
}

TEST(who_says_nothing_gives_way_to_who_comes_later)
{
    UNUSED_STATE;
    struct peer p = guarded((struct admission){ .handshakes = 4 });
    uint64_t    given_up = counter_sum(COUNTER_HANDSHAKES_GIVEN_UP);
    int         silent[20];
    for (int i = 0; i < 20; i++)
        silent[i] = peer_connect_from(&p, "127.0.0.2");
    int fd = enter(&p, "127.0.0.3");
    assert_int_equal(counter_sum(COUNTER_HANDSHAKES_GIVEN_UP), given_up + 17);
    assert_int_equal(counter_sum(COUNTER_HANDSHAKES), 4);
    for (int i = 0; i < 20; i++) {
        assert_true(i >= 17 || peer_is_ended(silent[i]));
        close(silent[i]);
    }
    close(fd);
    await_online(0);
    assert_int_equal(counter_sum(COUNTER_HANDSHAKES), 0);
    peer_stop(&p);
}

/* True: it was told that others come in, false: it was served. */
static bool is_told_busy(const struct peer *p)
{
    char text[4];
    int  fd = peer_connect_from(p, "127.0.0.3");
    (void)!send(fd, "ehello", 6, MSG_NOSIGNAL);
    assert_int_equal(peer_read(fd, text, sizeof text), sizeof text);
    close(fd);
    return memcmp(text, "busy", 4) == 0;
}

TEST(while_newcomers_wait_too_long_further_ones_are_refused)
{
    UNUSED_STATE;
    struct peer p = guarded((struct admission){ .handshakes = 1000, .patience_ms = 1, .turn_us = 1 });
    uint64_t    busy = counter_sum(COUNTER_REFUSED_BUSY);
    int         fds[8];
    bool        is_busy = false;
    for (int i = 0; i < 8; i++)
        fds[i] = enter(&p, "127.0.0.2");
    for (int round = 0; round < 100 && !is_busy; round++) { /* on a slow machine the newcomer may come after all of them */
        for (int i = 0; i < 8; i++)
            peer_send(fds[i], SLICE("w"));
        is_busy = is_told_busy(&p);
    }
    assert_true(is_busy);
    assert_int_equal(counter_sum(COUNTER_REFUSED_BUSY), busy + 1);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    await_online(0);
    assert_false(is_told_busy(&p));
    await_online(0);
    peer_stop(&p);
}

TESTS(RUN(an_address_has_as_many_connections_as_it_may_and_others_are_not_touched),
      RUN(a_thousand_connections_that_come_and_go_leave_no_trace_in_the_account),
      RUN(who_comes_too_often_from_one_address_is_refused_after_the_burst), RUN(an_exempt_address_has_no_bound),
      RUN(past_the_rate_in_all_a_connection_is_refused_whoever_it_is), RUN(who_says_nothing_gives_way_to_who_comes_later),
      RUN(while_newcomers_wait_too_long_further_ones_are_refused))
