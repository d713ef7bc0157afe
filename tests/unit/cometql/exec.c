/* Statements end to end: a MySQL client on a socket, three shards, the hub. */
#include "cometql/exec.h"

#include "unit/cometql/server.h"

/* The columns named in `sql` of each message must be `answer`. */
TEST(messages_are_published_read_and_forgotten)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "CometQL_v1");
    client_expect(&c, "insert into pipes_settings (name, length) values ('chat', 3)", "ok 1/0");
    client_expect(&c, "insert into pipes_messages (name, event, message) values ('chat', 'e', 'it''s \\'1\\'')", "ok 0/0");
    client_expect(&c, "insert into pipes_messages (name, event, message) values ('chat', '', 2), ('chat', f, \"3\"), ('chat', 'g', '4')",
                  "ok 0/0");
    client_expect(&c, "select `index`, event, message, name, user_id from pipes_messages where name = 'chat'",
                  "index,event,message,name,user_id|0,undefined,2,chat,0|1,f,3,chat,0|2,g,4,chat,0|");
    client_expect(&c, "select MESSAGE as m from pipes_messages where name in ('x!', 'nobody', chat, 'chat') limit 1, 3", "m|3|4|2|");
    client_expect(&c, "select message from pipes_messages where name = 'chat' and event in ('g', undefined)", "message|2|4|");
    client_expect(&c, "select message from pipes_messages where name = 'chat' and message > 2 limit 1", "message|3|");
    client_expect(&c, "select message from pipes_messages where name = 'chat' limit 0", "message|");
    client_expect(&c, "delete from pipes_messages where name = 'chat' and event = 'f'", "ok 0/0");
    client_expect(&c, "select message from pipes_messages where name = 'chat'", "message|2|4|");
    client_expect(&c, "delete from pipes_messages where name in ('chat', 'other')", "ok 0/0");
    client_expect(&c, "select message from pipes_messages where name = 'chat'", "message|");
    end(&p, &c);
}

static void expect_next(struct client *c, const char *answer)
{
    struct buf out = { 0 };
    client_read_answer(c, &out);
    assert_slice(buf_slice(&out), answer);
    buf_clear(&out);
}

TEST(the_statements_of_a_query_run_one_after_the_other)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_query(&c, SLICE("insert into pipes_settings values ('chat', 9); ;; -- a; comment\n"
                           "insert into pipes_messages (name, event, message) values ('chat', 'e', 'a;''b'), ('chat', 'e', \"c;\");"
                           "select message from pipes_messages where name = 'chat'; select 1;;; # the last; one"));
    expect_next(&c, "ok 1/0");
    expect_next(&c, "ok 0/0");
    expect_next(&c, "message|a;'b|c;|");
    expect_next(&c, "1|1|");
    client_query(&c, SLICE("use db_3; select message from pipes_messages where name = 'chat'; select 1 from shop where a = 1; select 2"));
    expect_next(&c, "ok 0/0");
    expect_next(&c, "message|");
    expect_next(&c, "error 15: Table doesn't exist");
    client_expect(&c, "use db_0;", "ok 0/0");
    client_expect(&c, "; ;select message from pipes_messages where name = 'chat' limit 1;", "message|a;'b|");
    client_query(&c, SLICE("select 'fine'; select 'never ended"));
    expect_next(&c, "fine|fine|");
    expect_next(&c, "error 3: Syntax error in query near ''never ended' (byte 8): this has no end");
    client_query(&c, SLICE("select 'fine'; select '\xff'"));
    expect_next(&c, "fine|fine|");
    expect_next(&c, "error 12: The statement is not valid UTF-8");
    end(&p, &c);
}

TEST(a_second_statement_is_refused_where_none_was_asked_for)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_send(&c, 0, SLICE("\x1b\1\0"));
    assert_true(client_read(&c));
    client_expect(&c, "insert into pipes_settings values ('chat', 9); select 1",
                  "error 3: Syntax error in query (byte 48): send one statement at a time, or connect with "
                  "CLIENT_MULTI_STATEMENTS");
    client_expect(&c, "select length from pipes_settings where name = 'chat';;", "length|");
    end(&p, &c);
}

