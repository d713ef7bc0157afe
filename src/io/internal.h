/* internal: what the files of io share about one shard. Included nowhere else. */
#ifndef ENCKE_IO_INTERNAL_H
#define ENCKE_IO_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "io/admission.h"
#include "io/loop.h"
#include "io/meter.h"
#include "io/shard.h"

#define CORK_BYTES 65536

/* epoll's user data is a stream's generation and index (56 bits), or one of these. */
#define LISTENER_MARK (UINT64_C(1) << 63)
#define WAKE_MARK     (UINT64_C(1) << 62)

/* Output of the stream that handles its event, gathered for one send. */
struct cork {
    struct stream *stream; /* borrowed; NULL: nobody is corked */
    unsigned       depth;
    size_t         len;
    char          *bytes; /* CORK_BYTES, of the shard's buffers */
};

/* A newcomer that has said something. */
struct waiting {
    uint64_t id;       /* of this shard: stream_local_id */
    uint64_t since_ms;
};

#define DOOR_KEPT 1024 /* entries of the door that are kept when nobody waits */

/* Connections whose handshake is not done; newcomers.c. */
struct newcomers {
    struct waiting *door; /* owned: door_count entries from door_at on */
    size_t          door_at, door_count, door_cap;
    uint64_t       *places; /* owned: the ring, local ids */
    uint64_t       *place;  /* in it: of the one that is being accepted; NULL: none */
    uint32_t        place_count, hand;
    uint32_t        count;  /* how many there are */
};

/* What one connection has done in one second; meter.c. */
struct meter {
    uint64_t id; /* stream_local_id */
    uint32_t second;
    uint32_t done[METER_COUNT];
};

struct meters {
    struct meter *at; /* owned; `cap` of them, a power of two */
    uint32_t      cap, count;
    uint32_t      second; /* that `count` is of */
};

/* ThreadSanitizer keeps its own books of descriptors and knows one table for each process: under it the tables stay together. */
#ifdef __SANITIZE_THREAD__
#define SPLITS_TABLES 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SPLITS_TABLES 0
#endif
#endif
#ifndef SPLITS_TABLES
#define SPLITS_TABLES 1
#endif

/* A listening socket, as main has it, and every shard before its table splits. */
struct door {
    int     fd;
    uint8_t port, shard;
    bool    is_shared; /* one socket, which every shard has a copy of */
    bool    is_copy;
};

/* A listener of this shard. */
struct listener {
    int                fd;
    const struct port *port;
    uint8_t            number; /* index in the setup's ports */
    bool               is_paused;
    bool               is_shared;
    bool               is_known; /* to epoll */
};

struct shard {
    const struct shards_setup *setup;
    unsigned                   index;
    int                        wake_fd; /* eventfd made by main; the same number in every table */
    struct inbox               inbox;
    pthread_t                  thread;

    /* From here on the shard's own. */
    int              epoll_fd;
    struct slab      streams;
    struct wheel     wheel;
    struct map       told;      /* what proxies said of their clients: peer.c */
    struct listener *listeners; /* owned */
    unsigned         listener_count;
    struct cork      cork;
    char            *scratch;   /* owned, LOOP_READ bytes; the cork's are behind them */
    bool             is_warm;   /* somebody came since the buffers gave their pages back */
    uint32_t         graves;    /* first of the closed streams, linked by stream->grave; SLAB_NONE at the end */
    uint64_t        *ready;     /* owned: ids of streams that have more to read */
    size_t           ready_count, ready_cap;
    uint32_t         blocked;     /* streams that have an outq */
    uint32_t         table_limit; /* streams it may hold */
    uint32_t        *account_of;  /* owned; by index of a stream with STREAM_ACCOUNTED; NULL: there are no accounts */
    struct newcomers newcomers;
    struct meters    meters;
    bool             listeners_closed;
    bool             is_shut; /* nobody is accepted: phase.h */
    bool             is_deaf; /* nothing is read */
    uint8_t          phase;   /* enum phase that this shard is in */
    uint64_t         posted, taken; /* letters by this shard, and to it; main's while it is frozen */
    bool             is_settled;    /* ... and when it was frozen nothing was under way here */
    _Atomic uint8_t  phase_seen;    /* `phase`, for main */
    _Atomic uint8_t  is_quiet;      /* nothing was left to do in the last turn */
    sem_t            go;            /* main to a frozen shard */
    uint64_t         resume_accept_ms;
    uint64_t         drain_from_ms; /* 0: not draining */
    uint64_t         drained;       /* told to leave since then */
    uint32_t         drain_next;    /* index of the stream to look at next */
    uint64_t         stop_by_ms; /* 0: not stopping */
    uint64_t         quiet_since_ms; /* while stopping: nothing was left to do from then on */

    struct error start_error;
};

