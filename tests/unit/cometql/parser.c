/* The parser: statement in, a readable form of what was understood out. */
#include "cometql/parser.h"

#include <stdio.h>

#include "unit/test.h"

static const char *const kind_names[STATEMENT_KIND_COUNT] = {
    [STATEMENT_EMPTY] = "empty",
    [STATEMENT_NOTHING] = "nothing",
    [STATEMENT_USE] = "use",
    [STATEMENT_SELECT] = "select",
    [STATEMENT_SELECT_ITEMS] = "items",
    [STATEMENT_INSERT] = "insert",
    [STATEMENT_DELETE] = "delete",
    [STATEMENT_SHOW_DATABASES] = "databases",
    [STATEMENT_SHOW_TABLES] = "tables",
    [STATEMENT_SHOW_TABLE_STATUS] = "table-status",
    [STATEMENT_SHOW_COLUMNS] = "columns",
    [STATEMENT_SHOW_INDEX] = "index",
    [STATEMENT_SHOW_CREATE_TABLE] = "create",
    [STATEMENT_SHOW_STATUS] = "status",
    [STATEMENT_SHOW_VARIABLES] = "variables",
    [STATEMENT_SHOW_WARNINGS] = "warnings",
    [STATEMENT_SHOW_PROCESSLIST] = "processlist",
    [STATEMENT_SHOW_ENGINES] = "engines",
    [STATEMENT_SHOW_COLLATION] = "collation",
    [STATEMENT_SHOW_CHARSET] = "charset",
    [STATEMENT_SHOW_GRANTS] = "grants",
    [STATEMENT_SHOW_CREATE_DATABASE] = "create-database",
    [STATEMENT_SHOW_FOREIGN] = "foreign",
};

static void show_value(struct buf *b, const struct value *v)
{
    static const char marks[] = { [VALUE_TEXT] = '\'', [VALUE_NAME] = ':', [VALUE_NUMBER] = '#', [VALUE_NULL] = '0' };
    buf_byte(b, (unsigned char)marks[v->kind]);
    buf_slice_append(b, v->text);
}

static void show_values(struct buf *b, const struct statement *s, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_text(b, i > 0 ? "," : "");
        show_value(b, statement_value(s, first + i));
    }
}

static void show_items(struct buf *b, const struct statement *s)
{
    static const char marks[] = { [ITEM_COLUMN] = ':', [ITEM_STAR] = '*',     [ITEM_TEXT] = '\'',  [ITEM_NUMBER] = '#',
                                  [ITEM_NULL] = '0',   [ITEM_FUNCTION] = 'f', [ITEM_SYSTEM] = '@', [ITEM_VARIABLE] = '?' };
    for (uint32_t i = 0; i < s->item_count; i++) {
        buf_printf(b, " %c%.*s", marks[s->items[i].kind], SLICE_ARG(s->items[i].text));
        if (!slice_equal(s->items[i].text, s->items[i].title))
            buf_printf(b, "[%.*s]", SLICE_ARG(s->items[i].title));
    }
}

static void show_conditions(struct buf *b, const struct statement *s)
{
    static const char *const compares[] = { "=", " in ", "~", "<", ">", "<=", ">=", "!=" };
    for (uint32_t i = 0; i < s->condition_count; i++) {
        const struct condition *c = &s->conditions[i];
        buf_printf(b, " %s %.*s%s", i == 0 ? "where" : c->is_or ? "or" : "and", SLICE_ARG(c->column), compares[c->compare]);
        show_values(b, s, c->first, c->count);
    }
}

