/* storage.c: see storage.h. */
#include "server/storage.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/hub.h"
#include "store/migrate.h"

#define DB_RETRY_MS 5000

/* The first setting that a database needs and that nobody has set; NULL when nothing is missing. */
static const char *missing_of_database(const struct config *c)
{
    return c->db.host[0] == '\0' ? "db.host" : c->db.user[0] == '\0' ? "db.user" : c->db.name[0] == '\0' ? "db.name" : NULL;
}

static enum status choose_backend(const struct config *c, const char **out, struct error *e)
{
    const char *wanted = c->store.backend;
    if (strcmp(wanted, "auto") == 0)
        wanted = c->db.host[0] != '\0' ? "mariadb" : "sqlite";
    if (strcmp(wanted, "sqlite") != 0 && strcmp(wanted, "mariadb") != 0 && strcmp(wanted, "memory") != 0)
        return error_set(e, E_CONFIG, "store.backend = %s: it must be auto, sqlite, mariadb or memory", wanted);
    if (strcmp(wanted, "mariadb") == 0 && missing_of_database(c) != NULL)
        return error_set(e, E_CONFIG,
                         "%s is not set: a database needs db.host, db.user and db.name (and db.password); to do without one set "
                         "store.backend = sqlite", missing_of_database(c));
    *out = wanted;
    return OK;
}

static enum status choose_durability(const char *wanted, enum store_durability *out, struct error *e)
{
    static const char *const names[] = { [STORE_COMMIT] = "commit", [STORE_BATCH] = "batch", [STORE_NONE] = "none" };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(wanted, names[i]) == 0) {
            *out = (enum store_durability)i;
            return OK;
        }
    return error_set(e, E_CONFIG, "store.durability = %s: it must be commit, batch or none", wanted);
}

enum status storage_setup_from(const struct config *c, struct store_setup *out, struct error *out_error)
{
    *out = (struct store_setup){
        .queue_bytes = c->store.queue_bytes,
        .patience_ms = (uint32_t)c->store.patience_ms,
        .skips_history = true, /* the hub reads it channel by channel */
        .directory = c->main.state_dir,
        .server = {
            .host = c->db.host,
            .user = c->db.user,
            .password = c->db.password,
            .name = c->db.name,
            .port = c->db.port,
            .connections = (unsigned)c->db.connection_count,
            .attempts = (unsigned)c->db.attempts,
            .retry_ms = DB_RETRY_MS,
            .timeout_ms = (uint32_t)c->db.timeout_ms,
        },
    };
    enum status status = choose_backend(c, &out->backend, out_error);
    return status == OK ? choose_durability(c->store.durability, &out->durability, out_error) : status;
}

bool storage_keeps_history(const struct config *c)
{
    struct store_setup setup;
    struct error       ignored;
    return storage_setup_from(c, &setup, &ignored) == OK && strcmp(setup.backend, "memory") != 0;
}

bool storage_is_kept(const struct config *c)
{
    return storage_keeps_history(c);
}

void storage_identity(const struct config *c, char out[STORAGE_IDENTITY])
{
    struct store_setup setup;
    struct error       ignored;
    if (storage_setup_from(c, &setup, &ignored) != OK)
        out[0] = '\0';
    else if (strcmp(setup.backend, "mariadb") == 0)
        snprintf(out, STORAGE_IDENTITY, "mariadb %.512s:%u %.512s", setup.server.host, setup.server.port, setup.server.name);
    else
        snprintf(out, STORAGE_IDENTITY, "%s %.3900s", setup.backend, strcmp(setup.backend, "sqlite") == 0 ? setup.directory : "");
}

enum status storage_reopen(const struct config *c, struct error *out_error)
{
    struct store_setup setup;
    enum status        status = storage_setup_from(c, &setup, out_error);
    return status == OK ? store_open(&setup, out_error) : status;
}

enum status storage_open(const struct config *c, const struct store_row *legacy, struct error *out_error)
{
    struct store_setup setup;
    struct store_row  *rows = NULL;
    enum status        status = storage_setup_from(c, &setup, out_error);
    if (status != OK || (status = store_open(&setup, out_error)) != OK)
        return status;
    uint64_t from_ms = clock_mono_ms();
    status = store_restore(legacy, out_error);
    if (status == OK)
        status = store_load(&rows, out_error);
    if (status == OK && hub_load(rows) != OK)
        status = error_plain(out_error, E_NO_MEMORY);
    if (status != OK)
        (void)store_close();
    else
        log_debug("store: %s, loaded in %llu ms", setup.backend, (unsigned long long)(clock_mono_ms() - from_ms));
    return status;
}

static void say(const char *line)
{
    puts(line);
    fflush(stdout); /* the next step may take long */
}

int storage_migrate(const struct config *c)
{
    struct store_setup setup;
    struct error       e = { 0 };
    enum status        s = storage_setup_from(c, &setup, &e);
    if (s == OK && missing_of_database(c) != NULL)
        s = error_set(&e, E_CONFIG, "which database? %s is not set: give --config comet.ini, or db.host, db.user, db.password and db.name",
                      missing_of_database(c));
    if (s == OK)
        s = store_migrate(&(struct migration){ .server = &setup.server, .is_dry = c->is_dry_run, .say = say }, &e);
    if (s != OK)
        fprintf(stderr, "encke migrate: %s\n", e.text);
    return s == OK ? 0 : 1;
}

void storage_close(void)
{
    uint64_t lost = store_close();
    if (lost > 0)
        log_error("store: %llu writes could not be done before the end and are lost", (unsigned long long)lost);
}
