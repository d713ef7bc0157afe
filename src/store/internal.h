/* internal: what the files of the store share.
 *
 *   store.c    open, load, send, close
 *   worker.c   one thread: gathers, applies, commits, answers; trouble
 *   answers.c  the way back into the shards
 *   op.c       operations and rows
 */
#ifndef ENCKE_STORE_INTERNAL_H
#define ENCKE_STORE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>

#include "base/list.h"
#include "store/backend.h"

enum { GROUP_MOST = 4096, GROUP_BYTES = 8 << 20 }; /* one transaction, and so one pause of those that come after it */

/* Operations in a row, oldest first, through letter.next. */
struct waiting {
    struct store_op *first, *last;
};

struct worker {
    struct inbox     inbox;
    sem_t            wake;  /* posted when inbox_post says that the worker sleeps, and by store_close */
    sem_t            ready; /* posted when it has opened its backend, or could not */
    pthread_t        thread;
    unsigned         index;
    bool             has_thread;
    struct error     open_error;
    void            *state; /* the backend's */
    struct waiting   waiting; /* the group is the front of it */
    struct letter   *order; /* store_load, to be obeyed when nothing waits */
    bool             is_away;
    bool             refuses_writes; /* is_away, and it was a group with writes that failed: only such a one ends it */
    uint32_t         pause_ms;
    uint64_t         lost;
    enum status      results[GROUP_MOST]; /* of the group: an answered operation is not the worker's to write */
};

/* Trouble of all workers together, so that the log speaks once. */
struct trouble {
    pthread_mutex_t lock;
    unsigned        away; /* workers */
    uint64_t        since_ms, next_line_ms, failed_before;
};

/* The one store of the process. Written by main while no shard runs, but for the atomics. */
struct store {
    const struct store_backend *backend; /* NULL: not open */
    struct store_setup          setup;
    struct worker              *workers;
    unsigned                    count;
    struct trouble              trouble;
    atomic_bool                 is_closing;
    uint64_t                    close_by_ms; /* written before is_closing */
    _Atomic uint64_t            queued, queued_bytes, done, failed, groups;
};

extern struct store the_store;

enum store_key { KEY_USER, KEY_NAME, KEY_PAYLOAD, KEY_NONE };

struct store_kind_row {
    const char    *name;
    enum store_key key;
    bool           is_read;
};
extern const struct store_kind_row store_kinds[STORE_KIND_COUNT];

/* Like store_open, with a backend that is in no table: for tests. */
enum status store_open_with(const struct store_backend *backend, const struct store_setup *setup, struct error *out_error);

/* The thread of one worker; its argument is the worker. */
void *worker_run(void *worker);

/* An operation's end: counts it, and gives it back to its shard. */
void op_finish(struct store_op *op, enum status status);

/* In the shard that sends: one more will be answered here. */
void answers_expect(void);
/* From any thread: on_done will run in the op's shard. When that has left, the op is freed. */
void answers_give(struct store_op *op);

#endif
