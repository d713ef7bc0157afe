/* Queries beyond the plain grammar, end to end: expressions, order, groups, joins of information_schema. */
#include "cometql/query/query.h"

#include "cometql/schema/schema.h"

#include "unit/cometql/server.h"

struct sample {
    const char *sql, *answer;
};

static void expect_all(struct client *c, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_expect(c, samples[i].sql, samples[i].answer);
}

#define EXPECT(client, ...)                                                                                            \
    expect_all(client, (const struct sample[]){ __VA_ARGS__ },                                                         \
               sizeof((const struct sample[]){ __VA_ARGS__ }) / sizeof(struct sample))

#define NO_KEY "error 13: Selection without transferring the requested values of the primary key is not supported"

static struct client begin_with_messages(struct peer *p)
{
    struct client c = client_open(p, "root", CLIENT_PASSWORD, "CometQL_v1");
    EXPECT(&c, { "insert into pipes_settings values ('chat', 9), ('news', 9)", "ok 2/0" },
           { "insert into pipes_messages (name, event, message) values ('chat', 'a', '10'), ('chat', 'b', '9'), ('chat', 'a', 'x'), "
             "('news', 'a', 'Y')",
             "ok 0/0" });
    return c;
}

TEST(rows_are_sorted_by_value_and_cut_afterwards)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = begin_with_messages(&p);
    EXPECT(&c, { "select message from pipes_messages where name = 'chat' order by message", "message|9|10|x|" },
           { "select message m from pipes_messages where name = 'chat' order by m desc limit 1, 1", "m|10|" },
           { "select event, message from pipes_messages where name = 'chat' order by event desc, 2 asc", "event,message|b,9|a,10|a,x|" },
           { "select message from pipes_messages where name = 'chat' order by length(message) desc, message limit 1 offset 1", "message|9|" },
           { "select message from pipes_messages where name in ('news', 'chat') order by name limit 2", "message|10|9|" },
           { "select message from pipes_messages where name = 'chat' order by 2", "error 14: Not a specific column `2`" },
           { "select message from pipes_messages where name = 'chat' order by message limit 0", "message|" },
           { "select message from pipes_messages order by message", NO_KEY });
    end(&p, &c);
}

TEST(every_branch_of_an_or_names_the_key)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = begin_with_messages(&p);
    EXPECT(&c, { "select message from pipes_messages where name = 'chat' and event = 'b' or name = 'news'", "message|9|Y|" },
           { "select message from pipes_messages where name = 'news' or name in ('chat', 'news') or 'chat' = name", "message|Y|10|9|x|" },
           { "select message from pipes_messages where (name = 'chat' or name = 'news') and event = 'a'", "message|10|x|Y|" },
           { "select message from pipes_messages where name = 'chat' and (event = 'b' or message = 'x')", "message|9|x|" },
           { "select message from pipes_messages where name = 'chat' and not (event = 'a') || name = 'news' && 1", "message|9|Y|" },
           { "select message from pipes_messages where name like 'chat' and message not in (9, 'x')", "message|10|" },
           { "select message from pipes_messages where name = 'chat' and message between 1 and 20", "message|10|9|" },
           { "select message from pipes_messages where name = 'chat' and message not like 'X' and event is not null", "message|10|9|" },
           { "select message from pipes_messages where name = 'chat' or event = 'a'", NO_KEY },
           { "select message from pipes_messages where not (name = 'chat') or name = 'chat'", NO_KEY },
           { "select message from pipes_messages where name <> 'chat' or name is null", NO_KEY },
           { "select message from pipes_messages where name like 'ch%' or name = 'x'", NO_KEY },
           { "select message from pipes_messages where name = event or name = message", NO_KEY },
           { "select message from pipes_messages where name = 'chat' xor name = 'news'", NO_KEY });
    end(&p, &c);
}

