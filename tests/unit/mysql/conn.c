/* A connection over a real socket, with an owner that answers in all the ways there are. */
#include "mysql/conn.h"

#include "unit/mysql/client.h"

static atomic_int owners; /* alive */

/* An answer in a later turn. */
struct later {
    struct letter letter;
    uint64_t      stream;
    uint64_t      number;
};

static void answer_later(struct letter *given)
{
    struct later  *l = (struct later *)(void *)given;
    struct stream *s = stream_find(l->stream);
    if (s != NULL)
        mysql_ok(mysql_of_stream(s), l->number, 0);
    free(l);
}

static enum status test_login(struct mysql_conn *c, const struct mysql_login *login, struct error *error)
{
    bool is_check = login->is_empty_password && slice_starts(login->user, "haproxy_check");
    if (!login->is_password_right && !is_check)
        return error_plain(error, E_AUTH);
    if (mysql_owner(c) == NULL) {
        owners++;
        mysql_owner_set(c, malloc(1));
    }
    return OK;
}

static enum status test_database(struct mysql_conn *c, struct slice name, struct error *error)
{
    (void)c;
    return slice_is(name, "good") ? OK : error_set(error, E_NOT_FOUND, "no");
}

static void send_rows(struct mysql_conn *c, uint64_t count)
{
    static char cell[1000];
    memset(cell, 'r', sizeof cell);
    mysql_columns(c, (struct slice[]){ SLICE("a"), SLICE("b") }, 2);
    for (uint64_t i = 0; i < count; i++)
        mysql_row(c, (struct slice[]){ slice_of(cell, sizeof cell), { NULL, 0 } }, 2);
    mysql_end(c);
}

static void test_query(struct mysql_conn *c, struct slice sql)
{
    uint64_t     number = 0;
    struct slice more = sql;
    struct slice rest = slice_cut(&more, ';');
    if (more.len > 0 && mysql_takes_many(c))
        mysql_more(c, more);
    struct slice verb = slice_cut(&rest, ' ');
    slice_u64(rest, 1000000, &number);
    if (slice_is(verb, "later")) {
        struct later *l = malloc(sizeof *l);
        *l = (struct later){ .letter = { .deliver = answer_later }, .stream = stream_id(mysql_stream(c)), .number = number };
        shard_post(shard_here.index, &l->letter);
    } else if (slice_is(verb, "rows")) {
        send_rows(c, number);
    } else if (slice_is(verb, "half")) {
        struct error e;
        mysql_columns(c, (struct slice[]){ SLICE("a") }, 1);
        mysql_row(c, (struct slice[]){ SLICE("1") }, 1);
        error_plain(&e, E_INTERNAL);
        mysql_fail(c, &e);
    } else if (slice_is(verb, "now")) {
        mysql_ok(c, number, 0);
    } else {
        mysql_ok(c, sql.len & 0x7F, 0);
    }
}

static void test_field_list(struct mysql_conn *c, struct slice table, struct slice pattern)
{
    struct error e;
    error_plain(&e, E_NOT_FOUND);
    if (slice_is(table, "t"))
        mysql_field_list(c, (struct slice[]){ SLICE("x"), SLICE("y") }, slice_is(pattern, "x") ? 1 : 2);
    else
        mysql_fail(c, &e);
}

static void test_statistics(struct mysql_conn *c, struct buf *out)
{
    (void)c;
    buf_text(out, "Uptime: 1");
}

static void test_gone(struct mysql_conn *c)
{
    free(mysql_owner(c));
    owners--;
}

static const struct mysql_ops ops = {
    .on_login = test_login,
    .on_database = test_database,
    .on_query = test_query,
    .on_field_list = test_field_list,
    .on_statistics = test_statistics,
    .on_gone = test_gone,
};

static struct mysql_settings settings = { .ops = &ops, .version = "5.7.99-test", .max_packet = 100000, .login_timeout_ms = 60000 };

static struct peer begin(void)
{
    settings.password = SLICE(CLIENT_PASSWORD);
    mysql_setup(&settings);
    return peer_start(&mysql_conn_ops, &mysql_part, 1 << 20);
}

static void end(struct peer *p, struct client *c)
{
    client_close(c);
    assert_int_equal(owners, 0);
    peer_stop(p);
}