static void show_statement(struct buf *b, const struct statement *s)
{
    buf_text(b, kind_names[s->kind]);
    buf_text(b, s->query != NULL ? " query" : "");
    buf_text(b, s->show_full ? " full" : "");
    if (s->show_flag != SHOW_SESSION)
        buf_printf(b, " flag%d", (int)s->show_flag);
    buf_text(b, s->is_star ? " *" : "");
    show_items(b, s);
    if (s->database.len > 0)
        buf_printf(b, " db=%.*s", SLICE_ARG(s->database));
    if (s->table.len > 0)
        buf_printf(b, " from %.*s", SLICE_ARG(s->table));
    for (uint32_t i = 0; i < s->column_count; i++)
        buf_printf(b, "%s%.*s", i == 0 ? " (" : ",", SLICE_ARG(s->columns[i]));
    buf_text(b, s->column_count > 0 ? ")" : "");
    for (uint32_t i = 0; i < s->row_count && !s->has_uneven_rows; i++) {
        buf_text(b, " row ");
        show_values(b, s, i * s->row_width, s->row_width);
    }
    buf_text(b, s->has_uneven_rows ? " uneven" : "");
    show_conditions(b, s);
    if (s->kind >= STATEMENT_SHOW_DATABASES && s->value_count > 0) {
        buf_text(b, " like ");
        show_values(b, s, 0, s->value_count);
    }
    buf_text(b, s->has_order ? " order" : "");
    if (s->has_limit)
        buf_printf(b, " limit %llu,%llu", (unsigned long long)s->limit_skip, (unsigned long long)s->limit_count);
}

struct sample {
    const char *sql;
    const char *expected; /* what show_statement says, or "!CODE text" of which the error's beginning must match */
};

static void check(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct statement s = { 0 };
        struct error     error = { 0 };
        struct buf       b = { 0 };
        if (statement_parse(&s, slice_str(samples[i].sql), &error) == OK)
            show_statement(&b, &s);
        else
            buf_printf(&b, "!%d %.*s", status_row(error.code)->mysql_code,
                       samples[i].expected[0] == '!' && strlen(samples[i].expected) > 3
                           ? (int)strlen(strchr(samples[i].expected, ' ') + 1)
                           : 200,
                       error.text);
        if (samples[i].expected[0] == '!' && strchr(samples[i].expected, ' ') == NULL && b.len > strlen(samples[i].expected))
            b.len = strlen(samples[i].expected);
        if (!slice_is(buf_slice(&b), samples[i].expected))
            print_error("for: %s\n", samples[i].sql);
        assert_slice(buf_slice(&b), samples[i].expected);
        buf_clear(&b);
        statement_clear(&s);
    }
}

#define CHECK(...)                                                \
    do {                                                          \
        static const struct sample samples[] = { __VA_ARGS__ };   \
        check(samples, sizeof samples / sizeof samples[0]);       \
    } while (0)

TEST(inserts_are_understood_in_every_quote_style)
{
    UNUSED_STATE;
    CHECK({ "INSERT INTO pipes_messages (name, event, message) VALUES('a', \"b\", 'c')",
            "insert from pipes_messages (name,event,message) row 'a,'b,'c" },
          { "insert into pipes_settings (\"name\", 'length') values (`x`, 10)",
            "insert from pipes_settings (name,length) row 'x,#10" },
          { "INSERT INTO users_auth (id,hash)VALUES (-5, abc );;", "insert from users_auth (id,hash) row #-5,:abc" },
          { "insert into CometQL_v1.`pipes_settings` values ('n',1.5)",
            "insert db=CometQL_v1 from pipes_settings row 'n,#1.5" },
          { "insert into t values (null, +7, NULL)", "insert from t row 0,#7,0" },
          { "insert into t (`index`,t.time) value (1,2)", "insert from t (index,time) row #1,#2" });
}

TEST(several_rows_are_kept_row_by_row)
{
    UNUSED_STATE;
    CHECK({ "insert into t values (1,'a'),(2,'b') , (3,'c')", "insert from t row #1,'a row #2,'b row #3,'c" },
          { "insert into t values (1,'a'),(2)", "insert from t uneven" });
}