TEST(a_delete_with_or_takes_what_meets_it)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = begin_with_messages(&p);
    EXPECT(&c, { "delete from pipes_messages where name = 'chat' and event = 'b' or name = 'news' and event = 'z'", "ok 0/0" },
           { "select message from pipes_messages where name in ('chat', 'news')", "message|10|x|Y|" },
           { "delete from pipes_messages where name = 'chat' or name = 'news' limit 1", "ok 0/0" },
           { "select message from pipes_messages where name in ('chat', 'news')", "message|x|Y|" },
           { "delete from pipes_messages where name = 'chat' or event = 'a'", NO_KEY },
           { "delete from pipes where name = 'chat' or name = 'x'", "error 10: Table `pipes` is read only" },
           { "delete from nowhere where name = 'chat' or name = 'x'", "error 15: Table doesn't exist" },
           { "delete from information_schema.tables where table_name = 'x'", "error 15: Table doesn't exist: the one database is CometQL_v1" },
           { "delete from pipes_settings where name = 'chat' or name = 'news'", "ok 0/0" },
           { "select name from pipes_settings where name in ('chat', 'news')", "name|" });
    end(&p, &c);
}

TEST(rows_are_counted_and_grouped)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = begin_with_messages(&p);
    EXPECT(&c, { "select count(*) from pipes_messages where name = 'chat'", "count(*)|3|" },
           { "select COUNT(*) AS n, 'x' from pipes_messages where name = 'nobody'", "n,x|0,x|" },
           { "select count(*), count(distinct event), max(message), min(name) from pipes_messages where name in ('chat', 'news')",
             "count(*),count(distinct event),max(message),min(name)|4,2,x,chat|" },
           { "select event, count(*) n from pipes_messages where name in ('chat', 'news') group by event having n > 1", "event,n|a,3|" },
           { "select name, group_concat(message) from pipes_messages where name in ('chat', 'news') group by name order by name desc",
             "name,group_concat(message)|news,Y|chat,10,9,x|" },
           { "select distinct event from pipes_messages where name in ('chat', 'news')", "event|a|b|" },
           { "select sum(users) + 1, avg(users) from pipes where name in ('abc', 'def')", "sum(users) + 1,avg(users)|1,0|" },
           { "select sum(users) from pipes where name = 'x'", "sum(users)|NULL|" },
           { "select name from pipes where name = 'abc' and count(*) > 0", "error 3: Syntax error in query near 'count(': it is for the list of a SELECT" },
           { "select max(count(*)) from pipes where name = 'abc'", "error 3: Syntax error in query near 'count(': it is for the list of a SELECT" },
           { "select count(*) x from pipes where name = 'abc' group by x", "x|1|" });
    end(&p, &c);
}

TEST(names_may_be_qualified_and_renamed)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = begin_with_messages(&p);
    EXPECT(&c, { "select m.message, m.* from CometQL_v1.pipes_settings as m where m.name = 'chat'", "error 14: Not a specific column `message`" },
           { "select s.name, `s`.`length` l from `CometQL_v1`.`pipes_settings` s where s.name = 'chat' or `s`.name = 'news' order by s.name desc",
             "name,l|news,9|chat,9|" },
           { "select s.*, length + 1 from pipes_settings s where s.name = 'chat'", "name,length,length + 1|chat,9,10|" },
           { "select CometQL_v1.pipes_settings.length from pipes_settings where pipes_settings.name = 'chat' or name = 'x'", "length|9|" },
           { "select \"name\" from pipes_settings where 'name' = 'chat' or \"name\" = news order by name", "name|chat|news|" },
           { "select x.* from pipes_settings s where s.name = 'chat' or s.name = 'y'", "error 3: Syntax error in query near '*': no table is named" });
    end(&p, &c);
}

