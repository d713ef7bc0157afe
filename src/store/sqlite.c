/* sqlite.c: the store in one file (sqlite_file.h), one prepared statement for each operation. */
#include "store/backend.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/counter.h"
#include "store/sqlite_file.h"

/* A statement and what is bound to its parameters, a letter each:
 * a app  u user_id  n name  e event  p payload  t text2  E epoch  o offset  m time_ms  f flags  # number  s seq  w the time now */
struct sql {
    const char *text, *binds;
};

#define USER "app = ?1 AND user_id = ?2"

static const struct sql writes[STORE_KIND_COUNT] = {
    [STORE_USER] = { "SELECT hash FROM users_auth WHERE " USER, "au" },
    [STORE_DATA] = { "SELECT data FROM users_data WHERE " USER, "au" },
    [STORE_HISTORY] = { "SELECT app, user_id, name, epoch, offset, time_ms, flags, event, message, 0, '', seq FROM pipes_messages"
                        " WHERE app = ?1 AND name = ?2 ORDER BY seq DESC LIMIT ?3", "an#" },
    [STORE_HASH_PUT] = { "REPLACE INTO users_auth (app, user_id, hash) VALUES (?, ?, ?)", "aup" },
    [STORE_HASH_DROP] = { "DELETE FROM users_auth WHERE " USER, "au" },
    [STORE_DATA_PUT] = { "REPLACE INTO users_data (app, user_id, data) VALUES (?, ?, ?)", "aup" },
    [STORE_DATA_DROP] = { "DELETE FROM users_data WHERE " USER, "au" },
    [STORE_SEEN_PUT] = { "REPLACE INTO users_time (app, user_id, time) VALUES (?, ?, ?)", "au#" },
    [STORE_QUEUE_ADD] = { "REPLACE INTO users_messages (app, user_id, offset, time_ms, flags, event, message)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?)", "auomfep" },
    [STORE_QUEUE_DROP] = { "DELETE FROM users_messages WHERE " USER " AND offset <= ?3", "auo" },
    [STORE_QUEUE_DROP_ONE] = { "DELETE FROM users_messages WHERE " USER " AND offset = ?3", "auo" },
    [STORE_QUEUE_EXPIRE] = { "DELETE FROM users_messages WHERE time_ms < ?", "m" },
    [STORE_SETTING_PUT] = { "REPLACE INTO pipes_settings (app, name, length) VALUES (?, ?, ?)", "an#" },
    [STORE_SETTING_DROP] = { "DELETE FROM pipes_settings WHERE app = ? AND name = ?", "an" },
    [STORE_HISTORY_ADD] = { "REPLACE INTO pipes_messages (app, name, epoch, offset, seq, time_ms, user_id, flags, event, message)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "anEosmufep" },
    [STORE_HISTORY_DROP_ONE] = { "DELETE FROM pipes_messages WHERE app = ? AND name = ? AND epoch = ? AND offset = ?", "anEo" },
    [STORE_HISTORY_TRIM] = { "DELETE FROM pipes_messages WHERE app = ?1 AND name = ?2 AND seq <= (SELECT seq FROM pipes_messages"
                             " WHERE app = ?1 AND name = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)", "an#" },
    [STORE_HISTORY_EXPIRE] = { "DELETE FROM pipes_messages WHERE time_ms < ?1 AND substr(name, 1, length(?2)) = ?2"
                               " AND (?3 = '' OR substr(name, 1, length(?3)) <> ?3)", "mne" },
    [STORE_HISTORY_DROP] = { "DELETE FROM pipes_messages WHERE app = ? AND name = ?", "an" },
    [STORE_TOKEN_PUT] = { "REPLACE INTO revoked_tokens (app, token, user_id, time) VALUES (?, ?, ?, ?)", "apu#" },
    [STORE_TOKEN_DROP] = { "DELETE FROM revoked_tokens WHERE app = ? AND token = ?", "ap" },
    [STORE_CONFERENCE_PUT] = { "REPLACE INTO conference (app, name, user_id, caller_id, message, profile, node, time_ms)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "anu#petm" },
    [STORE_CONFERENCE_DROP] = { "DELETE FROM conference WHERE app = ?1 AND name = ?2 AND (?3 = 0 OR user_id = ?3)", "anu" },
    [STORE_QUERY_LOG] = { "INSERT INTO log_query (time_ms, app, query) VALUES (?, ?, ?)", "wap" },
};

/* What else is prepared. */
enum { SQL_SEEN = STORE_KIND_COUNT, SQL_QUEUE, SQL_DROP_ANYWHERE, SQL_BEGIN, SQL_COMMIT, SQL_COUNT };
static const struct sql others[SQL_COUNT - STORE_KIND_COUNT] = {
    [SQL_SEEN - STORE_KIND_COUNT] = { "SELECT time FROM users_time WHERE " USER, "au" },
    [SQL_QUEUE - STORE_KIND_COUNT] = { "SELECT app, user_id, '', 0, offset, time_ms, flags, event, message, 0, '', 0 FROM users_messages"
                                       " WHERE " USER " ORDER BY offset", "au" },
    [SQL_DROP_ANYWHERE - STORE_KIND_COUNT] = { "DELETE FROM pipes_messages WHERE app = ? AND epoch = ? AND offset = ?", "aEo" },
    [SQL_BEGIN - STORE_KIND_COUNT] = { "BEGIN", "" }, /* deferred: reads need no lock of the writer's */
    [SQL_COMMIT - STORE_KIND_COUNT] = { "COMMIT", "" },
};

struct sqlite {
    struct sqlite_file  file;
    struct store_setup  setup;
    struct sqlite3_stmt *statements[SQL_COUNT];
    int64_t             seq;           /* of the last entry of a history */
    bool                must_reopen;   /* the file itself failed, not only this moment */
};

/* --- opening ----------------------------------------------------------------------------------------------------------- */

static void statements_drop(struct sqlite *q)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(q->statements[i]);
        q->statements[i] = NULL;
    }
}

