/* publish_internal: what publish.c (the threads) and publish_ways.c (how one message is said) share. */
#ifndef ENCKE_LOAD_PUBLISH_INTERNAL_H
#define ENCKE_LOAD_PUBLISH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "load/http_answer.h"
#include "load/incoming.h"
#include "load/publish.h"
#include "load/sql_client.h"
#include "load/wire.h"

struct publisher {
    struct publishers    *all;
    pthread_t             thread;
    bool                  has_thread;
    unsigned              index;
    unsigned              refusals; /* in a row */
    struct sql_client     sql;
    struct wire           wire;     /* WebSocket, HTTP */
    struct incoming       ws_in;
    bool                  is_reported; /* the answer to what was published has come */
    struct buf            text, out, body;
    pthread_mutex_t       lock;     /* of the counts */
    struct publish_counts counts;
};

struct publishers {
    const struct plan    *plan;
    const struct streams *streams;
    struct tls_client    *tls; /* borrowed; NULL: nothing is secured */
    const struct publish_way_row *way;
    unsigned              count;
    struct publisher     *at; /* owned */
    _Atomic uint64_t      start_ns;
    atomic_bool           is_over;
    _Atomic unsigned      running;
};

enum said {
    SAID_YES,
    SAID_NO,     /* refused: nobody will hear it; the error says what was answered */
    SAID_NOTHING /* the connection broke: somebody may hear it */
};

/* One way of publishing. */
struct publish_way_row {
    enum status (*open)(struct publisher *p, struct error *e);
    enum said (*say)(struct publisher *p, uint32_t stream, struct error *e); /* p->text, and waits for the answer */
};
extern const struct publish_way_row publish_ways[];

/* SQL only: the connections log in as users 1 ... n, with the key load<id>. */
enum status publish_let_users_in(struct publisher *p, struct error *e);

#endif
