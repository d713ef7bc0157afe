/* plan_options.c: every option, once: what it takes, how it is checked, what the help says. See plan_internal.h. */
#include "load/plan_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)

/* --- values ------------------------------------------------------------------------------------------------------- */

static enum status wrong(struct plan_reading *r, const char *option, const char *value, const char *right)
{
    return error_set(r->error, E_INVALID, "--%s %.60s: %s", option, value, right);
}

/* 64000, 64k, 1M, also 64,000; at most `max`. */
static bool take_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0, times = 1;
    unsigned digits = 0;
    for (; (*text >= '0' && *text <= '9') || (*text == ',' && digits > 0); text++) {
        if (*text == ',')
            continue;
        if (++digits > 15)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (*text == 'k' || *text == 'K')
        times = 1000;
    else if (*text == 'm' || *text == 'M')
        times = 1000000;
    text += times > 1;
    if (digits == 0 || *text != '\0' || value * times > max)
        return false;
    *out = value * times;
    return true;
}

static enum status take_u32(struct plan_reading *r, const char *option, const char *text, uint32_t least, uint32_t most,
                            uint32_t *out)
{
    uint64_t value;
    char     right[80];
    if (!take_number(text, most, &value) || value < least) {
        snprintf(right, sizeof right, "a whole number from %u to %u is expected (5000, 5k, 1M)", least, most);
        return wrong(r, option, text, right);
    }
    *out = (uint32_t)value;
    return OK;
}

/* 60, 60s, 10m, 1h */
static enum status take_seconds(struct plan_reading *r, const char *option, const char *text, uint32_t least, uint32_t *out)
{
    struct slice s = slice_str(text);
    uint64_t     value, times = 1;
    if (s.len > 0 && strchr("smh", s.at[s.len - 1]) != NULL) {
        times = s.at[s.len - 1] == 'h' ? 3600 : s.at[s.len - 1] == 'm' ? 60 : 1;
        s.len--;
    }
    if (!slice_u64(s, 1000000, &value) || value * times > 604800 || value * times < least)
        return wrong(r, option, text, "a time up to a week is expected, like 60, 90s, 10m or 1h");
    *out = (uint32_t)(value * times);
    return OK;
}

static bool take_double(const char *text, double most, char unit, double *out)
{
    char *end;
    if (!((*text >= '0' && *text <= '9') || *text == '.'))
        return false;
    double value = strtod(text, &end);
    if (unit != '\0' && *end == unit)
        end++;
    if (*end != '\0' || end == text || !isfinite(value) || value < 0 || value > most)
        return false;
    *out = value;
    return true;
}

static enum status take_percent(struct plan_reading *r, const char *option, const char *text, double *out)
{
    if (!take_double(text, 100, '%', out) || *out <= 0)
        return wrong(r, option, text, "a percentage above 0 and up to 100 is expected");
    return OK;
}

static enum status take_text(struct plan_reading *r, const char *option, const char *text, char *out, size_t size)
{
    size_t len = strlen(text);
    if (len == 0 || len >= size)
        return error_set(r->error, len == 0 ? E_TOO_SHORT : E_TOO_LONG, "--%s: 1 to %zu characters are expected", option, size - 1);
    memcpy(out, text, len + 1);
    return OK;
}

static enum status take_word(struct plan_reading *r, const char *option, const char *text, const char *const *words,
                             unsigned count, unsigned *out)
{
    char right[180] = "one of these is expected:";
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return OK;
        }
        size_t len = strlen(right);
        snprintf(right + len, sizeof right - len, " %s", words[i]);
    }
    return wrong(r, option, text, right);
}