static const struct sql *sql_of(int i)
{
    return i < STORE_KIND_COUNT ? &writes[i] : &others[i - STORE_KIND_COUNT];
}

/* What every opening needs: the statements, and numbers that no earlier opening has given. */
static enum status ready(struct sqlite *q, struct error *e)
{
    int64_t     starts;
    enum status s = sqlite_number(&q->file, "UPDATE starts SET count = count + 1 RETURNING count", &starts, e);
    for (int i = 0; s == OK && i < SQL_COUNT; i++) {
        int code = sqlite3_prepare_v3(q->file.db, sql_of(i)->text, -1, SQLITE_PREPARE_PERSISTENT, &q->statements[i], NULL);
        if (code != SQLITE_OK)
            s = sqlite_failure(&q->file, code, e);
    }
    if (s == OK)
        q->seq = starts << 40;
    return s;
}

static void sqlite_close(void *state)
{
    struct sqlite *q = state;
    statements_drop(q);
    sqlite_file_close(&q->file);
    free(q);
}

static enum status sqlite_open(void **out_state, const struct store_setup *setup, struct error *out_error)
{
    struct sqlite *q = calloc(1, sizeof *q);
    if (q == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    q->setup = *setup;
    enum status s = sqlite_file_open(&q->file, setup, out_error);
    if (s == OK)
        s = ready(q, out_error);
    if (s != OK) {
        sqlite_close(q);
        return s;
    }
    *out_state = q;
    return OK;
}

/* --- statements -------------------------------------------------------------------------------------------------------- */

static int bind_text(sqlite3_stmt *s, int at, struct slice text)
{
    return sqlite3_bind_text64(s, at, text.at != NULL ? text.at : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_one(struct sqlite *q, sqlite3_stmt *s, int at, char what, const struct store_op *op)
{
    switch (what) {
    case 'a':
        return sqlite3_bind_int64(s, at, op->app);
    case 'u':
        return sqlite3_bind_int64(s, at, op->user_id);
    case 'n':
        return bind_text(s, at, op->name);
    case 'e':
        return bind_text(s, at, op->event);
    case 'p':
        return bind_text(s, at, op->payload);
    case 't':
        return bind_text(s, at, op->text2);
    case 'E':
        return sqlite3_bind_int64(s, at, (int64_t)op->epoch);
    case 'o':
        return sqlite3_bind_int64(s, at, (int64_t)op->offset);
    case 'm':
        return sqlite3_bind_int64(s, at, (int64_t)op->time_ms);
    case 'f':
        return sqlite3_bind_int64(s, at, op->flags);
    case '#':
        return sqlite3_bind_int64(s, at, (int64_t)op->number);
    case 's':
        return sqlite3_bind_int64(s, at, ++q->seq);
    default:
        return sqlite3_bind_int64(s, at, (int64_t)clock_wall_ms());
    }
}

/* A failure within a group. Some end the whole transaction, whatever they are called. */
static enum status failure(struct sqlite *q, int code, struct error *e)
{
    enum status s = sqlite_failure(&q->file, code, e);
    if ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN)
        q->must_reopen = true;
    return sqlite3_get_autocommit(q->file.db) ? E_STORE_AWAY : s;
}

/* Binds and makes the first step; the caller makes sqlite3_reset. */
static int start(struct sqlite *q, int which, const struct store_op *op)
{
    sqlite3_stmt *s = q->statements[which];
    const char   *binds = sql_of(which)->binds;
    int           code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && binds[i] != '\0'; i++)
        code = bind_one(q, s, i + 1, binds[i], op);
    return code == SQLITE_OK ? sqlite3_step(s) : code;
}

static enum status execute(struct sqlite *q, int which, const struct store_op *op, struct error *e)
{
    int         code = start(q, which, op);
    enum status s = code == SQLITE_DONE ? OK : failure(q, code, e);
    sqlite3_reset(q->statements[which]);
    return s;
}

/* --- reads ------------------------------------------------------------------------------------------------------------- */

static struct slice column(sqlite3_stmt *s, int i)
{
    const void *at = sqlite3_column_text(s, i);
    return slice_of(at, (size_t)sqlite3_column_bytes(s, i));
}

static enum status read_text(struct sqlite *q, struct store_op *op, struct error *e)
{
    sqlite3_stmt *s = q->statements[op->kind];
    int           code = start(q, (int)op->kind, op);
    enum status   status = code == SQLITE_DONE || code == SQLITE_ROW ? OK : failure(q, code, e);
    if (code == SQLITE_ROW) {
        struct slice from = column(s, 0);
        char        *text = malloc(from.len + 1);
        if (text == NULL || (from.at == NULL && sqlite3_errcode(q->file.db) == SQLITE_NOMEM))
            status = error_plain(e, E_NO_MEMORY);
        else if (from.at != NULL)
            memcpy(text, from.at, from.len);
        op->found = status == OK;
        if (status == OK)
            op->text = slice_of(text, from.len);
        else
            free(text);
    }
    sqlite3_reset(s);
    return status;
}

static enum status read_seen(struct sqlite *q, struct store_op *op, struct error *e)
{
    int         code = start(q, SQL_SEEN, op);
    enum status s = code == SQLITE_DONE || code == SQLITE_ROW ? OK : failure(q, code, e);
    op->number = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q->statements[SQL_SEEN], 0) : UINT64_MAX;
    sqlite3_reset(q->statements[SQL_SEEN]);
    return s;
}

