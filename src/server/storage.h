/* storage: from the configuration to an open store, and what it holds to the hub.
 *
 * Thread: main, before the shards start and after they have ended.
 */
#ifndef ENCKE_SERVER_STORAGE_H
#define ENCKE_SERVER_STORAGE_H

#include "server/config.h"
#include "store/store.h"

/* Which backend, where, how: borrows from the configuration. The error names the setting. */
enum status storage_setup_from(const struct config *c, struct store_setup *out, struct error *out_error)
    __attribute__((warn_unused_result));

/* Does what leaves the memory stay in the store? */
bool storage_keeps_history(const struct config *c);

/* Does what is in it outlive the process? */
bool storage_is_kept(const struct config *c);

/* Which store that is, as a text: two processes with the same one have the same data. */
#define STORAGE_IDENTITY 4352
void storage_identity(const struct config *c, char out[STORAGE_IDENTITY]);

/* Opens it and gives the hub what it holds; after hub_setup. */
enum status storage_open(const struct config *c, const struct store_row *legacy, struct error *out_error)
    __attribute__((warn_unused_result)); /* `legacy`: what another process had in a store that ended with it; NULL: nothing */

/* While the shards stand still: opens it again, for a hub that knows everything. */
enum status storage_reopen(const struct config *c, struct error *out_error) __attribute__((warn_unused_result));

/* `encke migrate`: the database of CppComet becomes ours (store/migrate.h), whatever store.backend says. Says on standard output
 * what it does. The exit code. */
int storage_migrate(const struct config *c);

/* Writes what waits. Says so when something was lost. */
void storage_close(void);

#endif
