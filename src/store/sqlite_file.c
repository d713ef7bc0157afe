/* sqlite_file.c: see sqlite_file.h. */
#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x454E434B }; /* "ENCK" */

/* How each schema is made from the one before. Never changed once released: a new one is a new entry.
 *
 * Numbers of 64 bits are kept as SQLite's signed ones. `seq` puts the epochs of a channel in order, which are random numbers:
 * it grows with every entry, over all starts. */
static const char *const upgrades[] = {
    "CREATE TABLE users_auth (app INTEGER NOT NULL, user_id INTEGER NOT NULL, hash TEXT NOT NULL,"
    " PRIMARY KEY (app, user_id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE users_data (app INTEGER NOT NULL, user_id INTEGER NOT NULL, data TEXT NOT NULL,"
    " PRIMARY KEY (app, user_id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE users_time (app INTEGER NOT NULL, user_id INTEGER NOT NULL, time INTEGER NOT NULL,"
    " PRIMARY KEY (app, user_id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE users_messages (app INTEGER NOT NULL, user_id INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " time_ms INTEGER NOT NULL, flags INTEGER NOT NULL, event TEXT NOT NULL, message TEXT NOT NULL,"
    " PRIMARY KEY (app, user_id, offset)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX users_messages_time ON users_messages (time_ms);"
    "CREATE TABLE pipes_settings (app INTEGER NOT NULL, name TEXT NOT NULL, length INTEGER NOT NULL,"
    " PRIMARY KEY (app, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pipes_messages (app INTEGER NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, time_ms INTEGER NOT NULL, user_id INTEGER NOT NULL, flags INTEGER NOT NULL, event TEXT NOT NULL,"
    " message TEXT NOT NULL, PRIMARY KEY (app, name, epoch, offset)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE revoked_tokens (app INTEGER NOT NULL, token TEXT NOT NULL, user_id INTEGER NOT NULL, time INTEGER NOT NULL,"
    " PRIMARY KEY (app, token)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE conference (app INTEGER NOT NULL, name TEXT NOT NULL, user_id INTEGER NOT NULL, caller_id INTEGER NOT NULL,"
    " message TEXT NOT NULL, profile TEXT NOT NULL, node TEXT NOT NULL, time_ms INTEGER NOT NULL,"
    " PRIMARY KEY (app, name, user_id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE log_query (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, app INTEGER NOT NULL, query TEXT NOT NULL) STRICT;"
    "CREATE TABLE starts (count INTEGER NOT NULL) STRICT;"
    "INSERT INTO starts VALUES (0);",
    /* Old messages are looked for once a minute. */
    "CREATE INDEX pipes_messages_time ON pipes_messages (time_ms);",
};
enum { SCHEMA_NEWEST = sizeof upgrades / sizeof *upgrades };

/* --- failures ---------------------------------------------------------------------------------------------------------- */

enum status sqlite_failure(struct sqlite_file *f, int code, struct error *e)
{
    const char *words = f->db != NULL ? sqlite3_errmsg(f->db) : sqlite3_errstr(code);
    switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return error_set(e, E_STORE_AWAY, "%.120s: %s (%d)", f->path, words, code);
    case SQLITE_NOMEM:
        return error_plain(e, E_NO_MEMORY);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(e, E_STORE, "%.100s is damaged (%.40s): restore a backup, or save what can be read with sqlite3's"
                                     " .recover; moved away, the store begins empty", f->path, words);
    default:
        return error_set(e, E_STORE, "%.120s: %s (%d)", f->path, words, code);
    }
}

enum status sqlite_run(struct sqlite_file *f, const char *sql, struct error *e)
{
    int code = sqlite3_exec(f->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : sqlite_failure(f, code, e);
}

enum status sqlite_number(struct sqlite_file *f, const char *sql, int64_t *out_number, struct error *e)
{
    sqlite3_stmt *s = NULL;
    int           code = sqlite3_prepare_v2(f->db, sql, -1, &s, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        *out_number = sqlite3_column_int64(s, 0);
        code = sqlite3_step(s); /* to its end: a change is made whole */
    }
    enum status status = code == SQLITE_DONE ? OK : sqlite_failure(f, code, e);
    sqlite3_finalize(s);
    return status;
}

/* --- the lock ---------------------------------------------------------------------------------------------------------- */

/* A lock of the open file, not of the process: it goes when the process dies, and not when some thread closes a copy. */
static enum status take_lock(struct sqlite_file *f, const char *directory, struct error *e)
{
    char path[4096], number[24] = "";
    if (snprintf(path, sizeof path, "%s/encke.lock", directory) >= (int)sizeof path)
        return error_set(e, E_CONFIG, "main.state_dir is too long");
    f->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock_fd < 0)
        return error_set(e, E_IO, "cannot open %.150s: %s", path, strerror(errno));
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        int len = snprintf(number, sizeof number, "%ld\n", (long)getpid());
        if (ftruncate(f->lock_fd, 0) == 0)
            (void)!pwrite(f->lock_fd, number, (size_t)len, 0); /* only for the message below: a full disk is no reason to stop */
        return OK;
    }
    int reason = errno;
    (void)!pread(f->lock_fd, number, sizeof number - 1, 0);
    number[strcspn(number, "\n")] = '\0';
    close(f->lock_fd);
    f->lock_fd = -1;
    if (reason != EWOULDBLOCK)
        return error_set(e, E_IO, "cannot lock %.150s: %s", path, strerror(reason));
    return error_set(e, E_IO, "%.120s is in use by process %s: stop that one, or give this one a main.state_dir of its own", f->path,
                     number[0] != '\0' ? number : "(unknown)");
}

