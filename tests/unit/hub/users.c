/* Users over three shards and real sockets: who is online, and what reaches him; and what is kept in a store. */
#include "store/store.h"
#include "unit/hub/client.h"

static struct client clients[8];

static void up(void)
{
    static const struct store_setup memory = { .backend = "memory", .queue_bytes = 1 << 20, .patience_ms = 5000 };
    struct error                    e;
    assert_int_equal(store_open(&memory, &e), OK);
    talk_has_store = true;
    talk_up(3, 1 << 20, 1 << 20);
    for (size_t i = 0; i < 8; i++)
        client_open(&clients[i]);
}

static void down(void)
{
    for (size_t i = 0; i < 8; i++)
        if (clients[i].fd >= 0)
            client_close(&clients[i]);
    talk_down();
    assert_int_equal(store_close(), 0);
}

/* Asks until the answer is the one that must come. */
static void await_answer(struct client *c, const char *question, const char *answer)
{
    char line[256] = "";
    for (int i = 0; i < 20000 && strcmp(line, answer) != 0; i++) {
        client_say(c, "%s", question);
        client_line(c, line, sizeof line);
    }
    assert_string_equal(line, answer);
}

static void is_over(struct client *c, const char *last_words)
{
    char byte;
    client_hears(c, last_words);
    assert_int_equal(recv(c->fd, &byte, 1, 0), 0);
    client_close(c);
}

TEST(only_the_right_key_lets_a_user_in)
{
    UNUSED_STATE;
    up();
    client_asks(&clients[0], "N 5 secret", "l no"); /* nobody has no key */
    client_asks(&clients[0], "K 5 secret", "+");
    client_asks(&clients[1], "N 5 secreT", "l no");
    client_asks(&clients[1], "N 5 secre", "l no");
    client_asks(&clients[1], "N 6 secret", "l no");
    client_asks(&clients[1], "N 5 ", "l no");
    client_asks(&clients[1], "N 5 secret", "l 5");
    client_asks(&clients[0], "K 5 other", "+");
    client_asks(&clients[2], "N 5 secret", "l no");
    client_asks(&clients[2], "N 5 other", "l 5");
    down();
}

TEST(a_message_reaches_every_connection_of_its_user_and_nobody_else)
{
    UNUSED_STATE;
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    client_asks(&clients[0], "K 6 k6", "+");
    for (size_t i = 1; i < 6; i++)
        client_asks(&clients[i], "N 5 k5", "l 5");
    client_asks(&clients[6], "N 6 k6", "l 6");
    client_asks(&clients[0], "W 5 hello", "w 5");
    for (size_t i = 1; i < 6; i++)
        client_hears(&clients[i], "= hello");
    client_asks(&clients[6], "B 5", "b 0"); /* and nothing before it */
    client_asks(&clients[0], "G 5", "g.");
    down();
}

TEST(what_finds_nobody_waits_and_is_delivered_whole_in_order_and_once)
{
    UNUSED_STATE;
    char line[64], question[64];
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    for (int i = 0; i < 100; i++) {
        snprintf(question, sizeof question, "W 5 m%d", i);
        client_asks(&clients[0], question, "w 0");
    }
    client_say(&clients[0], "W 5 one too many");
    client_line(&clients[0], line, sizeof line);
    assert_memory_equal(line, "w -", 3);
    client_asks(&clients[1], "N 5 k5", "l 5");
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "~ m%d", i);
        client_hears(&clients[1], line);
    }
    client_asks(&clients[0], "W 5 live", "w 1");
    client_hears(&clients[1], "= live");
    client_asks(&clients[0], "G 5", "g.");
    client_asks(&clients[2], "N 5 k5", "l 5");
    client_asks(&clients[2], "B 5", "b 0"); /* nothing came from the queue */
    down();
}

/* The connection takes the second one only after the third: home hears of them in the order of the queue all the same. */
TEST(what_a_slow_connection_takes_late_is_neither_said_twice_nor_lost)
{
    UNUSED_STATE;
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    client_asks(&clients[0], "W 5 first", "w 0");
    client_asks(&clients[0], "W 5 block", "w 0");
    client_asks(&clients[0], "W 5 free", "w 0");
    client_asks(&clients[1], "N 5 k5", "l 5");
    client_hears(&clients[1], "~ first");
    client_hears(&clients[1], "~ block");
    client_hears(&clients[1], "~ free");
    client_asks(&clients[0], "W 5 live", "w 1");
    client_hears(&clients[1], "= live");
    client_asks(&clients[0], "G 5", "g.");
    down();
}