/* Every statement that reads rows has these columns: app, user_id, name, epoch, offset, time_ms, flags, event, payload, number,
 * text2, seq. */
enum { COLUMN_SEQ = 11 };
static struct store_row *row_here(sqlite3_stmt *s, enum store_kind kind)
{
    struct store_row *row = store_row_new(kind, (uint32_t)sqlite3_column_int64(s, 0), (uint32_t)sqlite3_column_int64(s, 1),
                                          column(s, 2), column(s, 7), column(s, 8), column(s, 10));
    if (row != NULL) {
        row->epoch = (uint64_t)sqlite3_column_int64(s, 3);
        row->offset = (uint64_t)sqlite3_column_int64(s, 4);
        row->time_ms = (uint64_t)sqlite3_column_int64(s, 5);
        row->flags = (uint32_t)sqlite3_column_int64(s, 6);
        row->number = (uint64_t)sqlite3_column_int64(s, 9);
    }
    return row;
}

static enum status read_queue(struct sqlite *q, struct store_op *op, struct error *e)
{
    sqlite3_stmt      *s = q->statements[SQL_QUEUE];
    struct store_row **last = &op->rows;
    enum status        status = OK;
    int                code = start(q, SQL_QUEUE, op);
    for (; status == OK && code == SQLITE_ROW; code = sqlite3_step(s)) {
        *last = row_here(s, STORE_QUEUE_ADD);
        if (*last == NULL)
            status = error_plain(e, E_NO_MEMORY);
        else
            last = &(*last)->next;
    }
    if (status == OK && code != SQLITE_DONE)
        status = failure(q, code, e);
    sqlite3_reset(s);
    return status;
}

