/* crew_internal: what crew.c (the threads), conn.c (the life of a connection) and talk.c (what is said on it) share. */
#ifndef ENCKE_LOAD_CREW_INTERNAL_H
#define ENCKE_LOAD_CREW_INTERNAL_H

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "load/crew.h"
#include "load/incoming.h"
#include "load/request.h"
#include "load/tls_client.h"

#define CREW_READ (256 * 1024)

#define CONN_STATES(X)                                                  \
    X(WAITING,    "has not begun, or was cut or let go and comes back")           \
    X(RESTING,    "was refused on its way back; tries again at due_ns") \
    X(CONNECTING, "connect() is under way")                             \
    X(SECURING,   "the TLS handshake is under way")                     \
    X(ASKED,      "the upgrade was asked for")                          \
    X(GREETED,    "101 came; what the preset waits for has not")        \
    X(COMPLETE,   "online, and counted")                                \
    X(LOST,       "gone for good")
enum conn_state {
#define X(name, sentence) CONN_##name,
    CONN_STATES(X)
#undef X
};

/* A million of these: what a connection costs this process is this, and a place in `again`. */
struct conn {
    int             fd;
    unsigned        state : 4;
    unsigned        head_at : 4;  /* bytes of "HTTP/1.1 101" that were seen */
    unsigned        head_end : 3; /* bytes of the empty line behind the answer's head that were seen */
    unsigned        tries : 4;    /* refusals since it was cut or let go */
    unsigned        is_back : 1;  /* it was complete, and was cut or let go */
    unsigned        is_slow : 1;  /* it does not read */
    struct track    track;
    union {
        uint64_t asked_ns; /* when it began to connect */
        uint64_t due_ns;   /* CONN_RESTING */
    };
    struct incoming  in;
    struct tls_line *tls; /* owned; NULL: plain */
};
static_assert(sizeof(struct conn) <= 64, "a million connections");

struct crew_member {
    struct crew       *crew;
    pthread_t          thread;
    bool               has_thread;
    unsigned           index;
    uint32_t           first, count; /* its connections */
    uint32_t           next;         /* the next to connect for the first time */
    uint32_t           connecting, online, resting;
    struct conn       *conns;        /* owned */
    uint32_t          *again;        /* owned: numbers (from 0, in conns) of those that come back */
    uint32_t           again_count;
    int                epoll_fd, wake_fd;
    struct tls_client *tls;     /* owned; NULL: no target is secured. Its own, so that sessions do not travel between threads */
    char              *scratch; /* owned: CREW_READ bytes */
    struct buf         out;     /* what is being said */
    struct conn       *current; /* whose frames are being read */
    uint64_t           now_ns;  /* when the last bytes were read */
    uint64_t           seed;
    struct crew_counts *counts; /* owned: what is being counted */
    struct crew_counts *spare;  /* owned; zeroed, but while main reads it: */
    atomic_bool         wants_counts; /* main asks; at the end of its turn the thread puts the spare in place, and posts */
    sem_t               has_counts;
};

struct crew {
    const struct plan    *plan;
    const struct streams *streams;
    struct sockaddr_storage to[PLAN_TARGETS_MAX];
    socklen_t               to_len[PLAN_TARGETS_MAX];
    unsigned              member_count;
    struct crew_member   *members; /* owned */
    _Atomic uint64_t      start_ns; /* 0: not yet */
    atomic_bool           is_over, listens_out;
    _Atomic uint32_t      cut_per_mille; /* what a cut takes, and which cut it is: */
    _Atomic uint32_t      cut_number;
};

/* Fast, and different in each thread; for pace and names, not for secrets. */
static inline uint32_t crew_random(struct crew_member *m)
{
    m->seed = m->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(m->seed >> 33);
}

/* conn.c */
void conn_start(struct crew_member *m, struct conn *c); /* CONN_WAITING */
void conn_on_events(struct crew_member *m, struct conn *c, uint32_t events);
void conn_cut(struct crew_member *m, struct conn *c); /* by us: it comes back */
void conn_end(struct crew_member *m, struct conn *c); /* by us, for good */
void conn_fail(struct crew_member *m, struct conn *c, enum load_error why, int reason);
void conn_fail_as(struct crew_member *m, struct conn *c, enum load_error why, const char *reason);
void conn_refuse(struct crew_member *m, struct conn *c, struct slice answer); /* what was said instead of 101 */
void conn_check_time(struct crew_member *m, struct conn *c, uint64_t now_ns); /* a few times a second */
enum load_error conn_error_of(int reason); /* of an errno */
uint32_t conn_number(const struct crew_member *m, const struct conn *c);
uint32_t conn_room(const struct crew_member *m, const struct conn *c);
uint32_t conn_stream(const struct crew_member *m, const struct conn *c); /* the stream it listens to */

/* talk.c */
void talk_begin(struct crew_member *m, struct conn *c);            /* connect() succeeded */
void talk_read(struct crew_member *m, struct conn *c, bool is_end); /* is_end: the other side has closed */

#endif
