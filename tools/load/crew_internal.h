/* crew_internal: what crew.c (the threads) and conn.c (one connection) share. */
#ifndef ENCKE_LOAD_CREW_INTERNAL_H
#define ENCKE_LOAD_CREW_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "load/crew.h"
#include "load/incoming.h"
#include "load/request.h"

#define CREW_READ (256 * 1024)

enum conn_state { CONN_WAITING, CONN_CONNECTING, CONN_ASKED, CONN_GREETED, CONN_COMPLETE, CONN_LOST };

struct conn {
    int             fd;
    uint8_t         state;
    uint8_t         head_end; /* how much of the empty line behind the answer's head was seen */
    bool            is_slow;  /* it does not read */
    uint8_t         tries;
    uint32_t        base;     /* numbers given when it was complete */
    struct track    track;
    uint64_t        asked_ns;
    struct incoming in;
};

struct crew_member {
    struct crew       *crew;
    pthread_t          thread;
    unsigned           index;
    uint32_t           first, count; /* its connections */
    uint32_t           next;         /* the next to connect for the first time */
    uint32_t           connecting, online;
    struct conn       *conns;        /* owned */
    uint32_t          *again;        /* owned: numbers (from 0, in conns) of those that come back */
    uint32_t           again_count;
    int                epoll_fd, wake_fd;
    char              *scratch; /* owned: CREW_READ bytes */
    struct buf         out;     /* what is being said */
    struct conn       *current; /* whose frames are being read */
    uint64_t           seed;
    pthread_mutex_t    lock;   /* of the counts */
    struct crew_counts counts;
};

struct crew {
    const struct plan    *plan;
    const struct streams *streams;
    struct sockaddr_storage to[PLAN_TARGETS_MAX];
    socklen_t               to_len[PLAN_TARGETS_MAX];
    unsigned              member_count;
    struct crew_member   *members; /* owned */
    _Atomic uint64_t      start_ns; /* 0: not yet */
    atomic_bool           is_over;
    _Atomic uint32_t      cut_per_mille; /* what a cut takes, and which cut it is: */
    _Atomic uint32_t      cut_number;
};

/* conn.c */
bool conn_start(struct crew_member *m, struct conn *c);
void conn_on_events(struct crew_member *m, struct conn *c, uint32_t events);
void conn_cut(struct crew_member *m, struct conn *c); /* by us: it comes back */
void conn_fail(struct crew_member *m, struct conn *c, enum load_error why, int reason);
void conn_check_time(struct crew_member *m, struct conn *c, uint64_t now_ns);
uint32_t conn_number(const struct crew_member *m, const struct conn *c);
uint32_t conn_stream(const struct crew_member *m, const struct conn *c); /* the stream it listens to */

#endif