TEST(one_message_is_forgotten_by_its_id)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "7", CLIENT_PASSWORD, "CometQL_v1");
    struct buf    sql = { 0 };
    client_expect(&c, "insert into pipes_settings values ('chat', 10)", "ok 1/0");
    client_expect(&c, "insert into pipes_messages (name, event, message) values ('chat', 'e', 'a'), ('chat', 'e', 'b')", "ok 0/0");
    client_query(&c, SLICE("select id from pipes_messages where name = 'chat' limit 1"));
    client_read_answer(&c, &sql);
    char id[40] = { 0 };
    memcpy(id, sql.at + 3, 36);
    buf_reset(&sql);
    buf_printf(&sql, "delete from pipes_messages where id in ('nonsense', '%s')", id);
    buf_byte(&sql, 0);
    client_expect(&c, sql.at, "ok 0/0");
    client_expect(&c, "select message from pipes_messages where name = 'chat'", "message|b|");
    buf_clear(&sql);
    end(&p, &c);
}

TEST(settings_are_kept_bounded_and_forgotten)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_expect(&c, "insert into pipes_settings (\"name\", \"length\") values ('one', '-5'), ('two', 5000), ('six', 4294967301)",
                  "ok 3/0");
    client_expect(&c, "insert into pipes_settings (name) values ('zero')", "ok 1/0");
    client_expect(&c, "insert into pipes_settings (name, length) values ('text', 'abc'), ('null', null)", "ok 2/0");
    client_expect(&c, "select * from pipes_settings where name in ('one', 'two', 'six', 'zero', 'text', 'null', 'none')",
                  "name,length|one,0|two,1000|six,1000|zero,0|text,0|null,0|");
    client_expect(&c, "delete from pipes_settings where name in ('one', 'zero') and length = 7", "ok 0/0");
    client_expect(&c, "select name from pipes_settings where name in ('one', 'zero') and length = '0'", "name|one|zero|");
    client_expect(&c, "delete from pipes_settings where name in ('one', 'zero') and length = 0", "ok 0/0");
    client_expect(&c, "select name from pipes_settings where name in ('one', 'zero', 'two')", "name|two|");
    end(&p, &c);
}

TEST(every_valid_channel_has_a_count)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_expect(&c, "select * from pipes where name in ('abc', 'a', 'no!', \"d-e_f\", abc)", "name,users|abc,0|d-e_f,0|abc,0|");
    client_expect(&c, "SELECT Users FROM CometQL_v1.`PIPES` WHERE NAME LIKE 'abc'", "Users|0|");
    client_expect(&c, "select * from users_in_pipes where name = 'abc'", "name,user_id,user_uuid,user_agent,ip,origin,language|");
    client_expect(&c, "select * from profiler", "tag,time,calls|");
    struct buf sql = { 0 }, answer = { 0 };
    buf_text(&sql, "select name from pipes where name in (abc");
    for (int i = 1; i < 4000; i++)
        buf_printf(&sql, ",abc");
    buf_text(&sql, ")");
    client_query(&c, buf_slice(&sql));
    client_read_answer(&c, &answer);
    assert_int_equal(answer.len, 5 + 4000 * 4);
    buf_clear(&sql);
    buf_clear(&answer);
    end(&p, &c);
}

