/* mariadb_migrate.c: see migrate.h. */
#include "store/migrate.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "store/mariadb_adopt.h"
#include "store/mariadb_schema.h"

static void say(const struct migration *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct migration *m, const char *format, ...)
{
    char    line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    m->say(line);
}

/* A server of ours would know nothing of it, and write meanwhile. */
static enum status keep_servers_away(struct link *l, struct error *e)
{
    uint64_t    is_mine = 0;
    enum status s = link_ask(l, "SELECT GET_LOCK(LEFT(CONCAT('encke.', DATABASE()), 64), 2)", &is_mine, e);
    if (s == OK && !is_mine)
        return error_set(e, E_STORE_AWAY, "an Encke is using this database: stop it first");
    return s;
}

static enum status take_step(const struct migration *m, struct link *l, struct schema_step *step, struct error *e)
{
    uint64_t from_ms = clock_mono_ms();
    buf_byte(&step->sql, '\0');
    if (!buf_ok(&step->sql))
        return error_plain(e, E_NO_MEMORY);
    say(m, "%s: %.*s", step->table, SLICE_ARG(buf_slice(&step->why)));
    say(m, "  %s;", step->sql.at);
    if (m->is_dry)
        return OK;
    enum status s = link_run(l, step->sql.at, e);
    if (s == OK)
        say(m, "  done in %.1f s", (double)(clock_mono_ms() - from_ms) / 1000);
    return s;
}

static enum status change_tables(const struct migration *m, struct link *l, struct error *e)
{
    struct schema_plan plan;
    enum status        s = schema_plan_make(l, &plan, e);
    if (s != OK)
        return s;
    if (plan.state == SCHEMA_READY)
        say(m, "the tables are as they should be");
    for (unsigned i = 0; s == OK && i < SCHEMA_TABLES; i++)
        if (plan.steps[i].sql.len > 0)
            s = take_step(m, l, &plan.steps[i], e);
    schema_plan_clear(&plan);
    return s;
}

/* What an ALTER could not: a column stays as it is when the server thinks it knows better. */
static enum status check_tables(struct link *l, struct error *e)
{
    struct schema_plan plan;
    enum status        s = schema_plan_make(l, &plan, e);
    if (s != OK)
        return s;
    for (unsigned i = 0; s == OK && i < SCHEMA_TABLES; i++)
        if (plan.steps[i].sql.len > 0)
            s = error_set(e, E_STORE, "%s is still not as it should be: %.*s", plan.steps[i].table, SLICE_ARG(buf_slice(&plan.steps[i].why)));
    schema_plan_clear(&plan);
    return s == OK ? schema_sign(l, e) : s;
}

static enum status place_messages(const struct migration *m, struct link *l, struct error *e)
{
    uint64_t    starts = 0, history = 0, queued = 0, from_ms = clock_mono_ms();
    enum status s = schema_count_start(l, &starts, e);
    starts <<= 40;
    if (s == OK)
        s = adopt_messages(l, &starts, &history, &queued, e);
    if (s == OK && history + queued > 0)
        say(m, "pipe_messages, users_messages: %llu and %llu messages got their ids and their order, in %.1f s",
            (unsigned long long)history, (unsigned long long)queued, (double)(clock_mono_ms() - from_ms) / 1000);
    else if (s == OK)
        say(m, "pipe_messages, users_messages: every message has its id and its place");
    return s;
}

enum status store_migrate(const struct migration *m, struct error *out_error)
{
    struct link l = { 0 };
    enum status s = link_open(&l, m->server, LINK_PATIENT, out_error);
    if (s != OK)
        return s;
    say(m, "database %s on %s (%s)%s", m->server->name, m->server->host, link_server_name(&l),
        m->is_dry ? "; only looking, nothing is changed" : "");
    if (!m->is_dry)
        s = keep_servers_away(&l, out_error);
    if (s == OK)
        s = change_tables(m, &l, out_error);
    if (s == OK && !m->is_dry)
        s = check_tables(&l, out_error);
    if (s == OK && !m->is_dry)
        s = place_messages(m, &l, out_error);
    if (s == OK)
        say(m, m->is_dry ? "nothing was changed" : "ready: start encke with the same settings");
    link_close(&l);
    return s;
}
