/* internal: what conn.c, commands.c and answer.c share.
 *
 *   conn.c        bytes -> packets; pipelining; timers; life and death
 *   commands.c    a packet -> what it asks for (login, commands)
 *   statements.c  the commands of prepared statements
 *   answer.c      the answer -> bytes
 */
#ifndef ENCKE_MYSQL_INTERNAL_H
#define ENCKE_MYSQL_INTERNAL_H

#include "mysql/conn.h"
#include "mysql/login.h"
#include "mysql/packet.h"
#include "mysql/result.h"

#define MYSQL_LOGIN_BYTES 16384u /* largest packet of somebody who has shown no password */

#define MYSQL_STATES(X)                                                                                                \
    X(GREETED, "the greeting is out; the login packet is awaited")                                                     \
    X(SECURING, "TLS was asked for; the login packet is awaited over it")                                              \
    X(SWITCHED, "asked for another plugin; its answer is awaited")                                                     \
    X(IDLE, "logged in; the next command is awaited")                                                                  \
    X(ASKED, "a statement is with the owner; nothing is read")                                                         \
    X(ROWS, "the owner sends rows; nothing is read")                                                                   \
    X(LEAVING, "refused or left: what still comes is thrown away")

enum mysql_state {
#define X(name, sentence) MYSQL_##name,
    MYSQL_STATES(X)
#undef X
};

/* What the answer to a statement looks like on the wire. */
enum mysql_shape {
    MYSQL_SHAPE_TEXT,
    MYSQL_SHAPE_BINARY,  /* rows of a statement that was prepared */
    MYSQL_SHAPE_PREPARE, /* what a statement is like; its rows are thrown away */
};

struct mysql_prepared_set;

struct mysql_conn {
    struct slab_head    head;
    struct stream      *stream;
    void               *owner; /* of mysql_ops; freed by on_gone */
    uint32_t            id;
    uint32_t            rest_at;    /* in `statement`: what comes when this statement is answered; 0: nothing */
    uint16_t            many_count; /* statements of this query so far */
    uint8_t             state;      /* enum mysql_state */
    uint8_t             sequence;   /* of the next packet we send */
    uint8_t             shape;      /* enum mysql_shape of the answer that is awaited */
    uint8_t             plugin;     /* enum mysql_plugin of the answer that SWITCHED awaits */
    bool                is_authenticated;
    bool                is_ended;      /* the answer is complete; it has only to leave */
    bool                is_reading;    /* conn_read is on the call stack: an answer need not call it again */
    bool                is_going_on;   /* go_on_with_query is on the call stack */
    bool                takes_many;    /* statements in one query */
    bool                knows_plugins; /* the client can be asked to switch */
    unsigned char       salt[MYSQL_SALT_BYTES];
    struct mysql_reader reader;
    struct buf          statement; /* the command that is being answered; owned */
    struct buf          pending;   /* bytes that came behind it; owned */
    struct buf          out;       /* of the answer; from out_at on not yet given to the stream; owned */
    size_t              out_at;
    struct buf          awaited; /* SWITCHED: user NUL database; owned */

    struct mysql_prepared_set *prepared; /* owned; NULL: nothing is prepared (prepared.h) */
};
_Static_assert(sizeof(struct mysql_conn) <= 296, "one for every client");

extern const struct mysql_settings *mysql_own_settings;

/* conn.c */
void mysql_enter(struct mysql_conn *c, enum mysql_state next);
void mysql_answered(struct mysql_conn *c); /* the answer is complete and out: go on with what is pending */
void mysql_leave(struct mysql_conn *c);    /* close when the output has left */
void mysql_linger(struct mysql_conn *c);   /* throw away what comes, so that the peer reads why before it is closed */

/* Two buffers of each shard go from statement to statement, so that the usual one costs no allocation. */
void mysql_spare_take(struct buf *out_buf);
void mysql_spare_give(struct buf *given);

/* commands.c */
void mysql_command(struct mysql_conn *c, const struct mysql_packet *p);
void mysql_run_query(struct mysql_conn *c, struct slice sql); /* its first statement, or the next */

/* statements.c */
void mysql_on_prepare(struct mysql_conn *c, struct slice body);
void mysql_on_execute(struct mysql_conn *c, struct slice body);
void mysql_on_long_data(struct mysql_conn *c, struct slice body);
void mysql_on_statement_close(struct mysql_conn *c, struct slice body);
void mysql_on_statement_reset(struct mysql_conn *c, struct slice body);
void mysql_on_fetch(struct mysql_conn *c, struct slice body);
void mysql_statement_done(struct mysql_conn *c); /* its answer is complete */

/* answer.c */
void mysql_flush(struct mysql_conn *c); /* everything in `out` to the stream, which queues what it must */
void mysql_drained(struct mysql_conn *c); /* the stream takes bytes again while a statement is open */

#endif
