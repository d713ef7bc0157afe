/* The MariaDB backend: the suite, and real trouble: a server that is killed, one that hangs, connections that end, locks. */
#include "unit/store/database.h"
#include "unit/store/suite.h"

static void prepare(struct store_setup *setup)
{
    database_new();
    database_setup(setup);
}

static const struct suite suite = { .prepare = prepare, .keeps = true };

/* --- trouble ----------------------------------------------------------------------------------------------------------- */

enum { MANY = 12000 };
static struct store_op *many[MANY];

static void prepare_many(void)
{
    for (unsigned i = 0; i < MANY; i++)
        many[i] = op_published(1, i % 3 == 0 ? "one" : i % 3 == 1 ? "two" : "three", 1 + i % 3, 1 + i / 3);
}

/* All answered with OK, and all there, in order, once. */
static void expect_many(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(many[i]->status, OK);
        store_op_free(many[i]);
    }
    suite_again();
    struct store_row *rows = suite_load();
    assert_int_equal(rows_count(rows), MANY);
    uint64_t last[4] = { 0 };
    for (const struct store_row *row = rows; row != NULL; row = row->next)
        assert_int_equal(row->offset, ++last[row->epoch]);
    store_rows_free(rows);
}

static void await_count(uint64_t at_least)
{
    uint64_t until_ms = clock_mono_ms() + 60000;
    while (store_figures().done < at_least && clock_mono_ms() < until_ms)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    assert_true(store_figures().done >= at_least);
}

static void await_trouble(void)
{
    uint64_t until_ms = clock_mono_ms() + 60000;
    while (!store_figures().is_away && clock_mono_ms() < until_ms)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    assert_true(store_figures().is_away);
}

TEST(a_database_that_is_killed_and_comes_back_loses_and_doubles_nothing)
{
    UNUSED_STATE;
    struct asking a;
    suite_begin();
    store_rows_free(suite_load());
    prepare_many();
    ask_begin(&a, 0, many, MANY);
    await_count(1); /* a group is through, others are under way */
    database_stop();
    await_trouble();
    database_launch();
    ask_end(&a);
    expect_many();
    assert_false(store_figures().is_away);
    suite_end();
}

TEST(a_database_that_hangs_longer_than_its_timeout_loses_and_doubles_nothing)
{
    UNUSED_STATE;
    struct asking a;
    suite_begin();
    assert_int_equal(shop_close(), 0);
    suite_setup.server.timeout_ms = 1000;
    shop_open(&suite_setup);
    store_rows_free(suite_load());
    prepare_many();
    ask_begin(&a, 0, many, MANY);
    await_count(1);
    kill(database_pid, SIGSTOP);
    await_trouble();
    kill(database_pid, SIGCONT);
    ask_end(&a);
    expect_many();
    suite_end();
}

TEST(connections_that_were_ended_while_nothing_was_asked_are_no_trouble)
{
    UNUSED_STATE;
    suite_begin();
    for (uint32_t i = 0; i < 8; i++)
        tell(op_text(STORE_DATA_PUT, 1, i, "before"));
    database_do("DELIMITER //\nBEGIN NOT ATOMIC FOR c IN (SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
                " AND db = 'encke_test') DO KILL c.id; END FOR; END //\n");
    for (uint32_t i = 0; i < 8; i++) {
        tell(op_text(STORE_DATA_PUT, 1, i, "after"));
        assert_false(store_figures().is_away);
    }
    suite_end();
}

TEST(a_message_longer_than_the_database_takes_fails_and_the_others_do_not)
{
    UNUSED_STATE;
    enum { LONG = 3 << 20 };
    char *text = calloc(1, LONG);
    assert_non_null(text);
    memset(text, 'x', LONG);
    database_new();
    database_do("SET GLOBAL max_allowed_packet = 1048576;");
    suite_begin();
    struct store_op *ops[] = {
        op_text(STORE_DATA_PUT, 1, 1, "one"),
        op_of(STORE_DATA_PUT, 1, 1, nothing_said, slice_of(text, LONG)),
        op_text(STORE_HASH_PUT, 1, 1, "\xc3\xa4"), /* not of the hash's alphabet: the database refuses it */
        op_text(STORE_HASH_PUT, 1, 1, "two"),
    };
    ask_all(0, ops, 4);
    assert_int_equal(ops[0]->status, OK);
    assert_int_equal(ops[1]->status, E_STORE);
    assert_int_equal(ops[2]->status, E_STORE);
    assert_int_equal(ops[3]->status, OK);
    for (unsigned i = 0; i < 4; i++)
        store_op_free(ops[i]);
    struct store_op *op = ask(op_user(STORE_DATA, 1, 1));
    assert_slice(op->text, "one");
    store_op_free(op);
    suite_end();
    database_do("SET GLOBAL max_allowed_packet = 16777216;");
    free(text);
}

