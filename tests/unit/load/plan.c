/* What the command line becomes, and what is said when it makes no sense. */
#include "load/plan.h"

#include "unit/test.h"

#define WORDS_MAX 24

/* Parses the words of one line, separated by single spaces. */
static enum status parse(const char *line, struct plan *out, enum plan_action *out_action, struct error *out_error)
{
    static char  text[1024];
    static char *words[WORDS_MAX];
    int          count = 0;
    assert_true(strlen(line) < sizeof text);
    memcpy(text, line, strlen(line) + 1);
    words[count++] = (char[]){ "encke-load" };
    for (char *word = strtok(text, " "); word != NULL && count < WORDS_MAX; word = strtok(NULL, " "))
        words[count++] = word;
    *out_error = (struct error){ 0 };
    return plan_parse(count, words, out, out_action, out_error);
}

static struct plan *parsed(const char *line)
{
    static struct plan plan;
    enum plan_action   action;
    struct error       e;
    plan_clear(&plan);
    if (parse(line, &plan, &action, &e) != OK)
        fail_msg("%s: %s", line, e.text);
    assert_int_equal(action, PLAN_RUN);
    return &plan;
}

static void assert_wrong(const char *line, const char *said)
{
    static struct plan plan;
    enum plan_action   action;
    struct error       e;
    if (parse(line, &plan, &action, &e) == OK)
        fail_msg("%s was accepted", line);
    if (strstr(e.text, said) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", line, e.text, said);
    plan_clear(&plan);
}

TEST(the_line_of_the_report_is_understood)
{
    UNUSED_STATE;
    struct plan *p = parsed("ws://127.0.0.1:8087 -c 64000 -r 2500 --classic");
    assert_int_equal(p->connections, 64000);
    assert_int_equal(p->ramp_per_s, 2500);
    assert_true(p->is_classic && p->workload == WORKLOAD_IDLE);
    assert_int_equal(p->target_count, 1);
    assert_string_equal(p->targets[0].host, "127.0.0.1");
    assert_int_equal(p->targets[0].port, 8087);
    plan_clear(p);
}

TEST(numbers_and_times_may_be_written_as_people_write_them)
{
    UNUSED_STATE;
    struct plan *p = parsed("-c64k --ramp=2,500 --hold 10m --settle 1h --rate 0.5 --workload rooms --classic wss://host/x");
    assert_int_equal(p->connections, 64000);
    assert_int_equal(p->ramp_per_s, 2500);
    assert_int_equal(p->hold_s, 600);
    assert_int_equal(p->settle_s, 3600);
    assert_true(p->rate == 0.5 && p->rooms == 100);
    assert_true(p->targets[0].is_tls && p->targets[0].port == 443);
    plan_clear(p);
}

TEST(what_is_wrong_is_said_with_what_would_be_right)
{
    UNUSED_STATE;
    assert_wrong("", "no target: encke-load ws://");
    assert_wrong("ws://h:1 -c many", "a whole number from");
    assert_wrong("ws://h:1 -c", "--connections needs a value");
    assert_wrong("ws://h:1 -c 0", "only --workload publish does without");
    assert_wrong("ws://h:1 --hold soon", "a time up to a week is expected");
    assert_wrong("ws://h:1 --workload dance", "one of these is expected: idle broadcast");
    assert_wrong("ws://h:1 --what 5", "there is no option --what");
    assert_wrong("ws://h:1 --secret=abc", "there is no option --secret:");
    assert_wrong("ws://h:1 --quiet=yes", "takes no value");
    assert_wrong("ws://h:1 --rate 5", "nothing is published by --workload idle");
    assert_wrong("ws://h:1 --workload broadcast", "the connections would hear nothing: add --classic");
    assert_wrong("ws://h:1 --classic --workload churn --churn 0", "a percentage above 0");
    assert_wrong("ws://h:1 --classic --workload broadcast --channel a", "3 to 64 characters");
    assert_wrong("ws://h:1 --classic --workload broadcast --publish websocket --channel news", "only channels web_");
    assert_wrong("ws://h:1 --workload private", "needs --classic and --publish sql");
    assert_wrong("ws://h:1 --header Host:x", "writes this one itself");
    assert_wrong("ws://h:1 --password-file /nowhere/at/all", "cannot read /nowhere/at/all");
    assert_wrong("compare a.json", "two results are compared");
}

TEST(a_password_is_wiped_from_the_command_line)
{
    UNUSED_STATE;
    static struct plan plan;
    enum plan_action   action;
    struct error       e;
    char               program[] = "encke-load", target[] = "ws://h:1", word[] = "--password", value[] = "geheim";
    char              *argv[] = { program, target, word, value };
    assert_int_equal(plan_parse(4, argv, &plan, &action, &e), OK);
    assert_string_equal(plan.sql_password, "geheim");
    assert_string_equal(value, "******");
    plan_clear(&plan);
    assert_int_equal(plan.sql_password[0], 0);
}

TEST(other_words_are_other_actions)
{
    UNUSED_STATE;
    static struct plan plan;
    enum plan_action   action;
    struct error       e;
    assert_int_equal(parse("compare a.json b.json", &plan, &action, &e), OK);
    assert_int_equal(action, PLAN_COMPARE);
    assert_string_equal(plan.inputs[1], "b.json");
    assert_int_equal(parse("report a.json --html x.html", &plan, &action, &e), OK);
    assert_int_equal(action, PLAN_REPORT);
    assert_string_equal(plan.html_path, "x.html");
    assert_int_equal(parse("--help", &plan, &action, &e), OK);
    assert_int_equal(action, PLAN_HELP);
    assert_int_equal(parse("-V", &plan, &action, &e), OK);
    assert_int_equal(action, PLAN_VERSION);
}

TEST(a_plan_says_what_it_amounts_to)
{
    UNUSED_STATE;
    char         text[200];
    struct plan *p = parsed("ws://host:8087 -c 64000 -r 2500 --classic --workload storm --settle 5 --rate 20");
    assert_string_equal(plan_sentence(p, text, sizeof text),
                        "64,000 connections at 2,500 a second to ws://host:8087, 5 s of silence, held for 60 s; all are cut in the middle and "
                        "come back, 20 publications of 64 bytes a second over SQL");
    assert_int_equal(strlen(plan_sentence(p, text, 20)), 19);
    plan_clear(p);
}

TESTS(RUN(the_line_of_the_report_is_understood), RUN(numbers_and_times_may_be_written_as_people_write_them),
      RUN(what_is_wrong_is_said_with_what_would_be_right), RUN(a_password_is_wiped_from_the_command_line), RUN(other_words_are_other_actions),
      RUN(a_plan_says_what_it_amounts_to))
