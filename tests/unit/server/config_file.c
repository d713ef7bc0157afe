/* The file: the dialect of comet.ini, line numbers, and what is said about wrong lines. */
#include <sys/stat.h>

#include "unit/server/loading.h"

static const char comet_ini[] =
    "; an existing comet.ini\n"
    "[main] # the process\n"
    "password = 0000000000000000000000000000000000000000000000000000000000000000 ; 64 characters\n"
    "node_name = MyNode ;comment\n"
    "dev_index_size = 10\n"
    "buf_size = 103840\n"
    "useQueryLoger = false\n"
    "save_users_last_online_time = true\n"
    "pidfile =\n"
    "\n"
    "[ws]\n"
    "  thread_num = 11\n"
    "\tip = 0.0.0.0\r\n"
    "port = 8087#behind\n"
    "statistics = 10\n"
    "cluster = []Server=node1,Database=CometQL_v1,Uid=root,Pwd=pass1,Port=3301\n"
    "cluster = []Server=node2,Database=CometQL_v1,Uid=root,Pwd=pass2,Port=3301 ; the second\n"
    "[cometql]\n"
    "ip = 0.0.0.0\n"
    "port = 3300\n"
    "thread_num=5\n"
    "benchmark = 20\n"
    "[cometqlproxy]\n"
    "cluster = []Server=node1,Database=CometQL_v1,Uid=root,Pwd=pass1,Port=3301\n"
    "[db]\n"
    "host = localhost\n"
    "user = comet\n"
    "password = dbsecret\n"
    "name = comet\n"
    "[sip]\n"
    "pipesalt = saltsecret\n"
    "[benchmark]\n"
    "to_log = TRUE\n"
    "[log]\n"
    "level = 300\n"
    "tcpServer = 100\n"
    "[content-type]\n"
    "webmanifest = application/manifest+json\n"
    "txt = \"text/plain; charset=utf-8\" ; quoted\n"
    "[statistics]\n"
    "profiler = off";

TEST(an_existing_comet_ini_is_read_as_it_is)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, comet_ini, "");
    const struct config *c = &l.config;
    assert_int_equal(l.status, OK);
    assert_int_equal(strlen(c->main.password), 64);
    assert_string_equal(c->main.node_name, "MyNode");
    assert_int_equal(c->main.dev_index_size, 10);
    assert_string_equal(c->main.pidfile, "");
    assert_int_equal(c->ws.port, 8087);
    assert_int_equal(c->origin[SETTING_ID_ws_port].line, 14);
    assert_int_equal(c->ws.statistics_ms, 10000);
    assert_int_equal(c->ws.cluster.count, 2);
    assert_string_equal(c->ws.cluster.at[1], "Server=node2,Database=CometQL_v1,Uid=root,Pwd=pass2,Port=3301");
    assert_int_equal(c->origin[SETTING_ID_ws_cluster].line, 17);
    assert_int_equal(c->cometql.port, 3300);
    assert_int_equal(c->cometql.statistics_ms, 20000);
    assert_true(c->statistics.to_log);
    assert_int_equal(c->log.level, LOG_WARN);
    assert_int_equal(c->content_type_count, 2);
    assert_string_equal(c->content_types[0].name, "webmanifest");
    assert_string_equal(c->content_types[0].value, "application/manifest+json");
    assert_string_equal(c->content_types[1].value, "text/plain; charset=utf-8");
    /* One warning: the cluster does nothing yet. */
    assert_int_equal(count_remarks(&l, CONFIG_WARNING), 1);
    assert_true(has_remark(&l, CONFIG_WARNING, ":17: ws.cluster has no effect"));
    assert_true(has_remark(&l, CONFIG_NOTE, ":6: main.buf_size is accepted for comet.ini and has no effect"));
    assert_true(has_remark(&l, CONFIG_NOTE, ":12: ws.thread_num is accepted"));
    assert_string_equal(c->db.host, "localhost");
    assert_string_equal(c->db.password, "dbsecret");
    assert_true(has_remark(&l, CONFIG_NOTE, ":36: log.tcpServer is accepted"));
    assert_true(has_remark(&l, CONFIG_NOTE, ":41: statistics.profiler is accepted"));
    char *text = printed(c);
    assert_null(strstr(text, "pass1"));
    assert_null(strstr(text, "pass2"));
    assert_null(strstr(text, "dbsecret"));
    assert_null(strstr(text, "saltsecret"));
    assert_null(strstr(text, "00000000000"));
    free(text);
    unload(&l);
}