/* A whole file, owned by the caller. */
static enum status take_file(struct plan_reading *r, const char *option, const char *path, char **out)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return error_set(r->error, E_IO, "--%s: cannot read %.120s: %s", option, path, strerror(errno));
    char  *text = malloc(FILE_BYTES_MAX + 1);
    size_t len = text != NULL ? fread(text, 1, FILE_BYTES_MAX + 1, f) : 0;
    bool   is_bad = ferror(f) != 0;
    fclose(f);
    enum status s = OK;
    if (text == NULL)
        s = error_plain(r->error, E_NO_MEMORY);
    else if (is_bad)
        s = error_set(r->error, E_IO, "--%s: reading %.120s failed", option, path);
    else if (len > FILE_BYTES_MAX || memchr(text, '\0', len) != NULL)
        s = error_set(r->error, E_INVALID, "--%s: %.120s must be a text of at most 1 MB", option, path);
    if (s != OK) {
        free(text);
        return s;
    }
    text[len] = '\0';
    char *fit = realloc(text, len + 1);
    *out = fit != NULL ? fit : text;
    return OK;
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static enum status on_connections(struct plan_reading *r, char *v)
{
    return take_u32(r, "connections", v, 0, 100000000, &r->plan->connections);
}

static enum status on_ramp(struct plan_reading *r, char *v)
{
    return take_u32(r, "ramp", v, 0, 10000000, &r->plan->ramp_per_s);
}

static enum status on_hold(struct plan_reading *r, char *v)
{
    return take_seconds(r, "hold", v, 0, &r->plan->hold_s);
}

static enum status on_settle(struct plan_reading *r, char *v)
{
    return take_seconds(r, "settle", v, 0, &r->plan->settle_s);
}

static enum status on_timeout(struct plan_reading *r, char *v)
{
    return take_seconds(r, "timeout", v, 1, &r->plan->connect_timeout_s);
}

static enum status on_workload(struct plan_reading *r, char *v)
{
    static const char *const words[] = {
        [WORKLOAD_IDLE] = "idle",       [WORKLOAD_BROADCAST] = "broadcast", [WORKLOAD_ROOMS] = "rooms",
        [WORKLOAD_PRIVATE] = "private", [WORKLOAD_BROWSERS] = "browsers",   [WORKLOAD_CHURN] = "churn",
        [WORKLOAD_STORM] = "storm",     [WORKLOAD_SLOW] = "slow",           [WORKLOAD_PUBLISH] = "publish",
    };
    unsigned    which = 0;
    enum status s = take_word(r, "workload", v, words, sizeof words / sizeof words[0], &which);
    if (s != OK)
        return s;
    r->plan->workload = (enum workload)which;
    r->has_workload = true;
    return OK;
}

static enum status on_rate(struct plan_reading *r, char *v)
{
    r->has_rate = true;
    if (!take_double(v, 1e8, '\0', &r->plan->rate))
        return wrong(r, "rate", v, "publications per second are expected, like 10 or 0.5; 0 is as fast as the answers come");
    return OK;
}

static enum status on_size(struct plan_reading *r, char *v)
{
    return take_u32(r, "size", v, 1, 1000000, &r->plan->message_bytes);
}

static enum status on_rooms(struct plan_reading *r, char *v)
{
    r->has_rooms = true;
    return take_u32(r, "rooms", v, 1, 10000000, &r->plan->rooms);
}

static enum status on_churn(struct plan_reading *r, char *v)
{
    r->has_churn = true;
    return take_percent(r, "churn", v, &r->plan->churn_percent);
}

static enum status on_slow(struct plan_reading *r, char *v)
{
    r->has_slow = true;
    return take_percent(r, "slow", v, &r->plan->slow_percent);
}

static enum status on_publish(struct plan_reading *r, char *v)
{
    static const char *const words[] = { [PUBLISH_SQL] = "sql", [PUBLISH_WEBSOCKET] = "websocket", [PUBLISH_HTTP] = "http" };
    unsigned                 which = 0;
    enum status              s = take_word(r, "publish", v, words, 3, &which);
    if (s != OK)
        return s;
    r->plan->publish_way = (enum publish_way)which;
    r->has_publish = true;
    return OK;
}

static enum status on_publishers(struct plan_reading *r, char *v)
{
    return take_u32(r, "publishers", v, 1, 10000, &r->plan->publishers);
}

static enum status on_sql(struct plan_reading *r, char *v)
{
    r->has_sql = true;
    if (!plan_host_port(slice_str(v), r->plan->sql_host, sizeof r->plan->sql_host, &r->plan->sql_port))
        return wrong(r, "sql", v, "host:port is expected, like 127.0.0.1:3307");
    return OK;
}

