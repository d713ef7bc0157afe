/* Migration: a database as CppComet makes and fills it becomes ours, twice is once, nothing is lost, and CppComet's statements go
 * on working. The tables are written anew from what is known about their columns. */
#include "unit/store/database.h"
#include "unit/store/ask.h"

#include "store/mariadb_adopt.h"
#include "store/migrate.h"

static struct store_setup setup;

/* An empty database. */
static void prepare(void)
{
    setup = (struct store_setup){ .durability = STORE_BATCH, .queue_bytes = 64 << 20, .patience_ms = 60000 };
    database_new();
    database_setup(&setup);
}

static void end(void)
{
    assert_int_equal(shop_close(), 0);
}

static struct store_row *load(void)
{
    struct store_row *rows = NULL;
    struct error      e = { 0 };
    if (store_load(&rows, &e) != OK)
        fail_msg("%s", e.text);
    return rows;
}

static const char cppcomet_tables[] =
    "CREATE TABLE users_auth (dev_id int(11) NOT NULL, user_id int(11) NOT NULL, hash char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " PRIMARY KEY (dev_id, user_id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE users_data (dev_id int(11) NOT NULL, user_id int(11) NOT NULL, data text NOT NULL, PRIMARY KEY (dev_id, user_id))"
    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE users_time (dev_id int(11) NOT NULL, user_id int(11) NOT NULL, time int(11) NOT NULL, PRIMARY KEY (dev_id, user_id))"
    " ENGINE=MEMORY DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE users_messages (id char(36) NOT NULL, time int(11) NOT NULL, dev_id int(11) NOT NULL, user_id int(11) NOT NULL,"
    " event char(64) NOT NULL, message text CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL, PRIMARY KEY (id), KEY dev_id (dev_id),"
    " KEY user_id (user_id), KEY dev_user (dev_id, user_id), KEY time (time)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE pipe_messages (id char(36) NOT NULL, time int(11) NOT NULL, dev_id int(11) NOT NULL, pipe_name char(64) NOT NULL,"
    " event char(64) DEFAULT NULL, message text CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL, user_id int(11) NOT NULL,"
    " PRIMARY KEY (id), KEY time (time), KEY pipe_name (pipe_name), KEY dev_id (dev_id)) ENGINE=MyISAM DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE pipes_settings (dev_id int(11) NOT NULL, name char(128) NOT NULL, type char(1) NOT NULL, length int(11) NOT NULL,"
    " PRIMARY KEY (dev_id, name)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE revoked_tokens (dev_id int(11) NOT NULL, token varbinary(600) NOT NULL, time int(11) NOT NULL, PRIMARY KEY (dev_id, token))"
    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE conference (dev_id int(11) NOT NULL, name varchar(32) CHARACTER SET ascii NOT NULL, user_id int(11) NOT NULL,"
    " caller_id int(11) NOT NULL, message text CHARACTER SET utf8mb4 NOT NULL, profile varchar(32) NOT NULL, stream varchar(255) NOT NULL,"
    " node varchar(64) NOT NULL, time int(11) NOT NULL, PRIMARY KEY (dev_id, name, user_id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE dev_config (id int(11) NOT NULL, `key` char(64) NOT NULL, url char(255) NOT NULL, active_time int(11) NOT NULL,"
    " PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;"
    "CREATE TABLE log_event (id int(11) NOT NULL AUTO_INCREMENT, text varchar(250) NOT NULL, PRIMARY KEY (id)) ENGINE=InnoDB;"
    "CREATE TABLE log_query (id int(11) NOT NULL AUTO_INCREMENT, dev_id int(11) NOT NULL, query text NOT NULL, PRIMARY KEY (id))"
    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;";

/* A column list is not everywhere: what it may do, the migrated tables must still take. The UUIDs are of version 1; the three of one
 * second are m2, m3, m4 by the time inside, and not by their texts. */
static const char cppcomet_rows[] =
    "INSERT INTO users_auth VALUES (0, 7, '0123456789abcdef0123456789abcdef'), (-1, 9, 'x');"
    "INSERT INTO users_data VALUES (0, 7, 'Gr\xc3\xbc\xc3\x9f""e \xe4\xb8\xad');"
    "INSERT INTO users_time VALUES (0, 7, 0), (0, 8, 1438245468);"
    "INSERT INTO pipes_settings VALUES (0, 'log', '0', 10), (15, 'log', '0', 0);"
    "INSERT INTO pipe_messages VALUES ('ffffffff-0001-11e6-8000-000000000001', 1438245470, 0, 'log', 'undefined', 'm1', 0),"
    " ('00000003-0002-11e6-8000-000000000001', 1438245471, 0, 'log', 'ev', 'm3', 4),"
    " ('00000001-0003-11e6-8000-000000000001', 1438245471, 0, 'log', NULL, 'm4', 0),"
    " ('ffffffff-0001-11e6-9000-000000000001', 1438245471, 0, 'log', 'ev', 'm2', 0),"
    " ('00000001-0001-11e6-8000-000000000001', 1438245472, 0, 'log', 'ev', '\xc3\xa9\\\\ \\'', 0),"
    " ('00000001-0001-11e6-8000-000000000002', 1438245472, 15, 'log', 'ev', 'other app', 0),"
    " ('00000001-0001-11e6-8000-000000000003', 1438245472, -1, 'log', 'ev', 'no app', 0);"
    "INSERT INTO users_messages VALUES ('00000002-0001-11e6-8000-000000000009', 1438245472, 0, 7, 'e', 'q2'),"
    " ('00000009-0001-11e6-8000-000000000009', 1438245471, 0, 7, 'e', 'q1'),"
    " ('00000003-0001-11e6-8000-000000000009', 1438245472, 0, 7, '', 'q3');"
    "INSERT INTO revoked_tokens VALUES (0, 'eyJ.e30.sig', 9999999);"
    "INSERT INTO conference VALUES (0, 'room', 7, 1001, 'hi', 'default', '', 'node-1', 1438245472);"
    "INSERT INTO log_event (text) VALUES ('start-NoName');";

static unsigned lines_said, alters_said;

static void say(const char *line)
{
    lines_said++;
    alters_said += strstr(line, "ALTER TABLE") != NULL || strstr(line, "CREATE TABLE") != NULL;
}

static enum status migrate(bool is_dry, struct error *e)
{
    lines_said = alters_said = 0;
    *e = (struct error){ 0 };
    return store_migrate(&(struct migration){ .server = &setup.server, .is_dry = is_dry, .say = say }, e);
}

static void migrate_ok(void)
{
    struct error e;
    if (migrate(false, &e) != OK)
        fail_msg("%s", e.text);
}

static void prepare_cppcomet(void)
{
    prepare();
    database_do(cppcomet_tables);
    database_do(cppcomet_rows);
}

/* Everything that lies in the tables, in one text. */
static const char *all_rows(void)
{
    return database_says("CHECKSUM TABLE users_auth, users_data, users_time, users_messages, pipe_messages, pipes_settings,"
                                " revoked_tokens, conference, dev_config, log_event, log_query;");
}

static void history_is(const struct store_row *rows, uint32_t app, const char *wanted)
{
    char   text[256] = "";
    size_t len = 0;
    for (unsigned i = 0; i < rows_count(rows); i++) {
        const struct store_row *row = row_at(rows, STORE_HISTORY_ADD, app, "log", i);
        if (row == NULL)
            break;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i > 0 ? ", " : "", SLICE_ARG(row->payload));
    }
    assert_string_equal(text, wanted);
}

TEST(the_server_refuses_a_database_that_was_not_migrated_and_says_what_to_do)
{
    UNUSED_STATE;
    struct error e = { 0 };
    prepare_cppcomet();
    char *before = strdup(all_rows());
    assert_int_equal(store_open(&setup, &e), E_CONFIG);
    assert_non_null(strstr(e.text, "encke migrate"));
    assert_non_null(strstr(e.text, "mariadb-dump encke_test >"));
    assert_string_equal(all_rows(), before);
    free(before);
}

TEST(a_dry_run_says_everything_and_does_nothing)
{
    UNUSED_STATE;
    struct error e;
    prepare_cppcomet();
    char *before = strdup(database_says("SELECT table_name, column_name, column_type, engine FROM information_schema.columns JOIN"
                                        " information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'encke_test'"
                                        " ORDER BY 1, 2;"));
    assert_int_equal(migrate(true, &e), OK);
    assert_int_equal(alters_said, 10);
    assert_string_equal(before, database_says("SELECT table_name, column_name, column_type, engine FROM information_schema.columns JOIN"
                                              " information_schema.tables USING (table_schema, table_name) WHERE table_schema ="
                                              " 'encke_test' ORDER BY 1, 2;"));
    free(before);
}

TEST(everything_is_there_after_the_migration_and_in_order)
{
    UNUSED_STATE;
    prepare_cppcomet();
    migrate_ok();
    shop_open(&setup);

    struct store_op *op = ask(op_user(STORE_USER, 0, 7));
    assert_true(op->found);
    assert_slice(op->text, "0123456789abcdef0123456789abcdef");
    assert_int_equal(op->number, 0);
    assert_int_equal(rows_count(op->rows), 3);
    assert_slice(op->rows->payload, "q1");
    assert_int_equal(op->rows->time_ms, 1438245471000);
    assert_slice(op->rows->next->payload, "q2");
    assert_slice(op->rows->next->next->payload, "q3");
    assert_true(op->rows->offset < op->rows->next->offset);
    assert_true(op->rows->next->offset < op->rows->next->next->offset);
    store_op_free(op);
    op = ask(op_user(STORE_USER, 0, 8));
    assert_int_equal(op->number, 1438245468);
    store_op_free(op);
    op = ask(op_user(STORE_DATA, 0, 7));
    assert_slice(op->text, "Gr\xc3\xbc\xc3\x9f" "e \xe4\xb8\xad");
    store_op_free(op);

    struct store_row *rows = load();
    history_is(rows, 0, "m1, m2, m3, m4, \xc3\xa9\\ '");
    history_is(rows, 15, "other app");
    const struct store_row *row = row_at(rows, STORE_HISTORY_ADD, 0, "log", 0);
    assert_slice(row->event, "undefined");
    assert_int_equal(row->time_ms, 1438245470000);
    assert_int_equal(row->flags, 0);
    row = row_at(rows, STORE_HISTORY_ADD, 0, "log", 2);
    assert_int_equal(row->user_id, 4);
    assert_int_equal(row->flags, STORE_SHOWS_USER);
    assert_slice(row_at(rows, STORE_HISTORY_ADD, 0, "log", 3)->event, "");
    assert_int_equal(row_at(rows, STORE_SETTING_PUT, 0, "log", 0)->number, 10);
    assert_int_equal(row_at(rows, STORE_SETTING_PUT, 15, "log", 0)->number, 0);
    assert_int_equal(row_at(rows, STORE_TOKEN_PUT, 0, "eyJ.e30.sig", 0)->number, 0);
    row = row_at(rows, STORE_CONFERENCE_PUT, 0, "room", 0);
    assert_int_equal(row->number, 1001);
    assert_int_equal(row->time_ms, 1438245472000);
    store_rows_free(rows);

    tell(op_text(STORE_DATA_PUT, 0, 7, "\xf0\x9f\x98\x80")); /* four bytes */
    end();
    shop_open(&setup);
    op = ask(op_user(STORE_DATA, 0, 7));
    assert_slice(op->text, "\xf0\x9f\x98\x80");
    store_op_free(op);
    assert_string_equal(database_says("SELECT COUNT(*) FROM pipe_messages WHERE dev_id = -1;"), "1"); /* nobody's: left alone */
    end();
}

TEST(twice_is_once)
{
    UNUSED_STATE;
    prepare_cppcomet();
    migrate_ok();
    char *before = strdup(all_rows());
    migrate_ok();
    assert_int_equal(alters_said, 0);
    assert_string_equal(all_rows(), before);
    free(before);
}

/* As after `kill -9` anywhere: some tables are done, some messages as well. */
TEST(an_interrupted_migration_goes_on)
{
    UNUSED_STATE;
    prepare_cppcomet();
    migrate_ok();
    database_do("UPDATE pipe_messages SET id = CONCAT('old-', message), epoch = 0, `offset` = 0, seq = 0, time_ms = 0"
                " WHERE message NOT IN ('m1', 'm2', 'other app');"
                "ALTER TABLE users_time ENGINE=MEMORY; ALTER TABLE users_messages DROP INDEX encke_queue;"
                "ALTER TABLE revoked_tokens DROP COLUMN expires; DROP TABLE log_query;");
    migrate_ok();
    assert_int_equal(alters_said, 4);
    shop_open(&setup);
    struct store_row *rows = load();
    history_is(rows, 0, "m1, m2, m3, m4, \xc3\xa9\\ '");
    store_rows_free(rows);
    end();
}

TEST(statements_of_cppcomet_go_on_working_and_what_they_wrote_is_taken_in)
{
    UNUSED_STATE;
    prepare_cppcomet();
    migrate_ok();
    shop_open(&setup);
    store_rows_free(load());
    tell(with_place(op_message(STORE_HISTORY_ADD, 0, 0, SLICE("log"), SLICE("ev"), SLICE("ours")), 77, 1, 1438245500000));
    tell(with_place(op_message(STORE_QUEUE_ADD, 0, 7, nothing_said, SLICE("ev"), SLICE("our q")), 0, 1438245472500000, 1438245472500));
    end();
    database_do("INSERT INTO pipe_messages VALUES ('00000001-0009-11e6-8000-000000000001', 1438245600, 0, 'log', 'undefined', 'theirs', 0);"
                "INSERT INTO users_messages VALUES ('00000001-0009-11e6-8000-000000000001', 1438245600, 0, 7, 'e', 'their q');"
                "REPLACE INTO users_auth VALUES (0, 7, 'new'); REPLACE INTO users_time VALUES (0, 7, 1438245601);"
                "REPLACE INTO revoked_tokens VALUES (0, 'eyJ.e30.sig', 9999999); REPLACE INTO pipes_settings VALUES (0, 'log', '0', 20);");
    assert_string_equal(database_says("SELECT message FROM pipe_messages WHERE dev_id = 0 AND pipe_name = 'log' AND time > 1438245472"
                                      " ORDER BY time;"), "ours\ntheirs");
    shop_open(&setup);
    struct store_row *rows = load();
    history_is(rows, 0, "m1, m2, m3, m4, \xc3\xa9\\ ', ours, theirs");
    assert_int_equal(row_at(rows, STORE_SETTING_PUT, 0, "log", 0)->number, 20);
    store_rows_free(rows);
    struct store_op *op = ask(op_user(STORE_USER, 0, 7));
    assert_slice(op->text, "new");
    assert_int_equal(op->number, 1438245601);
    assert_int_equal(rows_count(op->rows), 5);
    assert_slice(op->rows->next->next->next->payload, "our q");
    assert_slice(op->rows->next->next->next->next->payload, "their q");
    store_op_free(op);
    end();
}

TEST(an_id_in_the_table_is_the_id_of_the_message)
{
    UNUSED_STATE;
    char id[64];
    prepare();
    shop_open(&setup);
    tell(with_place(op_message(STORE_HISTORY_ADD, 0, 0, SLICE("log"), SLICE("ev"), SLICE("m")), 0x0123456789abcdef, 5, 1000));
    snprintf(id, sizeof id, "%s", database_says("SELECT id FROM pipe_messages;"));
    assert_string_equal(id, "01234567-89ab-8cde-bc00-000000000005");
    tell(with_place(op_channel(STORE_HISTORY_DROP_ONE, 0, "log"), 0x0123456789abcdef, 5, 0));
    assert_string_equal(database_says("SELECT COUNT(*) FROM pipe_messages;"), "0");
    end();
}

TEST(a_database_of_another_program_or_a_later_version_is_left_alone)
{
    UNUSED_STATE;
    struct error e;
    prepare_cppcomet();
    database_do("DROP TABLE users_data; CREATE TABLE users_data (number INT PRIMARY KEY, data TEXT);");
    assert_int_equal(migrate(false, &e), E_CONFIG);
    assert_non_null(strstr(e.text, "users_data"));
    prepare_cppcomet();
    migrate_ok();
    database_do("UPDATE encke_state SET value = 99 WHERE name = 'schema';");
    assert_int_equal(migrate(false, &e), E_CONFIG);
    assert_non_null(strstr(e.text, "later version"));
    assert_int_equal(store_open(&setup, &e), E_CONFIG);
    assert_non_null(strstr(e.text, "later version"));
}

TEST(a_running_server_keeps_a_migration_and_a_second_server_away)
{
    UNUSED_STATE;
    struct error e;
    prepare();
    shop_open(&setup);
    store_rows_free(load());
    assert_int_equal(migrate(false, &e), E_STORE_AWAY);
    assert_non_null(strstr(e.text, "stop it first"));
    end();
    migrate_ok();
}

TEST(the_moment_in_a_uuid_orders_what_its_text_does_not)
{
    UNUSED_STATE;
    assert_true(uuid_time(SLICE("ffffffff-0001-11e6-8000-000000000001")) == 0x1e60001ffffffff);
    assert_true(uuid_time(SLICE("00000003-0002-11e6-8000-000000000001")) == 0x1e6000200000003);
    assert_true(uuid_time(SLICE("00000003-0002-41e6-8000-000000000001")) == 0); /* another version */
    assert_true(uuid_time(SLICE("0000000x-0002-11e6-8000-000000000001")) == 0);
    assert_true(uuid_time(SLICE("short")) == 0);
}

TESTS(RUN(the_server_refuses_a_database_that_was_not_migrated_and_says_what_to_do), RUN(a_dry_run_says_everything_and_does_nothing),
      RUN(everything_is_there_after_the_migration_and_in_order), RUN(twice_is_once), RUN(an_interrupted_migration_goes_on),
      RUN(statements_of_cppcomet_go_on_working_and_what_they_wrote_is_taken_in), RUN(an_id_in_the_table_is_the_id_of_the_message),
      RUN(a_database_of_another_program_or_a_later_version_is_left_alone), RUN(a_running_server_keeps_a_migration_and_a_second_server_away),
      RUN(the_moment_in_a_uuid_orders_what_its_text_does_not))