/* The newest come first, and are turned around. */
static enum status read_history(struct sqlite *q, struct store_op *op, struct error *e)
{
    sqlite3_stmt *s = q->statements[STORE_HISTORY];
    enum status   status = OK;
    int           code = start(q, STORE_HISTORY, op);
    for (; status == OK && code == SQLITE_ROW; code = sqlite3_step(s)) {
        struct store_row *row = row_here(s, STORE_HISTORY_ADD);
        if (row == NULL) {
            status = error_plain(e, E_NO_MEMORY);
            break;
        }
        row->next = op->rows;
        op->rows = row;
    }
    if (status == OK && code != SQLITE_DONE)
        status = failure(q, code, e);
    sqlite3_reset(s);
    return status;
}

static enum status drop_one(struct sqlite *q, struct store_op *op, struct error *e)
{
    enum status s = execute(q, op->name.len > 0 ? STORE_HISTORY_DROP_ONE : SQL_DROP_ANYWHERE, op, e);
    op->found = s == OK && sqlite3_changes(q->file.db) > 0;
    return s;
}

static enum status sqlite_apply(void *state, struct store_op *op, struct error *out_error)
{
    struct sqlite *q = state;
    enum status    s;
    switch (op->kind) {
    case STORE_USER:
        s = read_text(q, op, out_error);
        if (s == OK)
            s = read_seen(q, op, out_error);
        return s == OK ? read_queue(q, op, out_error) : s;
    case STORE_DATA:
        return read_text(q, op, out_error);
    case STORE_HISTORY:
        return read_history(q, op, out_error);
    case STORE_HISTORY_DROP_ONE:
        return drop_one(q, op, out_error);
    default:
        return execute(q, (int)op->kind, op, out_error);
    }
}

/* --- groups ------------------------------------------------------------------------------------------------------------ */

static enum status sqlite_begin(void *state, struct error *out_error)
{
    struct sqlite *q = state;
    if (q->file.db == NULL)
        return error_set(out_error, E_STORE_AWAY, "%.150s cannot be opened", q->file.path);
    return execute(q, SQL_BEGIN, NULL, out_error);
}

static enum status sqlite_commit(void *state, struct error *out_error)
{
    counter_set(COUNTER_MEMORY_STORE, (uint64_t)sqlite3_memory_used());
    return execute(state, SQL_COMMIT, NULL, out_error);
}

static void sqlite_abandon(void *state)
{
    struct sqlite *q = state;
    if (q->file.db != NULL && !sqlite3_get_autocommit(q->file.db))
        (void)sqlite3_exec(q->file.db, "ROLLBACK", NULL, NULL, NULL);
    /* Without memory even that may fail, and no transaction could begin inside this one: closing the file ends it. */
    q->must_reopen |= q->file.db != NULL && !sqlite3_get_autocommit(q->file.db);
}

/* A full disk or a locked file needs only time. After an I/O error what SQLite knows about the file may be wrong. */
static enum status sqlite_revive(void *state, struct error *out_error)
{
    struct sqlite *q = state;
    if (!q->must_reopen && q->file.db != NULL)
        return OK;
    statements_drop(q);
    enum status s = sqlite_file_reopen(&q->file, &q->setup, out_error);
    if (s == OK)
        s = ready(q, out_error);
    q->must_reopen = s != OK;
    if (s != OK) {
        statements_drop(q);
        sqlite_file_release(&q->file);
    }
    return s;
}

/* --- loading ----------------------------------------------------------------------------------------------------------- */

