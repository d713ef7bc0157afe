/* Prepared statements over a real socket, with an owner that says what it was given. */
#include "mysql/conn.h"

#include "unit/mysql/client_prepared.h"

static enum status test_login(struct mysql_conn *c, const struct mysql_login *login, struct error *error)
{
    bool is_check = login->is_empty_password && slice_starts(login->user, "haproxy_check");
    (void)c;
    return login->is_password_right || is_check ? OK : error_plain(error, E_AUTH);
}

static enum status test_database(struct mysql_conn *c, struct slice name, struct error *error)
{
    (void)c, (void)name, (void)error;
    return OK;
}

static void test_query(struct mysql_conn *c, struct slice sql)
{
    mysql_columns(c, (struct slice[]){ SLICE("sql"), SLICE("null") }, 2);
    mysql_row(c, (struct slice[]){ sql, { NULL, 0 } }, 2);
    mysql_end(c);
}

/* An answer in a later turn, when the packets behind have long come. */
struct later {
    struct letter       letter;
    uint64_t            stream;
    struct slice        sql;
    const struct slice *values;
    size_t              count;
};

/* One column for each value, and one more that is NULL. */
static void answer(struct mysql_conn *c, struct slice sql, const struct slice *values, size_t count)
{
    struct slice names[20], cells[20] = { 0 };
    for (size_t i = 0; i < count; i++) {
        names[i] = SLICE("v");
        cells[i] = values[i];
    }
    names[count] = sql;
    mysql_columns(c, names, count + 1);
    mysql_row(c, cells, count + 1);
    mysql_end(c);
}

static void answer_later(struct letter *given)
{
    struct later  *l = (struct later *)(void *)given;
    struct stream *s = stream_find(l->stream);
    if (s != NULL)
        answer(mysql_of_stream(s), l->sql, l->values, l->count);
    free(l);
}

static unsigned count_marks(struct slice sql)
{
    unsigned count = 0;
    for (size_t i = 0; i < sql.len; i++)
        count += sql.at[i] == '?';
    return count;
}

static void test_prepare(struct mysql_conn *c, struct slice sql)
{
    static const struct slice nulls[19];
    struct error              error;
    if (slice_is(sql, "bad")) {
        error_plain(&error, E_SYNTAX);
        mysql_fail(c, &error);
        return;
    }
    mysql_parameters(c, count_marks(sql));
    if (slice_starts(sql, "ok"))
        mysql_ok(c, 7, 7);
    else
        answer(c, sql, nulls, count_marks(sql));
}

static void test_execute(struct mysql_conn *c, struct slice sql, const struct slice *values, size_t count)
{
    if (slice_starts(sql, "ok")) {
        mysql_ok(c, count, values == NULL ? 9 : 0);
    } else if (slice_starts(sql, "later")) {
        struct later *l = malloc(sizeof *l);
        *l = (struct later){ { .deliver = answer_later }, stream_id(mysql_stream(c)), sql, values, count };
        shard_post(shard_here.index, &l->letter);
    } else {
        answer(c, sql, values, count);
    }
}

static void test_gone(struct mysql_conn *c)
{
    (void)c;
}

static const struct mysql_ops ops = {
    .on_login = test_login,
    .on_database = test_database,
    .on_query = test_query,
    .on_prepare = test_prepare,
    .on_execute = test_execute,
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
    peer_stop(p);
}

static void send_id(struct client *c, unsigned char code, uint32_t id, struct slice more)
{
    struct buf b = { 0 };
    buf_byte(&b, code);
    client_put_u32(&b, id);
    buf_slice_append(&b, more);
    client_send(c, 0, buf_slice(&b));
    buf_clear(&b);
}

static void expect_answer(struct client *c, const char *wanted)
{
    struct buf out = { 0 };
    client_read_rows(c, true, &out);
    assert_slice(buf_slice(&out), wanted);
    buf_clear(&out);
}

#define UNKNOWN "error 1243: Unknown prepared statement"

TEST(a_statement_is_prepared_executed_and_closed)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      ok = client_prepare(&c, "ok ? ?", "?,?|");
    uint32_t      rows = client_prepare(&c, "rows ?", "?|v,rows ?");
    uint32_t      none = client_prepare(&c, "ok", "|");
    client_execute(&c, ok, "ok 2/0", "a", NULL);
    client_execute(&c, rows, "v,rows ?|it's,NULL|", "it's");
    client_execute(&c, rows, "v,rows ?|NULL,NULL|", NULL);
    client_execute(&c, rows, "v,rows ?|,NULL|", "");
    client_execute_raw(&c, none, SLICE(""));
    expect_answer(&c, "ok 0/9");
    client_expect(&c, "text", "sql,null|text,NULL|"); /* queries go on in the text protocol */
    client_prepare(&c, "bad", "error 3: Syntax error in query");
    client_execute(&c, rows, "v,rows ?|x,NULL|", "x");
    send_id(&c, 0x19, rows, SLICE(""));
    client_execute(&c, rows, UNKNOWN, "x");
    send_id(&c, 0x19, rows, SLICE("")); /* again: nothing happens, nothing is said */
    client_execute(&c, ok, "ok 2/0", "a", "b");
    end(&p, &c);
}

