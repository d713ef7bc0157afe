/* mariadb_link: one connection to a database, and statements prepared on it. The only user of libmariadb.
 *
 *   struct link l;
 *   link_open(&l, &setup->server, LINK_QUICK, &e);
 *   struct link_query q = { 0 };
 *   link_prepare(&l, &q, "SELECT a, b FROM t WHERE c = ?", &e);
 *   link_execute(&q, (struct link_value[]){ link_number(7) }, 1, &e);
 *   while (link_next(&q, &e) == OK && q.has_row) ... q.cells[0].number, q.cells[1].text
 *   link_forget(&q);
 *   link_close(&l);
 *
 * Every failure is E_STORE_AWAY (nothing can be done at present: `is_broken` says that only a new connection helps), E_STORE (the
 * server refuses this statement) or E_NO_MEMORY, with the server's own words. Its words may quote what was refused: a key, never
 * a message.
 *
 * Thread: all of a link in the one that opened it.
 */
#ifndef ENCKE_STORE_MARIADB_LINK_H
#define ENCKE_STORE_MARIADB_LINK_H

#include "store/store.h"

struct st_mysql;
struct st_mysql_stmt;

/* A statement may take the time the settings allow (QUICK), or as long as it takes (PATIENT: changes of a table). */
enum link_patience { LINK_QUICK, LINK_PATIENT };

struct link {
    struct st_mysql *connection; /* owned; NULL: closed */
    bool             is_broken;  /* everything prepared on it is gone as well */
    uint64_t         max_packet; /* bytes of a statement with its values */
    unsigned         last_code;  /* the server's number of the last failure */
    int              socket;     /* owned; a second descriptor of the connection's socket; 0 = none */
    char             mark[64];   /* the name of a lock that only this session holds: it can be found by it, and ended */
};

/* One parameter, or one cell of a row. */
struct link_value {
    bool         is_text, is_null;
    uint64_t     number; /* signed ones as their two's complement */
    struct slice text;   /* of a cell: valid until the next link_next */
};

enum { LINK_CELLS_MAX = 12 };

/* A prepared statement. Zeroed: not prepared. */
struct link_query {
    struct link          *link;
    struct st_mysql_stmt *statement; /* owned */
    unsigned              cell_count;
    bool                  has_row;
    struct link_value     cells[LINK_CELLS_MAX];
    struct link_cell {
        unsigned long length;
        char          is_null, is_cut;
        char         *room; /* owned */
        size_t        room_size;
    } raw[LINK_CELLS_MAX];
};

static inline struct link_value link_number(uint64_t number)
{
    return (struct link_value){ .number = number };
}

static inline struct link_value link_text(struct slice text)
{
    return (struct link_value){ .is_text = true, .text = text };
}

/* On failure nothing is open. A zeroed link, or one that was closed: then the database is told to end the session from before, which
 * may not have heard of its end, and would hold locks until it does. */
enum status link_open(struct link *l, const struct store_server *server, enum link_patience patience, struct error *out_error);
void link_close(struct link *l);

/* Statements without values whose answer is of no interest. */
enum status link_run(struct link *l, const char *sql, struct error *out_error);

enum status link_prepare(struct link *l, struct link_query *q, const char *sql, struct error *out_error);
/* Runs it. What is left of an earlier answer is dropped. Rows come one by one; other statements must wait for the last. */
enum status link_execute(struct link_query *q, const struct link_value *values, unsigned count, struct error *out_error);
/* The next row into cells, or has_row = false. */
enum status link_next(struct link_query *q, struct error *out_error);
/* Rows that the last statement changed. */
uint64_t link_changed(const struct link_query *q);
/* Drops what is left of the answer. */
void link_finish(struct link_query *q);
void link_forget(struct link_query *q); /* frees all; zeroed afterwards */

/* One number by one statement without values. NULL gives 0. */
enum status link_ask(struct link *l, const char *sql, uint64_t *out_number, struct error *out_error);

/* Was the last failure that the account may not log in, or not use the database? Waiting does not help at a start. */
bool link_was_denied(const struct link *l);

/* "MariaDB 10.11.6" or the like, for people. */
const char *link_server_name(const struct link *l);

#endif