TEST(errors_come_in_the_promised_order)
{
    UNUSED_STATE;
    static const struct {
        const char *sql, *answer;
    } samples[] = {
        { "abc", "error 17: Data is too short" },
        { ";", "error 17: Data is too short" },
        { ";;;;", "ok 0/0" },
        { "select nonsense from nowhere where", "error 3: Syntax error in query near the end: it is not complete" },
        { "select nonsense from nowhere where a = 1", "error 15: Table doesn't exist" },
        { "insert into dialogs values (1)", "error 10: Table `dialogs` is not ready yet" },
        { "select * from dialogs", "error 15: Table doesn't exist: `dialogs` has no SELECT" },
        { "delete from dialogs", "error 15: Table doesn't exist: `dialogs` has no DELETE" },
        { "insert into pipes (nonsense) values (1)", "error 10: Table `pipes` is read only" },
        { "delete from users_in_pipes", "error 10: Table `users_in_pipes` is read only" },
        { "select nonsense from users_auth where x = 1", "error 14: Not a specific column `nonsense`" },
        { "select nonsense from pipes where x = 1 order by y", "error 14: Not a specific column `nonsense`" },
        { "select name, NAME from pipes where x = 1", "error 13: Each column in the select used only once" },
        { "select name from pipes where x = 1 order by y", "error 14: Not a specific column `y`" },
        { "select name from pipes where x = 1 order by name", "error 14: Not a specific column `x`" },
        { "select name from pipes where x = 1 or name = 1", "error 14: Not a specific column `x`" },
        { "select name from pipes where name = 1 and name = 2", "error 13: Each column in the conditions used only once" },
        { "select name from pipes where name = 1 or users = 2",
          "error 13: Selection without transferring the requested values of the primary key is not supported" },
        { "select name from pipes where users = 2",
          "error 13: Selection without transferring the requested values of the primary key is not supported" },
        { "select name from pipes where name < 'abc'",
          "error 13: Selection without transferring the requested values of the primary key is not supported" },
        { "select name from pipes where name like 'abc%'",
          "error 13: Selection without transferring the requested values of the primary key is not supported" },
        { "insert into pipes_messages (name, x) values (1)", "error 14: Not a specific column `x`" },
        { "insert into pipes_messages (name, name) values (1)", "error 14: Error in columns list: 2 columns, 1 values" },
        { "insert into pipes_messages (name, name) values (1, 2)", "error 13: Each column in the insert used only once" },
        { "insert into pipes_messages (event) values (1)", "error 12: field `name` is required" },
        { "insert into pipes_messages (name) values ('a!')", "error 12: field `event` is required" },
        { "insert into pipes_messages (name, event) values ('a!', 1)", "error 12: field `message` is required" },
        { "insert into pipes_messages (name, event, message) values ('a!', ' ', '')", "error 17: Channel name is too short" },
        { "insert into pipes_messages (name, event, message) values ('a!!', ' ', '')",
          "error 12: The channel name can contain only the characters A-Za-z0-9_-" },
        { "insert into pipes_messages (name, event, message) values ('abc', ' ', '')",
          "error 12: The channel name can contain only the characters A-Za-z0-9_-" },
        { "insert into pipes_messages (name, event, message) values ('abc', 'e', '1'), ('abc', 'e')",
          "error 14: Error in columns list: the rows differ in length" },
        { "insert into pipes_messages (name, event, message) values ('abc', 'e', '\xff')",
          "error 12: The statement is not valid UTF-8" },
        { "insert into pipes_messages (name, event, message) values ('abc', 'e', X'ff')", "error 12: The text at byte 72 is not valid UTF-8" },
        { "insert into pipes_messages (name, event, message) values "
          "('0123456789012345678901234567890123456789012345678901234567890123x', 'e', '')",
          "error 11: Channel name is too long" },
        { "insert into pipes_messages (name, event, message) values "
          "('abc', '0123456789012345678901234567890123456789012345678901234567890123x', '')",
          "error 11: Channel event_name is too long" },
        { "show columns from nowhere", "error 15: Table doesn't exist" },
        { "use nowhere", "error 15: Select database failure: there are CometQL_v1 and db_0 to db_99" },
        { "use db_100", "error 15: Select database failure: there are CometQL_v1 and db_0 to db_99" },
        { "use db_abc", "error 15: Select database failure: there are CometQL_v1 and db_0 to db_99" },
        { "select @@nothing", "error 1193: Unknown system variable 'nothing'" },
        { "cometqlcluster_v1 set dev_id=100;show status", "error 16: Invalid dev_id value" },
    };
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        client_expect(&c, samples[i].sql, samples[i].answer);
    end(&p, &c);
}

