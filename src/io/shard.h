/* shard: a thread with everything it needs to serve its connections alone.
 *
 * main calls shards_start with the ports and parts that wiring.c names. It makes all wake-up descriptors, then the threads;
 * each of them unshares its descriptor table, opens its own listeners and starts its parts. shards_start returns when all
 * serve, or when the first has failed and all have ended.
 *
 *   main ── eventfd x N ── thread x N ── unshare ── listeners ── parts ── "ready" ── turns (io/loop.h) ... ── stop
 *
 * Nothing else crosses threads but letters (io/inbox.h), posted with shard_post.
 */
#ifndef ENCKE_IO_SHARD_H
#define ENCKE_IO_SHARD_H

#include "base/status.h"
#include "io/admission.h"
#include "io/inbox.h"
#include "io/listener.h"
#include "io/meter.h"

struct buf;

/* State a room keeps in each shard. The rooms keep the pointer in a _Thread_local of their own. */
struct shard_part {
    const char *name;
    enum status (*on_start)(void);  /* in the shard, before the listeners open; may be NULL */
    uint32_t    (*on_turn)(void);   /* once a turn, after the inbox; how many ms it can wait for the next turn:
                                     * 0 = there is more to do now, SHARD_ANY_TIME = nothing is left; may be NULL */
    void        (*on_stop)(void);   /* after the last connection is gone; may be NULL */

    /* For an upgrade (io/phase.h); each may be NULL. */
    bool        (*is_settled)(void);  /* is nothing under way that somebody waits for? */
    void        (*on_hasten)(void);   /* ends what keeps it from being settled */
    void        (*on_hand_over)(struct buf *out); /* appends what the next process must know */
};

#define SHARD_ANY_TIME UINT32_MAX
#define SHARDS_MAX     64 /* a set of them fits a 64-bit mask */

struct shards_setup {
    unsigned                        shard_count;
    const struct port              *ports; /* all borrowed until shards_join returned */
    unsigned                        port_count;
    const struct shard_part *const *parts;
    unsigned                        part_count;
    uint32_t                        nofile;          /* descriptors a table may have */
    struct admission                admission; /* of the ports that are guarded */
    struct meter_rules              meters;    /* of their connections */
    uint64_t                        kept_bytes; /* for all of them together (io/kept.h); 0 = no bound */
    bool                            starts_shut; /* nobody is accepted before shards_open (io/phase.h) */
    const int                      *foreign;   /* descriptors of main that a shard must not keep copies of */
    unsigned                        foreign_count;
};

/* What the calling shard is and what time its turn began. Read only. */
struct shard_here {
    unsigned index;
    unsigned count;
    uint64_t now_ms;  /* monotonic */
    uint64_t wall_ms; /* since 1970 */
    bool     is_guest; /* another process has taken over: connections are delivered to, and nothing is done for them (io/phase.h) */
};

extern _Thread_local struct shard_here shard_here;

static inline uint64_t shard_wall_s(void)
{
    return shard_here.wall_ms / 1000;
}

/* Opens the sockets that listen, which may need rights that main gives up before shards_start; otherwise that does it. */
enum status shards_open_doors(const struct shards_setup *setup, struct error *out_error) __attribute__((warn_unused_result));

/* Starts all shards; the error says what could not be done and where (a port in use, no permission, no descriptors). */
enum status shards_start(const struct shards_setup *setup, struct error *out_error) __attribute__((warn_unused_result));

/* From any thread: gives the letter to shard `to`, which may be the caller's own. */
void shard_post(unsigned to, struct letter *given);

/* Asks all shards to let their clients go: nobody new is accepted, and of the connections to ports that are counted
 * `per_s` a second, over all shards, are told to leave, and that the server is expected back in back_ms (stream_ops.on_leave). */
void shards_drain(uint32_t per_s, uint32_t back_ms);

/* From any thread: connections to ports that are counted, of all shards. */
uint64_t shards_connections(void);

/* Asks all shards to stop: they close their listeners, send what is queued for at most `grace_ms`, close everything. */
void shards_stop(uint32_t grace_ms);

/* main: the listening sockets of a port, all shards' (at most `most`), to be given to another process. How many. */
unsigned shards_doors(unsigned port, int *out_fds, unsigned most);

/* Waits until all have ended and frees what they shared. */
void shards_join(void);

#endif