TEST(expressions_have_the_values_of_sql)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "7", CLIENT_PASSWORD, "CometQL_v1");
    static const char *const values[][2] = {
        { "1+2*3-4", "3" }, { "(1+2)*3", "9" }, { "7/2", "3.5" }, { "7 div 2", "3" }, { "7 % 4", "3" }, { "7 mod 0", "NULL" }, { "1/0", "NULL" },
        { "-(3)", "-3" }, { "2 - -1", "3" }, { "1 = 1 and not 0", "1" }, { "null = null", "NULL" }, { "null or 1", "1" }, { "null and 1", "NULL" },
        { "null and 0", "0" }, { "1 xor 1", "0" }, { "!1", "0" }, { "1 in (2, null)", "NULL" }, { "1 not in (2, 3)", "1" }, { "'b' between 'a' and 'c'", "1" },
        { "'abc' like '_B%'", "1" }, { "'a' like 'b' escape '!'", "0" }, { "null is null", "1" }, { "'10' < '9'", "0" }, { "'a10' < 'a9'", "1" }, { "'A' = 'a'", "1" },
        { "case 2 when 1 then 'a' when 2 then 'b' end", "b" }, { "case when 0 then 1 else 'z' end", "z" }, { "case when null then 1 end", "NULL" },
        { "concat('a', 1, 'c')", "a1c" }, { "concat('a', null)", "NULL" }, { "concat_ws('-', 'a', null, 'b')", "a-b" }, { "if(2 > 1, 'y', 'n')", "y" },
        { "ifnull(null, 'd')", "d" }, { "coalesce(null, null, 3)", "3" }, { "nullif('a', 'A')", "NULL" }, { "upper('a\xc3\xa4')", "A\xc3\xa4" },
        { "lower('AB')", "ab" }, { "length('\xc3\xa4')", "2" }, { "char_length('\xc3\xa4')", "1" }, { "left('\xc3\xa4""bc', 2)", "\xc3\xa4""b" },
        { "right('abc', 2)", "bc" }, { "right('abc', 9)", "abc" }, { "substring('abcd', 2, 2)", "bc" }, { "substr('abcd', -2)", "cd" },
        { "substring('abcd', 0)", "" }, { "substring_index('a_b_c', '_', 1)", "a" }, { "substring_index('a_b_c', '_', -1)", "c" },
        { "substring_index('abc', '_', 1)", "abc" }, { "locate('B', 'abc')", "2" }, { "instr('abc', 'x')", "0" }, { "replace('aXbX', 'X', '--')", "a--b--" },
        { "trim('  a ')", "a" }, { "field('b', 'a', 'b')", "2" }, { "find_in_set('b', 'a,b')", "2" }, { "greatest(3, 20, 1)", "20" }, { "least('b', 'a')", "a" },
        { "cast('12abc' as signed)", "12" }, { "cast(5 as char(10) character set utf8)", "5" }, { "convert('x' using utf8mb4)", "x" },
        { "binary 'a'", "a" }, { "'a' collate utf8_bin = 'a'", "1" }, { "(select 5)", "5" }, { "1 in (select 1 union select 2)", "1" },
        { "exists (select 1 from information_schema.views)", "0" }, { "database()", "CometQL_v1" }, { "concat(@@autocommit, '')", "1" },
        { "(select count(*) from information_schema.schemata)", "1" }, { "true + true", "2" }, { "@x is null", "1" }, { "isnull(null)", "1" },
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf sql = { 0 }, answer = { 0 };
        buf_printf(&sql, "select %s as v", values[i][0]);
        buf_printf(&answer, "v|%s|", values[i][1]);
        buf_byte(&sql, 0);
        buf_byte(&answer, 0);
        client_expect(&c, sql.at, answer.at);
        buf_clear(&sql);
        buf_clear(&answer);
    }
    EXPECT(&c, { "select @@nonsense + 1", "error 1193: Unknown system variable 'nonsense'" },
           { "select nonsense(1)", "error 3: Syntax error in query near 'nonsense(': there is no such function" },
           { "select left('a')", "error 3: Syntax error in query near 'left(': this function takes another number of arguments" },
           { "select foo", "error 3: Syntax error in query near 'foo': no table is named" },
           { "select *", "error 3: Syntax error in query near '*': no table is named" },
           { "select 'a' union select 'b', 1", "error 14: Error in columns list: the parts of a UNION differ in their number" },
           { "select 'b' x union select 'a' union all select 'b' order by x limit 3", "x|a|b|" },
           { "select 'b' x union all select 'a' union all select 'b' order by x", "x|a|b|b|" });
    end(&p, &c);
}

