/* mariadb_link.c: see mariadb_link.h. */
#include "store/mariadb_link.h"

#include <errmsg.h>
#include <fcntl.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"

/* --- failures ---------------------------------------------------------------------------------------------------------- */

/* What the server says when it cannot serve at present, and will again: it is ending, it is full, somebody else holds a lock, the
 * disk is full, it is read-only for a while. Deadlocks and timeouts belong here: the transaction is gone and is tried again. */
static const unsigned away_codes[] = {
    ER_CON_COUNT_ERROR, ER_OUT_OF_RESOURCES, ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_ABORTING_CONNECTION, ER_NEW_ABORTING_CONNECTION,
    ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED, ER_TOO_MANY_USER_CONNECTIONS,
    ER_USER_LIMIT_REACHED, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_LOCK_TABLE_FULL, ER_DISK_FULL, ER_RECORD_FILE_FULL, ER_GET_ERRNO,
    ER_ERROR_ON_WRITE, ER_OUTOFMEMORY, ER_OUT_OF_SORTMEMORY, ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_TRANSACTION,
    ER_ERROR_DURING_COMMIT, ER_ACCESS_DENIED_ERROR, ER_DBACCESS_DENIED_ERROR, ER_HOST_IS_BLOCKED, ER_UNKNOWN_COM_ERROR,
    ER_CONNECTION_KILLED, ER_QUERY_INTERRUPTED, ER_STATEMENT_TIMEOUT, ER_UNKNOWN_STMT_HANDLER, ER_NEED_REPREPARE,
    1836, /* MySQL: running in read-only mode */
    3024, /* MySQL: the statement took too long */
    4031, /* MySQL: disconnected for having been quiet */
};

/* After these the connection still stands, but is of no use. */
static const unsigned broken_codes[] = {
    ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_ABORTING_CONNECTION, ER_NEW_ABORTING_CONNECTION, ER_NET_READ_ERROR,
    ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED, ER_CONNECTION_KILLED, ER_UNKNOWN_COM_ERROR,
    ER_UNKNOWN_STMT_HANDLER, ER_NEED_REPREPARE, ER_NET_PACKET_TOO_LARGE, ER_OPTION_PREVENTS_STATEMENT, 1836, 4031,
};

static bool is_among(unsigned code, const unsigned *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code)
            return true;
    return false;
}
#define IS_AMONG(code, codes) is_among((code), (codes), sizeof(codes) / sizeof *(codes))

/* The client library's own numbers: whatever went wrong, what is half read or written cannot be put right. */
static bool is_clients(unsigned code)
{
    return code >= CR_MIN_ERROR && code < 3000;
}

static enum status failure(struct link *l, unsigned code, const char *words, struct error *e)
{
    l->last_code = code;
    if (code == CR_OUT_OF_MEMORY)
        return error_plain(e, E_NO_MEMORY);
    l->is_broken = l->is_broken || is_clients(code) || IS_AMONG(code, broken_codes);
    bool is_away = is_clients(code) || IS_AMONG(code, away_codes);
    return error_set(e, is_away ? E_STORE_AWAY : E_STORE, "database: %.180s (%u)", words, code);
}

static enum status link_failure(struct link *l, struct error *e)
{
    return failure(l, mysql_errno(l->connection), mysql_error(l->connection), e);
}

static enum status query_failure(struct link_query *q, struct error *e)
{
    return failure(q->link, mysql_stmt_errno(q->statement), mysql_stmt_error(q->statement), e);
}

bool link_was_denied(const struct link *l)
{
    return l->last_code == ER_ACCESS_DENIED_ERROR || l->last_code == ER_DBACCESS_DENIED_ERROR;
}

/* --- the connection ---------------------------------------------------------------------------------------------------- */