TEST(strings_stay_verbatim_but_for_a_doubled_quote)
{
    UNUSED_STATE;
    CHECK({ "insert into t values ('it''s')", "insert from t row 'it's" },
          { "insert into t values ('it\\'s')", "insert from t row 'it\\'s" },
          { "insert into t values (\"dq \"\" x\")", "insert from t row 'dq \" x" },
          { "insert into t values ('dq \"\" x')", "insert from t row 'dq \"\" x" },
          { "insert into t values ('a\\\\b \\n \"q\"')", "insert from t row 'a\\\\b \\n \"q\"" },
          { "insert into t values ('{\"t\":\"\\u0416\"}')", "insert from t row '{\"t\":\"\\u0416\"}" },
          { "insert into t values ('x\\\\', 'y')", "insert from t row 'x\\\\,'y" },
          { "insert into t values ('x\\'''', 'y')", "insert from t row 'x\\'','y" },
          { "insert into t values ('', '''', '''''')", "insert from t row ','','''" },
          { "insert into t values ('a;b -- c /* d */ # e\n')", "insert from t row 'a;b -- c /* d */ # e\n" },
          { "insert into t values (_utf8mb4'a', N'b', _binary 'c', X'6465', x'')", "insert from t row 'a,'b,'c,'de,'" },
          { "insert into t values (X'6')", "!3" }, { "insert into t values (X'6g')", "!3" });
}

TEST(comments_and_semicolons_are_skipped)
{
    UNUSED_STATE;
    CHECK({ "", "empty" }, { ";;;;;", "empty" }, { "   \t\r\n ", "empty" }, { "/* hello */", "empty" },
          { "-- hello", "empty" }, { "--", "empty" }, { "# hello\n;", "empty" },
          { "/* a */ show /* b */ databases # c", "databases" }, { "show databases -- c", "databases" },
          { "show databases --c", "!3" }, { "show databases ; -- c\n ; # d", "databases" },
          { "/*!40101 SET NAMES utf8 */", "nothing" });
}

TEST(only_one_statement_is_taken)
{
    UNUSED_STATE;
    CHECK({ "show databases; show tables", "!3 Syntax error in query (byte 17): send one" }, { "show databases show tables", "!3" },
          { "select 1; /* x", "!3" });
}

TEST(errors_name_the_place)
{
    UNUSED_STATE;
    CHECK({ "insert into t values ('abc)", "!3 Syntax error in query near ''abc)' (byte 23): this has no end" },
          { "select * from t where id = 5 /* x", "!3 Syntax error in query near '/* x' (byte 30)" },
          { "update t set a = 1", "!3 Syntax error in query near 'update t set a = 1' (byte 1)" },
          { "insert into t values (1", "!3 Syntax error in query near the end: it is not complete" },
          { "select * from t where a ! 1", "!3 Syntax error in query near '! 1' (byte 25)" },
          { "select @ from t", "!3" }, { "insert into t values (- 5)", "!3" }, { "insert into t values (1.5.2)", "!3" },
          { "insert into t values ()", "!3" }, { "insert into t values (,)", "!3" }, { "select * from t where", "!3" },
          { "select * from t where id in ()", "!3" }, { "select * from t where id = and x = 1", "!3" },
          { "select * from t where (id = 1", "!3" }, { "select * from t where id = 1)", "!3" },
          { "select * from t limit 'x'", "!3" }, { "select * from t limit -1", "!3" }, { "select", "!3" },
          { "select , from t", "!3" }, { "set names 'utf8", "!3" }, { "\xff", "!3" }, { "\\", "!3" });
}