static enum status on_user(struct plan_reading *r, char *v)
{
    return take_text(r, "user", v, r->plan->sql_user, sizeof r->plan->sql_user);
}

static enum status on_password(struct plan_reading *r, char *v)
{
    enum status s = take_text(r, "password", v, r->plan->sql_password, sizeof r->plan->sql_password);
    /* Whoever lists the processes does not see it any more. */
    for (char *c = v; *c != '\0'; c++)
        *c = '*';
    return s;
}

static enum status on_password_file(struct plan_reading *r, char *v)
{
    char       *text;
    enum status s = take_file(r, "password-file", v, &text);
    if (s != OK)
        return s;
    text[strcspn(text, "\r\n")] = '\0';
    s = take_text(r, "password-file", text, r->plan->sql_password, sizeof r->plan->sql_password);
    explicit_bzero(text, strlen(text));
    free(text);
    return s;
}

static enum status on_channel(struct plan_reading *r, char *v)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (strspn(v, letters) != strlen(v))
        return wrong(r, "channel", v, "a name of letters, digits, _ - and . is expected");
    return take_text(r, "channel", v, r->plan->channel, sizeof r->plan->channel);
}

static enum status on_path(struct plan_reading *r, char *v)
{
    r->path = v;
    return plan_check_path(r, v);
}