static void expect_error(struct client *c, unsigned code)
{
    assert_int_equal((unsigned char)c->packet.at[0], 0xFF);
    assert_int_equal((unsigned char)c->packet.at[1] | (unsigned char)c->packet.at[2] << 8, code);
}

TEST(a_client_with_the_right_password_is_let_in)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    assert_memory_equal(c.packet.at, "\0\0\0\2\0\0\0", 7);
    client_expect(&c, "now 5", "ok 5/0");
    client_expect(&c, "later 6", "ok 6/0");
    client_expect(&c, "half", "a|1|error");
    end(&p, &c);
}

TEST(a_wrong_password_is_refused_and_the_connection_closed)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", "wrong", "");
    expect_error(&c, 16);
    assert_true(peer_is_ended(c.fd));
    end(&p, &c);
}

/* The greeting names the other plugin: clients of MySQL 9 keep their answer back until they are asked for it. */
TEST(caching_sha2_password_lets_in_with_a_word_of_success)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = { .fd = peer_connect(&p) };
    struct buf    b = { 0 };
    unsigned char answer[32];
    client_greet(&c);
    client_put_login(&b, &c, "root", NULL, "", "caching_sha2_password");
    client_send(&c, 1, buf_slice(&b));
    for (int round = 0; round < 2; round++) {
        assert_true(client_read(&c));
        assert_int_equal(c.packet.len, 1 + 22 + 21);
        assert_memory_equal(c.packet.at, "\xfe" "caching_sha2_password", 23);
        client_answer_salt_sha2(CLIENT_PASSWORD, (unsigned char *)c.packet.at + 23, answer);
        client_send(&c, (uint8_t)(c.sequence + 1), slice_of(answer, 32));
        assert_true(client_read(&c));
        assert_int_equal(c.packet.len, 2);
        assert_memory_equal(c.packet.at, "\1\3", 2);
        assert_true(client_read(&c));
        assert_int_equal(c.packet.at[0], 0);
        client_expect(&c, "now 1", "ok 1/0");
        client_send(&c, 0, SLICE("\x11" "root\0\0\0\x2d\0" "caching_sha2_password\0"));
    }
    assert_true(client_read(&c));
    assert_int_equal((unsigned char)c.packet.at[0], 0xFE);
    client_send(&c, 2, slice_of(answer, 32)); /* of an older salt */
    assert_true(client_read(&c));
    expect_error(&c, 16);
    assert_true(peer_is_ended(c.fd));
    buf_clear(&b);
    end(&p, &c);
}

TEST(a_user_is_changed_with_an_answer_to_the_salt_of_the_greeting)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    unsigned char answer[20];
    client_answer_salt(CLIENT_PASSWORD, c.salt, answer);
    buf_append(&b, "\x11" "root\0\x14", 7);
    buf_append(&b, answer, 20);
    buf_append(&b, "\0\x2d\0" "mysql_native_password", 25);
    client_send(&c, 0, buf_slice(&b));
    assert_true(client_read(&c));
    assert_int_equal(c.packet.at[0], 0);
    client_expect(&c, "now 1", "ok 1/0");
    b.at[10] ^= 1;
    client_send(&c, 0, buf_slice(&b));
    assert_true(client_read(&c));
    assert_int_equal((unsigned char)c.packet.at[0], 0xFE);
    client_send(&c, 2, slice_of(answer, 20)); /* of the old salt, and one was asked for to a new one */
    assert_true(client_read(&c));
    expect_error(&c, 16);
    assert_true(peer_is_ended(c.fd));
    buf_clear(&b);
    end(&p, &c);
}

TEST(caching_sha2_password_without_a_password_is_refused)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = { .fd = peer_connect(&p) };
    struct buf    b = { 0 };
    client_greet(&c);
    client_put_login(&b, &c, "root", NULL, "", "caching_sha2_password");
    client_send(&c, 1, buf_slice(&b));
    assert_true(client_read(&c));
    client_send(&c, 3, SLICE("\0"));
    assert_true(client_read(&c));
    expect_error(&c, 16);
    assert_true(peer_is_ended(c.fd));
    buf_clear(&b);
    end(&p, &c);
}