TEST(messages_between_two_logins_go_to_whoever_is_there)
{
    UNUSED_STATE;
    char question[64], answer[64], wanted[64];
    int  next = 0;
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 5; i++)
            client_say(&clients[0], "W 5 m%d", round * 5 + i);
        client_asks(&clients[1], "N 5 k5", "l 5");
        for (int i = 0; i < 5; i++)
            client_line(&clients[0], answer, sizeof answer); /* all are said, to the queue or to the connection */
        for (int i = 0; i < 5; i++) {
            client_line(&clients[1], answer, sizeof answer);
            snprintf(wanted, sizeof wanted, "m%d", next++);
            assert_string_equal(answer + 2, wanted);
        }
        client_close(&clients[1]);
        client_open(&clients[1]);
        snprintf(question, sizeof question, "B 5");
        client_say(&clients[0], "%s", question);
        client_line(&clients[0], answer, sizeof answer);
        while (strcmp(answer, "b 0") == 0) { /* until his home has heard of it */
            client_say(&clients[0], "%s", question);
            client_line(&clients[0], answer, sizeof answer);
        }
    }
    down();
}

TEST(a_user_comes_online_with_his_first_connection_and_leaves_with_his_last)
{
    UNUSED_STATE;
    char line[64];
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    client_asks(&clients[0], "S user_status_5", "+");
    client_asks(&clients[1], "B 5", "b -1");
    client_asks(&clients[1], "N 5 k5", "l 5");
    client_hears(&clients[0], "> user_status_5 online");
    client_asks(&clients[2], "N 5 k5", "l 5");
    client_asks(&clients[3], "B 5", "b 0");
    client_close(&clients[1]);
    client_asks(&clients[2], "W 5 x", "= x"); /* his own message comes first, then the report */
    client_line(&clients[2], line, sizeof line);
    client_close(&clients[2]);
    client_hears(&clients[0], "> user_status_5 offline");
    client_say(&clients[3], "B 5");
    client_line(&clients[3], line, sizeof line);
    assert_true(strtoull(line + 2, NULL, 10) > 1700000000);
    down();
}

TEST(within_the_grace_nobody_hears_that_a_page_was_reloaded)
{
    UNUSED_STATE;
    talk_rules.offline_grace_ms = 3000;
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    client_asks(&clients[0], "S user_status_5", "+");
    client_asks(&clients[1], "N 5 k5", "l 5");
    client_hears(&clients[0], "> user_status_5 online");
    for (int i = 0; i < 5; i++) {
        client_close(&clients[1]);
        client_open(&clients[1]);
        client_asks(&clients[1], "N 5 k5", "l 5");
        client_asks(&clients[2], "B 5", "b 0");
    }
    client_close(&clients[1]);
    client_hears(&clients[0], "> user_status_5 offline"); /* once, when the grace is over */
    down();
    talk_rules.offline_grace_ms = 0;
}

TEST(taking_the_hash_away_ends_the_connections)
{
    UNUSED_STATE;
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    client_asks(&clients[1], "N 5 k5", "l 5");
    client_asks(&clients[2], "N 5 k5", "l 5");
    client_asks(&clients[0], "k 5", "+");
    is_over(&clients[1], "end 0");
    is_over(&clients[2], "end 0");
    client_asks(&clients[3], "N 5 k5", "l no");
    down();
}

TEST(an_expired_token_ends_its_connection_unless_it_was_renewed)
{
    UNUSED_STATE;
    up();
    client_asks(&clients[1], "V 5 token-a 1", "l 5");
    client_asks(&clients[2], "V 5 token-b 1", "l 5");
    client_asks(&clients[2], "V 5 token-c 1000", "l 5");
    is_over(&clients[1], "end 1");
    client_asks(&clients[0], "W 5 x", "w 1");
    client_hears(&clients[2], "= x");
    down();
}

TEST(a_revoked_token_lets_nobody_in_and_ends_who_is_in)
{
    UNUSED_STATE;
    up();
    client_asks(&clients[1], "V 5 token-a 1000", "l 5");
    client_asks(&clients[0], "R 5 token-a", "+");
    is_over(&clients[1], "end 0");
    client_asks(&clients[2], "V 5 token-a 1000", "l no");
    client_asks(&clients[2], "V 5 token-b 1000", "l 5");
    client_asks(&clients[0], "r 5 token-a", "+");
    client_asks(&clients[3], "V 5 token-a 1000", "l 5");
    down();
}

/* What was signed is the token; the store has it under the signature that it was revoked with. */
TEST(a_token_that_is_allowed_again_under_another_signature_leaves_the_store)
{
    UNUSED_STATE;
    struct store_row *rows = NULL;
    struct error      e;
    up();
    client_asks(&clients[0], "R 5 head.claims.one", "+");
    client_asks(&clients[0], "R 5 head.claims.two", "+");
    client_asks(&clients[1], "V 5 head.claims.three 1000", "l no");
    client_asks(&clients[0], "r 5 head.claims.four", "+");
    client_asks(&clients[1], "V 5 head.claims.three 1000", "l 5");
    assert_int_equal(store_load(&rows, &e), OK);
    assert_null(rows); /* otherwise it would be revoked again after a restart */
    down();
}

