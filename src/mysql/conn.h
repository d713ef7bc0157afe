/* conn: the server's side of the MySQL client/server protocol on a stream.
 *
 *   accept -> greeting (salt) -> [SSLRequest, TLS ->] login packet -> on_login -> OK | ERR
 *          -> COM_QUERY -> on_query -> mysql_ok | mysql_fail | mysql_columns, mysql_row ..., mysql_end -> next command
 *             mysql_more before the answer: on_query again, with the query's next statement
 *          -> COM_STMT_PREPARE -> on_prepare -> the same without effect; COM_STMT_EXECUTE -> on_execute -> the same
 *
 * Pipelined packets wait until the statement before has its answer, so answers come in the order of the questions. The
 * answer may come in a later turn (the owner keeps nothing but the connection). Large answers respect the socket: when
 * mysql_is_blocked, wait for on_drain.
 */
#ifndef ENCKE_MYSQL_CONN_H
#define ENCKE_MYSQL_CONN_H

#include "base/buf.h"
#include "io/shard.h"
#include "io/stream.h"

#define MYSQL_PARAMETERS_MAX 65535u /* of a prepared statement */
#define MYSQL_STATEMENTS_MAX 1000u  /* in one query */

struct mysql_conn;

struct mysql_login {
    struct slice user;
    struct slice database; /* empty: none was named */
    bool         is_empty_password;
    bool         is_password_right; /* by either plugin, compared in constant time */
};

struct mysql_ops {
    /* May this user in? Fills `error` when not. May set mysql_owner_set. */
    enum status (*on_login)(struct mysql_conn *c, const struct mysql_login *login, struct error *error);

    /* COM_INIT_DB. */
    enum status (*on_database)(struct mysql_conn *c, struct slice name, struct error *error);

    /* COM_QUERY: answer now or later. `sql` is valid until the answer is complete. */
    void (*on_query)(struct mysql_conn *c, struct slice sql);

    /* COM_STMT_PREPARE: tell mysql_parameters, then answer as on_query would, but without effect. The rows are thrown
     * away; mysql_fail says that it cannot be prepared. `sql` stays until the statement is closed. */
    void (*on_prepare)(struct mysql_conn *c, struct slice sql);

    /* COM_STMT_EXECUTE: like on_query, with `sql` as it was prepared and `count` values, as many as it has parameters.
     * values[i].at == NULL: the SQL NULL. They are valid until the answer is complete. */
    void (*on_execute)(struct mysql_conn *c, struct slice sql, const struct slice *values, size_t count);

    /* COM_FIELD_LIST: answer with mysql_field_list. `pattern` as of LIKE; empty: all columns. */
    void (*on_field_list)(struct mysql_conn *c, struct slice table, struct slice pattern);

    /* COM_STATISTICS: append the text. */
    void (*on_statistics)(struct mysql_conn *c, struct buf *out);

    void (*on_drain)(struct mysql_conn *c); /* output has left; may be NULL */
    void (*on_gone)(struct mysql_conn *c);  /* free the owner */
};

struct mysql_settings {
    const struct mysql_ops *ops;
    const char             *version;    /* "5.7.99-Encke-0.1" */
    struct slice            password;   /* clear text; never logged */
    uint32_t                max_packet; /* largest command, bytes (below 16 MiB) */
    struct tls_context     *tls;          /* borrowed; NULL: not offered */
    bool                    requires_tls; /* to log in */
    uint32_t                login_timeout_ms; /* the handshake of TLS included */
    uint32_t                idle_timeout_ms; /* 0 = none */
};

/* Borrowed for ever; called once before the shards start. */
void mysql_setup(const struct mysql_settings *settings);

bool mysql_offers_tls(void);

extern const struct stream_ops mysql_conn_ops; /* first table of a connection to the cometql port */
extern const struct shard_part mysql_part;     /* a slab of connections in each shard */

void *mysql_owner(const struct mysql_conn *c);
void mysql_owner_set(struct mysql_conn *c, void *owner);
struct stream *mysql_stream(const struct mysql_conn *c);
struct mysql_conn *mysql_of_stream(struct stream *s); /* the stream's ops must be mysql_conn_ops */
uint32_t mysql_connection_id(const struct mysql_conn *c);

/* on_prepare: how many parameters the statement has, at most MYSQL_PARAMETERS_MAX. */
void mysql_parameters(struct mysql_conn *c, unsigned count);

/* May a query hold several statements? The client has asked for it, at login or with COM_SET_OPTION. */
bool mysql_takes_many(const struct mysql_conn *c);

/* on_query, before the answer: `rest`, the end of `sql` from somewhere on, is to come when this statement has been
 * answered. After an error it is dropped. */
void mysql_more(struct mysql_conn *c, struct slice rest);

/* Exactly one of mysql_ok, mysql_fail, or the run mysql_columns, mysql_row*, mysql_end (which mysql_fail may cut short)
 * answers a statement. */
void mysql_ok(struct mysql_conn *c, uint64_t affected, uint64_t insert_id);
void mysql_fail(struct mysql_conn *c, const struct error *error);
void mysql_columns(struct mysql_conn *c, const struct slice *names, size_t count);
void mysql_row(struct mysql_conn *c, const struct slice *cells, size_t count); /* at == NULL: the SQL NULL */
void mysql_end(struct mysql_conn *c);

/* The answer of on_field_list: the names of the columns. No such table: mysql_fail. */
void mysql_field_list(struct mysql_conn *c, const struct slice *names, size_t count);

bool mysql_is_blocked(const struct mysql_conn *c);

#endif
