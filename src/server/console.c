/* console.c: see console.h. */
#include "server/console.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counter.h"

#define EVERY_WITHOUT_TERMINAL_MS 60000
#define BLOCK_LINES 8 /* of a block without its rows */

static const struct {
    const char     *name;
    unsigned        id; /* CppComet's number of the listener */
    enum counter    online, added, ended, events;
    enum setting_id every;
} services[CONSOLE_SERVICES] = {
    [CONSOLE_WS] = { "ws", 1, COUNTER_WS_ONLINE, COUNTER_WS_ADDED, COUNTER_WS_ENDED, COUNTER_WS_EVENTS,
                     SETTING_ID_ws_statistics },
    [CONSOLE_COMETQL] = { "cometql", 2, COUNTER_SQL_ONLINE, COUNTER_SQL_ADDED, COUNTER_SQL_ENDED, COUNTER_SQL_EVENTS,
                          SETTING_ID_cometql_statistics },
};

struct console {
    unsigned              shard_count;
    bool                  is_terminal;
    bool                  shares_log; /* the log goes to a terminal as well, presumably this one */
    uint64_t              start_ms;
    uint64_t              every_ms[CONSOLE_SERVICES];
    struct console_sample before[CONSOLE_SERVICES], shown[CONSOLE_SERVICES]; /* the last two printed */
    bool                  is_shown[CONSOLE_SERVICES];
    unsigned              lines;    /* of the blocks on the terminal now */
    uint64_t              log_seen; /* lines of the log when they were drawn */
};

/* --- one block, pure
 * ---------------------------------------------------------------------------------------------------- */

static double rate(uint64_t before, uint64_t now, uint64_t span_ms)
{
    return span_ms == 0 || now < before ? 0.0 : (double)(now - before) * 1000.0 / (double)span_ms;
}

/* Tabs skip what stood there before, so a line that is drawn again is wiped first. */
static void begin_line(struct buf *out, const struct console_look *look)
{
    buf_text(out, look->is_terminal ? "\x1b[2K" : "");
}

static void figure(struct buf *out, const char *label, uint64_t value, const double *per_second,
                   const struct console_look *look)
{
    begin_line(out, look);
    buf_printf(out, "%s\t\t%llu", label, (unsigned long long)value);
    if (per_second != NULL)
        buf_printf(out, "\t\t%.2f", *per_second);
    buf_byte(out, '\n');
}

static void row(struct buf *out, uint64_t before, const struct console_sample *now, unsigned i, uint64_t span_ms,
                const struct console_look *look)
{
    uint64_t events = now->shard_events[i];
    char     state = events > before ? '1' : '0';
    begin_line(out, look);
    if (look->is_terminal)
        buf_printf(out, "[\x1b[%dm%c\x1b[0m]", state == '0' ? 32 : 33, state);
    else
        buf_printf(out, "[%c]", state);
    buf_printf(out, "\t%llu\t%.2f\n", (unsigned long long)events, rate(before, events, span_ms));
}

void console_render(struct buf *out, enum console_service service, const struct console_sample *before,
                    const struct console_sample *now, const struct console_look *look)
{
    uint64_t span_ms = now->at_ms - before->at_ms;
    double   added = rate(before->added, now->added, span_ms), ended = rate(before->ended, now->ended, span_ms);
    double   events = rate(before->events, now->events, span_ms);
    unsigned rows = now->shard_count;
    if (look->rows_max != 0 && rows > look->rows_max)
        rows = look->rows_max;

    begin_line(out, look);
    buf_printf(out, "----------------server_id(%u)%s----------------\n", services[service].id, services[service].name);
    figure(out, "Online now", now->online, NULL, look);
    figure(out, "Add clients", now->added, &added, look);
    figure(out, "Delete clients", now->ended, &ended, look);
    figure(out, "Handle messages", now->events, &events, look);
    figure(out, "work time", now->uptime_ms / 1000, NULL, look);
    begin_line(out, look);
    buf_text(out, "[S]\tC\tPsC\n");
    for (unsigned i = 0; i < rows; i++)
        row(out, before->shard_events[i], now, i, span_ms, look);
    if (rows < now->shard_count) {
        begin_line(out, look);
        buf_printf(out, "...\t%u more\n", now->shard_count - rows);
    }
    begin_line(out, look);
    buf_text(out, "---------------------------------------------\n");
}

/* --- the figures
 * -------------------------------------------------------------------------------------------------------- */

void console_sample(struct console_sample *out, enum console_service service, unsigned shard_count, uint64_t now_ms,
                    uint64_t start_ms)
{
    *out = (struct console_sample){
        .at_ms = now_ms,
        .uptime_ms = now_ms - start_ms,
        .online = counter_sum(services[service].online),
        .added = counter_sum(services[service].added),
        .ended = counter_sum(services[service].ended),
        .events = counter_sum(services[service].events),
        .shard_count = shard_count < CONSOLE_SHARDS_MAX ? shard_count : CONSOLE_SHARDS_MAX,
    };
    for (unsigned i = 0; i < out->shard_count; i++)
        out->shard_events[i] = counter_of(i, services[service].events);
}

