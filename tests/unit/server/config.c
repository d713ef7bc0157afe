/* The sources, their order, and what must hold between settings. */
#include "server/config.h"

#include "unit/server/loading.h"

TEST(without_any_source_the_defaults_hold)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "", "");
    assert_int_equal(l.status, OK);
    assert_int_equal(l.config.action, CONFIG_RUN);
    assert_int_equal(l.config.ws.port, 8087);
    assert_string_equal(l.config.ws.ip, "0.0.0.0");
    assert_int_equal(l.config.cometql.port, 3307);
    assert_string_equal(l.config.cometql.ip, "127.0.0.1");
    assert_int_equal(l.config.main.dev_index_size, 100000);
    assert_int_equal(l.config.main.history_bytes, 256 << 20);
    assert_int_equal(l.config.ws.ping_ms, 25000);
    assert_int_equal(l.config.ws.idle_ms, 60000);
    assert_int_equal(l.config.ws.hosts.count, 0);
    assert_int_equal(l.config.log.level, LOG_INFO);
    assert_string_equal(l.config.main.password, "");
    assert_true(l.config.main.state_dir[0] != '\0');
    assert_false(config_is_set(&l.config, SETTING_ID_ws_port));
    assert_int_equal(l.config.remark_count, 0);
    unload(&l);
}

TEST(the_environment_overrides_the_file_and_the_command_line_both)
{
    UNUSED_STATE;
    struct loading l;
    setenv("ENCKE_WS_PORT", "2000", 1);
    setenv("ENCKE_MAIN_STATE_DIR", "/tmp/from-environment", 1);
    setenv("ENCKE_COMETQL_MAX_PACKET", "2M", 1);
    load(&l, "[ws]\nport = 1000\nbacklog = 77\n[main]\nstate_dir = /tmp/from-file\n", "--ws.port=3000");
    unsetenv("ENCKE_WS_PORT");
    unsetenv("ENCKE_MAIN_STATE_DIR");
    unsetenv("ENCKE_COMETQL_MAX_PACKET");
    assert_int_equal(l.status, OK);
    assert_int_equal(l.config.ws.port, 3000);
    assert_string_equal(l.config.main.state_dir, "/tmp/from-environment");
    assert_int_equal(l.config.ws.backlog, 77);
    assert_int_equal(l.config.cometql.max_packet_bytes, 2 << 20);
    assert_int_equal(l.config.origin[SETTING_ID_ws_port].source, CONFIG_COMMAND_LINE);
    assert_int_equal(l.config.origin[SETTING_ID_main_state_dir].source, CONFIG_ENVIRONMENT);
    assert_int_equal(l.config.origin[SETTING_ID_ws_backlog].source, CONFIG_FILE);
    assert_int_equal(l.config.origin[SETTING_ID_ws_backlog].line, 3);
    assert_int_equal(l.config.origin[SETTING_ID_ws_ip].source, CONFIG_DEFAULT);
    unload(&l);
}

TEST(the_file_can_be_named_by_the_environment)
{
    UNUSED_STATE;
    struct loading l;
    char           path[64];
    file_make(path, "[ws]\nport = 1234\n", 17);
    setenv("ENCKE_CONFIG", path, 1);
    load(&l, NULL, "");
    unsetenv("ENCKE_CONFIG");
    assert_int_equal(l.config.ws.port, 1234);
    assert_string_equal(l.config.file, path);
    unlink(path);
    unload(&l);
}

TEST(a_file_that_was_named_must_exist)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, NULL, "--config|/nonexistent/encke.ini");
    assert_int_equal(l.status, E_CONFIG);
    assert_string_equal(l.error.text, "/nonexistent/encke.ini: cannot be read: No such file or directory");
    unload(&l);
    load(&l, NULL, "--conf=/tmp");
    assert_int_equal(l.status, E_CONFIG);
    assert_string_equal(l.error.text, "/tmp: is a directory");
    unload(&l);
}

TEST(an_unknown_variable_is_a_warning_and_an_empty_one_nothing)
{
    UNUSED_STATE;
    struct loading l;
    setenv("ENCKE_WS_PROT", "1", 1);
    setenv("ENCKE_WS_PORT", "", 1);
    setenv("ENCKE_TEST_ANYTHING", "1", 1);
    load(&l, "", "");
    unsetenv("ENCKE_WS_PROT");
    unsetenv("ENCKE_WS_PORT");
    unsetenv("ENCKE_TEST_ANYTHING");
    assert_int_equal(l.status, OK);
    assert_int_equal(l.config.remark_count, 1);
    assert_true(has_remark(&l, CONFIG_WARNING, "environment variable ENCKE_WS_PROT: no setting has this name"));
    unload(&l);
}

TEST(an_option_takes_its_value_behind_an_equals_sign_or_as_the_next_word)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "", "--ws.port|4000|--main.quiet|--cometql.port=5000|--main.node_name|a b");
    assert_int_equal(l.status, OK);
    assert_int_equal(l.config.ws.port, 4000);
    assert_int_equal(l.config.cometql.port, 5000);
    assert_true(l.config.main.is_quiet);
    assert_string_equal(l.config.main.node_name, "a b");
    unload(&l);
    load(&l, "[main]\nquiet = yes\n", "--main.quiet=false");
    assert_false(l.config.main.is_quiet);
    unload(&l);
    load(&l, "", "--quiet");
    assert_true(l.config.main.is_quiet);
    unload(&l);
}

