/* store.c: the door of the store: opening, sending, closing. */
#include "store/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "io/shard.h"

struct store the_store;

/* One line a backend: a new one is a file and a line here. */
static const struct store_backend *const backends[] = { &store_memory, &store_sqlite, &store_mariadb };

/* --- opening ----------------------------------------------------------------------------------------------------------- */

static void workers_free(void)
{
    for (unsigned i = 0; i < the_store.count; i++) {
        sem_destroy(&the_store.workers[i].wake);
        sem_destroy(&the_store.workers[i].ready);
    }
    free(the_store.workers);
    pthread_mutex_destroy(&the_store.trouble.lock);
    the_store.workers = NULL;
    the_store.backend = NULL;
}

static void workers_end(void)
{
    atomic_store(&the_store.is_closing, true);
    for (unsigned i = 0; i < the_store.count; i++)
        if (the_store.workers[i].has_thread)
            sem_post(&the_store.workers[i].wake);
    for (unsigned i = 0; i < the_store.count; i++)
        if (the_store.workers[i].has_thread)
            pthread_join(the_store.workers[i].thread, NULL);
}

static void await(sem_t *s)
{
    while (sem_wait(s) < 0)
        ;
}

static enum status worker_start(struct worker *w, struct error *e)
{
    int reason = pthread_create(&w->thread, NULL, worker_run, w);
    if (reason != 0)
        return error_set(e, E_NO_MEMORY, "cannot start a thread of the store: %s", strerror(reason));
    w->has_thread = true;
    await(&w->ready);
    if (w->open_error.code != OK)
        *e = w->open_error;
    return w->open_error.code;
}

enum status store_open_with(const struct store_backend *backend, const struct store_setup *setup, struct error *out_error)
{
    unsigned       count = backend->has_workers && setup->server.connections > 1 ? setup->server.connections : 1;
    struct worker *workers = aligned_alloc(64, count * sizeof *workers);
    if (workers == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    memset(workers, 0, count * sizeof *workers);
    bug_if(the_store.backend != NULL);
    the_store = (struct store){ .backend = backend, .setup = *setup, .workers = workers, .count = count };
    pthread_mutex_init(&the_store.trouble.lock, NULL);
    for (unsigned i = 0; i < count; i++) {
        workers[i].index = i;
        inbox_init(&workers[i].inbox);
        sem_init(&workers[i].wake, 0, 0);
        sem_init(&workers[i].ready, 0, 0);
    }
    enum status s = OK;
    for (unsigned i = 0; s == OK && i < count; i++)
        s = worker_start(&workers[i], out_error);
    if (s != OK) {
        workers_end();
        workers_free();
    }
    return s;
}

enum status store_open(const struct store_setup *setup, struct error *out_error)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (slice_is(slice_str(setup->backend), backends[i]->name))
            return store_open_with(backends[i], setup, out_error);
    return error_set(out_error, E_CONFIG, "store.backend: there is no \"%s\" in this program", setup->backend);
}

/* --- loading ----------------------------------------------------------------------------------------------------------- */

struct order {
    struct letter           letter;
    sem_t                   done;
    struct store_row       *rows;
    const struct store_row *given; /* to be restored */
    enum status             status;
    struct error            error;
};

/* These run in the first worker. */
static void load_obey(struct letter *l)
{
    struct order *order = (struct order *)(void *)l;
    order->status = the_store.backend->load(the_store.workers[0].state, &order->rows, &order->error);
    sem_post(&order->done);
}

static void dump_obey(struct letter *l)
{
    struct order *order = (struct order *)(void *)l;
    order->status = the_store.backend->dump(the_store.workers[0].state, &order->rows, &order->error);
    sem_post(&order->done);
}

static enum status restore_one(const struct store_row *row, struct error *e)
{
    struct store_op *op = store_op_new(row->kind, row->app, row->user_id, row->name, row->event, row->payload, row->text2);
    if (op == NULL)
        return error_plain(e, E_NO_MEMORY);
    op->flags = row->flags;
    op->epoch = row->epoch;
    op->offset = row->offset;
    op->time_ms = row->time_ms;
    op->number = row->number;
    enum status s = the_store.backend->apply(the_store.workers[0].state, op, e);
    store_op_free(op);
    return s;
}

static void restore_obey(struct letter *l)
{
    struct order *order = (struct order *)(void *)l;
    void         *state = the_store.workers[0].state;
    order->status = the_store.backend->begin(state, &order->error);
    for (const struct store_row *row = order->given; order->status == OK && row != NULL; row = row->next)
        order->status = restore_one(row, &order->error);
    if (order->status == OK)
        order->status = the_store.backend->commit(state, &order->error);
    if (order->status != OK)
        the_store.backend->abandon(state);
    sem_post(&order->done);
}

static void give(struct worker *w, struct letter *l)
{
    if (inbox_post(&w->inbox, l))
        sem_post(&w->wake);
}

static enum status obey(struct order *order, void (*how)(struct letter *l), struct error *out_error)
{
    order->letter.deliver = how;
    sem_init(&order->done, 0, 0);
    give(&the_store.workers[0], &order->letter);
    await(&order->done);
    sem_destroy(&order->done);
    if (order->status != OK)
        *out_error = order->error;
    return order->status;
}