/* The status of an OK packet says whether another answer follows. */
static void expect_ok(struct client *c, unsigned affected, bool is_last)
{
    assert_true(client_read(c));
    assert_int_equal(c->packet.at[0], 0);
    assert_int_equal(c->packet.at[1], affected);
    assert_int_equal(c->packet.at[3], is_last ? 0x02 : 0x0A);
}

TEST(the_statements_of_a_query_are_answered_one_after_the_other)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    client_send(&c, 0, SLICE("\3later 1;now 2;later 3;later 4;now 5"));
    client_send(&c, 0, SLICE("\3now 6")); /* behind it on the wire: its turn comes when all five are answered */
    for (unsigned i = 1; i <= 6; i++)
        expect_ok(&c, i, i >= 5);

    client_send(&c, 0, SLICE("\3rows 1000;half;now 3")); /* large answers leave first; an error drops what comes */
    client_read_rows(&c, false, &b);
    assert_true(b.len > 1000000);
    buf_reset(&b);
    client_read_rows(&c, false, &b);
    assert_non_null(memmem(b.at, b.len, "a|1|error", 9));
    client_expect(&c, "now 4", "ok 4/0");

    client_send(&c, 0, SLICE("\x1b\1\0"));
    assert_true(client_read(&c));
    client_expect(&c, "now 1;now 2", "ok 1/0");
    client_send(&c, 0, SLICE("\x1b\0\0"));
    assert_true(client_read(&c));
    client_send(&c, 0, SLICE("\3now 1;now 2"));
    expect_ok(&c, 1, false);
    expect_ok(&c, 2, true);
    buf_clear(&b);
    end(&p, &c);
}

TEST(a_query_has_a_thousand_statements_at_most)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    buf_byte(&b, 3);
    for (int i = 0; i < 5000; i++)
        buf_text(&b, i % 3 == 0 ? "later 7;" : "now 7;");
    client_send(&c, 0, buf_slice(&b));
    for (unsigned i = 0; i < MYSQL_STATEMENTS_MAX; i++)
        expect_ok(&c, 7, false);
    assert_true(client_read(&c));
    expect_error(&c, 19);
    client_expect(&c, "now 4", "ok 4/0");
    buf_clear(&b);
    end(&p, &c);
}

TEST(another_plugin_is_switched_to_the_one_of_the_greeting)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = { .fd = peer_connect(&p) };
    struct buf    b = { 0 };
    unsigned char answer[20];
    client_greet(&c);
    client_put_login(&b, &c, "root", NULL, "", "dialog");
    client_send(&c, 1, buf_slice(&b));
    assert_true(client_read(&c));
    assert_int_equal(c.sequence, 2);
    assert_int_equal(c.packet.len, 1 + 22 + 21);
    assert_memory_equal(c.packet.at, "\xfe" "mysql_native_password", 23);
    assert_memory_not_equal(c.packet.at + 23, c.salt, 20);
    client_answer_salt(CLIENT_PASSWORD, (unsigned char *)c.packet.at + 23, answer);
    client_send(&c, 3, slice_of(answer, 20));
    assert_true(client_read(&c));
    assert_int_equal(c.sequence, 4);
    assert_int_equal(c.packet.at[0], 0);
    client_expect(&c, "now 1", "ok 1/0");

    /* Change of user takes the same road; the old answer does not work again. */
    client_send(&c, 0, SLICE("\x11" "root\0\0\0"));
    assert_true(client_read(&c));
    assert_int_equal((unsigned char)c.packet.at[0], 0xFE);
    client_send(&c, 2, slice_of(answer, 20));
    assert_true(client_read(&c));
    expect_error(&c, 16);
    assert_true(peer_is_ended(c.fd));
    buf_clear(&b);
    end(&p, &c);
}

TEST(a_health_check_may_log_in_and_ask_nothing)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "haproxy_check", NULL, "");
    assert_int_equal(c.packet.at[0], 0);
    client_expect(&c, "now 1", "error 403: Access denied");
    client_send(&c, 0, SLICE("\x0e"));
    assert_true(client_read(&c));
    assert_int_equal(c.packet.at[0], 0);
    end(&p, &c);

    p = begin();
    c = (struct client){ .fd = peer_connect(&p) };
    client_greet(&c);
    peer_send(c.fd, SLICE("\x13\0\0\1\x80\0\0\0\1haproxy_check\0" "\1\0\0\0\1")); /* with COM_QUIT behind it */
    assert_true(client_read(&c));
    assert_int_equal(c.packet.at[0], 0);
    assert_true(peer_is_ended(c.fd));
    end(&p, &c);
}