TEST(options_say_what_to_do)
{
    UNUSED_STATE;
    static const struct {
        const char        *arguments;
        enum config_action action;
    } cases[] = { { "", CONFIG_RUN },
                  { "--check-config", CONFIG_CHECK },
                  { "--version", CONFIG_VERSION },
                  { "-V", CONFIG_VERSION },
                  { "--help", CONFIG_HELP },
                  { "-h", CONFIG_HELP },
                  { "--print-config", CONFIG_PRINT },
                  { "--check-config|--help", CONFIG_HELP } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loading l;
        load(&l, "", cases[i].arguments);
        assert_int_equal(l.status, OK);
        assert_int_equal(l.config.action, cases[i].action);
        unload(&l);
    }
}

static void expect_error(const char *file, const char *arguments, const char *text)
{
    struct loading l;
    load(&l, file, arguments);
    assert_int_equal(l.status, E_CONFIG);
    if (strstr(l.error.text, text) == NULL)
        assert_string_equal(l.error.text, text);
    unload(&l);
}

TEST(a_wrong_option_is_an_error_that_guesses_what_was_meant)
{
    UNUSED_STATE;
    expect_error("", "--ws.prot=1", "command line: unknown option \"ws.prot\"; did you mean --ws.port?");
    expect_error("", "--port=1", "unknown option \"port\"; did you mean --ws.port?");
    expect_error("", "--max_connections=1", "did you mean --ws.max_connections?");
    expect_error("", "--chek-config", "unknown option \"chek-config\"; did you mean --check-config?");
    expect_error("", "--something-else-entirely",
                 "unknown option \"something-else-entirely\"; --help lists the options");
    expect_error("", "stray", "unknown option \"stray\"");
    expect_error("", "--ws.port", "--ws.port needs a value");
    expect_error("", "--ws.port|--quiet", "--ws.port needs a value");
    expect_error("", "--check-config=1", "--check-config takes no value");
    expect_error("", "--config", "--config needs the path of a file");
    expect_error("", "--ws.port=99999",
                 "command line: ws.port: wrong value \"99999\"; expected a number from 0 to 65535");
}

TEST(settings_that_do_not_go_together_are_errors)
{
    UNUSED_STATE;
    expect_error("[ws]\nping = 30s\nidle = 20s\n", "", ":3: ws.idle must be longer than ws.ping");
    expect_error("", "--ws.port=1000|--cometql.port=1000", "ws.port and cometql.port are both 1000");
    struct loading l;
    load(&l, "", "--ws.port=0|--cometql.port=0|--ws.ping=0|--ws.idle=5s");
    assert_int_equal(l.status, OK);
    unload(&l);
    load(&l, "", "--ws.port=1000|--cometql.port=1000|--ws.ip=127.0.0.2|--cometql.ip=127.0.0.1");
    assert_int_equal(l.status, OK);
    unload(&l);
}

TEST(what_may_surprise_is_a_warning)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "", "--ws.max_queue=64K|--main.base_dir=/nonexistent");
    assert_int_equal(l.status, OK);
    assert_true(has_remark(&l, CONFIG_WARNING, "ws.max_queue is smaller than ws.max_message"));
    assert_true(has_remark(&l, CONFIG_WARNING, "there is no directory /nonexistent"));
    unload(&l);
}

TEST(a_secret_on_the_command_line_is_overwritten_and_never_shown)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "", "--main.password=hunter2");
    assert_int_equal(l.status, OK);
    assert_string_equal(l.config.main.password, "hunter2");
    assert_null(memmem(l.words, sizeof l.words, "hunter2", 7));
    unload(&l);
    char long_one[200] = "--main.password=";
    memset(long_one + strlen(long_one), 'x', 150);
    load(&l, "", long_one);
    assert_int_equal(l.status, E_CONFIG);
    assert_string_equal(l.error.text,
                        "command line: main.password has a wrong value; expected a text of 0 to 128 bytes "
                        "without control characters");
    unload(&l);
}

TEST(the_state_directory_follows_the_machine)
{
    UNUSED_STATE;
    struct loading l;
    setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
    load(&l, "", "");
    unsetenv("STATE_DIRECTORY");
    assert_string_equal(l.config.main.state_dir, "/var/lib/one");
    unload(&l);
    setenv("XDG_STATE_HOME", "/tmp/xdg", 1);
    load(&l, "", "");
    unsetenv("XDG_STATE_HOME");
    assert_string_equal(l.config.main.state_dir, geteuid() == 0 ? "/var/lib/encke" : "/tmp/xdg/encke");
    unload(&l);
}

/* The variables of whoever runs the tests must not change what they see. */
static int forget_environment(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        char name[64] = "";
        snprintf(name, sizeof name, "ENCKE_%s_%s", setting_row((enum setting_id)i)->section,
                 setting_row((enum setting_id)i)->key);
        for (char *c = name; *c != '\0'; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        unsetenv(name);
    }
    unsetenv("ENCKE_CONFIG");
    unsetenv("STATE_DIRECTORY");
    unsetenv("XDG_STATE_HOME");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(without_any_source_the_defaults_hold),
        RUN(the_environment_overrides_the_file_and_the_command_line_both),
        RUN(the_file_can_be_named_by_the_environment),
        RUN(a_file_that_was_named_must_exist),
        RUN(an_unknown_variable_is_a_warning_and_an_empty_one_nothing),
        RUN(an_option_takes_its_value_behind_an_equals_sign_or_as_the_next_word),
        RUN(options_say_what_to_do),
        RUN(a_wrong_option_is_an_error_that_guesses_what_was_meant),
        RUN(settings_that_do_not_go_together_are_errors),
        RUN(what_may_surprise_is_a_warning),
        RUN(a_secret_on_the_command_line_is_overwritten_and_never_shown),
        RUN(the_state_directory_follows_the_machine),
    };
    return cmocka_run_group_tests(tests, forget_environment, NULL);
}
