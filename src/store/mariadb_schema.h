/* mariadb_schema: what the tables must be like, and what is to be done when they are not.
 *
 * One table of wanted columns and indexes (mariadb_schema.c) is compared with what information_schema says:
 *
 *   nothing is there         SCHEMA_EMPTY   the server makes the tables by itself
 *   all is as wanted         SCHEMA_READY
 *   anything else            SCHEMA_OLD     one ALTER TABLE for each table that differs: `encke migrate` (store/migrate.h)
 *
 * Being a comparison it can be repeated at any time, and goes on where it was interrupted. What is there beyond the wanted
 * (other columns, indexes, tables) is left alone. The names are CppComet's, whose statements go on working: columns it does not
 * know have defaults, and are INVISIBLE where the server can do that, for INSERTs that name no columns.
 */
#ifndef ENCKE_STORE_MARIADB_SCHEMA_H
#define ENCKE_STORE_MARIADB_SCHEMA_H

#include "base/buf.h"
#include "store/mariadb_link.h"

enum schema_state { SCHEMA_READY, SCHEMA_EMPTY, SCHEMA_OLD };

enum { SCHEMA_TABLES = 10 };

struct schema_plan {
    enum schema_state state;
    struct schema_step {
        const char *table;
        struct buf  sql; /* owned; empty: nothing is to be done */
        struct buf  why; /* owned; for people: "engine MEMORY -> InnoDB, new column seq" */
        bool        is_new;
    } steps[SCHEMA_TABLES];
};

/* Compares. E_CONFIG for a database that is neither CppComet's nor ours, or of a later version of ours. */
enum status schema_plan_make(struct link *l, struct schema_plan *out, struct error *out_error);
void schema_plan_clear(struct schema_plan *p);

/* Says that the tables are as this version knows them. */
enum status schema_sign(struct link *l, struct error *out_error);

/* For the server: makes the tables in an empty database, refuses one that needs `encke migrate`. */
enum status schema_expect(struct link *l, const struct store_server *server, struct error *out_error);

/* Counts one more start of a connection that writes: numbers made from it are above all earlier ones. */
enum status schema_count_start(struct link *l, uint64_t *out_starts, struct error *out_error);

#endif