static const struct {
    enum store_kind kind;
    const char     *text;
} loads[] = {
    { STORE_SETTING_PUT, "SELECT app, 0, name, 0, 0, 0, 0, '', '', length, '', 0 FROM pipes_settings" },
    { STORE_HISTORY_ADD, "SELECT app, user_id, name, epoch, offset, time_ms, flags, event, message, 0, '', seq FROM pipes_messages"
                         " ORDER BY app, name, epoch, offset" },
    { STORE_TOKEN_PUT, "SELECT app, user_id, '', 0, 0, 0, 0, '', token, time, '', 0 FROM revoked_tokens" },
    { STORE_CONFERENCE_PUT, "SELECT app, user_id, name, 0, 0, time_ms, 0, profile, message, caller_id, node, 0 FROM conference" },
};

/* Rows in the order of the table's key, which needs no sorting. A channel's epochs are random numbers, though: each is a run of
 * rows, and the runs of a channel are linked in the order in which they began. */
struct run {
    struct store_row *first, *last;
    int64_t           seq;
};

struct loading {
    struct store_row  *rows, **end; /* what is in order */
    struct run        *runs;        /* of the channel under way; owned */
    uint32_t           run_count, run_cap;
};

static int by_seq(const void *a, const void *b)
{
    int64_t x = ((const struct run *)a)->seq, y = ((const struct run *)b)->seq;
    return x < y ? -1 : x > y;
}

static void runs_link(struct loading *l)
{
    if (l->run_count > 1)
        qsort(l->runs, l->run_count, sizeof *l->runs, by_seq);
    for (uint32_t i = 0; i < l->run_count; i++) {
        *l->end = l->runs[i].first;
        l->end = &l->runs[i].last->next;
    }
    l->run_count = 0;
}

static enum status load_row(struct loading *l, struct store_row *given, int64_t seq)
{
    struct run *run = l->run_count > 0 ? &l->runs[l->run_count - 1] : NULL;
    if (given == NULL)
        return E_NO_MEMORY;
    bool is_same = run != NULL && run->last->app == given->app && slice_equal(run->last->name, given->name);
    if (is_same && run->last->epoch == given->epoch) {
        run->last->next = given;
        run->last = given;
        return OK;
    }
    if (!is_same)
        runs_link(l);
    if (!array_room(&l->runs, &l->run_cap, l->run_count + 1, sizeof *l->runs)) {
        store_rows_free(given);
        return E_NO_MEMORY;
    }
    l->runs[l->run_count++] = (struct run){ given, given, seq };
    return OK;
}

static enum status load_table(struct sqlite *q, struct loading *l, size_t which, struct error *e)
{
    sqlite3_stmt *s = NULL;
    enum status   status = OK;
    int           code = sqlite3_prepare_v2(q->file.db, loads[which].text, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    for (; status == OK && code == SQLITE_ROW; code = sqlite3_step(s))
        if (load_row(l, row_here(s, loads[which].kind), sqlite3_column_int64(s, COLUMN_SEQ)) != OK)
            status = error_plain(e, E_NO_MEMORY);
    runs_link(l);
    if (status == OK && code != SQLITE_DONE)
        status = sqlite_failure(&q->file, code, e);
    sqlite3_finalize(s);
    return status;
}

static enum status sqlite_load(void *state, struct store_row **out_rows, struct error *out_error)
{
    struct sqlite *q = state;
    struct loading l = { 0 };
    enum status    s = q->file.db != NULL ? OK : error_set(out_error, E_STORE_AWAY, "%.150s cannot be opened", q->file.path);
    l.end = &l.rows;
    for (size_t i = 0; s == OK && i < sizeof loads / sizeof *loads; i++)
        if (loads[i].kind != STORE_HISTORY_ADD || !q->setup.skips_history)
            s = load_table(q, &l, i, out_error);
    free(l.runs);
    if (s == OK)
        *out_rows = l.rows;
    else
        store_rows_free(l.rows);
    return s;
}

const struct store_backend store_sqlite = {
    .name = "sqlite", .open = sqlite_open, .load = sqlite_load, .begin = sqlite_begin, .apply = sqlite_apply,
    .commit = sqlite_commit, .abandon = sqlite_abandon, .revive = sqlite_revive, .close = sqlite_close,
};
