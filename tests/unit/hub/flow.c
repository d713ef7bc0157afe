/* The hub from end to end, over three shards and real sockets. */
#include "unit/hub/client.h"

/* Asks until the answer is the one that must come: counts reach a channel's home a moment after the subscriptions. */
static void await_answer(struct client *c, const char *question, const char *answer)
{
    char line[256] = "";
    for (int i = 0; i < 20000 && strcmp(line, answer) != 0; i++) {
        client_say(c, "%s", question);
        client_line(c, line, sizeof line);
    }
    assert_string_equal(line, answer);
}

static struct client clients[24];

static void open_all(size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_open(&clients[i]);
}

static void close_all(size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_close(&clients[i]);
}

TEST(a_message_reaches_every_subscriber_on_every_shard_but_its_sender)
{
    UNUSED_STATE;
    talk_up(3, 1 << 20, 1 << 20);
    open_all(12);
    for (size_t i = 0; i < 12; i++)
        client_asks(&clients[i], "S news", "+");
    await_answer(&clients[0], "C news", "N 12");
    client_say(&clients[3], "P news hello");
    client_hears(&clients[3], "R 12 1");
    for (size_t i = 0; i < 12; i++)
        if (i != 3)
            client_hears(&clients[i], "> news hello");
    client_asks(&clients[3], "C news", "N 12"); /* nothing else was said to the sender */
    close_all(12);
    talk_down();
}

TEST(publishers_on_several_shards_keep_their_order_at_every_subscriber)
{
    UNUSED_STATE;
    enum { PUBLISHERS = 6, LISTENERS = 12, EACH = 300 };
    talk_up(3, 1 << 20, 1 << 20);
    open_all(PUBLISHERS + LISTENERS);
    for (size_t i = PUBLISHERS; i < PUBLISHERS + LISTENERS; i++)
        client_asks(&clients[i], "S order", "+");
    await_answer(&clients[0], "C order", "N 12");
    for (int n = 0; n < EACH; n++)
        for (int p = 0; p < PUBLISHERS; p++)
            client_say(&clients[p], "P order %d %d", p, n);
    int seen[LISTENERS][EACH * PUBLISHERS];
    for (int l = 0; l < LISTENERS; l++) {
        int next[PUBLISHERS] = { 0 };
        for (int k = 0; k < PUBLISHERS * EACH; k++) {
            char line[256];
            int  p, n;
            client_line(&clients[PUBLISHERS + l], line, sizeof line);
            assert_int_equal(sscanf(line, "> order %d %d", &p, &n), 2);
            assert_int_equal(n, next[p]);
            next[p]++;
            seen[l][k] = p * EACH + n;
        }
    }
    for (int l = 1; l < LISTENERS; l++) /* one order for all: the home made it */
        assert_memory_equal(seen[l], seen[0], sizeof seen[0]);
    close_all(PUBLISHERS + LISTENERS);
    talk_down();
}

TEST(history_keeps_exactly_the_newest_in_order)
{
    UNUSED_STATE;
    talk_up(2, 1 << 20, 1 << 20);
    open_all(1);
    struct client *c = &clients[0];
    client_asks(c, "L log 3", "+");
    for (int i = 1; i <= 5; i++) {
        char report[32];
        snprintf(report, sizeof report, "R 0 %d", i);
        client_say(c, "P log m%d", i);
        client_hears(c, report);
    }
    client_say(c, "H log 10");
    client_hears(c, "h m3");
    client_hears(c, "h m4");
    client_hears(c, "h m5");
    client_hears(c, "h.");
    client_say(c, "H log 1");
    client_hears(c, "h m5");
    client_hears(c, "h.");
    client_asks(c, "X log", "+");
    client_asks(c, "H log 10", "h.");
    close_all(1);
    talk_down();
}

TEST(one_message_of_a_history_can_be_dropped_by_its_id)
{
    UNUSED_STATE;
    char id[64];
    talk_up(3, 1 << 20, 1 << 20);
    open_all(1);
    struct client *c = &clients[0];
    client_asks(c, "L log 3", "+");
    client_asks(c, "P log a", "R 0 1");
    client_asks(c, "P log b", "R 0 2");
    client_say(c, "I log");
    client_line(c, id, sizeof id);
    client_line(c, (char[64]){ 0 }, 64);
    client_hears(c, "i.");
    client_say(c, "D %s", id + 2);
    client_hears(c, "D 1");
    client_say(c, "D %s", id + 2);
    client_hears(c, "D 0");
    client_say(c, "H log 10");
    client_hears(c, "h b");
    client_hears(c, "h.");
    close_all(1);
    talk_down();
}

TEST(history_gives_way_to_its_bound_of_memory_oldest_first)
{
    UNUSED_STATE;
    char line[2048];
    talk_up(1, 64 << 10, 1 << 20);
    open_all(1);
    struct client *c = &clients[0];
    client_asks(c, "L one 1000", "+");
    client_asks(c, "L two 1000", "+");
    for (int i = 0; i < 200; i++) {
        client_say(c, "P %s %01000d", i < 100 ? "one" : "two", i);
        client_line(c, line, sizeof line);
    }
    client_asks(c, "H one 1000", "h.");
    client_say(c, "H two 1000");
    int count = 0;
    for (client_line(c, line, sizeof line); strcmp(line, "h.") != 0; client_line(c, line, sizeof line))
        count++;
    assert_in_range(count, 20, 60);
    assert_true(counter_sum(COUNTER_HISTORY_BYTES) <= 64 << 10);
    close_all(1);
    talk_down();
}

