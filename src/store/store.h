/* store: what survives a restart, asynchronously.
 *
 * The hub's memory is the truth while the process runs; the store is its journal. At start everything the hub keeps in memory is
 * loaded once (store_load); users and histories are read when somebody needs them (STORE_USER, STORE_HISTORY). Everything else is a write.
 *
 *   shard: store_op_new -> store_send ---> queue of one worker thread ---> group commit ---> letter to the asking shard -> on_done
 *
 * A worker takes all that waits, applies it in one transaction, commits, and answers: while one commit runs the next group gathers.
 * Operations with the same key (app and user, or app and name) are always given to the same worker, so they are applied, and
 * answered, in the order they were sent from one shard; a read sees every write sent before it.
 *
 * What on_done with OK means is the durability:
 *   commit   the operation is in a transaction that was synced to the disk: it survives a power failure
 *   batch    the operation is in a committed transaction: it survives the death of the process (kill -9); after a power failure
 *            the last moments may be missing, and nothing is torn
 *   none     the operation is in the queue: it survives an orderly stop
 *
 * Trouble. A backend that cannot be reached, a full disk, a locked file: the group is kept and tried again, with growing pauses,
 * in order. An operation that has then waited longer than patience_ms fails with E_STORE_AWAY; one that comes while the queue is
 * over its bound fails at once with E_STORE_FULL. Neither is applied later. What durability none has answered already waits on
 * until the store is closed. The log tells of trouble once when it begins, once a
 * minute while it lasts, and once when it is over, with the number of operations that failed.
 *
 * Thread: store_open, store_load and store_close from main, store_send from any shard. Values only: nothing of the hub's types.
 */
#ifndef ENCKE_STORE_STORE_H
#define ENCKE_STORE_STORE_H

#include <stdatomic.h>

#include "base/slice.h"
#include "base/status.h"
#include "io/inbox.h"

enum store_durability { STORE_COMMIT, STORE_BATCH, STORE_NONE };

struct store_setup {
    const char           *backend; /* "sqlite", "mariadb" or "memory" */
    enum store_durability durability;
    uint64_t              queue_bytes; /* operations that may wait, in memory, all workers together */
    uint32_t              patience_ms; /* how long one may wait */
    bool                  skips_history; /* store_load leaves histories out: they are read one by one */
    const char           *directory;   /* sqlite: where encke.db is, made by the caller (0700) */
    struct store_server {              /* mariadb */
        const char *host, *user, *password, *name;
        uint16_t    port;
        unsigned    connections; /* workers */
        unsigned    attempts;    /* to connect at start */
        uint32_t    retry_ms;    /* ... this far apart */
        uint32_t    timeout_ms;  /* to connect, to read, to write */
    } server;
};

/* What can be asked of a store. Keys: U = app and user_id, C = app and name (a channel), T = app and payload (a token). */
enum store_kind {
    /* Reads. */
    STORE_USER, /* U -> found (has a hash), hash in `text`, number = last seen (unix s; 0 = was online; UINT64_MAX = no data),
                 * rows = the queue, oldest first */
    STORE_DATA, /* U -> found, text = data */
    STORE_HISTORY, /* C, number = how many -> rows: the newest so many, oldest first */

    /* Writes. */
    STORE_HASH_PUT,   /* U, payload = hash (1 to 32 characters): insert or replace */
    STORE_HASH_DROP,  /* U */
    STORE_DATA_PUT,   /* U, payload */
    STORE_DATA_DROP,  /* U */
    STORE_SEEN_PUT,   /* U, number = unix s, 0 = online */
    STORE_QUEUE_ADD,  /* U, offset (grows for each user), time_ms, event, payload, flags */
    STORE_QUEUE_DROP, /* U: those with an offset <= offset */
    STORE_QUEUE_DROP_ONE, /* U, offset: the one */
    STORE_QUEUE_EXPIRE, /* everybody's messages with a time before time_ms; answered by each worker for its part or by one */
    STORE_SETTING_PUT,  /* C, number = history length */
    STORE_SETTING_DROP, /* C */
    STORE_HISTORY_ADD,  /* C, epoch, offset, time_ms, event, payload, user_id, flags */
    STORE_HISTORY_DROP_ONE, /* C, epoch, offset; with an empty name: in whichever channel of the app -> found */
    STORE_HISTORY_TRIM,     /* C, number = how many of the newest stay */
    STORE_HISTORY_EXPIRE,   /* messages with a time before time_ms, of channels whose name begins with `name` and, unless that is empty,
                             * not with `event`; all apps */
    STORE_HISTORY_DROP,     /* C: all of the channel */
    STORE_TOKEN_PUT,        /* T, number = when it expires (unix s; 0 = unknown), user_id */
    STORE_TOKEN_DROP,       /* T */
    STORE_CONFERENCE_PUT,   /* app, name, user_id, number = caller id, event = profile, payload = message, text2 = node, time_ms: insert or
                             * replace by (app, name, user_id) */
    STORE_CONFERENCE_DROP,  /* app, name, user_id (0 = everybody's) */
    STORE_QUERY_LOG,        /* app, payload = a statement, for [main] useQueryLoger */
    STORE_KIND_COUNT
};

