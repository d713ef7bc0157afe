/* sqlite_file: the file encke.db, from its lock to its schema.
 *
 *   DIRECTORY/encke.lock    locked (flock) while a process uses the store; holds its number
 *   DIRECTORY/encke.db      0600, WAL; application_id "ENCK", user_version = number of the schema
 *   DIRECTORY/encke.db-wal, -shm    SQLite's own, gone after an orderly end
 *
 * Thread: the store's one worker opens, uses and closes it (SQLite's locks belong to a descriptor table; the shards have others).
 */
#ifndef ENCKE_STORE_SQLITE_FILE_H
#define ENCKE_STORE_SQLITE_FILE_H

#include "store/store.h"

struct sqlite3;

struct sqlite_file {
    char            path[4096];
    int             lock_fd;
    struct sqlite3 *db; /* NULL: could not be opened again */
};

/* Takes the lock, and opens as sqlite_file_reopen does. On failure nothing is open. */
enum status sqlite_file_open(struct sqlite_file *f, const struct store_setup *setup, struct error *out_error);

/* Opens (and makes or upgrades) the database; the lock is held already. What was open is closed. */
enum status sqlite_file_reopen(struct sqlite_file *f, const struct store_setup *setup, struct error *out_error);

/* Closes the database; every statement has been finalized. */
void sqlite_file_release(struct sqlite_file *f);

/* Closes the database and gives the lock back. */
void sqlite_file_close(struct sqlite_file *f);

/* What a result code means for an operation, with SQLite's words and the path. */
enum status sqlite_failure(struct sqlite_file *f, int code, struct error *out_error);

/* Runs statements that answer nothing. */
enum status sqlite_run(struct sqlite_file *f, const char *sql, struct error *out_error);

/* A statement that answers one number. */
enum status sqlite_number(struct sqlite_file *f, const char *sql, int64_t *out_number, struct error *out_error);

#endif
