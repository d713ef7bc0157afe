/* What a connection may do in a second; on a real shard. */
#include "io/meter.h"

#include "unit/io/letters.h"

#define MOST  10
#define MANY 200

static const struct stream_ops counting;

static void on_open_counting(struct stream *s)
{
    stream_become(s, &counting, NULL);
}

/* Each byte counts as a message; the answer to each: may it? */
static size_t on_count(struct stream *s, char *at, size_t len)
{
    (void)at;
    for (size_t i = 0; i < len; i++)
        stream_write(s, meter_take(s, METER_MESSAGES, 1) ? SLICE("y") : SLICE("n"));
    return len;
}

static const struct stream_ops counting = {
    .name = "counting", .on_open = on_open_counting, .on_bytes = on_count, .on_gone = on_gone
};

static struct peer metered(const struct address_set *exempt)
{
    struct peer p = peer_prepare(&counting, NULL, 1 << 20);
    p.port->is_guarded = true;
    p.setup->admission.exempt = exempt;
    p.setup->meters.most[METER_MESSAGES] = MOST;
    peer_go(&p);
    return p;
}

/* How many of `count` at once are taken. */
static unsigned taken(int fd, unsigned count)
{
    char     bytes[64];
    unsigned yes = 0;
    assert_true(count <= sizeof bytes);
    memset(bytes, '.', count);
    peer_send(fd, slice_of(bytes, count));
    assert_int_equal(peer_read(fd, bytes, count), count);
    for (unsigned i = 0; i < count; i++)
        yes += bytes[i] == 'y';
    return yes;
}

TEST(so_many_are_taken_in_a_second_and_again_in_the_next)
{
    UNUSED_STATE;
    uint64_t    floods = counter_sum(COUNTER_FLOODS);
    struct peer p = metered(NULL);
    int         fd = peer_connect(&p);
    unsigned    first = taken(fd, 30);
    assert_true(first >= MOST && first <= 2 * MOST); /* a second may end meanwhile */
    assert_int_equal(counter_sum(COUNTER_FLOODS), floods + 30 - first);
    while (taken(fd, 1) == 0)
        ;
    close(fd);
    await_online(0);
    peer_stop(&p);
}

TEST(connections_do_not_count_for_each_other_however_many_there_are)
{
    UNUSED_STATE;
    struct peer p = metered(NULL);
    int         fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = peer_connect(&p);
    for (int round = 0; round < MOST; round++)
        for (int i = 0; i < MANY; i++)
            assert_int_equal(taken(fds[i], 1), 1);
    for (int i = 0; i < MANY; i++) {
        assert_true(taken(fds[i], 25) <= 2 * MOST);
        close(fds[i]);
    }
    await_online(0);
    peer_stop(&p);
}

TEST(who_is_exempt_is_not_counted)
{
    UNUSED_STATE;
    struct address_set exempt = { 0 };
    assert_int_equal(address_set_add(&exempt, SLICE("loopback")), OK);
    struct peer p = metered(&exempt);
    int         fd = peer_connect(&p);
    for (int i = 0; i < 10; i++)
        assert_int_equal(taken(fd, 60), 60);
    close(fd);
    await_online(0);
    peer_stop(&p);
    address_set_clear(&exempt);
}

TESTS(RUN(so_many_are_taken_in_a_second_and_again_in_the_next),
      RUN(connections_do_not_count_for_each_other_however_many_there_are), RUN(who_is_exempt_is_not_counted))