extern _Thread_local struct shard *shard_own;

/* Each shard's letters go here; set before any thread starts. */
struct shards {
    struct shard   *shards; /* owned array */
    unsigned        count;
    _Atomic uint32_t drain_per_s;   /* 0: run */
    _Atomic uint64_t back_at_ms;    /* monotonic: when the server is expected back */
    _Atomic int64_t *connections;   /* owned: of each port, in all shards */
    _Atomic uint64_t *accounts;     /* owned: of addresses; admission.c. NULL: none are kept */
    _Atomic uint64_t next_at;       /* when the next connection may come, for admission.rate */
    _Atomic int     stop_grace_ms;  /* < 0: run */
    struct door    *doors;          /* owned; main's, and constant while shards start */
    unsigned        door_count;
    int             hotline[2];     /* main -> shard 0: descriptors; made before the tables split */
    _Atomic uint8_t phase;          /* enum phase that main wants */
    _Atomic uint64_t posted;        /* letters by threads that are no shard */
    struct buf     *dump;           /* where a frozen shard is to write what it hands over; NULL: nowhere */
};

extern struct shards shards;

/* shard.c */
void shards_wake(void);

/* phase.c */
void phase_init(bool starts_shut);
void phase_turn(struct shard *shard);
bool phase_is_settled(const struct shard *shard); /* nothing is under way here that somebody waits for */
void phase_report(struct shard *shard, bool letters_left); /* at the end of a turn */

/* listener.c */
enum status listeners_open(struct shard *shard, struct error *out_error);
void listeners_close(struct shard *shard);
void listener_accept(struct shard *shard, struct listener *l);
void listeners_resume(struct shard *shard); /* a second after a pause */
void listeners_shut(struct shard *shard, bool is_shut);

/* door.c */
enum status doors_open(const struct shards_setup *setup, struct error *out_error); /* main, before the tables split */
void doors_close(void); /* main's copies */

/* admission.c */
bool accounts_open(const struct admission *rules);
void accounts_close(void);
#define ACCOUNT_NONE UINT32_MAX
bool admission_in_all(void); /* one more, of whomever */

/* Somebody who may come in. */
struct guest {
    uint32_t account;    /* ACCOUNT_NONE: none */
    bool     is_limited; /* not exempt */
};

bool admission_address(const struct port *p, const struct address *from, struct guest *out, enum refusal *out_why);
void account_give(uint32_t account);
void stream_take_guest(struct stream *s, struct guest given);
void stream_unaccount(struct stream *s);

/* newcomers.c */
enum status newcomers_open(struct shard *shard);
void newcomers_close(struct shard *shard);
bool newcomers_are_patient(const struct shard *shard);
bool newcomers_make_room(struct shard *shard);
void newcomer_begin(struct shard *shard, struct stream *s);
bool newcomer_waits(struct shard *shard, const struct stream *s); /* false: no memory */
void newcomers_turn(struct shard *shard);

/* stream.c */
uint64_t stream_local_id(const struct stream *s);
struct stream *stream_local(struct shard *shard, uint64_t id); /* closed ones, too, until they are freed */
void stream_read_waiting(struct shard *shard, uint64_t id);
const struct port *stream_port(const struct stream *s);
struct stream *stream_adopt(struct shard *shard, int fd, uint8_t port, struct guest given);
struct stream *stream_taken_over(struct shard *shard, int fd, uint8_t port, const struct stream_ops *ops, void *owner);
struct stream *stream_dialled(struct shard *shard, int fd, uint8_t port, const struct stream_ops *ops, void *owner);
void stream_on_events(struct shard *shard, uint64_t id, uint32_t events);
void stream_read_ready(struct shard *shard);
void stream_on_due(void *stream);
void graves_run(struct shard *shard, unsigned most);
void shard_rest(struct shard *shard); /* after a turn: when the last connection has gone, the buffers' pages go back */
void streams_leave(struct shard *shard, uint64_t most, uint32_t back_ms);
void streams_close_all(struct shard *shard);
void streams_leave_but_guests(struct shard *shard);
void streams_read_again(struct shard *shard);
void stream_mark_ready(struct shard *shard, struct stream *s);
bool stream_mind_unsent(struct stream *s);
bool stream_cork_flush(struct stream *s);
void stream_on_writable(struct stream *s);
void stream_offer(struct stream *s, char *at, size_t len);
void stream_on_end(struct stream *s);

/* stream_tls.c */
void stream_read_tls(struct shard *shard, struct stream *s);

/* peer.c */
struct sockaddr_storage;
bool peer_of_socket(const struct sockaddr_storage *from, struct address *out);
void stream_forget_peer(struct stream *s);

/* proxy_conn.c */
extern const struct stream_ops proxy_conn_ops;

#endif