enum status store_load(struct store_row **out_rows, struct error *out_error)
{
    struct order order = { .status = OK };
    enum status  s = obey(&order, load_obey, out_error);
    if (s == OK)
        *out_rows = order.rows;
    return s;
}

enum status store_dump(struct store_row **out_rows, struct error *out_error)
{
    struct order order = { .status = OK };
    enum status  s = the_store.backend != NULL && the_store.backend->dump != NULL ? obey(&order, dump_obey, out_error) : OK;
    *out_rows = s == OK ? order.rows : NULL;
    return s;
}

enum status store_restore(const struct store_row *rows, struct error *out_error)
{
    struct order order = { .given = rows };
    return rows != NULL ? obey(&order, restore_obey, out_error) : OK;
}

/* --- sending ----------------------------------------------------------------------------------------------------------- */

static struct worker *worker_of(const struct store_op *op)
{
    uint64_t number = op->app;
    if (the_store.count == 1)
        return &the_store.workers[0];
    switch (store_kinds[op->kind].key) {
    case KEY_USER:
        return &the_store.workers[map_hash(number << 32 | op->user_id, SLICE("")) % the_store.count];
    case KEY_NAME:
        return &the_store.workers[map_hash(number, op->name) % the_store.count];
    case KEY_PAYLOAD:
        return &the_store.workers[map_hash(number, op->payload) % the_store.count];
    default:
        return &the_store.workers[0];
    }
}

/* An operation's last step, whoever takes it. What was answered before is only let go. */
static void conclude(struct store_op *op, enum status status)
{
    if (op->is_answered || op->on_done == NULL) {
        store_op_free(op);
        return;
    }
    op->status = status;
    answers_give(op);
}

void op_finish(struct store_op *op, enum status status)
{
    atomic_fetch_sub_explicit(&the_store.queued, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&the_store.queued_bytes, op->size, memory_order_relaxed);
    atomic_fetch_add_explicit(status == OK ? &the_store.done : &the_store.failed, 1, memory_order_relaxed);
    conclude(op, status);
}

/* True: it may wait. */
static bool has_room(const struct store_op *op)
{
    static struct log_limit limit = { .every_ms = 60000 };
    uint64_t                before = atomic_fetch_add_explicit(&the_store.queued_bytes, op->size, memory_order_relaxed);
    if (before + op->size <= the_store.setup.queue_bytes)
        return true;
    atomic_fetch_sub_explicit(&the_store.queued_bytes, op->size, memory_order_relaxed);
    atomic_fetch_add_explicit(&the_store.failed, 1, memory_order_relaxed);
    log_limited(&limit, LOG_WARN, "store: %llu bytes wait for the storage, which is slower than what comes; refusing more than"
                                  " store.queue allows (%llu)",
                (unsigned long long)before, (unsigned long long)the_store.setup.queue_bytes);
    return false;
}

void store_send(struct store_op *given, void (*on_done)(struct store_op *done))
{
    struct store_op *op = given;
    op->on_done = on_done;
    op->shard = (uint16_t)shard_here.index;
    op->since_ms = shard_here.now_ms;
    if (on_done != NULL)
        answers_expect();
    if (the_store.backend == NULL || !has_room(op)) {
        conclude(op, the_store.backend == NULL ? E_STORE : E_STORE_FULL);
        return;
    }
    atomic_fetch_add_explicit(&the_store.queued, 1, memory_order_relaxed);
    op->letter.deliver = NULL;
    op->is_answered = the_store.setup.durability == STORE_NONE && !store_kinds[op->kind].is_read;
    if (op->is_answered && on_done != NULL) {
        op->status = OK;
        atomic_store(&op->refs, 2);
        answers_give(op); /* delivered in a later letter of this shard */
    }
    give(worker_of(op), &op->letter);
}

/* --- closing ----------------------------------------------------------------------------------------------------------- */

uint64_t store_close(void)
{
    uint64_t lost = 0;
    if (the_store.backend == NULL)
        return 0;
    the_store.close_by_ms = clock_mono_ms() + the_store.setup.patience_ms;
    workers_end();
    for (unsigned i = 0; i < the_store.count; i++)
        lost += the_store.workers[i].lost;
    if (lost > 0)
        log_error("store: %llu operations could not be written before the end", (unsigned long long)lost);
    workers_free();
    return lost;
}

struct store_figures store_figures(void)
{
    struct store_figures f = {
        .queued = atomic_load(&the_store.queued),
        .queued_bytes = atomic_load(&the_store.queued_bytes),
        .done = atomic_load(&the_store.done),
        .failed = atomic_load(&the_store.failed),
        .groups = atomic_load(&the_store.groups),
    };
    if (the_store.backend != NULL) {
        pthread_mutex_lock(&the_store.trouble.lock);
        f.is_away = the_store.trouble.away > 0;
        pthread_mutex_unlock(&the_store.trouble.lock);
    }
    return f;
}