/* "Name: value"; the value may be a secret, and is not shown. */
static enum status check_header(struct plan_reading *r, const char *option, const char *v, const char *const *ours)
{
    struct slice name = slice_first(slice_str(v), strcspn(v, ":"));
    if (name.len == 0 || v[name.len] != ':' || strcspn(v, " \t") < name.len)
        return error_set(r->error, E_INVALID, "--%s: \"Name: value\" is expected", option);
    for (const char *c = v; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return error_set(r->error, E_INVALID, "--%s %.*s: a header has no control characters", option, SLICE_ARG(slice_first(name, 60)));
    for (; *ours != NULL; ours++)
        if (slice_is_nocase(name, *ours))
            return error_set(r->error, E_INVALID, "--%s %s: encke-load writes this one itself%s", option, *ours,
                             strcmp(*ours, "host") == 0 ? "; give the target the name of the host" : "");
    return OK;
}

static enum status on_header(struct plan_reading *r, char *v)
{
    static const char *const ours[] = { "host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version",
                                        "sec-websocket-extensions", "content-length", "transfer-encoding", NULL };
    struct plan *p = r->plan;
    if (p->header_count == sizeof p->header_lines / sizeof p->header_lines[0])
        return error_set(r->error, E_TOO_LONG, "--header: at most %u headers", p->header_count);
    enum status s = check_header(r, "header", v, ours);
    if (s == OK && slice_is_nocase(slice_first(slice_str(v), strcspn(v, ":")), "sec-websocket-protocol"))
        s = error_set(r->error, E_INVALID, "--header: use --subprotocol for Sec-WebSocket-Protocol");
    if (s == OK)
        s = take_text(r, "header", v, p->header_lines[p->header_count], sizeof p->header_lines[0]);
    p->header_count += s == OK;
    return s;
}

static enum status on_http(struct plan_reading *r, char *v)
{
    return plan_take_http(r, "http", v, &r->plan->http);
}

static enum status on_http_header(struct plan_reading *r, char *v)
{
    static const char *const ours[] = { "host", "connection", "content-length", "transfer-encoding", "expect", NULL };
    struct plan *p = r->plan;
    if (p->http_header_count == sizeof p->http_headers / sizeof p->http_headers[0])
        return error_set(r->error, E_TOO_LONG, "--http-header: at most %u headers", p->http_header_count);
    enum status s = check_header(r, "http-header", v, ours);
    if (s == OK)
        s = take_text(r, "http-header", v, p->http_headers[p->http_header_count], sizeof p->http_headers[0]);
    p->http_header_count += s == OK;
    return s;
}

/* A text, or @file. */
static enum status take_text_or_file(struct plan_reading *r, const char *option, const char *v, char **out)
{
    if (v[0] == '@')
        return take_file(r, option, v + 1, out);
    char *text = strdup(v);
    if (text == NULL)
        return error_plain(r->error, E_NO_MEMORY);
    *out = text;
    return OK;
}

static enum status on_http_body(struct plan_reading *r, char *v)
{
    char       *text = NULL;
    enum status s = take_text_or_file(r, "http-body", v, &text);
    if (s == OK && strstr(text, "{message}") == NULL) {
        free(text);
        return error_set(r->error, E_INVALID, "--http-body: {message} must stand in it, where the message belongs");
    }
    if (s != OK)
        return s;
    free(r->plan->http_body);
    r->plan->http_body = text;
    return OK;
}

static enum status on_metrics(struct plan_reading *r, char *v)
{
    return plan_take_http(r, "metrics", v, &r->plan->metrics);
}

static enum status on_ca(struct plan_reading *r, char *v)
{
    r->plan->ca_path = v;
    return v[0] != '\0' ? OK : error_set(r->error, E_INVALID, "--ca: a file with certificates is expected, or the word system");
}

static enum status on_subprotocol(struct plan_reading *r, char *v)
{
    for (const char *c = v; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return error_set(r->error, E_INVALID, "--subprotocol: names with commas between them are expected");
    return take_text(r, "subprotocol", v, r->plan->subprotocol, sizeof r->plan->subprotocol);
}

static enum status on_send(struct plan_reading *r, char *v)
{
    struct plan *p = r->plan;
    if (p->send_count == PLAN_SENDS_MAX)
        return error_set(r->error, E_TOO_LONG, "--send: at most %d messages", PLAN_SENDS_MAX);
    char       *text = NULL;
    enum status s = take_text_or_file(r, "send", v, &text);
    if (s == OK)
        p->sends[p->send_count++] = text;
    return s;
}

static enum status on_await(struct plan_reading *r, char *v)
{
    if (v[0] == '\0')
        return error_set(r->error, E_TOO_SHORT, "--await: a text is expected that the awaited message holds");
    char *text = strdup(v);
    if (text == NULL)
        return error_plain(r->error, E_NO_MEMORY);
    free(r->plan->await_text);
    r->plan->await_text = text;
    return OK;
}

static enum status on_source(struct plan_reading *r, char *v)
{
    return plan_take_sources(r, v);
}

static enum status on_threads(struct plan_reading *r, char *v)
{
    uint32_t    value = 0;
    enum status s = take_u32(r, "threads", v, 1, 1024, &value);
    r->plan->threads = value;
    return s;
}

static enum status on_pid(struct plan_reading *r, char *v)
{
    uint32_t    value = 0;
    enum status s = take_u32(r, "pid", v, 1, 1u << 30, &value);
    r->plan->server_pid = (int)value;
    return s;
}

static enum status on_classic(struct plan_reading *r, char *v)
{
    (void)v;
    r->plan->is_classic = true;
    return OK;
}

static enum status on_come_back(struct plan_reading *r, char *v)
{
    (void)v;
    r->plan->comes_back = true;
    return OK;
}

static enum status on_json(struct plan_reading *r, char *v)
{
    r->plan->json_path = v;
    return v[0] != '\0' ? OK : error_set(r->error, E_INVALID, "--json: the name of a file is expected, or - for the standard output");
}

static enum status on_html(struct plan_reading *r, char *v)
{
    r->plan->html_path = v;
    return v[0] != '\0' ? OK : error_set(r->error, E_INVALID, "--html: the name of a file is expected, or - for the standard output");
}

static enum status on_quiet(struct plan_reading *r, char *v)
{
    (void)v;
    r->plan->is_quiet = true;
    return OK;
}

#define HEADING(text) { NULL, 0, NULL, text, NULL }
const struct plan_option plan_options[] = {
    HEADING("Connections"),
    { "connections", 'c', "N", "how many (100)", on_connections },
    { "ramp", 'r', "N", "new ones per second (1000); 0 is as fast as possible", on_ramp },
    { "hold", 0, "TIME", "how long they stay then, while the workload runs (60s; 90, 10m, 1h)", on_hold },
    { "settle", 0, "TIME", "silence when all are there, before anything is published (0)", on_settle },
    { "timeout", 0, "TIME", "until when a connection must be complete (10s)", on_timeout },
    { "come-back", 0, NULL, "whom the server lets go (it restarts, or is upgraded) connects again, and\nis not counted as lost", on_come_back },
    { "source", 0, "LIST", "addresses to connect from: a,b or first-last (on loopback as many as\nare needed, else what the system chooses)", on_source },
    { "threads", 0, "N", "threads, each with a descriptor table of its own (as needed)", on_threads },
    { "ca", 0, "FILE", "wss, https: who signs the server's certificate, or the word system\n(certificates are not checked)", on_ca },
    HEADING("What a connection says; {n} {id} {room} {channel} {uuid} are filled in"),
    { "classic", 0, NULL, "the classic protocol of Encke: path, subscription, first message", on_classic },
    { "channel", 0, "NAME", "channel, or the beginning of the names of the rooms (web_load)", on_channel },
    { "path", 0, "PATH", "of targets that name none", on_path },
    { "header", 'H', "LINE", "\"Name: value\" in the request; may be repeated", on_header },
    { "subprotocol", 0, "NAME", "value of Sec-WebSocket-Protocol", on_subprotocol },
    { "send", 0, "TEXT", "a message to send after opening, or @file; may be repeated", on_send },
    { "await", 0, "TEXT", "a connection is complete when a message with this text came", on_await },
    HEADING("What happens then"),
    { "workload", 0, "NAME", "idle       connect and stay (the default)\n"
                             "broadcast  all hear one channel\n"
                             "rooms      the connections are spread over --rooms channels\n"
                             "private    messages to single users (needs SQL)\n"
                             "browsers   the connections publish themselves\n"
                             "churn      broadcast, and --churn % of them reconnect each second\n"
                             "storm      broadcast, and in the middle all are cut and come back\n"
                             "slow       broadcast, and --slow % of them do not read\n"
                             "publish    nobody hears: publications per second", on_workload },
    { "rate", 0, "N", "publications per second, in all (10); 0 is as fast as possible", on_rate },
    { "size", 0, "BYTES", "of a message (64)", on_size },
    { "rooms", 0, "N", "channels (1; 100 with the workload rooms)", on_rooms },
    { "churn", 0, "PERCENT", "that reconnect each second (1)", on_churn },
    { "slow", 0, "PERCENT", "that do not read (1)", on_slow },
    { "publish", 0, "WAY", "sql (the default), websocket or http", on_publish },
    { "publishers", 0, "N", "connections that publish (1)", on_publishers },
    HEADING("The SQL port of the server"),
    { "sql", 0, "HOST:PORT", "where it is (the host of the first target, port 3307)", on_sql },
    { "user", 0, "NAME", "root, or a dev id (root)", on_user },
    { "password-file", 0, "FILE", "its first line is the password", on_password_file },
    { "password", 0, "TEXT", "better: --password-file, or ENCKE_PASSWORD in the environment", on_password },
    HEADING("Publishing over HTTP; {message} {channel} {room} {id} are filled in"),
    { "http", 0, "URL", "where to POST", on_http },
    { "http-body", 0, "TEXT", "what to POST, or @file\n(" PLAN_HTTP_BODY ")", on_http_body },
    { "http-header", 0, "LINE", "\"Name: value\" in the request; may be repeated", on_http_header },
    HEADING("Results"),
    { "pid", 0, "PID", "of the server, on this machine: its memory and CPU are recorded", on_pid },
    { "metrics", 0, "URL", "of a server elsewhere: its figures, read once a second; /api/status\nof Encke, or Prometheus' text with process_resident_memory_bytes", on_metrics },
    { "json", 0, "FILE", "write the results there; - is the standard output", on_json },
    { "html", 0, "FILE", "write the report with graphs there", on_html },
    { "quiet", 'q', NULL, "no live screen", on_quiet },
};
const unsigned plan_option_count = sizeof plan_options / sizeof plan_options[0];
