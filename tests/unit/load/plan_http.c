/* The options of publishing over HTTP, of figures from afar, and of TLS. */
#include "load/plan.h"

#include "unit/test.h"

static enum status parse(struct plan *p, struct error *e, char **words)
{
    enum plan_action action;
    int              count = 0;
    while (words[count] != NULL)
        count++;
    return plan_parse(count, words, p, &action, e);
}

#define WORDS(...) (char *[]){ (char[]){ "encke-load" }, (char[]){ "ws://localhost:8087/live" }, __VA_ARGS__, NULL }
#define W(text)    (char[]){ text }

TEST(where_to_post_is_taken_apart)
{
    UNUSED_STATE;
    struct plan  p;
    struct error e;
    assert_int_equal(parse(&p, &e, WORDS(W("--workload"), W("broadcast"), W("--http"), W("https://[::1]/api/{channel}"), W("--http-header"),
                                         W("X-Key: a"), W("--http-body"), W("<{message}>"), W("--ca"), W("system"))), OK);
    assert_int_equal(p.publish_way, PUBLISH_HTTP);
    assert_string_equal(p.http.host, "::1");
    assert_int_equal(p.http.port, 443);
    assert_true(p.http.is_tls);
    assert_string_equal(p.http.path, "/api/{channel}");
    assert_string_equal(p.http_body, "<{message}>");
    assert_int_equal(p.http_header_count, 1);
    assert_string_equal(p.http_headers[0], "X-Key: a");
    assert_string_equal(p.ca_path, "system");
    plan_clear(&p);
}

TEST(what_is_wrong_with_an_option_is_said)
{
    UNUSED_STATE;
    static const struct {
        const char *option, *value, *says;
    } samples[] = {
        { "--http", "ws://localhost/", "http://host:port/path" },
        { "--http", "localhost:80", "http://host:port/path" },
        { "--http", "http://user:secret@localhost/", "no user and password" },
        { "--metrics", "http://local host/", "host and port are wrong" },
        { "--http-body", "{\"data\":1}", "{message} must stand in it" },
        { "--http-header", "Content-Length: 5", "writes this one itself" },
        { "--http-header", "no header", "\"Name: value\"" },
        { "--ca", "", "certificates" },
        { "--publish", "http", "--http http://host:port/path" },
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct plan  p;
        struct error e = { 0 };
        char         option[32], value[64];
        memcpy(option, samples[i].option, strlen(samples[i].option) + 1);
        memcpy(value, samples[i].value, strlen(samples[i].value) + 1);
        assert_int_not_equal(parse(&p, &e, WORDS(W("--workload"), W("broadcast"), option, value)), OK);
        if (strstr(e.text, samples[i].says) == NULL)
            fail_msg("%s %s: \"%s\" does not say \"%s\"", option, value, e.text, samples[i].says);
        assert_null(strstr(e.text, "secret"));
        plan_clear(&p);
    }
}

TESTS(RUN(where_to_post_is_taken_apart), RUN(what_is_wrong_with_an_option_is_said))
