/* The statistics block. */
#include "server/console.h"

#include "base/counter.h"
#include "unit/server/loading.h"

static const struct console_sample before = {
    .at_ms = 1000,
    .added = 62,
    .ended = 62,
    .events = 98,
    .shard_count = 3,
    .shard_events = { 62, 77, 75 },
};

static const struct console_sample now = {
    .at_ms = 4000,
    .uptime_ms = 267999,
    .online = 6000,
    .added = 6062,
    .ended = 62,
    .events = 6096,
    .shard_count = 3,
    .shard_events = { 6062, 77, 3075 },
};

static char *render(enum console_service service, const struct console_look *look)
{
    struct buf out = { 0 };
    console_render(&out, service, &before, &now, look);
    buf_byte(&out, '\0');
    assert_true(buf_ok(&out));
    size_t len;
    return buf_take(&out, &len);
}

TEST(without_a_terminal_the_block_is_plain_lines)
{
    UNUSED_STATE;
    char *text = render(CONSOLE_WS, &(struct console_look){ 0 });
    assert_string_equal(text, "----------------server_id(1)ws----------------\n"
                              "Online now\t\t6000\n"
                              "Add clients\t\t6062\t\t2000.00\n"
                              "Delete clients\t\t62\t\t0.00\n"
                              "Handle messages\t\t6096\t\t1999.33\n"
                              "work time\t\t267\n"
                              "[S]\tC\tPsC\n"
                              "[1]\t6062\t2000.00\n"
                              "[0]\t77\t0.00\n"
                              "[1]\t3075\t1000.00\n"
                              "---------------------------------------------\n");
    free(text);
}

TEST(on_a_terminal_states_have_colours_and_lines_are_wiped_first)
{
    UNUSED_STATE;
    char *text = render(CONSOLE_COMETQL, &(struct console_look){ .is_terminal = true });
    assert_non_null(strstr(text, "server_id(2)cometql----------------\n\x1b[2KOnline now"));
    assert_non_null(strstr(text, "\n\x1b[2K[\x1b[33m1\x1b[0m]\t6062\t2000.00\n"));
    assert_non_null(strstr(text, "\n\x1b[2K[\x1b[32m0\x1b[0m]\t77\t0.00\n"));
    free(text);
}

TEST(rows_that_do_not_fit_become_one_line)
{
    UNUSED_STATE;
    char *text = render(CONSOLE_WS, &(struct console_look){ .rows_max = 1 });
    assert_non_null(strstr(text, "[1]\t6062\t2000.00\n...\t2 more\n-----"));
    free(text);
}

TEST(two_samples_of_one_moment_have_no_rate)
{
    UNUSED_STATE;
    struct buf out = { 0 };
    console_render(&out, CONSOLE_WS, &now, &now, &(struct console_look){ 0 });
    buf_byte(&out, '\0');
    assert_non_null(strstr(out.at, "Add clients\t\t6062\t\t0.00\n"));
    assert_non_null(strstr(out.at, "[0]\t6062\t0.00\n"));
    buf_clear(&out);
}

TEST(a_sample_takes_its_figures_from_the_counters)
{
    UNUSED_STATE;
    struct console_sample s;
    counter_setup(2);
    counter_join(1);
    counter_add(COUNTER_SQL_ONLINE, 3);
    counter_add(COUNTER_SQL_ADDED, 5);
    counter_add(COUNTER_SQL_ENDED, 2);
    counter_add(COUNTER_SQL_EVENTS, 9);
    console_sample(&s, CONSOLE_COMETQL, 2, 7000, 2000);
    assert_int_equal(s.at_ms, 7000);
    assert_int_equal(s.uptime_ms, 5000);
    assert_int_equal(s.online, 3);
    assert_int_equal(s.added, 5);
    assert_int_equal(s.ended, 2);
    assert_int_equal(s.events, 9);
    assert_int_equal(s.shard_count, 2);
    assert_int_equal(s.shard_events[0], 0);
    assert_int_equal(s.shard_events[1], 9);
}

static void expect_every(const char *file, bool is_terminal, uint64_t ws_ms, uint64_t cometql_ms)
{
    struct loading l;
    load(&l, file, "");
    assert_int_equal(l.status, OK);
    assert_int_equal(console_every_ms(&l.config, CONSOLE_WS, is_terminal), ws_ms);
    assert_int_equal(console_every_ms(&l.config, CONSOLE_COMETQL, is_terminal), cometql_ms);
    unload(&l);
}

TEST(how_often_follows_the_settings_and_the_terminal)
{
    UNUSED_STATE;
    expect_every("", true, 1000, 1000);
    expect_every("", false, 60000, 60000);
    expect_every("[ws]\nstatistics = 10\n", false, 10000, 60000);
    expect_every("[ws]\nstatistics = 0\n[cometql]\nbenchmark = 5\n", true, 0, 5000);
    expect_every("[main]\nquiet = true\n[ws]\nstatistics = 5\n", true, 0, 0);
    expect_every("[statistics]\nto_log = false\n", true, 0, 0);
}

TEST(a_quiet_console_is_none)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "", "--quiet");
    struct console *c = console_new(&l.config, 1);
    assert_null(c);
    console_tick(c);
    console_free(c);
    unload(&l);
}

TESTS(RUN(without_a_terminal_the_block_is_plain_lines),
      RUN(on_a_terminal_states_have_colours_and_lines_are_wiped_first), RUN(rows_that_do_not_fit_become_one_line),
      RUN(two_samples_of_one_moment_have_no_rate), RUN(a_sample_takes_its_figures_from_the_counters),
      RUN(how_often_follows_the_settings_and_the_terminal), RUN(a_quiet_console_is_none))