TEST(selects_from_a_table)
{
    UNUSED_STATE;
    CHECK({ "select * from pipes where name = 'a'", "select * from pipes where name='a" },
          { "SELECT name, `users` FROM pipes WHERE name IN('a',b, \"c\") LIMIT 3",
            "select :name :users from pipes where name in 'a,:b,'c limit 0,3" },
          { "select \"id\", 'hash' from users_auth where id=5", "select :id :hash from users_auth where id=#5" },
          { "select p.name as n, p.users from pipes as p where p.name like 'x' limit 1,2",
            "select :name[n] :users from pipes where name~'x limit 1,2" },
          { "select * from t limit 5 offset 7", "select * from t limit 7,5" },
          { "select t.* from t", "select * from t" },
          { "select * from t where a=1 and b<2 && c>3 and d<=4 and e>=5 and f!=6 and g<>7",
            "select * from t where a=#1 and b<#2 and c>#3 and d<=#4 and e>=#5 and f!=#6 and g!=#7" },
          { "select * from t where (a=1) and ((b=2) and c=3)", "select * from t where a=#1 and b=#2 and c=#3" },
          { "select * from t where a=1 or b=2", "select query from t" },
          { "select * from t order by a, b desc limit 1", "select query from t" },
          { "delete from t where id = 5 and event='x'", "delete from t where id=#5 and event='x" },
          { "delete from t", "delete from t" }, { "select count(*) from t", "select query from t" }, { "select 1 from t", "select query from t" },
          { "select a, * from t", "select query from t" });
}

TEST(selects_without_a_table)
{
    UNUSED_STATE;
    CHECK({ "select 1", "items #1" }, { "SELECT 'x' AS a, -5, 1.5 b", "items 'x[a] #-5 #1.5[b]" },
          { "select version()", "items fversion[version()]" }, { "select NOW( ) as n limit 1", "items fNOW[n] limit 0,1" },
          { "select DATABASE(), USER() limit 1", "items fDATABASE[DATABASE()] fUSER[USER()] limit 0,1" },
          { "select @@version_comment limit 1", "items @version_comment[@@version_comment] limit 0,1" },
          { "SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@GLOBAL.x, @@`y`", "!3" },
          { "SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@GLOBAL.x",
            "items @auto_increment_increment @x[@@GLOBAL.x]" },
          { "select null, true, current_user", "items 0null #1[true] fcurrent_user" }, { "select @x", "items ?@x" },
          { "select 1 from dual", "items #1 from dual" }, { "select foo", "select query" }, { "select", "!3" }, { "select 1+", "!3" });
}

TEST(what_drivers_send_is_taken)
{
    UNUSED_STATE;
    CHECK({ "SET NAMES utf8mb4", "nothing" }, { "SET AUTOCOMMIT = 0", "nothing" },
          { "set names 'utf8mb4' collate 'utf8mb4_unicode_ci', @@session.x = OFF", "nothing" },
          { "SET session sql_mode='a,b'", "nothing" }, { "BEGIN", "nothing" }, { "START TRANSACTION READ ONLY", "nothing" },
          { "commit", "nothing" }, { "ROLLBACK TO SAVEPOINT x;", "nothing" }, { "use db_5", "use db=db_5" },
          { "USE `CometQL_v1`", "use db=CometQL_v1" });
}

TEST(show_is_understood_in_all_its_forms)
{
    UNUSED_STATE;
    CHECK({ "show databases", "databases" }, { "show schemas like 'Comet%'", "databases like 'Comet%" },
          { "show tables", "tables" }, { "show full tables from x like 'p%'", "tables full db=x like 'p%" },
          { "show table status", "table-status" }, { "show table status from x like 'a'", "table-status db=x like 'a" },
          { "show columns from pipes", "columns from pipes" },
          { "show full fields in pipes from x like 'n%'", "columns full db=x from pipes like 'n%" },
          { "describe pipes", "columns from pipes" }, { "desc pipes name", "columns from pipes like :name" },
          { "show create table pipes", "create from pipes" }, { "show index from pipes", "index from pipes" },
          { "show status", "status" }, { "show global status like 'up%'", "status flag1 like 'up%" },
          { "show ram status", "status flag3" }, { "show variables", "variables" },
          { "show session variables like 'sql_mode'", "variables like 'sql_mode" },
          { "SHOW VARIABLES WHERE Variable_name ='language' OR Variable_name = 'x' or variable_name in ('a','b')",
            "variables query" },
          { "show warnings limit 3", "warnings" }, { "show errors", "warnings" }, { "show full processlist", "processlist full" },
          { "show engines", "engines" }, { "show storage engines", "engines" }, { "show collation where Charset='utf8'", "collation query" },
          { "show character set", "charset" }, { "show grants for current_user()", "grants" }, { "show create database x", "create-database" },
          { "show triggers from x like 'a'", "foreign from TRIGGERS" }, { "show collation where a in (select 1)", "!3" },
          { "show nonsense", "!3" }, { "show", "!3" }, { "show global", "!3" });
}