/* Both are under way at once, as from two connections. */
TEST(a_setting_that_is_dropped_while_it_is_being_stored_is_gone)
{
    UNUSED_STATE;
    struct store_row *rows = NULL;
    struct error      e;
    up();
    for (int i = 0; i < 20; i++) {
        client_say(&clients[0], "L log 30\nX log");
        client_hears(&clients[0], "+");
        client_hears(&clients[0], "+");
        client_say(&clients[0], "P log text");
        client_hears(&clients[0], "R 0 0"); /* nobody records and nobody listens: there is no channel */
        client_asks(&clients[0], "H log 10", "h.");
    }
    assert_int_equal(store_load(&rows, &e), OK);
    assert_null(rows);
    down();
}

TEST(past_the_bound_the_oldest_connection_is_closed)
{
    UNUSED_STATE;
    talk_rules.max_connections = 2;
    up();
    client_asks(&clients[0], "K 5 k5", "+");
    client_asks(&clients[1], "N 5 k5", "l 5");
    client_asks(&clients[2], "N 5 k5", "l 5");
    client_asks(&clients[3], "N 5 k5", "l 5");
    is_over(&clients[1], "end 2");
    await_answer(&clients[0], "W 5 x", "w 2");
    down();
    talk_rules.max_connections = 0;
}

TEST(users_are_forgotten_and_come_back_from_the_store)
{
    UNUSED_STATE;
    char question[64];
    talk_rules.cache_count = 3;
    up();
    for (int i = 1; i <= 40; i++) {
        snprintf(question, sizeof question, "K %d k%d", i, i);
        client_asks(&clients[0], question, "+");
        snprintf(question, sizeof question, "W %d for %d", i, i);
        client_asks(&clients[0], question, "w 0");
    }
    assert_in_range(counter_sum(COUNTER_USERS), 1, 9);
    for (int i = 1; i <= 40; i++) {
        char answer[64];
        client_close(&clients[1]);
        client_open(&clients[1]);
        snprintf(question, sizeof question, "N %d k%d", i, i);
        snprintf(answer, sizeof answer, "l %d", i);
        client_asks(&clients[1], question, answer);
        snprintf(answer, sizeof answer, "~ for %d", i);
        client_hears(&clients[1], answer);
    }
    down();
    talk_rules.cache_count = 100;
}

/* 40 messages of 1,500 bytes in each of six channels, in memory for a tenth of them. */
TEST(history_that_left_the_memory_is_read_again)
{
    UNUSED_STATE;
    static const struct store_setup memory = { .backend = "memory", .queue_bytes = 1 << 24, .patience_ms = 5000 };
    static char                     text[1500], question[1600], wanted[1600];
    struct error                    e;
    assert_int_equal(store_open(&memory, &e), OK);
    talk_has_store = true;
    talk_up(3, 36000, 1 << 20);
    client_open(&clients[0]);
    memset(text, 'x', sizeof text - 1);
    for (int c = 0; c < 6; c++) {
        snprintf(question, sizeof question, "L log%d 30", c);
        client_asks(&clients[0], question, "+");
    }
    for (int i = 0; i < 40; i++)
        for (int c = 0; c < 6; c++) {
            snprintf(question, sizeof question, "P log%d %d-%s", c, i, text);
            snprintf(wanted, sizeof wanted, "R 0 %d", i + 1);
            client_asks(&clients[0], question, wanted);
        }
    assert_true(counter_sum(COUNTER_HISTORY_BYTES) <= 36000);
    for (int round = 0; round < 2; round++)
        for (int c = 0; c < 6; c++) {
            snprintf(question, sizeof question, "H log%d 1000", c);
            client_say(&clients[0], "%s", question);
            for (int i = 10; i < 40; i++) {
                snprintf(wanted, sizeof wanted, "h %d-%s", i, text);
                client_hears(&clients[0], wanted);
            }
            client_hears(&clients[0], "h.");
        }
    client_asks(&clients[0], "X log3", "+");
    client_asks(&clients[0], "H log3 1000", "h.");
    client_close(&clients[0]);
    talk_down();
    assert_int_equal(store_close(), 0);
}

TESTS(RUN(history_that_left_the_memory_is_read_again),
      RUN(only_the_right_key_lets_a_user_in),
      RUN(a_message_reaches_every_connection_of_its_user_and_nobody_else),
      RUN(what_finds_nobody_waits_and_is_delivered_whole_in_order_and_once),
      RUN(what_a_slow_connection_takes_late_is_neither_said_twice_nor_lost),
      RUN(messages_between_two_logins_go_to_whoever_is_there),
      RUN(a_user_comes_online_with_his_first_connection_and_leaves_with_his_last),
      RUN(within_the_grace_nobody_hears_that_a_page_was_reloaded),
      RUN(taking_the_hash_away_ends_the_connections),
      RUN(an_expired_token_ends_its_connection_unless_it_was_renewed),
      RUN(a_revoked_token_lets_nobody_in_and_ends_who_is_in),
      RUN(a_token_that_is_allowed_again_under_another_signature_leaves_the_store),
      RUN(a_setting_that_is_dropped_while_it_is_being_stored_is_gone),
      RUN(past_the_bound_the_oldest_connection_is_closed),
      RUN(users_are_forgotten_and_come_back_from_the_store))