TEST(what_somebody_else_has_locked_is_waited_for)
{
    UNUSED_STATE;
    suite_begin();
    assert_int_equal(shop_close(), 0);
    suite_setup.server.timeout_ms = 1000;
    shop_open(&suite_setup);
    tell(op_text(STORE_DATA_PUT, 1, 1, "one"));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execlp("mariadb", "mariadb", "--no-defaults", "-uroot", "-S", database_socket, "encke_test", "-e",
               "BEGIN; UPDATE users_data SET data = 'theirs'; INSERT INTO log_query (query) VALUES ('sign'); SELECT SLEEP(4); COMMIT",
               (char *)NULL);
        _exit(1);
    }
    while (strcmp(database_says("SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep';"), "1") != 0)
        ;
    struct asking    a;
    struct store_op *op = op_text(STORE_DATA_PUT, 1, 1, "two");
    ask_begin(&a, 0, &op, 1);
    await_trouble();
    ask_end(&a);
    waitpid(pid, NULL, 0);
    assert_int_equal(op->status, OK);
    store_op_free(op);
    op = ask(op_user(STORE_DATA, 1, 1));
    assert_slice(op->text, "two");
    store_op_free(op);
    suite_end();
}

/* --- opening ----------------------------------------------------------------------------------------------------------- */

static void cannot_open(const char *because)
{
    struct error e = { 0 };
    assert_int_not_equal(store_open(&suite_setup, &e), OK);
    if (strstr(e.text, because) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.text, because);
}

TEST(what_is_wrong_with_the_address_or_the_account_is_said)
{
    UNUSED_STATE;
    suite_setup = (struct store_setup){ .durability = STORE_BATCH, .queue_bytes = 64 << 20, .patience_ms = 60000 };
    prepare(&suite_setup);
    suite_setup.server.attempts = 2;
    suite_setup.server.host = "/nowhere/socket";
    cannot_open("/nowhere/socket");
    suite_setup.server.host = "127.0.0.1";
    suite_setup.server.port = 1;
    cannot_open("127.0.0.1");
    database_setup(&suite_setup);
    suite_setup.server.name = "nosuch";
    cannot_open("nosuch");
    database_setup(&suite_setup);
    suite_setup.server.user = "nobody";
    suite_setup.server.password = "wrong-secret";
    cannot_open("nobody");
}

TEST(a_second_server_on_the_same_database_is_refused)
{
    UNUSED_STATE;
    suite_begin();
    store_rows_free(suite_load());
    void        *second = NULL;
    struct error e = { 0 };
    struct store_row *rows = NULL;
    assert_int_equal(store_mariadb.open(&second, &suite_setup, &e), OK);
    assert_int_equal(store_mariadb.load(second, &rows, &e), E_STORE_AWAY);
    assert_non_null(strstr(e.text, "in use by another Encke"));
    store_mariadb.close(second);
    suite_end();
}

TESTS(SUITE_TESTS, RUN(a_database_that_is_killed_and_comes_back_loses_and_doubles_nothing),
      RUN(a_database_that_hangs_longer_than_its_timeout_loses_and_doubles_nothing),
      RUN(connections_that_were_ended_while_nothing_was_asked_are_no_trouble),
      RUN(a_message_longer_than_the_database_takes_fails_and_the_others_do_not), RUN(what_somebody_else_has_locked_is_waited_for),
      RUN(what_is_wrong_with_the_address_or_the_account_is_said), RUN(a_second_server_on_the_same_database_is_refused))
