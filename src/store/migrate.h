/* migrate: CppComet's database becomes ours, in place.
 *
 *   its tables  --ALTER TABLE, one each-->  tables both can use  --messages get their places-->  ready
 *
 * Nothing is deleted, and nothing is done twice: run again, it finds nothing to do; interrupted, it goes on (each ALTER is whole or
 * not done; messages are placed in transactions of a thousand). An empty database gets the tables. It needs the privileges
 * SELECT, INSERT, UPDATE, CREATE, ALTER and INDEX, and that no other program holds the tables for longer than a minute.
 *
 * Thread: main, without an open store.
 */
#ifndef ENCKE_STORE_MIGRATE_H
#define ENCKE_STORE_MIGRATE_H

#include "store/store.h"

struct migration {
    const struct store_server *server;
    bool                       is_dry; /* says what it would do, and does nothing */
    void (*say)(const char *line);     /* what it does, a line at a time */
};

/* The error says what to do about it; what was done until then stays, and is not done again. */
enum status store_migrate(const struct migration *m, struct error *out_error) __attribute__((warn_unused_result));

#endif