static void set_options(MYSQL *c, const struct store_server *server, enum link_patience patience)
{
    unsigned       seconds = (server->timeout_ms + 999) / 1000; /* the library knows whole seconds only */
    const unsigned no_files = 0;
    mysql_options(c, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(c, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(c, MYSQL_OPT_LOCAL_INFILE, &no_files);
    if (patience == LINK_PATIENT)
        return;
    mysql_options(c, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_options(c, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
}

/* How the session is to behave. Rows are locked for a shorter time than a read may take, so that the server's own word comes
 * first. READ COMMITTED locks fewer of them, where the server's log of statements allows it. */
static enum status prepare_session(struct link *l, const struct store_server *server, enum link_patience patience, struct error *e)
{
    static const char committed[] = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    char              limits[160];
    uint64_t          by_statement = 0;
    unsigned          lock_s = patience == LINK_PATIENT ? 60 : server->timeout_ms / 2000 + 1;
    enum status s = link_run(l, "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1", e);
    snprintf(limits, sizeof limits, "SET SESSION lock_wait_timeout = %u, innodb_lock_wait_timeout = %u", lock_s, lock_s);
    if (s == OK)
        s = link_run(l, limits, e);
    if (s == OK)
        s = link_ask(l, "SELECT @@max_allowed_packet", &l->max_packet, e);
    if (s == OK)
        s = link_ask(l, "SELECT @@binlog_format = 'STATEMENT'", &by_statement, e);
    return s == OK && !by_statement ? link_run(l, committed, e) : s;
}

/* Ends the session this link had before, when it still lives, and marks the new one. */
static enum status replace_session(struct link *l, struct error *e)
{
    char          sql[160];
    uint64_t      before = 0, is_marked = 0;
    enum status   s = OK;
    if (l->mark[0] != '\0') {
        snprintf(sql, sizeof sql, "SELECT IS_USED_LOCK('%s')", l->mark);
        s = link_ask(l, sql, &before, e);
        snprintf(sql, sizeof sql, "KILL %llu", (unsigned long long)before);
        if (s == OK && before != 0 && link_run(l, sql, e) != OK && l->is_broken)
            s = E_STORE_AWAY; /* otherwise it ended in this moment */
    }
    if (s != OK)
        return s;
    snprintf(l->mark, sizeof l->mark, "encke.session.%016llx", (unsigned long long)random_u64());
    snprintf(sql, sizeof sql, "SELECT GET_LOCK('%s', 0)", l->mark);
    return link_ask(l, sql, &is_marked, e);
}

enum status link_open(struct link *l, const struct store_server *server, enum link_patience patience, struct error *e)
{
    bool is_socket = server->host[0] == '/';
    l->connection = mysql_init(NULL);
    l->is_broken = false;
    if (l->connection == NULL)
        return error_plain(e, E_NO_MEMORY);
    set_options(l->connection, server, patience);
    enum status s = OK;
    if (mysql_real_connect(l->connection, is_socket ? "localhost" : server->host, server->user, server->password, server->name,
                           is_socket ? 0 : server->port, is_socket ? server->host : NULL, 0) == NULL)
        s = link_failure(l, e);
    else
        l->socket = fcntl((int)mysql_get_socket(l->connection), F_DUPFD_CLOEXEC, 3);
    if (s == OK)
        s = prepare_session(l, server, patience, e);
    if (s == OK)
        s = replace_session(l, e);
    if (s != OK)
        link_close(l);
    return s;
}

void link_close(struct link *l)
{
    if (l->connection != NULL)
        mysql_close(l->connection);
    if (l->socket > 0) {
        /* The shards' tables of descriptors may have copies, and then close() alone ends nothing; and the library closes its own
         * one by itself when something goes wrong. */
        (void)shutdown(l->socket, SHUT_RDWR);
        close(l->socket);
    }
    l->connection = NULL;
    l->socket = 0;
    l->is_broken = true;
}

enum status link_run(struct link *l, const char *sql, struct error *e)
{
    if (l->connection == NULL)
        return error_set(e, E_STORE_AWAY, "database: not connected");
    if (mysql_real_query(l->connection, sql, strlen(sql)) != 0)
        return link_failure(l, e);
    MYSQL_RES *rows = mysql_store_result(l->connection);
    if (rows == NULL && mysql_errno(l->connection) != 0)
        return link_failure(l, e);
    mysql_free_result(rows);
    return OK;
}

const char *link_server_name(const struct link *l)
{
    return mysql_get_server_info(l->connection);
}

/* --- statements -------------------------------------------------------------------------------------------------------- */

static bool is_number(const MYSQL_FIELD *f)
{
    switch (f->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
        return true;
    default:
        return false;
    }
}

/* Numbers are fetched in place; for texts only the length, and then as much room as that takes. */
static enum status bind_cells(struct link_query *q, struct error *e)
{
    MYSQL_RES *described = mysql_stmt_result_metadata(q->statement);
    MYSQL_BIND binds[LINK_CELLS_MAX] = { 0 };
    if (described == NULL)
        return mysql_stmt_errno(q->statement) != 0 ? query_failure(q, e) : OK; /* it answers no rows */
    q->cell_count = mysql_num_fields(described);
    bug_if(q->cell_count > LINK_CELLS_MAX);
    for (unsigned i = 0; i < q->cell_count; i++) {
        const MYSQL_FIELD *f = mysql_fetch_field_direct(described, i);
        bool               is_text = !is_number(f);
        q->cells[i].is_text = is_text;
        binds[i] = (MYSQL_BIND){
            .buffer_type = is_text ? MYSQL_TYPE_STRING : MYSQL_TYPE_LONGLONG,
            .buffer = is_text ? NULL : &q->cells[i].number,
            .buffer_length = is_text ? 0 : sizeof q->cells[i].number,
            .is_unsigned = (f->flags & UNSIGNED_FLAG) != 0,
            .length = &q->raw[i].length,
            .is_null = (my_bool *)&q->raw[i].is_null,
            .error = (my_bool *)&q->raw[i].is_cut,
        };
    }
    mysql_free_result(described);
    return mysql_stmt_bind_result(q->statement, binds) == 0 ? OK : query_failure(q, e);
}

enum status link_prepare(struct link *l, struct link_query *q, const char *sql, struct error *e)
{
    *q = (struct link_query){ .link = l };
    if (l->connection == NULL)
        return error_set(e, E_STORE_AWAY, "database: not connected");
    q->statement = mysql_stmt_init(l->connection);
    if (q->statement == NULL)
        return error_plain(e, E_NO_MEMORY);
    enum status s = mysql_stmt_prepare(q->statement, sql, strlen(sql)) == 0 ? bind_cells(q, e) : query_failure(q, e);
    if (s != OK)
        link_forget(q);
    return s;
}

void link_finish(struct link_query *q)
{
    if (q->statement != NULL && q->has_row)
        mysql_stmt_free_result(q->statement);
    q->has_row = false;
}

void link_forget(struct link_query *q)
{
    if (q->statement != NULL)
        mysql_stmt_close(q->statement);
    for (unsigned i = 0; i < LINK_CELLS_MAX; i++)
        free(q->raw[i].room);
    *q = (struct link_query){ 0 };
}

/* A statement longer than the server takes would cost the connection, and again each time it is tried. */
static bool is_too_long(const struct link *l, const struct link_value *values, unsigned count)
{
    uint64_t total = 1024;
    for (unsigned i = 0; i < count; i++)
        total += 16 + values[i].text.len;
    return l->max_packet > 0 && total > l->max_packet;
}

enum status link_execute(struct link_query *q, const struct link_value *values, unsigned count, struct error *e)
{
    MYSQL_BIND    binds[LINK_CELLS_MAX] = { 0 };
    unsigned long lengths[LINK_CELLS_MAX];
    bug_if(count > LINK_CELLS_MAX || mysql_stmt_param_count(q->statement) != count);
    link_finish(q);
    if (is_too_long(q->link, values, count))
        return error_set(e, E_STORE, "longer than the database takes: raise its max_allowed_packet (%llu)",
                         (unsigned long long)q->link->max_packet);
    for (unsigned i = 0; i < count; i++) {
        const struct link_value *v = &values[i];
        lengths[i] = v->text.len;
        binds[i].buffer_type = v->is_text ? MYSQL_TYPE_STRING : MYSQL_TYPE_LONGLONG;
        binds[i].buffer = v->is_text ? (void *)(uintptr_t)(v->text.at != NULL ? v->text.at : "") : (void *)(uintptr_t)&v->number;
        binds[i].buffer_length = v->is_text ? v->text.len : sizeof v->number;
        binds[i].length = v->is_text ? &lengths[i] : NULL;
        binds[i].is_unsigned = true;
    }
    if (count > 0 && mysql_stmt_bind_param(q->statement, binds) != 0)
        return query_failure(q, e);
    return mysql_stmt_execute(q->statement) == 0 ? OK : query_failure(q, e);
}

/* The whole text of one cell into its room. */
static enum status fetch_text(struct link_query *q, unsigned i, struct error *e)
{
    struct link_cell *c = &q->raw[i];
    MYSQL_BIND        bind = { .buffer_type = MYSQL_TYPE_STRING, .length = &c->length };
    if (c->length > c->room_size) {
        free(c->room);
        c->room_size = c->length;
        c->room = malloc(c->room_size);
        if (c->room == NULL) {
            c->room_size = 0;
            return error_plain(e, E_NO_MEMORY);
        }
    }
    bind.buffer = c->room;
    bind.buffer_length = c->length;
    if (c->length > 0 && mysql_stmt_fetch_column(q->statement, &bind, i, 0) != 0)
        return query_failure(q, e);
    q->cells[i].text = slice_of(c->room, c->length);
    return OK;
}

enum status link_next(struct link_query *q, struct error *e)
{
    int code = mysql_stmt_fetch(q->statement);
    q->has_row = code == 0 || code == MYSQL_DATA_TRUNCATED;
    if (code == MYSQL_NO_DATA) {
        mysql_stmt_free_result(q->statement);
        return OK;
    }
    if (!q->has_row)
        return query_failure(q, e);
    for (unsigned i = 0; i < q->cell_count; i++) {
        struct link_value *cell = &q->cells[i];
        cell->is_null = q->raw[i].is_null;
        cell->text = (struct slice){ 0 };
        if (cell->is_null)
            cell->number = 0;
        else if (cell->is_text && fetch_text(q, i, e) != OK) {
            link_finish(q);
            return e != NULL ? e->code : E_STORE;
        }
    }
    return OK;
}

uint64_t link_changed(const struct link_query *q)
{
    return mysql_stmt_affected_rows(q->statement);
}

enum status link_ask(struct link *l, const char *sql, uint64_t *out_number, struct error *e)
{
    struct link_query q;
    enum status       s = link_prepare(l, &q, sql, e);
    if (s == OK)
        s = link_execute(&q, NULL, 0, e);
    if (s == OK)
        s = link_next(&q, e);
    if (s == OK)
        *out_number = q.has_row ? q.cells[0].number : 0;
    link_forget(&q);
    return s;
}