uint64_t console_every_ms(const struct config *config, enum console_service service, bool is_terminal)
{
    uint64_t every_ms = service == CONSOLE_WS ? config->ws.statistics_ms : config->cometql.statistics_ms;
    if (config->main.is_quiet || !config->statistics.to_log)
        return 0;
    if (!is_terminal && !config_is_set(config, services[service].every))
        return EVERY_WITHOUT_TERMINAL_MS;
    return every_ms;
}

/* --- on the terminal
 * ---------------------------------------------------------------------------------------------------- */

struct console *console_new(const struct config *config, unsigned shard_count)
{
    struct console *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    const char *term = getenv("TERM");
    c->is_terminal = isatty(STDOUT_FILENO) == 1 && !(term != NULL && strcmp(term, "dumb") == 0);
    c->shares_log = isatty(STDERR_FILENO) == 1;
    c->shard_count = shard_count;
    c->start_ms = clock_mono_ms();
    for (unsigned i = 0; i < CONSOLE_SERVICES; i++) {
        c->every_ms[i] = console_every_ms(config, (enum console_service)i, c->is_terminal);
        console_sample(&c->shown[i], (enum console_service)i, shard_count, c->start_ms, c->start_ms);
        c->before[i] = c->shown[i];
    }
    if (c->every_ms[CONSOLE_WS] == 0 && c->every_ms[CONSOLE_COMETQL] == 0) {
        free(c);
        return NULL;
    }
    return c;
}

void console_free(struct console *c)
{
    free(c);
}

/* How many rows of shards each block may have so that all fit the terminal, or 0 when it does not say. */
static unsigned rows_that_fit(const struct console *c)
{
    struct winsize size;
    unsigned       blocks = (c->every_ms[CONSOLE_WS] != 0) + (c->every_ms[CONSOLE_COMETQL] != 0);
    if (blocks == 0 || !c->is_terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
        return 0;
    unsigned room = (size.ws_row - 1u) / blocks; /* the cursor stands in the line below */
    unsigned fixed = BLOCK_LINES + 1;            /* and the line that says how many more there are */
    return room > fixed ? room - fixed : 1;
}

static unsigned count_lines(struct slice text)
{
    unsigned lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    return lines;
}

/* Takes the samples that are due; is any? */
static bool take_samples(struct console *c, uint64_t now_ms)
{
    bool is_due = false;
    for (unsigned i = 0; i < CONSOLE_SERVICES; i++) {
        /* Half a second early is on time: ticks come once a second. */
        if (c->every_ms[i] == 0 || now_ms + 500 < c->shown[i].at_ms + c->every_ms[i])
            continue;
        c->before[i] = c->shown[i];
        console_sample(&c->shown[i], (enum console_service)i, c->shard_count, now_ms, c->start_ms);
        c->is_shown[i] = is_due = true;
    }
    return is_due;
}

/* On a terminal every block is drawn again, also one that is not due, with its old figures. */
static void render(struct console *c, uint64_t now_ms, struct buf *out)
{
    struct console_look look = { c->is_terminal, rows_that_fit(c) };
    uint64_t            log_now = c->shares_log ? log_line_count() : 0;
    if (c->is_terminal) {
        /* A log line has moved the old blocks up: they stay, and new ones are drawn below it. */
        if (c->lines > 0 && c->log_seen == log_now)
            buf_printf(out, "\r\x1b[%uA", c->lines);
        buf_text(out, "\x1b[?7l"); /* no wrapping: a line of the block is a line of the terminal */
    }
    size_t start = out->len;
    for (unsigned i = 0; i < CONSOLE_SERVICES; i++)
        if (c->is_shown[i] && (c->is_terminal || c->shown[i].at_ms == now_ms))
            console_render(out, (enum console_service)i, &c->before[i], &c->shown[i], &look);
    c->lines = buf_ok(out) ? count_lines(slice_skip(buf_slice(out), start)) : 0;
    if (c->is_terminal)
        buf_text(out, "\x1b[J\x1b[?7h");
    c->log_seen = log_now;
}

void console_tick(struct console *c)
{
    struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };
    uint64_t      now_ms = clock_mono_ms();
    if (c == NULL || poll(&output, 1, 0) != 1 || (output.revents & POLLOUT) == 0 || !take_samples(c, now_ms))
        return;
    struct buf text = { 0 };
    render(c, now_ms, &text);
    struct slice rest = buf_ok(&text) ? buf_slice(&text) : (struct slice){ 0 };
    while (rest.len > 0) {
        ssize_t sent = write(STDOUT_FILENO, rest.at, rest.len);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            break; /* nobody reads any more; the server does not care */
        rest = slice_skip(rest, (size_t)sent);
    }
    buf_clear(&text);
}
