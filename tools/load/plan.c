/* plan.c: the command line, the defaults, and whether the whole makes sense. See plan.h. */
#include "load/plan.h"

#include <stdlib.h>
#include <string.h>

#include "load/plan_internal.h"

#define CHANNEL_BYTES_LEAST 3
#define CHANNEL_BYTES_MOST  64

void plan_clear(struct plan *p)
{
    for (unsigned i = 0; i < p->send_count; i++)
        free(p->sends[i]);
    free(p->await_text);
    free(p->http_body);
    explicit_bzero(p->sql_password, sizeof p->sql_password);
    *p = (struct plan){ 0 };
}

/* --- the words ---------------------------------------------------------------------------------------------------- */

static const struct plan_option *option_named(struct slice name)
{
    for (unsigned i = 0; i < plan_option_count; i++)
        if (plan_options[i].name != NULL && slice_is(name, plan_options[i].name))
            return &plan_options[i];
    return NULL;
}

static const struct plan_option *option_lettered(char letter)
{
    for (unsigned i = 0; i < plan_option_count; i++)
        if (plan_options[i].letter != 0 && plan_options[i].letter == letter)
            return &plan_options[i];
    return NULL;
}

/* Takes the option at argv[*at] and moves past it and its value. */
static enum status take_option(struct plan_reading *r, int argc, char **argv, int *at)
{
    char                     *word = argv[(*at)++], *value = NULL;
    const struct plan_option *option;
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        option = option_named(slice_of(word + 2, len));
        value = word[2 + len] == '=' ? word + 3 + len : NULL;
    } else {
        option = option_lettered(word[1]);
        value = word[2] != '\0' ? word + 2 : NULL;
    }
    /* Not more of the word than its name: behind it may stand a password. */
    if (option == NULL)
        return error_set(r->error, E_INVALID, "there is no option %.*s: encke-load --help lists them",
                         word[1] == '-' ? (int)strcspn(word, "=") : 2, word);
    if (option->value == NULL && value != NULL)
        return error_set(r->error, E_INVALID, "--%s takes no value", option->name);
    if (option->value != NULL && value == NULL) {
        if (*at >= argc)
            return error_set(r->error, E_INVALID, "--%s needs a value: --%s %s", option->name, option->name, option->value);
        value = argv[(*at)++];
    }
    return option->take(r, value);
}

