/* start: from fork() until the server is ready, and until it has written to a channel of the store, with many rows in it. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/sql.h"
#include "bench/target.h"

#define HISTORY 1000 /* messages of a channel */
#define DEPTH   32

static const char *const options[] = { "--store.backend=sqlite", "--store.durability=batch", NULL };

static double since_ms(uint64_t begin_ns)
{
    return (double)(clock_mono_ns() - begin_ns) / 1e6;
}

static void fill(struct target *t, unsigned rows)
{
    struct sql s;
    char       text[120];
    sql_open(&s, t->sql_port, "bench");
    for (unsigned i = 0; i < rows / HISTORY; i++) {
        snprintf(text, sizeof text, "INSERT INTO pipes_settings (name, length) VALUES ('stored%u', %u)", i, HISTORY);
        sql_say(&s, text);
        snprintf(text, sizeof text, "stored%u", i);
        sql_insert(&s, text, HISTORY, 64, DEPTH);
    }
    sql_close(&s);
}

/* Until the channel's row of the store has been found and the message is behind its others. */
static void write_one(const struct target *t)
{
    struct sql s;
    sql_open(&s, t->sql_port, "bench");
    sql_say(&s, "INSERT INTO pipes_messages (name, event, message) VALUES ('stored7', 'news', 'the first since')");
    sql_close(&s);
}

/* What no start can do without: the same file loaded, and its end. */
static double bare_start(const char *program)
{
    uint64_t begin = clock_mono_ns();
    pid_t    pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL)
            execl(program, program, "--version", (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) < 0)
        die("%s cannot be started", program);
    return since_ms(begin);
}

static void start_once(const struct bench *b, struct series *ready, struct series *written)
{
    uint64_t      begin = clock_mono_ns();
    struct target t = target_start(b->server, options);
    series_add(ready, since_ms(begin));
    write_one(&t);
    series_add(written, since_ms(begin));
    target_pause(&t);
}

void bench_start(const struct bench *b)
{
    char          title[100];
    struct series ready = { 0 }, written = { 0 }, bare = { 0 };
    unsigned      rows = b->only != NULL ? 1000000 : 50000;
    if (!bench_wants(b, "start"))
        return;
    struct target t = target_start(b->server, options);
    fill(&t, rows);
    target_pause(&t);
    for (unsigned i = 0; i < b->runs; i++) {
        start_once(b, &ready, &written);
        series_add(&bare, bare_start(b->server));
    }
    target_forget();
    snprintf(title, sizeof title, "Start with %u messages in SQLite, %u in a channel (raw: encke --version)", rows, HISTORY);
    report_section(b->report, title);
    report_row(b->report, &(struct row){ .id = "start.ready", .what = "until it is ready, ms", .unit = "ms", .ours = &ready, .raw = &bare,
                                         .target_name = "P11", .target_kind = AT_MOST, .target = 100 });
    report_row(b->report, &(struct row){ .id = "start.written", .what = "until a channel was written to, ms", .unit = "ms", .ours = &written,
                                         .raw = &bare });
}