TEST(an_unknown_key_is_a_warning_with_its_line_and_a_guess)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "[ws]\n\nprot = 1\nnothing_like_it = 2\n[wss]\nport = 1\n[nowhere]\nx = 1\n", "");
    assert_int_equal(l.status, OK);
    assert_int_equal(count_remarks(&l, CONFIG_WARNING), 4);
    assert_true(has_remark(&l, CONFIG_WARNING, ":3: unknown setting ws.prot is ignored; did you mean ws.port?"));
    assert_true(has_remark(&l, CONFIG_WARNING, ":4: unknown setting ws.nothing_like_it is ignored"));
    assert_true(has_remark(&l, CONFIG_WARNING, ":6: unknown setting wss.port is ignored; did you mean ws.port?"));
    assert_true(has_remark(&l, CONFIG_WARNING, ":8: unknown setting nowhere.x is ignored"));
    assert_int_equal(l.config.ws.port, 8087);
    unload(&l);
}

TEST(the_full_name_of_a_setting_works_in_any_section)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "ws.port = 1\n[main]\ncometql.port = 2\nws.prot=3\n", "");
    assert_int_equal(l.config.ws.port, 1);
    assert_int_equal(l.config.cometql.port, 2);
    assert_true(has_remark(&l, CONFIG_WARNING, ":4: unknown setting ws.prot is ignored; did you mean ws.port?"));
    unload(&l);
}

TEST(quotes_protect_what_would_be_a_comment)
{
    UNUSED_STATE;
    static const struct {
        const char *line, *value;
    } cases[] = {
        { "plain", "plain" },
        { "a;b", "a" },
        { "a #b", "a" },
        { "\"a;b#c\"", "a;b#c" },
        { "\"a;b\" ; comment \"quoted\"", "a;b" },
        { "\"a\"\"b\"", "a\"b" },
        { "\"  blanks  \"", "  blanks  " },
        { "\"open", "\"open" },
        { "\"open ; comment", "\"open" },
        { "mid\"dle;x\"", "mid\"dle" },
        { "a = b", "a = b" },
        { "it's", "it's" },
        { "\"a\"b", "\"a\"b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loading l;
        char           file[128];
        snprintf(file, sizeof file, "[main]\nnode_name = %s\n", cases[i].line);
        load(&l, file, "");
        assert_int_equal(l.status, OK);
        assert_string_equal(l.config.main.node_name, cases[i].value);
        unload(&l);
    }
}

TEST(a_password_cut_by_a_comment_sign_is_a_warning)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "[main]\npassword = abc#def\nnode_name = x ; comment\n", "");
    assert_string_equal(l.config.main.password, "abc");
    assert_int_equal(count_remarks(&l, CONFIG_WARNING), 1);
    assert_true(has_remark(&l, CONFIG_WARNING, ":2: the value ends where ; or # begins a comment"));
    unload(&l);
}

TEST(every_kind_reads_its_forms)
{
    UNUSED_STATE;
    struct loading l;
    load(
        &l,
        "[ws]\nmax_message = 64K\nmax_queue = 1 g\nmax_head=4096\nping = 500ms\nidle=2m\nhead_timeout=7\nkeepalive = 1 "
        "s\n"
        "host = example.org, *.example.net ,,x\nhost = []y\nip = ::1\n[cometql]\nidle = 1h\n[main]\nquiet = ON\n[log]\n"
        "level = Debug\n",
        "");
    assert_int_equal(l.status, OK);
    assert_int_equal(l.config.ws.max_message_bytes, 65536);
    assert_int_equal(l.config.ws.max_head_bytes, 4096);
    assert_int_equal(l.config.ws.ping_ms, 500);
    assert_int_equal(l.config.ws.idle_ms, 120000);
    assert_int_equal(l.config.ws.head_timeout_ms, 7000);
    assert_int_equal(l.config.ws.keepalive_ms, 1000);
    assert_int_equal(l.config.cometql.idle_ms, 3600000);
    assert_int_equal(l.config.ws.hosts.count, 4);
    assert_string_equal(l.config.ws.hosts.at[1], "*.example.net");
    assert_string_equal(l.config.ws.hosts.at[3], "y");
    assert_string_equal(l.config.ws.ip, "::1");
    assert_true(l.config.main.is_quiet);
    assert_int_equal(l.config.log.level, LOG_DEBUG);
    unload(&l);
}