TEST(what_drivers_ask_is_answered)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_expect(&c, "SET NAMES utf8mb4", "ok 0/0");
    client_expect(&c, "SET AUTOCOMMIT = 0", "ok 0/0");
    client_expect(&c, "BEGIN", "ok 0/0");
    client_expect(&c, "select database()", "database()||");
    client_expect(&c, "use CometQL_v1", "ok 0/0");
    client_expect(&c, "select DATABASE(), USER() limit 1", "DATABASE(),USER()|CometQL_v1,root@127.0.0.1|");
    client_expect(&c, "select 1, 'x' as y, -2, null, current_user()", "1,y,-2,null,current_user()|1,x,-2,NULL,root@%|");
    client_expect(&c, "select @@version_comment limit 1", "@@version_comment|Encke comet server|");
    client_expect(&c, "/* driver */SELECT @@session.max_allowed_packet AS m, @@tx_isolation", "m,@@tx_isolation|1048576,REPEATABLE-READ|");
    client_expect(&c, "show variables like 'lower_case_table%'", "Variable_name,Value|lower_case_table_names,0|");
    client_expect(&c, "show warnings", "Level,Code,Message|");
    client_expect(&c, "show databases", "Database|CometQL_v1|");
    client_expect(&c, "show tables", "Tables|users_auth|users_time|users_messages|pipes_messages|users_in_pipes|pipes|pipes_settings|"
                  "users_data|revoked_tokens|channels|connections|");
    client_expect(&c, "show tables like '%settings'", "Tables|pipes_settings|");
    client_expect(&c, "describe users_auth", "Field,Type,Null,Key,Default,Extra|id,int(11),NO,PRI,,|hash,varchar(32),NO,,,|");
    client_expect(&c, "show columns from users_messages like 'ev%'", "Field,Type,Null,Key,Default,Extra|event,varchar(64),NO,,,|");
    end(&p, &c);
}

TEST(apps_do_not_see_each_other)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "15", CLIENT_PASSWORD, "CometQL_v1");
    client_expect(&c, "insert into pipes_settings values ('chat', 7)", "ok 1/0");
    client_expect(&c, "show status", "Variable_name,Value|flag,session|id,15|user_online,0|server_online,1|messages,0|");
    client_expect(&c, "use db_16", "ok 0/0");
    client_expect(&c, "select * from pipes_settings where name = 'chat'", "name,length|");
    client_expect(&c, "show status like 'id'", "Variable_name,Value|id,16|");
    client_expect(&c, "cometqlcluster_v1 set dev_id=15;select * from pipes_settings where name = 'chat'", "name,length|chat,7|");
    end(&p, &c);
}

TEST(only_known_users_are_let_in)
{
    UNUSED_STATE;
    static const char *const strangers[] = { "bob", "100", "-1", "1x", "", "4294967296", "0000000000" };
    struct peer              p = begin();
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct client c = client_open(&p, strangers[i], CLIENT_PASSWORD, "");
        assert_memory_equal(c.packet.at, "\xff\x10\0", 3);
        client_close(&c);
    }
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "nowhere");
    assert_memory_equal(c.packet.at, "\xff\x0f\0", 3);
    client_close(&c);
    c = client_open(&p, "0", NULL, "");
    assert_memory_equal(c.packet.at, "\xff\x10\0", 3);
    client_close(&c);
    c = client_open(&p, "haproxy_check", NULL, "");
    client_expect(&c, "show tables", "error 403: Access denied");
    client_send(&c, 0, SLICE("\x02" "db_1"));
    assert_true(client_read(&c));
    assert_memory_equal(c.packet.at, "\xff\x0f\0", 3);
    end(&p, &c);
}

