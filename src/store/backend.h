/* backend: one kind of store, as its worker thread sees it (store.c). Files: memory.c, sqlite.c, mariadb.c.
 *
 *   open -> load -> { begin -> apply ... apply -> commit }* -> close          all in the one thread that opened it
 *                        \-> E_STORE_AWAY anywhere: abandon -> pause -> revive -> the same group again
 *
 * Thread: each state belongs to the worker that opened it (SQLite's locks belong to a descriptor table; ARCHITECTURE section 1).
 */
#ifndef ENCKE_STORE_BACKEND_H
#define ENCKE_STORE_BACKEND_H

#include "store/store.h"

struct store_backend {
    const char *name;
    bool        has_workers; /* may have several (server.connections of them) */

    /* Workers are opened one after the other. */
    enum status (*open)(void **out_state, const struct store_setup *setup, struct error *out_error);
    /* Everything store_load promises; asked of the first worker only. */
    enum status (*load)(void *state, struct store_row **out_rows, struct error *out_error);
    /* Everything that ends with the process, as writes; NULL where nothing does. */
    enum status (*dump)(void *state, struct store_row **out_rows, struct error *out_error);

    /* A group. `apply` answers E_STORE when this one operation is impossible (it fails, the group goes on), and E_STORE_AWAY when
     * nothing can be done at present: the whole group will be tried again (a read's results are emptied before). Reads are
     * applied in their place among the writes. A failure of begin or commit counts as E_STORE_AWAY whatever it is called; who
     * cannot know whether a commit was the last to succeed makes sure that the same group again changes nothing. An operation
     * may already have been answered (durability none): nothing but a read's results may be written to it. */
    enum status (*begin)(void *state, struct error *out_error);
    enum status (*apply)(void *state, struct store_op *op, struct error *out_error);
    enum status (*commit)(void *state, struct error *out_error);
    void (*abandon)(void *state); /* forget the group that was begun */

    /* Tries to be there again. */
    enum status (*revive)(void *state, struct error *out_error);
    void (*close)(void *state);
};

extern const struct store_backend store_memory, store_sqlite, store_mariadb;

#endif