TEST(each_command_has_its_answer)
{
    UNUSED_STATE;
    static const struct {
        const char *command;
        size_t      len;
        const char *answer;
        size_t      answer_len;
    } samples[] = {
        { "\x0e", 1, "\0\0\0\2\0\0\0", 7 },                                  /* ping */
        { "\x02good", 5, "\0\0\0\2\0\0\0", 7 },                              /* database */
        { "\x02" "bad", 4, "\xff\x0f\0#HY000no", 11 },
        { "\x09", 1, "Uptime: 1", 9 },
        { "\x1b\0\0", 3, "\xfe\0\0\2\0", 5 },                                /* set option */
        { "\x1b\2\0", 3, "\xff\x17\x04#08S01", 9 },                         /* there are only two: 1047 */
        { "\x1b", 1, "\xff\x17\x04#08S01", 9 },
        { "\x1f", 1, "\0\0\0\2\0\0\0", 7 },                                  /* reset connection */
        { "\x17\1\0\0\0\0\1\0\0\0", 10, "\xff\xdb\x04#HY000", 9 },            /* execute of nothing: 1243 */
        { "\x05x", 2, "\xff\x17\x04#08S01", 9 },                             /* 1047 */
        { "\xff", 1, "\xff\x17\x04#08S01", 9 },
        { "", 0, "\xff\x17\x04#08S01", 9 },
        { "\x04nothing\0", 9, "\xff\x0f\0#HY000", 9 },                       /* fields of an unknown table */
    };
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        client_send(&c, 0, slice_of(samples[i].command, samples[i].len));
        assert_true(client_read(&c));
        assert_int_equal(c.sequence, 1);
        assert_true(c.packet.len >= samples[i].answer_len);
        assert_memory_equal(c.packet.at, samples[i].answer, samples[i].answer_len);
    }
    client_send(&c, 0, SLICE("\x19\0\0\0\0")); /* no answer */
    client_send(&c, 0, SLICE("\x04t\0"));
    for (int i = 0; i < 2; i++) {
        assert_true(client_read(&c));
        assert_memory_equal(c.packet.at, "\3def\0\0\0\1", 8);
    }
    assert_true(client_read(&c));
    assert_int_equal((unsigned char)c.packet.at[0], 0xFE);
    client_send(&c, 0, SLICE("\x04t\0x")); /* with a pattern */
    for (int i = 0; i < 2; i++)
        assert_true(client_read(&c));
    assert_int_equal((unsigned char)c.packet.at[0], 0xFE);
    client_send(&c, 0, SLICE("\x01"));
    assert_true(peer_is_ended(c.fd));
    end(&p, &c);
}

TEST(pipelined_statements_are_answered_in_order_each_once)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    for (int i = 0; i < 20000; i++) {
        uint8_t sequence = 0;
        size_t  begins = mysql_packet_begin(&b);
        buf_printf(&b, "\x03%s %d", i % 3 ? "now" : "later", i % 200);
        mysql_packet_end(&b, begins, &sequence);
    }
    peer_send(c.fd, buf_slice(&b));
    for (int i = 0; i < 20000; i++) {
        struct buf answer = { 0 };
        char       wanted[32];
        client_read_answer(&c, &answer);
        snprintf(wanted, sizeof wanted, "ok %d/0", (signed char)(i % 200));
        assert_slice(buf_slice(&answer), wanted);
        assert_int_equal(c.sequence, 1);
        buf_clear(&answer);
    }
    buf_clear(&b);
    end(&p, &c);
}

TEST(a_statement_split_at_every_byte_is_answered_once)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    static const char bytes[] = "\x08\0\0\0\x03" "later 5" "\x06\0\0\0\x03" "now 6";
    for (size_t cut = 1; cut < sizeof bytes - 1; cut++) {
        struct buf answers = { 0 };
        peer_send(c.fd, slice_of(bytes, cut));
        for (int i = 0; i < 20; i++)
            sched_yield();
        peer_send(c.fd, slice_of(bytes + cut, sizeof bytes - 1 - cut));
        client_read_answer(&c, &answers);
        client_read_answer(&c, &answers);
        assert_slice(buf_slice(&answers), "ok 5/0ok 6/0");
        buf_clear(&answers);
    }
    end(&p, &c);
}