TEST(the_log_levels_of_comet_ini_are_understood)
{
    UNUSED_STATE;
    static const struct {
        const char    *text;
        enum log_level level;
    } cases[] = { { "100", LOG_ERROR }, { "200", LOG_ERROR }, { "300", LOG_WARN }, { "350", LOG_INFO },
                  { "400", LOG_INFO },  { "500", LOG_DEBUG }, { "600", LOG_DEBUG } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loading l;
        char           file[64];
        snprintf(file, sizeof file, "[log]\nlevel = %s\n", cases[i].text);
        load(&l, file, "");
        assert_int_equal(l.config.log.level, cases[i].level);
        unload(&l);
    }
}

TEST(a_later_source_replaces_a_list_and_the_same_source_appends)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "[ws]\nhost=[]a\nhost=[]b\n", "--ws.host=[]c|--ws.host=[]d");
    assert_int_equal(l.config.ws.hosts.count, 2);
    assert_string_equal(l.config.ws.hosts.at[0], "c");
    unload(&l);
    load(&l, "[ws]\nhost=[]a\nhost=b\n", "");
    assert_int_equal(l.config.ws.hosts.count, 1);
    assert_string_equal(l.config.ws.hosts.at[0], "b");
    unload(&l);
}

TEST(wrong_values_are_errors_with_their_line_and_what_is_allowed)
{
    UNUSED_STATE;
    struct loading l;
    load(
        &l,
        "[ws]\nport = 65536\nport = 12x\nmax_message = 5T\nping = 2d\nip = localhost\nbacklog = 0\nbacklog=-1\nport = "
        "[]1\n"
        "[main]\nquiet = maybe\nnode_name = \"\"\nhistory_bytes = 99999999999999999999G\nshards=65\n[log]\nlevel=601\n",
        "");
    assert_int_equal(l.status, E_CONFIG);
    assert_int_equal(count_remarks(&l, CONFIG_ERROR), 13);
    assert_true(has_remark(&l, CONFIG_ERROR, ":2: ws.port: wrong value \"65536\"; expected a number from 0 to 65535"));
    assert_true(has_remark(&l, CONFIG_ERROR, ":3: ws.port: wrong value \"12x\""));
    assert_true(has_remark(&l, CONFIG_ERROR,
                           ":4: ws.max_message: wrong value \"5T\"; expected a size from 1K to 64M bytes, with K, M, G "
                           "or nothing behind the number"));
    assert_true(has_remark(&l, CONFIG_ERROR,
                           ":5: ws.ping: wrong value \"2d\"; expected a time from 0 to 1h, with ms, s, m, h or nothing "
                           "(seconds) behind the number"));
    assert_true(
        has_remark(&l, CONFIG_ERROR, ":6: ws.ip: wrong value \"localhost\"; expected a numeric IPv4 or IPv6 address, "));
    assert_true(has_remark(&l, CONFIG_ERROR, ":7: ws.backlog: wrong value \"0\"; expected a number from 1 to 65535"));
    assert_true(has_remark(&l, CONFIG_ERROR, ":9: ws.port: wrong value \"[]1\""));
    assert_true(
        has_remark(&l, CONFIG_ERROR, ":11: main.quiet: wrong value \"maybe\"; expected true, yes, on, 1, false, no"));
    assert_true(
        has_remark(&l, CONFIG_ERROR, ":12: main.node_name: wrong value \"\"; expected a text of 1 to 64 bytes"));
    assert_true(has_remark(&l, CONFIG_ERROR, ":13: main.history_bytes"));
    /* The value stays what it was. */
    assert_int_equal(l.config.ws.port, 8087);
    unload(&l);
}

TEST(wrong_lines_are_errors_and_the_rest_is_still_read)
{
    UNUSED_STATE;
    struct loading l;
    load(&l, "[ws\n[ws]\nport\nport: 12\n= 3\n[ws] x\nport = 9\n", "");
    assert_int_equal(l.status, E_CONFIG);
    assert_int_equal(count_remarks(&l, CONFIG_ERROR), 5);
    assert_true(has_remark(&l, CONFIG_ERROR, ":1: expected [section] or key = value"));
    assert_true(has_remark(&l, CONFIG_ERROR, ":3: expected"));
    assert_true(has_remark(&l, CONFIG_ERROR, ":6: expected"));
    assert_int_equal(l.config.ws.port, 9);
    unload(&l);
}

