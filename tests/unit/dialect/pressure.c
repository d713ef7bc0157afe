/* What one browser can do to the others: a shard that lags behind slows him down, not the memory. */
#include "unit/dialect/visitors.h"

static char channel[CHANNEL_NAME_MAX];

/* A subscriber in shard 1, which then falls asleep; two others in shard 0: one to misbehave, one to see that it serves. */
static void stall(const char *prefix, int *out_hostile, int *out_neighbour, int *out_listener)
{
    char text[100];
    visitors_up(2, 4096);
    channel_at(0, prefix, channel);
    *out_listener = visitor_on(1);
    *out_hostile = visitor_on(0);
    *out_neighbour = visitor_on(0);
    snprintf(text, sizeof text, "subscription\n%s", channel);
    visitor_say(*out_listener, text);
    await_count(*out_neighbour, channel, 1);
    atomic_store(&shard_1_sleeps, true);
}

/* Shard 0 has this many turns and reads what there is. */
static void pass_turns(int neighbour, int turns)
{
    for (int i = 0; i < turns; i++) {
        visitor_say(neighbour, "user_status\n5");
        visitor_hears(neighbour, "user_status_5");
    }
}

static void wake_and_end(int hostile, int neighbour, int listener)
{
    atomic_store(&shard_1_sleeps, false);
    close(hostile);
    close(neighbour);
    close(listener);
    visitors_down();
}

TEST(who_joins_and_leaves_without_end_waits_for_those_who_must_hear_of_it)
{
    UNUSED_STATE;
    int  hostile, neighbour, listener;
    char join[100];
    uint64_t start = counter_sum(COUNTER_PUBLISHED);
    stall("track_", &hostile, &neighbour, &listener);
    snprintf(join, sizeof join, "subscription\n%s", channel);
    while (counter_sum(COUNTER_PUBLISHED) == start) /* that the listener has joined is published as well; CTest bounds the wait */
        pass_turns(neighbour, 1);
    uint64_t before = counter_sum(COUNTER_PUBLISHED);
    for (int i = 0; i < 4000; i++) {
        visitor_say(hostile, join);
        visitor_say(hostile, "subscription\n");
    }
    pass_turns(neighbour, 50);
    assert_in_range(counter_sum(COUNTER_PUBLISHED) - before, 10, 600);
    atomic_store(&shard_1_sleeps, false);
    visitor_say(hostile, "user_status\n7"); /* and all of it is carried out in the end */
    visitor_hears(hostile, "user_status_7");
    assert_int_equal(counter_sum(COUNTER_PUBLISHED) - before, 8000);
    wake_and_end(hostile, neighbour, listener);
}

TEST(large_messages_in_flight_are_few)
{
    UNUSED_STATE;
    static char message[256 << 10];
    int         hostile, neighbour, listener;
    stall("web_", &hostile, &neighbour, &listener);
    memset(message, 'x', sizeof message);
    int n = snprintf(message, sizeof message, "web_pipe2\n%s\ne\n*\n", channel);
    message[n] = 'x';
    uint64_t       before = counter_sum(COUNTER_PUBLISHED);
    struct timeval at_once = { .tv_usec = 1000 };
    setsockopt(hostile, SOL_SOCKET, SO_SNDTIMEO, &at_once, sizeof at_once);
    unsigned char head[14] = { 0x81, 0x80 | 127, 0, 0, 0, 0, 0, (sizeof message >> 16) & 0xff };
    for (size_t round = 0, sent = 0; round < 400; round++) {
        while (sent < sizeof head + sizeof message) {
            ssize_t k = sent < sizeof head ? send(hostile, head + sent, sizeof head - sent, MSG_NOSIGNAL)
                                           : send(hostile, message + sent - sizeof head, sizeof message + sizeof head - sent, MSG_NOSIGNAL);
            if (k <= 0)
                break;
            sent += (size_t)k;
        }
        sent = sent == sizeof head + sizeof message ? 0 : sent;
        pass_turns(neighbour, 1);
    }
    assert_in_range(counter_sum(COUNTER_PUBLISHED) - before, 1, 8);
    wake_and_end(hostile, neighbour, listener);
}

TESTS(RUN(who_joins_and_leaves_without_end_waits_for_those_who_must_hear_of_it), RUN(large_messages_in_flight_are_few))