TEST(the_schema_is_that_of_the_tables)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "CometQL_v1");
    EXPECT(&c, { "select SCHEMA_NAME from INFORMATION_SCHEMA.SCHEMATA", "SCHEMA_NAME|CometQL_v1|" },
           { "select table_name t from information_schema.TABLES where table_schema = 'cometql_V1' and table_name in ('pipes', 'PIPES_SETTINGS', 'nonsense') "
             "order by t desc",
             "t|pipes_settings|pipes|" },
           { "select COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, COLUMN_KEY from information_schema.COLUMNS "
             "where TABLE_SCHEMA='CometQL_v1' and TABLE_NAME='pipes' order by ORDINAL_POSITION",
             "COLUMN_NAME,DATA_TYPE,CHARACTER_MAXIMUM_LENGTH,COLUMN_KEY|name,varchar,64,PRI|users,int,NULL,|" },
           { "select c.column_name from information_schema.tables t join information_schema.columns c on c.table_name = t.table_name "
             "where t.table_name = 'pipes_settings'",
             "column_name|name|length|" },
           { "select t.table_name, v.view_definition from information_schema.tables t left join information_schema.views v using (table_name) "
             "where t.table_name = 'pipes'",
             "table_name,view_definition|pipes,NULL|" },
           { "select count(*) from (select distinct table_schema from information_schema.columns) x", "count(*)|1|" },
           { "select index_name, non_unique, column_name from information_schema.statistics where table_name = 'pipes_messages'",
             "index_name,non_unique,column_name|PRIMARY,0,id|name,1,name|" },
           { "select * from information_schema.nonsense", "error 15: Table doesn't exist: `information_schema` has no `nonsense`" },
           { "select * from mysql.user", "error 15: Table doesn't exist: `mysql`.`user`; the databases are CometQL_v1 and information_schema" },
           { "select nonsense from information_schema.tables", "error 14: Not a specific column `nonsense`" },
           { "select table_name from information_schema.tables, pipes", "error 2: `pipes` can only stand alone: joins, UNION and SELECT in parentheses are for "
                                                                        "information_schema" },
           { "show tables like 'pipes\\_s%'", "Tables|pipes_settings|" },
           { "show full tables from CometQL_v1 where table_type != 'VIEW' and Tables_in_CometQL_v1 = 'pipes'", "Tables,Table_type|pipes,BASE TABLE|" },
           { "show columns from pipes where `key` = 'PRI'", "Field,Type,Null,Key,Default,Extra|name,varchar(64),NO,PRI,,|" },
           { "show index from pipes_settings where key_name = 'x'",
             "Table,Non_unique,Key_name,Seq_in_index,Column_name,Collation,Cardinality,Sub_part,Packed,Null,Index_type,Comment,Index_comment|" },
           { "show variables where variable_name = 'autocommit' or variable_name like 'sql_m%'", "Variable_name,Value|autocommit,1|sql_mode,|" },
           { "show procedure status where db = 'x'",
             "Db,Name,Type,Definer,Modified,Created,Security_type,Comment,character_set_client,collation_connection,Database Collation|" });
    for (unsigned i = 0; schema_at(i) != NULL; i++) {
        struct buf sql = { 0 };
        buf_printf(&sql, "select count(*) > -1 as x from information_schema.%s", schema_at(i)->name);
        buf_byte(&sql, 0);
        client_expect(&c, sql.at, "x|1|");
        buf_clear(&sql);
    }
    end(&p, &c);
}

static void expect_error(struct client *c, struct buf *sql, const char *beginning)
{
    struct buf answer = { 0 };
    client_query(c, buf_slice(sql));
    client_read_answer(c, &answer);
    if (!slice_starts(buf_slice(&answer), beginning))
        fail_msg("%.*s instead of %s", SLICE_ARG(slice_first(buf_slice(&answer), 200)), beginning);
    buf_clear(&answer);
    buf_reset(sql);
}

static void repeat(struct buf *b, const char *text, int count)
{
    for (int i = 0; i < count; i++)
        buf_text(b, text);
}