TEST(limits_have_codes_of_their_own)
{
    UNUSED_STATE;
    struct buf b = { 0 };
    for (int kind = 0; kind < 6; kind++) {
        static const struct {
            const char *before, *each, *last, *after;
            int         most, code;
        } limits[] = { { "select * from t where a in(", "1,", "1", ")", 4000, 19 },
                       { "insert into t values (", "1,", "1", ")", 20, 19 },
                       { "select ", "a,", "a", " from t", 20, 20 },
                       { "select ", "1,", "1", "", 64, 20 },
                       { "insert into t (", "a,", "a", ") values (1)", 20, 21 },
                       { "select * from t where ", "a=1 and ", "a=1", "", 10, 18 } };
        for (int over = 0; over < 2; over++) {
            struct statement s = { 0 };
            struct error     error = { 0 };
            buf_reset(&b);
            buf_text(&b, limits[kind].before);
            for (int i = 1; i < limits[kind].most + over; i++)
                buf_text(&b, limits[kind].each);
            buf_text(&b, limits[kind].last);
            buf_text(&b, limits[kind].after);
            enum status status = statement_parse(&s, buf_slice(&b), &error);
            assert_int_equal(status == OK, !over);
            if (over)
                assert_int_equal(status_row(status)->mysql_code, limits[kind].code);
            statement_clear(&s);
        }
    }
    buf_clear(&b);
}

TEST(a_statement_cut_at_every_byte_is_read_within_its_bounds)
{
    UNUSED_STATE;
    static const char *const samples[] = {
        "insert into `a`.t (\"x\", y) values ('it''s \\' ', _utf8'b', X'61', -1.5), (null, b) -- c",
        "select a.b as c, 'd', `e` from t where (a = 'x' and b in (1, \"2\")) or c <> 3 order by d limit 1, 2 /* e */ ; # f",
        "select @@session.x as y, @z, @'q', version(), -1 from dual limit 5 offset 6",
        "show full columns from a.b from c like 'd%'",
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        size_t whole = strlen(samples[i]);
        for (size_t len = 0; len <= whole; len++) {
            char *copy = malloc(len + 1); /* exactly as long, so that a sanitizer sees a read past the end */
            memcpy(copy, samples[i], len);
            char            *exact = realloc(copy, len > 0 ? len : 1);
            struct statement s = { 0 };
            struct error     error = { 0 };
            enum status      status = statement_parse(&s, slice_of(exact, len), &error);
            assert_int_equal(status != OK, error.code != OK);
            statement_clear(&s);
            free(exact);
        }
    }
}

TESTS(RUN(inserts_are_understood_in_every_quote_style), RUN(several_rows_are_kept_row_by_row),
      RUN(strings_stay_verbatim_but_for_a_doubled_quote), RUN(comments_and_semicolons_are_skipped),
      RUN(only_one_statement_is_taken), RUN(errors_name_the_place), RUN(selects_from_a_table),
      RUN(selects_without_a_table), RUN(what_drivers_send_is_taken), RUN(show_is_understood_in_all_its_forms),
      RUN(limits_have_codes_of_their_own), RUN(a_statement_cut_at_every_byte_is_read_within_its_bounds))
