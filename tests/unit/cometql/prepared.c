/* Prepared statements end to end: what they tell when they are prepared, and that they act when they are executed. */
#include "unit/cometql/server.h"
#include "unit/mysql/client_prepared.h"

TEST(messages_are_published_and_read_with_values)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "CometQL_v1");
    uint32_t      keep = client_prepare(&c, "insert into pipes_settings (name, length) values (?, ?)", "?,?|");
    uint32_t      add = client_prepare(&c, "insert into pipes_messages (name, event, message) values (?, 'e', ?), (?, ?, 'two')", "?,?,?,?|");
    uint32_t      all = client_prepare(&c, "select event, message as m from pipes_messages where name = ?", "?|event,m");
    uint32_t      some = client_prepare(&c, "select message from pipes_messages where name in (?, ?) and event like ? limit ?, ?",
                                        "?,?,?,?,?|message");
    uint32_t      drop = client_prepare(&c, "delete from pipes_messages where name = ?", "?|");
    client_execute(&c, all, "event,m|", "chat");
    client_execute(&c, keep, "ok 1/0", "chat", "10");
    client_execute(&c, add, "ok 0/0", "chat", "{\"a\":\"it's \\\"q\\\" \\\\ 😀\"}', '", "chat", "f");
    client_execute(&c, all, "event,m|e,{\"a\":\"it's \\\"q\\\" \\\\ 😀\"}', '|f,two|", "chat");
    client_execute(&c, all, "event,m|", NULL);
    client_execute(&c, all, "event,m|", "no!");
    client_execute(&c, all, "event,m|", "chat' or name = 'chat");
    client_execute(&c, some, "message|two|", "chat", "other", "%", "1", "5");
    client_execute(&c, some, "message|two|", "chat", "other", "F", "0", "5");
    client_execute(&c, drop, "ok 0/0", "chat");
    client_execute(&c, all, "event,m|", "chat");
    end(&p, &c);
}

TEST(preparing_changes_nothing)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    client_expect(&c, "insert into pipes_settings values ('chat', 3)", "ok 1/0");
    client_prepare(&c, "insert into pipes_settings (name, length) values ('chat', 7)", "|");
    client_prepare(&c, "delete from pipes_settings where name = 'chat'", "|");
    uint32_t use = client_prepare(&c, "use CometQL_v1", "|");
    client_expect(&c, "select * from pipes_settings where name = 'chat'", "name,length|chat,3|");
    client_expect(&c, "select database()", "database()||");
    client_execute_raw(&c, use, SLICE(""));
    struct buf out = { 0 };
    client_read_rows(&c, true, &out);
    assert_slice(buf_slice(&out), "ok 0/0");
    buf_clear(&out);
    client_expect(&c, "select database()", "database()|CometQL_v1|");
    end(&p, &c);
}

TEST(every_statement_tells_its_columns)
{
    UNUSED_STATE;
    static const char *const samples[][2] = {
        { "select * from pipes where name = ?", "?|name,users" },
        { "select ?, ? as b, now(), null", "?,?|?,b,now(),null" },
        { "show status", "|Variable_name,Value" },
        { "show global status like ?", "?|Variable_name,Value" },
        { "show variables where variable_name = ?", "?|Variable_name,Value" },
        { "show tables like ?", "?|Tables" },
        { "show processlist", "|ServiceName,id,status,count" },
        { "describe pipes", "|Field,Type,Null,Key,Default,Extra" },
        { "set names utf8mb4", "|" },
        { ";;;;", "|" },
        { "select * from pipes where name like ?", "?|name,users" },
        { "select x from pipes where name = ?", "error 14: Not a specific column `x`" },
        { "select * from shop where name = ?", "error 15: Table doesn't exist" },
        { "select * from pipes where users = ?",
          "error 13: Selection without transferring the requested values of the primary key is not supported" },
        { "select * from pipes where name = ? or", "error 3: Syntax error in query near the end: it is not complete" },
        { "select \xff", "error 12: The statement is not valid UTF-8" },
        { "?", "error 17: Data is too short" },
    };
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        client_prepare(&c, samples[i][0], samples[i][1]);
    end(&p, &c);
}

TEST(values_are_checked_when_they_come)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    uint32_t      add = client_prepare(&c, "insert into pipes_messages (name, event, message) values (?, ?, ?)", "?,?,?|");
    uint32_t      like = client_prepare(&c, "select name from pipes where name like ?", "?|name");
    uint32_t      show = client_prepare(&c, "show variables like ?", "?|Variable_name,Value");
    uint32_t      items = client_prepare(&c, "select ?, ? as b", "?,?|?,b");
    client_execute(&c, add, "error 17: Channel name is too short", "a", "e", "m");
    client_execute(&c, add, "error 12: field `message` is required", "abc", "e", NULL);
    client_execute(&c, add, "error 12: Parameter 3 is not valid UTF-8", "abc", "e", "\xc3(");
    client_execute(&c, add, "ok 0/0", "abc", "e", "m");
    client_execute(&c, like, "error 13: Selection without transferring the requested values of the primary key is not supported", "a%");
    client_execute(&c, like, "name|abc|", "abc");
    client_execute(&c, show, "Variable_name,Value|version_comment,Encke comet server|", "version\\_c%t");
    client_execute(&c, items, "?,b|now(),NULL|", "now()", NULL);
    end(&p, &c);
}

TEST(long_lists_of_values_are_taken)
{
    UNUSED_STATE;
    enum { MANY = 3000 };
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "");
    struct buf    b = { 0 };
    buf_text(&b, "\x16select name from pipes where name in (?");
    for (int i = 1; i < MANY; i++)
        buf_text(&b, ",?");
    buf_text(&b, ")");
    client_send(&c, 0, buf_slice(&b));
    buf_reset(&b);
    uint32_t id = client_read_prepared(&c, &b);
    assert_int_equal(b.len, 2 * MANY - 1 + 1 + 4);
    static const char *values[MANY];
    for (int i = 0; i < MANY; i++)
        values[i] = i % 2 ? "abc" : NULL;
    buf_reset(&b);
    client_put_values(&b, values, MANY);
    client_execute_raw(&c, id, buf_slice(&b));
    buf_reset(&b);
    client_read_rows(&c, true, &b);
    assert_int_equal(b.len, 5 + MANY / 2 * 4);

    buf_reset(&b);
    buf_text(&b, "\x16insert into revoked_tokens values (?)");
    for (int i = 0; i < 65535; i++)
        buf_text(&b, ",(?)");
    client_send(&c, 0, buf_slice(&b));
    buf_reset(&b);
    client_read_prepared(&c, &b);
    assert_slice(buf_slice(&b), "error 19: Too many values: at most 65535 may be parameters");
    buf_clear(&b);
    end(&p, &c);
}

TESTS(RUN(messages_are_published_and_read_with_values), RUN(preparing_changes_nothing), RUN(every_statement_tells_its_columns),
      RUN(values_are_checked_when_they_come), RUN(long_lists_of_values_are_taken))