static enum status take_words(struct plan_reading *r, int argc, char **argv, int from)
{
    bool is_rest = false;
    for (int at = from; at < argc;) {
        enum status s = OK;
        if (!is_rest && strcmp(argv[at], "--") == 0) {
            is_rest = true;
            at++;
        } else if (!is_rest && argv[at][0] == '-' && argv[at][1] != '\0') {
            s = take_option(r, argc, argv, &at);
        } else {
            s = plan_take_target(r, argv[at++]);
        }
        if (s != OK)
            return s;
    }
    return OK;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static bool is_publishing(const struct plan *p)
{
    return p->workload != WORKLOAD_IDLE;
}

/* What was not said follows from what was. */
static enum status complete(struct plan_reading *r)
{
    struct plan *p = r->plan;
    const char  *password = getenv("ENCKE_PASSWORD");
    if (!r->has_publish && p->workload == WORKLOAD_BROWSERS)
        p->publish_way = PUBLISH_WEBSOCKET;
    if (!r->has_publish && p->workload != WORKLOAD_BROWSERS && p->http.port != 0)
        p->publish_way = PUBLISH_HTTP;
    if (!r->has_rooms && p->workload == WORKLOAD_ROOMS)
        p->rooms = 100;
    if (!r->has_sql && p->target_count > 0)
        memcpy(p->sql_host, p->targets[0].host, sizeof p->sql_host);
    for (unsigned i = 0; i < p->target_count; i++)
        if (p->targets[i].path[0] == '\0' && r->path != NULL)
            memcpy(p->targets[i].path, r->path, strlen(r->path) + 1);
    if (p->sql_password[0] == '\0' && password != NULL) {
        if (strlen(password) >= sizeof p->sql_password)
            return error_set(r->error, E_TOO_LONG, "ENCKE_PASSWORD has at most %zu characters", sizeof p->sql_password - 1);
        memcpy(p->sql_password, password, strlen(password) + 1);
    }
    return OK;
}

static enum status check_publishing(const struct plan_reading *r)
{
    const struct plan *p = r->plan;
    bool               says_nothing = !p->is_classic && p->send_count == 0;
    for (unsigned i = 0; i < p->target_count; i++)
        says_nothing = says_nothing && p->targets[i].path[1] == '\0'; /* a path may subscribe as well */
    if (p->workload == WORKLOAD_PRIVATE && (!p->is_classic || p->publish_way != PUBLISH_SQL))
        return error_set(r->error, E_INVALID, "--workload private needs --classic and --publish sql: users are made over SQL");
    if (p->workload == WORKLOAD_BROWSERS && p->publish_way != PUBLISH_WEBSOCKET)
        return error_set(r->error, E_INVALID, "--workload browsers publishes over WebSocket: leave --publish out");
    if (p->publish_way == PUBLISH_HTTP && p->http.port == 0)
        return error_set(r->error, E_INVALID, "--publish http needs the address to POST to: --http http://host:port/path");
    if (p->publish_way == PUBLISH_WEBSOCKET && !p->is_classic)
        return error_set(r->error, E_INVALID, "publishing over WebSocket is the classic protocol's: add --classic");
    if (p->publish_way == PUBLISH_WEBSOCKET && strncmp(p->channel, "web_", 4) != 0)
        return error_set(r->error, E_INVALID, "--channel %.64s: over WebSocket only channels web_... can be published to", p->channel);
    if (p->workload != WORKLOAD_PUBLISH && says_nothing)
        return error_set(r->error, E_INVALID, "the connections would hear nothing: add --classic, or --send with what subscribes");
    return OK;
}

static enum status check_channel(const struct plan_reading *r)
{
    const struct plan *p = r->plan;
    char               last[128];
    int                len = p->rooms > 1 ? snprintf(last, sizeof last, "%s_%u", p->channel, p->rooms - 1) : (int)strlen(p->channel);
    if (len < CHANNEL_BYTES_LEAST || len > CHANNEL_BYTES_MOST)
        return error_set(r->error, E_INVALID, "--channel %.64s: a name has 3 to 64 characters, with the number of the room behind it",
                         p->channel);
    return OK;
}

static enum status check(const struct plan_reading *r)
{
    const struct plan *p = r->plan;
    if (p->target_count == 0)
        return error_set(r->error, E_INVALID, "no target: encke-load ws://host:8087 -c 1000; encke-load --help tells more");
    if (p->connections == 0 && p->workload != WORKLOAD_PUBLISH)
        return error_set(r->error, E_INVALID, "--connections 0: only --workload publish does without");
    if (!is_publishing(p) && (r->has_rate || r->has_publish))
        return error_set(r->error, E_INVALID, "--%s: nothing is published by --workload idle; try broadcast",
                         r->has_rate ? "rate" : "publish");
    if (r->has_churn && p->workload != WORKLOAD_CHURN)
        return error_set(r->error, E_INVALID, "--churn goes with --workload churn");
    if (r->has_slow && p->workload != WORKLOAD_SLOW)
        return error_set(r->error, E_INVALID, "--slow goes with --workload slow");
    if (r->has_rooms && p->rooms > 1 && p->workload == WORKLOAD_PRIVATE)
        return error_set(r->error, E_INVALID, "--rooms: private messages go to users, not to channels");
    enum status s = check_channel(r);
    return s == OK && is_publishing(p) ? check_publishing(r) : s;
}

/* compare a.json b.json; report a.json [--html FILE] */
static enum status take_files(struct plan_reading *r, int argc, char **argv, unsigned wanted)
{
    unsigned count = 0;
    for (int at = 2; at < argc;) {
        if (argv[at][0] == '-' && argv[at][1] != '\0') {
            enum status s = take_option(r, argc, argv, &at);
            if (s != OK)
                return s;
        } else if (count < wanted) {
            r->plan->inputs[count++] = argv[at++];
        } else {
            return error_set(r->error, E_INVALID, "%.80s is one file too many", argv[at]);
        }
    }
    if (count == wanted)
        return OK;
    return error_set(r->error, E_INVALID, wanted == 2 ? "two results are compared: encke-load compare before.json after.json"
                                                      : "name the results: encke-load report results.json --html report.html");
}

static bool is_asked(int argc, char **argv, const char *word, const char *letter)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], word) == 0 || strcmp(argv[i], letter) == 0)
            return true;
    return false;
}

enum status plan_parse(int argc, char **argv, struct plan *out, enum plan_action *out_action, struct error *out_error)
{
    struct plan_reading r = { .plan = out, .error = out_error };
    *out = (struct plan){
        .connections = 100, .ramp_per_s = 1000, .hold_s = 60, .publishers = 1, .rate = 10, .message_bytes = 64, .rooms = 1,
        .churn_percent = 1, .slow_percent = 1, .channel = "web_load", .sql_user = "root", .sql_port = 3307,
        .connect_timeout_s = 10,
    };
    *out_action = PLAN_RUN;
    if (is_asked(argc, argv, "--help", "-h")) {
        *out_action = PLAN_HELP;
        return OK;
    }
    if (is_asked(argc, argv, "--version", "-V")) {
        *out_action = PLAN_VERSION;
        return OK;
    }
    if (argc > 1 && (strcmp(argv[1], "compare") == 0 || strcmp(argv[1], "report") == 0)) {
        *out_action = argv[1][0] == 'c' ? PLAN_COMPARE : PLAN_REPORT;
        return take_files(&r, argc, argv, *out_action == PLAN_COMPARE ? 2 : 1);
    }
    enum status s = take_words(&r, argc, argv, 1);
    if (s == OK)
        s = complete(&r);
    return s == OK ? check(&r) : s;
}