/* --- the schema -------------------------------------------------------------------------------------------------------- */

/* An empty file becomes ours; one of somebody else, or of a later version, is left alone. */
static enum status check_owner(struct sqlite_file *f, int64_t version, struct error *e)
{
    int64_t     id, tables;
    enum status s = sqlite_number(f, "PRAGMA application_id", &id, e);
    if (s == OK)
        s = sqlite_number(f, "SELECT count(*) FROM sqlite_schema", &tables, e);
    if (s != OK)
        return s;
    if (id != APPLICATION_ID && (id != 0 || tables > 0 || version > 0))
        return error_set(e, E_IO, "%.120s is a database of another program: move it away", f->path);
    if (version > SCHEMA_NEWEST)
        return error_set(e, E_IO, "%.80s was written by a later version (schema %lld, this one knows %d): use that version, or a"
                                  " backup from before", f->path, (long long)version, SCHEMA_NEWEST);
    return OK;
}

static enum status upgrade(struct sqlite_file *f, struct error *e)
{
    char        mark[96];
    int64_t     version;
    enum status s = sqlite_number(f, "PRAGMA user_version", &version, e);
    if (s == OK)
        s = check_owner(f, version, e);
    for (; s == OK && version < SCHEMA_NEWEST; version++) {
        snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT", APPLICATION_ID,
                 (long long)version + 1);
        s = sqlite_run(f, "BEGIN IMMEDIATE", e);
        if (s == OK)
            s = sqlite_run(f, upgrades[version], e);
        if (s == OK)
            s = sqlite_run(f, mark, e);
    }
    return s;
}

/* --- opening ----------------------------------------------------------------------------------------------------------- */

/* SQLite would make it readable for everybody. */
static enum status make_private(struct sqlite_file *f, struct error *e)
{
    int fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, E_IO, "cannot open %.150s: %s", f->path, strerror(errno));
    close(fd); /* no database is open in this process: no lock of SQLite's is lost with it */
    return OK;
}

/* journal_mode answers with the mode that came of it. */
static enum status go_wal(struct sqlite_file *f, struct error *e)
{
    sqlite3_stmt *s = NULL;
    int           code = sqlite3_prepare_v2(f->db, "PRAGMA journal_mode = WAL", -1, &s, NULL);
    enum status   status = OK;
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code != SQLITE_ROW)
        status = sqlite_failure(f, code, e);
    else if (strcmp((const char *)sqlite3_column_text(s, 0), "wal") != 0)
        status = error_set(e, E_IO, "%.120s: this file system cannot share memory between processes, which WAL needs", f->path);
    sqlite3_finalize(s);
    return status;
}

static enum status prepare_file(struct sqlite_file *f, const struct store_setup *setup, struct error *e)
{
    sqlite3_busy_timeout(f->db, 1000); /* a backup or somebody's short statement is no trouble yet */
    enum status s = go_wal(f, e);
    if (s == OK)
        s = sqlite_run(f, setup->durability == STORE_COMMIT ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e);
    if (s == OK)
        s = sqlite_run(f,
                       "PRAGMA wal_autocheckpoint = 4000;"      /* 16 MB: a checkpoint each second under full load, not ten */
                       "PRAGMA journal_size_limit = 67108864;"
                       "PRAGMA cache_size = -16384;"
                       "PRAGMA temp_store = MEMORY;",
                       e);
    return s == OK ? upgrade(f, e) : s;
}

enum status sqlite_file_reopen(struct sqlite_file *f, const struct store_setup *setup, struct error *e)
{
    sqlite_file_release(f);
    enum status s = make_private(f, e);
    if (s != OK)
        return s;
    int code = sqlite3_open_v2(f->path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                               NULL);
    s = code == SQLITE_OK ? prepare_file(f, setup, e) : sqlite_failure(f, code, e);
    if (s != OK)
        sqlite_file_release(f);
    return s;
}

enum status sqlite_file_open(struct sqlite_file *f, const struct store_setup *setup, struct error *e)
{
    f->db = NULL;
    f->lock_fd = -1;
    if (snprintf(f->path, sizeof f->path, "%s/encke.db", setup->directory) >= (int)sizeof f->path)
        return error_set(e, E_CONFIG, "main.state_dir is too long");
    enum status s = take_lock(f, setup->directory, e);
    if (s == OK)
        s = sqlite_file_reopen(f, setup, e);
    if (s != OK)
        sqlite_file_close(f);
    return s;
}

void sqlite_file_release(struct sqlite_file *f)
{
    if (f->db != NULL)
        bug_if(sqlite3_close(f->db) != SQLITE_OK); /* a statement was left */
    f->db = NULL;
}

void sqlite_file_close(struct sqlite_file *f)
{
    sqlite_file_release(f);
    if (f->lock_fd >= 0) {
        (void)flock(f->lock_fd, LOCK_UN); /* the shards' tables may have copies of the descriptor */
        close(f->lock_fd);
    }
    f->lock_fd = -1;
}