enum store_flags {
    STORE_SHOWS_USER = 1 << 0, /* the sender's user id is part of the message */
    STORE_IS_OBJECT = 1 << 1,  /* the payload is JSON to be sent as it is, not a text */
};

/* One stored thing, as a read or store_load gives it. One allocation; freed with store_rows_free. */
struct store_row {
    struct store_row *next;
    enum store_kind   kind; /* the write that would make it: STORE_QUEUE_ADD, _SETTING_PUT, _HISTORY_ADD, _TOKEN_PUT, _CONFERENCE_PUT */
    uint32_t          app, user_id;
    uint32_t          flags; /* enum store_flags */
    uint64_t          epoch, offset, time_ms, number;
    struct slice      name, event, payload, text2;
};

struct store_op {
    struct letter   letter; /* internal */
    enum store_kind kind;
    uint32_t        app, user_id;
    uint32_t        flags;
    uint64_t        epoch, offset, time_ms, number;
    struct slice    name, event, payload, text2; /* in the same allocation */

    void (*on_done)(struct store_op *done); /* in the shard that sent it; owns the op: store_op_free. NULL: nobody waits */
    void    *context;                       /* the asker's own */
    uint64_t note;                          /* the asker's own */

    enum status       status; /* OK, E_STORE_AWAY, E_STORE_FULL, E_STORE (refused by the backend), E_NO_MEMORY */
    bool              found;
    struct slice      text; /* of a read; owned */
    struct store_row *rows; /* of a read; owned */

    struct letter answer;      /* internal: on its way back, while `letter` may still wait for the worker */
    bool          is_answered; /* internal: before it was applied (durability none) */
    uint16_t      shard;       /* internal: where on_done runs */
    uint64_t      since_ms;    /* internal: when it was sent */
    size_t        size;        /* internal: bytes it counts for */
    atomic_uint   refs;        /* internal: who holds it: the asker, and with is_answered the worker as well */
};

/* Copies the four texts. NULL when there is no memory. */
struct store_op *store_op_new(enum store_kind kind, uint32_t app, uint32_t user_id, struct slice name, struct slice event,
                              struct slice payload, struct slice text2);
void store_op_free(struct store_op *op);      /* NULL is allowed; frees text and rows as well */
void store_rows_free(struct store_row *rows); /* a whole list */

/* A row with copies of the texts, for backends. NULL when there is no memory. */
struct store_row *store_row_new(enum store_kind kind, uint32_t app, uint32_t user_id, struct slice name, struct slice event,
                                struct slice payload, struct slice text2);

/* Opens the backend (creates or upgrades its file, connects) and starts the workers. The error says what to do about it. The
 * setup is copied; its texts are borrowed until store_close. Before the shards start. */
enum status store_open(const struct store_setup *setup, struct error *out_error) __attribute__((warn_unused_result));

/* Everything the hub keeps in memory: settings, histories (each channel oldest first), tokens, conferences. Blocks. */
enum status store_load(struct store_row **out_rows, struct error *out_error) __attribute__((warn_unused_result));

/* What the store holds and would forget with the process, as the writes that would make it: all of the backend memory, nothing of the
 * others (NULL). Blocks; no shard runs. */
enum status store_dump(struct store_row **out_rows, struct error *out_error) __attribute__((warn_unused_result));

/* The other way round, in a store that is empty. Before store_load. Blocks. */
enum status store_restore(const struct store_row *rows, struct error *out_error) __attribute__((warn_unused_result));

/* From a shard: takes the op. on_done is called in this shard, never before store_send has returned. Without an open store
 * everything is answered with E_STORE. */
void store_send(struct store_op *given, void (*on_done)(struct store_op *done));

/* How many operations of this shard have not been answered yet (those with on_done). */
uint32_t store_outstanding(void);

/* In a shard's on_stop: nothing is answered here from now on; what still comes is freed. */
void store_leave(void);

/* After the shards have ended: applies what waits (for patience_ms at most), closes. The number of operations that were lost. */
uint64_t store_close(void);

/* Figures, from any thread. */
struct store_figures {
    uint64_t queued, queued_bytes; /* waiting now */
    uint64_t done, failed;         /* since start */
    uint64_t groups;               /* transactions since start */
    bool     is_away;              /* the backend cannot be reached at present */
};
struct store_figures store_figures(void);

#endif