TEST(what_costs_too_much_is_refused)
{
    UNUSED_STATE;
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "CometQL_v1");
    struct buf    sql = { 0 };
    buf_text(&sql, "select ");
    repeat(&sql, "(", 100);
    repeat(&sql, "1)", 100);
    expect_error(&c, &sql, "error 3: Syntax error in query (byte ");
    buf_text(&sql, "select 1");
    repeat(&sql, "+1", 1001);
    expect_error(&c, &sql, "error 18: Too many conditions: at most 1000 operators are taken");
    buf_text(&sql, "select 1 where 1");
    repeat(&sql, " or 1 = 2", 101);
    expect_error(&c, &sql, "error 18: Too many conditions: at most 100");
    buf_text(&sql, "select name from pipes where name = 'a'");
    repeat(&sql, " or name = 'b'", 10);
    expect_error(&c, &sql, "error 18: Too many conditions: at most 10 ");
    buf_text(&sql, "select name from pipes where name in (1");
    repeat(&sql, ",1", 4000);
    buf_text(&sql, ") or name = 'b'");
    expect_error(&c, &sql, "error 19: Too many values");
    buf_text(&sql, "select 1 from information_schema.tables");
    repeat(&sql, ", information_schema.tables", 8);
    expect_error(&c, &sql, "error 21: Too many names: at most 8 tables");
    buf_text(&sql, "select 1 from information_schema.columns a, information_schema.columns b, information_schema.columns c, "
                   "information_schema.columns d");
    expect_error(&c, &sql, "error 1104: The SELECT needs more than 16 MB of memory or 2000000 steps");
    buf_text(&sql, "select 1");
    repeat(&sql, " union select 1", 40);
    expect_error(&c, &sql, "error 3: Syntax error in query: more than 32 times SELECT");
    buf_text(&sql, "select name from pipes where name = 'a' ");
    repeat(&sql, "!", 3);
    expect_error(&c, &sql, "error 3:");
    client_expect(&c, "select 1", "1|1|");
    buf_clear(&sql);
    end(&p, &c);
}

TEST(a_query_cut_at_every_byte_is_answered)
{
    UNUSED_STATE;
    static const char *const samples[] = {
        ("select distinct c.*, count(*) over_all, case when 1 then left('a', 1) else null end x from information_schema.columns as c left join "
         "(select table_name n from information_schema.tables where table_name like 'p%') t on t.n = c.table_name and 1 in (1, 2) group by c.table_name "
         "having x is not null order by 1 desc, x limit 1, 2"),
        ("select m.message, concat_ws('-', name, cast(time as signed)) from pipes_messages m where (name = 'chat' and not event between 'a' and 'b') or "
         "name in ('news', 'x') order by length(message) desc limit 3 offset 1"),
        "select max(a), (select 1 union all select -2) from information_schema.tables where exists (select 'x' from dual) and binary a = @@version",
        "delete from pipes_messages where (name = 'chat' and event is null) or name = concat('a', 'b') limit 1",
        "show full columns from pipes where `key` <> 'PRI' and not field in ('a', /*!50000 'b' */ null)",
    };
    struct peer   p = begin();
    struct client c = client_open(&p, "root", CLIENT_PASSWORD, "CometQL_v1");
    struct buf    answer = { 0 };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        for (size_t len = 1; len <= strlen(samples[i]); len++) {
            client_query(&c, slice_of(samples[i], len));
            client_read_answer(&c, &answer);
            assert_true(answer.len > 0);
            buf_reset(&answer);
        }
    }
    buf_clear(&answer);
    client_expect(&c, "select 1", "1|1|");
    end(&p, &c);
}

TESTS(RUN(rows_are_sorted_by_value_and_cut_afterwards), RUN(every_branch_of_an_or_names_the_key), RUN(a_delete_with_or_takes_what_meets_it),
      RUN(rows_are_counted_and_grouped), RUN(names_may_be_qualified_and_renamed), RUN(expressions_have_the_values_of_sql),
      RUN(the_schema_is_that_of_the_tables), RUN(what_costs_too_much_is_refused), RUN(a_query_cut_at_every_byte_is_answered))