TEST(pipelined_publishes_keep_their_order_over_shards)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    client_expect(&c, "insert into pipes_settings values ('a01', 1000), ('b02', 1000)", "ok 2/0");
    for (int i = 0; i < 2000; i++) {
        uint8_t sequence = 0;
        size_t  begins = mysql_packet_begin(&b);
        buf_printf(&b, "\x03insert into pipes_messages (name, event, message) values ('%s', 'e', '%d')", i % 2 ? "a01" : "b02", i);
        mysql_packet_end(&b, begins, &sequence);
    }
    peer_send(c.fd, buf_slice(&b));
    buf_reset(&b);
    for (int i = 0; i < 2000; i++) {
        client_read_answer(&c, &b);
        assert_slice(buf_slice(&b), "ok 0/0");
        buf_reset(&b);
    }
    client_query(&c, SLICE("select message from pipes_messages where name = 'a01'"));
    client_read_answer(&c, &b);
    struct slice rest = buf_slice(&b);
    slice_cut(&rest, '|');
    for (int i = 0; i < 99; i++) {
        uint64_t number;
        assert_true(slice_u64(slice_cut(&rest, '|'), 10000, &number));
        assert_int_equal(number, 1803 + 2 * i);
    }
    assert_int_equal(rest.len, 0);
    buf_clear(&b);
    end(&p, &c);
}

TEST(a_long_history_reaches_a_client_that_reads_late)
{
    UNUSED_STATE;
    enum { MESSAGES = 40, BYTES = 500000 };
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    client_expect(&c, "insert into pipes_settings values ('big', 100)", "ok 1/0");
    for (int i = 0; i < MESSAGES; i++) {
        buf_reset(&b);
        buf_text(&b, "insert into pipes_messages (name, event, message) values ('big', 'e', '");
        for (int j = 0; j < BYTES / 10; j++)
            buf_text(&b, "0123456789");
        buf_text(&b, "')");
        client_query(&c, buf_slice(&b));
        buf_reset(&b);
        client_read_answer(&c, &b);
        assert_slice(buf_slice(&b), "ok 0/0");
    }
    client_query(&c, SLICE("select message from pipes_messages where name in ('big', 'none', 'big')"));
    client_query(&c, SLICE("select 1")); /* written while the answer before is blocked */
    buf_reset(&b);
    client_read_answer(&c, &b);
    assert_int_equal(b.len, strlen("message|") + 2 * MESSAGES * (BYTES + 1));
    buf_reset(&b);
    client_read_answer(&c, &b);
    assert_slice(buf_slice(&b), "1|1|");
    buf_clear(&b);
    end(&p, &c);
}

TEST(a_long_insert_gives_others_their_turn)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    client_expect(&c, "insert into pipes_settings values ('many', 1000)", "ok 1/0");
    buf_text(&b, "insert into pipes_messages (name, event, message) values ('many', 'e', '0')");
    for (int i = 1; i < 5000; i++)
        buf_printf(&b, ",('many','e','%d')", i);
    client_query(&c, buf_slice(&b));
    buf_reset(&b);
    client_read_answer(&c, &b);
    assert_slice(buf_slice(&b), "ok 0/0");
    client_expect(&c, "select `index` from pipes_messages where name = 'many' and message = 4999", "index|98|");
    buf_clear(&b);
    end(&p, &c);
}

TEST(a_client_that_leaves_in_the_middle_harms_nobody)
{
    UNUSED_STATE;
    struct peer p = begin();
    for (int round = 0; round < 20; round++) {
        struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
        client_query(&c, SLICE("insert into pipes_messages (name, event, message) values ('abc', 'e', 'm'), ('abd', 'e', 'm')"));
        client_query(&c, SLICE("select * from pipes where name in ('abc', 'abd', 'abe', 'abf')"));
        client_query(&c, SLICE("show status"));
        client_close(&c);
    }
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    end(&p, &c);
}

TESTS(RUN(messages_are_published_read_and_forgotten),
      RUN(the_statements_of_a_query_run_one_after_the_other),
      RUN(a_second_statement_is_refused_where_none_was_asked_for), RUN(one_message_is_forgotten_by_its_id),
      RUN(settings_are_kept_bounded_and_forgotten), RUN(every_valid_channel_has_a_count),
      RUN(errors_come_in_the_promised_order), RUN(what_drivers_ask_is_answered), RUN(apps_do_not_see_each_other),
      RUN(only_known_users_are_let_in), RUN(pipelined_publishes_keep_their_order_over_shards),
      RUN(a_long_history_reaches_a_client_that_reads_late), RUN(a_long_insert_gives_others_their_turn),
      RUN(a_client_that_leaves_in_the_middle_harms_nobody))