TEST(a_fifth_subscription_is_refused_and_the_first_four_stay)
{
    UNUSED_STATE;
    talk_up(2, 1 << 20, 1 << 20);
    open_all(2);
    for (int i = 0; i < 4; i++) {
        client_say(&clients[0], "S c%d", i);
        client_hears(&clients[0], "+");
    }
    client_asks(&clients[0], "S c4", "-FULL");
    client_asks(&clients[0], "S c3", "+"); /* twice is once */
    for (int i = 0; i < 4; i++) {
        client_say(&clients[0], "C c%d", i);
        client_hears(&clients[0], "N 1");
    }
    client_asks(&clients[0], "U c1", "+");
    client_asks(&clients[0], "S c4", "+");
    await_answer(&clients[1], "C c1", "N 0");
    await_answer(&clients[1], "C c4", "N 1");
    for (int i = 0; i < 5; i++) {
        client_say(&clients[1], "P c%d x", i);
        client_line(&clients[1], (char[64]){ 0 }, 64);
    }
    char first[64];
    client_line(&clients[0], first, sizeof first); /* order over channels is free */
    assert_int_equal(strncmp(first, "> c", 3), 0);
    close_all(2);
    talk_down();
}

TEST(presence_tells_the_others_who_comes_and_who_goes)
{
    UNUSED_STATE;
    char me[64], other[64], line[80];
    talk_up(3, 1 << 20, 1 << 20);
    open_all(2);
    client_asks(&clients[0], "S room", "+");
    client_say(&clients[0], "M room");
    client_line(&clients[0], me, sizeof me);
    client_hears(&clients[0], "m.");
    client_asks(&clients[1], "S room", "+");
    client_line(&clients[0], line, sizeof line);
    assert_int_equal(strncmp(line, "! join ", 7), 0);
    snprintf(other, sizeof other, "%.60s", line + 7);
    assert_string_not_equal(other, me + 2);
    client_close(&clients[1]);
    snprintf(line, sizeof line, "! leave %s", other);
    client_hears(&clients[0], line);
    await_answer(&clients[0], "C room", "N 1");
    client_close(&clients[0]);
    talk_down();
}

TEST(channels_and_counts_are_gone_with_the_last_subscriber)
{
    UNUSED_STATE;
    talk_up(3, 1 << 20, 1 << 20);
    open_all(9);
    for (int i = 0; i < 9; i++) {
        client_say(&clients[i], "S c%d", i % 3);
        client_hears(&clients[i], "+");
    }
    close_all(9);
    client_open(&clients[0]);
    for (int i = 0; i < 3; i++) {
        char question[16];
        snprintf(question, sizeof question, "C c%d", i);
        await_answer(&clients[0], question, "N 0");
    }
    assert_int_equal(counter_sum(COUNTER_SUBSCRIPTIONS), 0);
    assert_int_equal(counter_sum(COUNTER_CHANNELS), 0);
    client_close(&clients[0]);
    talk_down();
}

/* Everybody subscribes, leaves, publishes and vanishes at once; whoever stays hears every message once and in order. */
TEST(those_who_stay_lose_nothing_while_others_come_and_go)
{
    UNUSED_STATE;
    enum { MESSAGES = 400 };
    talk_up(3, 1 << 20, 4096); /* a small backlog: publishers have to wait for the deliveries */
    open_all(8);
    for (int i = 0; i < 4; i++)
        client_asks(&clients[i], "S busy", "+");
    await_answer(&clients[7], "C busy", "N 4");
    for (int n = 0; n < MESSAGES; n++) {
        client_say(&clients[7], "P busy %d", n);
        struct client *guest = &clients[4 + n % 3];
        client_say(guest, n % 2 ? "S busy" : "U busy");
        if (n % 5 == 0) {
            client_close(guest);
            client_open(guest);
        }
    }
    for (int i = 0; i < 4; i++)
        for (int n = 0; n < MESSAGES; n++) {
            char wanted[32];
            snprintf(wanted, sizeof wanted, "> busy %d", n);
            client_hears(&clients[i], wanted);
        }
    close_all(8);
    talk_down();
}

/* On one shard the report comes before publish returns, and what is done in it may free the channel. */
TEST(the_last_subscriber_may_leave_while_his_message_is_reported)
{
    UNUSED_STATE;
    talk_up(1, 1 << 20, 1 << 20);
    open_all(1);
    client_asks(&clients[0], "S news", "+");
    client_asks(&clients[0], "Q news hello", "R 1 1");
    client_hears(&clients[0], "N 0");
    assert_int_equal(counter_sum(COUNTER_CHANNELS), 0);
    close_all(1);
    talk_down();
}

TESTS(RUN(a_message_reaches_every_subscriber_on_every_shard_but_its_sender),
      RUN(publishers_on_several_shards_keep_their_order_at_every_subscriber),
      RUN(history_keeps_exactly_the_newest_in_order), RUN(one_message_of_a_history_can_be_dropped_by_its_id),
      RUN(history_gives_way_to_its_bound_of_memory_oldest_first),
      RUN(a_fifth_subscription_is_refused_and_the_first_four_stay),
      RUN(presence_tells_the_others_who_comes_and_who_goes),
      RUN(channels_and_counts_are_gone_with_the_last_subscriber),
      RUN(those_who_stay_lose_nothing_while_others_come_and_go),
      RUN(the_last_subscriber_may_leave_while_his_message_is_reported))
