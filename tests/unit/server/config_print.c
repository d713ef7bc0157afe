/* What is printed can be read again. */
#include "unit/server/loading.h"

TEST(every_setting_is_printed_with_its_value_origin_and_meaning)
{
    UNUSED_STATE;
    struct loading l;
    char           expected[160];
    setenv("ENCKE_COMETQL_PORT", "3300", 1);
    load(&l, "[ws]\nport = 1000\n", "--ws.ping=30s|--main.password=hunter2");
    unsetenv("ENCKE_COMETQL_PORT");
    char *text = printed(&l.config);
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = setting_row((enum setting_id)i);
        snprintf(expected, sizeof expected, "%s.%s ", row->section, row->key);
        assert_non_null(strstr(text, expected));
        assert_non_null(strstr(text, row->sentence));
    }
    snprintf(expected, sizeof expected, "\nws.port = 1000                                   ; %s:2\n", l.path);
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "\nws.ping = 30s                                    ; command line\n"));
    assert_non_null(
        strstr(text, "\ncometql.port = 3300                              ; environment variable ENCKE_COMETQL_PORT\n"));
    assert_non_null(strstr(text, "\nws.ip = 0.0.0.0                                  ; default\n"));
    assert_non_null(strstr(text, "\n; main.password is set and not shown"));
    assert_null(strstr(text, "hunter2"));
    free(text);
    unload(&l);
}

/* The lines that carry values, without where they came from. */
static char *values_only(const char *text)
{
    char *out = calloc(1, strlen(text) + 1), *to = out;
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        const char *origin = line;
        for (const char *c = line; c + 2 < end; c++)
            if (memcmp(c, " ; ", 3) == 0)
                origin = c;
        if (*line != ';' && origin > line) {
            memcpy(to, line, (size_t)(origin - line));
            to += origin - line;
            *to++ = '\n';
        }
        line = end + 1;
    }
    return out;
}

TEST(what_is_printed_reads_back_as_the_same)
{
    UNUSED_STATE;
    struct loading first, second;
    load(&first,
         "[main]\nnode_name = \"a;b \"\"c\"\" #\"\nstop_grace = 1500ms\nhistory_bytes = 1000\nquiet = "
         "yes\nbase_dir=\"[]x\"\n"
         "[ws]\nhost = a,b\ncluster=[]Server=x,Port=1\ncluster=[]Server=y,Port=2\nping=0\nidle=90s\n"
         "[content-type]\ntxt = \"text/plain; charset=utf-8\"\n",
         "--log.level=debug");
    assert_int_equal(first.status, OK);
    char *one = printed(&first.config);
    load(&second, one, "");
    assert_int_equal(second.status, OK);
    assert_int_equal(second.config.main.stop_grace_ms, 1500);
    assert_int_equal(second.config.main.history_bytes, 1000);
    assert_int_equal(second.config.ws.hosts.count, 2);
    assert_int_equal(second.config.ws.cluster.count, 0); /* it may hold passwords */
    assert_string_equal(second.config.main.node_name, "a;b \"c\" #");
    assert_string_equal(second.config.main.base_dir, "[]x");
    assert_string_equal(second.config.content_types[0].value, "text/plain; charset=utf-8");
    char *two = printed(&second.config);
    char *one_values = values_only(one), *two_values = values_only(two);
    assert_true(strlen(one_values) > 500);
    assert_string_equal(one_values, two_values);
    free(one_values);
    free(two_values);
    free(one);
    free(two);
    unload(&first);
    unload(&second);
}

TEST(what_is_wrong_is_reported_one_a_line)
{
    UNUSED_STATE;
    struct loading l;
    char          *text = NULL;
    size_t         len;
    load(&l, "[ws]\nport = x\nprot = 1\nthread_num = 3\n", "");
    FILE *out = open_memstream(&text, &len);
    config_report(&l.config, out);
    fclose(out);
    char expected[512];
    snprintf(expected, sizeof expected,
             "encke: error: %s:2: ws.port: wrong value \"x\"; expected a number from 0 to 65535\n"
             "encke: warning: %s:3: unknown setting ws.prot is ignored; did you mean ws.port?\n",
             l.path, l.path);
    assert_string_equal(text, expected);
    free(text);
    unload(&l);
}

TEST(the_help_fits_a_screen_and_names_the_options)
{
    UNUSED_STATE;
    char  *text = NULL;
    size_t len;
    FILE  *out = open_memstream(&text, &len);
    config_help(out);
    fclose(out);
    unsigned lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    assert_in_range(lines, 10, 40);
    assert_non_null(strstr(text, "--check-config"));
    assert_non_null(strstr(text, "--ws.max_connections"));
    free(text);
}

TESTS(RUN(every_setting_is_printed_with_its_value_origin_and_meaning), RUN(what_is_printed_reads_back_as_the_same),
      RUN(what_is_wrong_is_reported_one_a_line), RUN(the_help_fits_a_screen_and_names_the_options))