static void long_value(size_t len, enum status expected)
{
    struct loading l;
    char           file[8192] = "[main]\nbase_dir = ";
    size_t         start = strlen(file);
    memset(file + start, 'x', len);
    memcpy(file + start + len, "\n[ws]\nport = 7\n", sizeof "\n[ws]\nport = 7\n");
    load(&l, file, "");
    assert_int_equal(l.status, expected);
    assert_int_equal(l.config.ws.port, 7);
    assert_int_equal(l.config.origin[SETTING_ID_ws_port].line, 4);
    if (expected == OK)
        assert_int_equal(strlen(l.config.main.base_dir), len);
    unload(&l);
}

TEST(long_lines_are_read_whole_or_refused)
{
    UNUSED_STATE;
    long_value(190, OK);
    long_value(250, OK);
    long_value(3800, OK);
    long_value(3801, E_CONFIG);
    long_value(4096, E_CONFIG);
    long_value(8000, E_CONFIG);
    struct loading l;
    char           file[256] = "[";
    memset(file + 1, 's', 60);
    memcpy(file + 61, "]\nport=1\n", 10);
    load(&l, file, "");
    assert_true(has_remark(&l, CONFIG_ERROR, ":1: expected"));
    unload(&l);
}

TEST(odd_files_do_no_harm)
{
    UNUSED_STATE;
    struct loading    l;
    static const char zero[] = "[ws]\nport = 1\0002\nbacklog = 5\n";
    load_bytes(&l, zero, sizeof zero - 1, "");
    assert_true(has_remark(&l, CONFIG_ERROR, ":2: the line holds a zero byte"));
    assert_int_equal(l.config.ws.backlog, 5);
    unload(&l);
    load(&l, "\xef\xbb\xbf[ws]\r\nport = 5\r\n\r\n", "");
    assert_int_equal(l.status, OK);
    assert_int_equal(l.config.ws.port, 5);
    unload(&l);
    load(&l,
         "[main]\nnode_name = a\x01"
         "b\n",
         "");
    assert_true(has_remark(&l, CONFIG_ERROR, ":2: main.node_name: wrong value"));
    unload(&l);
    load(&l, ";\n#\n \n;;;[x]\n", "");
    assert_int_equal(l.status, OK);
    assert_int_equal(l.config.remark_count, 0);
    unload(&l);
}

TEST(a_password_in_a_file_that_everybody_can_read_is_a_warning)
{
    UNUSED_STATE;
    struct loading l;
    char           path[64], arguments[128];
    file_make(path, "[main]\npassword = x\n", 20);
    chmod(path, 0644);
    snprintf(arguments, sizeof arguments, "--config|%s", path);
    load(&l, NULL, arguments);
    assert_true(has_remark(&l, CONFIG_WARNING, "holds a password and can be read by every user; chmod o-r"));
    unload(&l);
    chmod(path, 0640);
    load(&l, NULL, arguments);
    assert_int_equal(l.config.remark_count, 0);
    unload(&l);
    unlink(path);
}

TEST(a_file_cut_at_every_byte_is_read_without_harm)
{
    UNUSED_STATE;
    for (size_t len = 0; len < sizeof comet_ini; len++) {
        struct loading l;
        load_bytes(&l, comet_ini, len, "");
        assert_true(l.status == OK || l.status == E_CONFIG);
        unload(&l);
    }
}

TESTS(RUN(an_existing_comet_ini_is_read_as_it_is), RUN(an_unknown_key_is_a_warning_with_its_line_and_a_guess),
      RUN(the_full_name_of_a_setting_works_in_any_section), RUN(quotes_protect_what_would_be_a_comment),
      RUN(a_password_cut_by_a_comment_sign_is_a_warning), RUN(every_kind_reads_its_forms),
      RUN(the_log_levels_of_comet_ini_are_understood), RUN(a_later_source_replaces_a_list_and_the_same_source_appends),
      RUN(wrong_values_are_errors_with_their_line_and_what_is_allowed),
      RUN(wrong_lines_are_errors_and_the_rest_is_still_read), RUN(long_lines_are_read_whole_or_refused),
      RUN(odd_files_do_no_harm), RUN(a_password_in_a_file_that_everybody_can_read_is_a_warning),
      RUN(a_file_cut_at_every_byte_is_read_without_harm))