TEST(more_cells_than_fit_a_byte_of_the_bitmap)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      id = client_prepare(&c, "r???????????????", "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?|v,v,v,v,v,v,v,v,v,v,v,v,v,v,v,r???????????????");
    client_execute(&c, id, "v,v,v,v,v,v,v,v,v,v,v,v,v,v,v,r???????????????|1,NULL,3,4,5,6,NULL,NULL,NULL,10,11,12,13,14,NULL,NULL|",
                   "1", NULL, "3", "4", "5", "6", NULL, NULL, NULL, "10", "11", "12", "13", "14", NULL);
    end(&p, &c);
}

TEST(values_and_text_stay_until_a_late_answer)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      id = client_prepare(&c, "later ??", "?,?|v,v,later ??");
    client_execute_raw(&c, id, SLICE("\0\1\xfd\0\1\0\1x\5"));
    send_id(&c, 0x19, id, SLICE("")); /* closed while it is being answered: afterwards */
    client_execute_raw(&c, id, SLICE("\0\0\1y\6"));
    client_query(&c, SLICE("text"));
    expect_answer(&c, "v,v,later ??|x,5,NULL|");
    expect_answer(&c, UNKNOWN);
    struct buf out = { 0 };
    client_read_answer(&c, &out);
    assert_slice(buf_slice(&out), "sql,null|text,NULL|");
    buf_clear(&out);
    end(&p, &c);

    p = begin();
    c = client_open(&p, "root", CLIENT_PASSWORD, "");
    id = client_prepare(&c, "later ??", "?,?|v,v,later ??");
    client_execute_raw(&c, id, SLICE("\0\1\xfd\0\1\0\1x\5")); /* and the client vanishes */
    end(&p, &c);
}

TEST(a_conversation_split_at_every_byte_gives_the_same_answers)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      id = client_prepare(&c, "r ??", "?,?|v,v,r ??");
    struct buf    b = { 0 };
    uint8_t       sequence = 0;
    assert_int_equal(id, 1);
    static const struct slice packets[] = {
        { "\x18\1\0\0\0\1\0" "lo", 9 },
        { "\x18\1\0\0\0\1\0" "ng", 9 },
        { "\x17\1\0\0\0\0\1\0\0\0" "\0\1\2\0\xfc\0" "\xfe\xff", 18 },
        { "\x17\1\0\0\0\0\1\0\0\0" "\2\0\7\0", 14 },
        { "\x1a\1\0\0\0", 5 },
    };
    for (size_t i = 0; i < 5; i++) {
        size_t at = mysql_packet_begin(&b);
        sequence = 0;
        buf_slice_append(&b, packets[i]);
        mysql_packet_end(&b, at, &sequence);
    }
    for (size_t cut = 0; cut < b.len; cut++) {
        peer_send(c.fd, slice_first(buf_slice(&b), cut));
        for (int i = 0; i < 20; i++)
            sched_yield();
        peer_send(c.fd, slice_skip(buf_slice(&b), cut));
        expect_answer(&c, "v,v,r ??|-2,long,NULL|");
        expect_answer(&c, "v,v,r ??|7,NULL,NULL|");
        expect_answer(&c, "ok 0/0");
    }
    buf_clear(&b);
    end(&p, &c);
}

TEST(wrong_packets_are_answered_with_an_error_and_nothing_is_lost)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      id = client_prepare(&c, "r ?", "?|v,r ?");
    static const struct {
        struct slice body;
        const char  *answer;
    } samples[] = {
        { { "\x17\1\0\0", 4 }, UNKNOWN },
        { { "\x17", 1 }, UNKNOWN },
        { { "\x17\2\0\0\0\0\1\0\0\0", 10 }, UNKNOWN },
        { { "\x17\1\0\0\0", 5 }, "error 1835: Malformed communication packet: 1 parameters are missing" },
        { { "\x17\1\0\0\0\0\1\0\0\0\0", 11 }, "error 1835: Malformed communication packet: the types are missing" },
        { { "\x17\1\0\0\0\0\1\0\0\0\0\1\xfd", 13 }, "error 1835: Malformed communication packet: the types are cut short" },
        { { "\x17\1\0\0\0\0\1\0\0\0\0\1\xfd\0\4abc", 18 }, "error 1835: Malformed communication packet: parameter 1 is cut short" },
        { { "\x17\1\0\0\0\0\1\0\0\0\0\1\x20\0\4abc", 18 }, "error 1835: Malformed communication packet: parameter 1 has an unknown type" },
        { { "\x1a\2\0\0\0", 5 }, UNKNOWN },
        { { "\x1a", 1 }, UNKNOWN },
        { { "\x1c\1\0\0\0\1\0\0\0", 9 }, "error 1421: The statement has no open cursor" },
        { { "\x1c\2\0\0\0\1\0\0\0", 9 }, UNKNOWN },
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        client_send(&c, 0, samples[i].body);
        expect_answer(&c, samples[i].answer);
        assert_int_equal(c.sequence, 1);
    }
    client_send(&c, 0, SLICE("\x19\1"));             /* these two have no answer, also when they are wrong */
    client_send(&c, 0, SLICE("\x18\1\0\0\0\0"));
    client_execute(&c, id, "v,r ?|x,NULL|", "x");
    end(&p, &c);
}