TEST(a_long_statement_is_whole)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    char         *sql = malloc(99999);
    memset(sql, 'x', 99999);
    struct buf answer = { 0 };
    client_query(&c, slice_of(sql, 99999));
    client_read_answer(&c, &answer);
    assert_slice(buf_slice(&answer), "ok 31/0"); /* 99999 & 0x7f */
    buf_clear(&answer);
    free(sql);
    end(&p, &c);
}

TEST(a_packet_over_the_bound_is_refused_after_it_was_sent_whole)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    size_t        len = 20u << 20;
    char         *sql = malloc(len);
    memset(sql, 'x', len);
    peer_send(c.fd, SLICE("\xff\xff\xff\0\x03"));
    peer_send(c.fd, slice_of(sql, len)); /* the server reads it all, so the client lives to read the answer */
    assert_true(client_read(&c));
    expect_error(&c, 1153);
    free(sql);
    end(&p, &c);
}

TEST(many_rows_reach_a_client_that_reads_late)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_query(&c, SLICE("rows 30000")); /* 30 MB: far more than the port's queue may hold */
    client_query(&c, SLICE("now 7"));
    struct buf answer = { 0 };
    client_read_answer(&c, &answer);
    assert_int_equal(answer.len, 4 + 30000 * (1000 + 1 + 4 + 1));
    buf_reset(&answer);
    client_read_answer(&c, &answer);
    assert_slice(buf_slice(&answer), "ok 7/0");
    buf_clear(&answer);
    end(&p, &c);
}

TEST(a_client_that_vanishes_takes_its_owner_along)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_query(&c, SLICE("later 1"));
    client_query(&c, SLICE("rows 30000"));
    client_query(&c, SLICE("later 1"));
    end(&p, &c);
}

TEST(noise_instead_of_a_login_is_refused)
{
    UNUSED_STATE;
    static const struct slice noises[] = {
        { "GET / HTTP/1.1\r\n\r\n", 18 }, { "\0\0\0\1", 4 }, { "\1\0\0\1\0", 5 }, { "\x1c\0\0\1\x00\x0a\0\0........................", 32 }
    };
    struct peer p = begin();
    for (size_t i = 0; i < sizeof noises / sizeof noises[0]; i++) {
        struct client c = { .fd = peer_connect(&p) };
        client_greet(&c);
        peer_send(c.fd, noises[i]);
        shutdown(c.fd, SHUT_WR);
        while (client_read(&c))
            assert_int_equal((unsigned char)c.packet.at[0], 0xFF);
        client_close(&c);
    }
    peer_stop(&p);
}

TEST(a_client_that_does_not_log_in_is_closed)
{
    UNUSED_STATE;
    settings.login_timeout_ms = 100;
    struct peer   p = begin();
    struct client c = { .fd = peer_connect(&p) };
    client_greet(&c);
    assert_true(peer_is_ended(c.fd));
    end(&p, &c);
    settings.login_timeout_ms = 60000;
}

TESTS(RUN(a_client_with_the_right_password_is_let_in), RUN(a_wrong_password_is_refused_and_the_connection_closed),
      RUN(caching_sha2_password_lets_in_with_a_word_of_success),
      RUN(a_user_is_changed_with_an_answer_to_the_salt_of_the_greeting),
      RUN(caching_sha2_password_without_a_password_is_refused),
      RUN(the_statements_of_a_query_are_answered_one_after_the_other),
      RUN(a_query_has_a_thousand_statements_at_most),
      RUN(another_plugin_is_switched_to_the_one_of_the_greeting), RUN(a_health_check_may_log_in_and_ask_nothing),
      RUN(each_command_has_its_answer), RUN(pipelined_statements_are_answered_in_order_each_once),
      RUN(a_statement_split_at_every_byte_is_answered_once), RUN(a_long_statement_is_whole),
      RUN(a_packet_over_the_bound_is_refused_after_it_was_sent_whole), RUN(many_rows_reach_a_client_that_reads_late),
      RUN(a_client_that_vanishes_takes_its_owner_along), RUN(noise_instead_of_a_login_is_refused),
      RUN(a_client_that_does_not_log_in_is_closed))
