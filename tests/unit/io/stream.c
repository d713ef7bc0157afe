/* Streams on one real shard, spoken to over real sockets. */
#include "io/stream.h"

#include "unit/io/letters.h"

TEST(bytes_written_in_pieces_come_back_together)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, NULL, 1 << 20);
    int         fd = peer_connect(&p);
    peer_send(fd, SLICE("ehello"));
    peer_expect(fd, "hello");
    close(fd);
    await_online(0);
    peer_stop(&p);
}

TEST(finish_sends_what_is_queued_and_then_ends)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, NULL, 1 << 20);
    int         fd = peer_connect(&p);
    peer_send(fd, SLICE("q"));
    peer_expect(fd, "bye");
    assert_true(peer_is_ended(fd));
    close(fd);
    await_online(0);
    peer_stop(&p);
}

TEST(close_ends_without_a_word)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, NULL, 1 << 20);
    int         fd = peer_connect(&p);
    peer_send(fd, SLICE("x"));
    assert_true(peer_is_ended(fd));
    close(fd);
    await_online(0);
    peer_stop(&p);
}

TEST(a_reader_that_stops_is_closed_and_its_neighbour_served)
{
    UNUSED_STATE;
    uint64_t    slow = counter_sum(COUNTER_SLOW_CLOSED);
    struct peer p = peer_start(&letters, NULL, 1 << 20);
    int         fd = peer_connect(&p), neighbour = peer_connect(&p);
    await_online(2);
    peer_send(fd, SLICE("f"));
    await_online(1);
    assert_int_equal(counter_sum(COUNTER_SLOW_CLOSED), slow + 1);
    assert_int_equal(counter_sum(COUNTER_QUEUED_BYTES), 0);
    peer_send(neighbour, SLICE("estill here"));
    peer_expect(neighbour, "still here");
    close(fd);
    close(neighbour);
    peer_stop(&p);
}

TEST(a_slow_reader_within_the_bound_gets_every_byte)
{
    UNUSED_STATE;
    static char buffer[65536];
    struct peer p = peer_start(&letters, NULL, 32 << 20);
    int         fd = peer_connect(&p);
    peer_send(fd, SLICE("f"));
    for (size_t total = 0; total < 256 * 65536;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        assert_true(n > 0);
        total += (size_t)n;
    }
    peer_send(fd, SLICE("edone"));
    peer_expect(fd, "done");
    assert_int_equal(counter_sum(COUNTER_QUEUED_BYTES), 0);
    close(fd);
    peer_stop(&p);
}

/* As "nc -N" and curl with a body do: the client says that it has said all, and reads on. */
TEST(a_client_that_has_said_all_gets_every_byte_of_a_last_answer)
{
    UNUSED_STATE;
    static char buffer[65536];
    struct peer p = peer_start(&letters, NULL, 32 << 20);
    for (int i = 0; i < 3; i++) {
        int      fd = peer_connect(&p);
        uint64_t events = counter_sum(COUNTER_WS_EVENTS);
        peer_send(fd, slice_of(&"fFg"[i], 1));
        await_event(events); /* the answer is queued before the end is heard of */
        shutdown(fd, SHUT_WR);
        size_t total = 0;
        for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0; total += (size_t)n)
            ;
        assert_int_equal(total, 256 * 65536);
        close(fd);
    }
    await_online(0);
    peer_stop(&p);
}

TEST(what_comes_during_a_pause_is_read_after_it)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, NULL, 1 << 20);
    int         fd = peer_connect(&p);
    unsigned    pauses = atomic_load(&letters_pauses);
    peer_send(fd, SLICE("p"));
    await_pause(pauses); /* else both could come in one read */
    peer_send(fd, SLICE("elate"));
    peer_expect(fd, "quietlate");
    close(fd);
    peer_stop(&p);
}

TEST(the_rest_of_a_read_goes_to_the_new_table)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, NULL, 1 << 20);
    int         fd = peer_connect(&p);
    peer_send(fd, SLICE("brest"));
    peer_expect(fd, "REST");
    peer_send(fd, SLICE("more"));
    peer_expect(fd, "MORE");
    close(fd);
    peer_stop(&p);
}

TEST(over_max_connections_a_client_is_refused_with_a_word)
{
    UNUSED_STATE;
    struct peer p = peer_start(&letters, NULL, 1 << 20);
    static const struct slice refusals[REFUSAL_COUNT] = { [REFUSE_FULL] = { "full", 4 } };
    p.port->refusals = refusals;
    p.port->max_connections = 1; /* before the first connection, so that all are counted alike */
    int first = peer_connect(&p);
    peer_send(first, SLICE("eone"));
    peer_expect(first, "one");
    int second = peer_connect(&p);
    peer_expect(second, "full");
    assert_true(peer_is_ended(second));
    close(first);
    await_online(0);
    int third = peer_connect(&p);
    peer_send(third, SLICE("eagain"));
    peer_expect(third, "again");
    close(second);
    close(third);
    peer_stop(&p);
}

TEST(a_port_in_use_is_said_with_its_number)
{
    UNUSED_STATE;
    struct peer  p = peer_start(&letters, NULL, 1 << 20);
    struct port  taken = *p.port;
    struct error e = { 0 };
    char         number[16];
    assert_int_equal(port_reserve(&taken, &e), E_CONFIG);
    snprintf(number, sizeof number, ":%u", p.port->port);
    assert_non_null(strstr(e.text, number));
    assert_non_null(strstr(e.text, "another program"));
    peer_stop(&p);
}

TESTS(RUN(bytes_written_in_pieces_come_back_together), RUN(finish_sends_what_is_queued_and_then_ends),
      RUN(close_ends_without_a_word), RUN(a_reader_that_stops_is_closed_and_its_neighbour_served),
      RUN(a_slow_reader_within_the_bound_gets_every_byte),
      RUN(a_client_that_has_said_all_gets_every_byte_of_a_last_answer), RUN(what_comes_during_a_pause_is_read_after_it),
      RUN(the_rest_of_a_read_goes_to_the_new_table), RUN(over_max_connections_a_client_is_refused_with_a_word),
      RUN(a_port_in_use_is_said_with_its_number))