TEST(values_sent_ahead_serve_one_execution)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      id = client_prepare(&c, "r ?", "?|v,r ?");
    send_id(&c, 0x18, id, SLICE("\0\0some"));
    send_id(&c, 0x18, id, SLICE("\0\0"));
    send_id(&c, 0x18, id, SLICE("\0\0thing"));
    client_execute_raw(&c, id, SLICE("\0\1\xfc\0"));
    expect_answer(&c, "v,r ?|something,NULL|");
    client_execute(&c, id, "v,r ?|x,NULL|", "x");

    send_id(&c, 0x18, id, SLICE("\0\0old"));
    send_id(&c, 0x1a, id, SLICE("")); /* reset forgets it */
    expect_answer(&c, "ok 0/0");
    client_execute(&c, id, "v,r ?|y,NULL|", "y");

    send_id(&c, 0x18, id, SLICE("\1\0" "no such parameter"));
    client_execute(&c, id, "error 1835: Malformed communication packet", "z");
    client_execute(&c, id, "v,r ?|z,NULL|", "z");

    struct buf piece = { 0 };
    buf_append(&piece, "\0", 2);
    for (int i = 0; i < 60000; i++)
        buf_byte(&piece, 'x');
    send_id(&c, 0x18, id, buf_slice(&piece));
    send_id(&c, 0x18, id, buf_slice(&piece)); /* together more than a packet may have */
    client_execute_raw(&c, id, SLICE("\0\1\xfc\0"));
    expect_answer(&c, "error 1153: Got a packet bigger than 'max_allowed_packet' bytes");
    client_execute(&c, id, "v,r ?|z,NULL|", "z");
    buf_clear(&piece);
    end(&p, &c);
}

TEST(a_reset_and_a_change_of_user_forget_all_statements)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      id = client_prepare(&c, "r ?", "?|v,r ?");
    client_send(&c, 0, SLICE("\x1f"));
    expect_answer(&c, "ok 0/0");
    client_execute(&c, id, UNKNOWN, "x");

    unsigned char sent[20];
    id = client_prepare(&c, "r ?", "?|v,r ?");
    client_send(&c, 0, SLICE("\x11" "root\0\0\0"));
    assert_true(client_read(&c));
    assert_int_equal((unsigned char)c.packet.at[0], 0xFE);
    client_answer_salt(CLIENT_PASSWORD, (unsigned char *)c.packet.at + 23, sent);
    client_send(&c, 2, slice_of(sent, 20));
    assert_true(client_read(&c));
    client_execute(&c, id, UNKNOWN, "x");
    end(&p, &c);
}

TEST(a_connection_has_a_thousand_statements_at_most)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      first = client_prepare(&c, "ok", "|");
    for (int i = 1; i < 1000; i++)
        client_prepare(&c, "ok", "|");
    client_prepare(&c, "ok", "error 1461: Too many prepared statements: a connection has at most 1000");
    send_id(&c, 0x19, first, SLICE(""));
    client_prepare(&c, "ok", "|");
    end(&p, &c);
}

TEST(the_texts_of_statements_are_bounded_too)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    char         *sql = malloc(90001);
    memset(sql, 'x', 90000);
    memcpy(sql, "ok", 2);
    sql[90000] = '\0';
    for (int i = 0; i < (16 << 20) / 90000; i++)
        client_prepare(&c, sql, "|");
    client_prepare(&c, sql, "error 1461: Too many prepared statements: a connection keeps at most 16777216 bytes of them");
    free(sql);
    end(&p, &c);
}

TEST(without_a_password_nothing_can_be_prepared)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "haproxy_check", NULL, "");
    client_prepare(&c, "ok", "error 403: Access denied");
    client_execute(&c, 1, "error 403: Access denied", "x");
    send_id(&c, 0x18, 1, SLICE("\0\0x"));
    send_id(&c, 0x19, 1, SLICE(""));
    client_send(&c, 0, SLICE("\x0e"));
    expect_answer(&c, "ok 0/0");
    end(&p, &c);
}

TESTS(RUN(a_statement_is_prepared_executed_and_closed), RUN(more_cells_than_fit_a_byte_of_the_bitmap),
      RUN(values_and_text_stay_until_a_late_answer), RUN(a_conversation_split_at_every_byte_gives_the_same_answers),
      RUN(wrong_packets_are_answered_with_an_error_and_nothing_is_lost), RUN(values_sent_ahead_serve_one_execution),
      RUN(a_reset_and_a_change_of_user_forget_all_statements), RUN(a_connection_has_a_thousand_statements_at_most),
      RUN(the_texts_of_statements_are_bounded_too), RUN(without_a_password_nothing_can_be_prepared))
