/* worker.c: one thread of the store.
 *
 *   inbox ──> waiting: [ group of at most GROUP_MOST | the rest ] ──> begin, apply ..., commit ──> op_finish of each
 *                        ^ stays here until the commit has succeeded; away: pause, revive, the same again
 *
 * A disk that is full can still be read. So between the tries, reads of users and channels about which nothing waits are served:
 * logging in need not wait until somebody has made room.
 */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"

enum { PAUSE_LEAST_MS = 50, PAUSE_MOST_MS = 1000, TROUBLE_LINE_MS = 60000 };

/* --- what waits -------------------------------------------------------------------------------------------------------- */

static struct store_op *op_after(const struct store_op *op)
{
    return (struct store_op *)(void *)op->letter.next;
}

static void append(struct waiting *list, struct store_op *op)
{
    op->letter.next = NULL;
    if (list->last != NULL)
        list->last->letter.next = &op->letter;
    else
        list->first = op;
    list->last = op;
}

static struct store_op *take_first(struct waiting *list)
{
    struct store_op *op = list->first;
    list->first = op_after(op);
    if (list->first == NULL)
        list->last = NULL;
    return op;
}

/* Empties `more`, which goes to the end. */
static void append_all(struct waiting *list, struct waiting *more)
{
    if (more->first == NULL)
        return;
    if (list->last != NULL)
        list->last->letter.next = &more->first->letter;
    else
        list->first = more->first;
    list->last = more->last;
    *more = (struct waiting){ 0 };
}

/* Takes what has come, up to an order to load, which must see exactly what came before it. */
static void take_new(struct worker *w)
{
    for (struct letter *l; w->order == NULL && (l = inbox_take(&w->inbox)) != NULL;)
        if (l->deliver != NULL)
            w->order = l;
        else
            append(&w->waiting, (struct store_op *)(void *)l);
}

/* Takes out what has waited too long. What was already answered waits on: it can fail no more. The next deadline. */
static uint64_t expire(struct worker *w, uint64_t now_ms)
{
    struct waiting all = w->waiting;
    uint64_t       next_ms = UINT64_MAX;
    w->waiting = (struct waiting){ 0 };
    while (all.first != NULL) {
        struct store_op *op = take_first(&all);
        uint64_t         until_ms = op->is_answered ? UINT64_MAX : op->since_ms + the_store.setup.patience_ms;
        if (until_ms <= now_ms) {
            op_finish(op, E_STORE_AWAY);
            continue;
        }
        if (until_ms < next_ms)
            next_ms = until_ms;
        append(&w->waiting, op);
    }
    return next_ms;
}

/* At the end, when the patience is. */
static void give_up_all(struct worker *w)
{
    take_new(w);
    while (w->waiting.first != NULL) {
        struct store_op *op = take_first(&w->waiting);
        w->lost += !store_kinds[op->kind].is_read;
        op_finish(op, E_STORE_AWAY);
    }
}

/* --- trouble ----------------------------------------------------------------------------------------------------------- */

/* Said when it begins and once a minute, however many workers meet it. */
static void trouble_note(struct worker *w, const struct error *e)
{
    struct trouble *t = &the_store.trouble;
    uint64_t        now_ms = clock_mono_ms();
    pthread_mutex_lock(&t->lock);
    bool begins = !w->is_away && t->away++ == 0;
    w->is_away = true;
    if (begins) {
        t->since_ms = now_ms;
        t->next_line_ms = now_ms + TROUBLE_LINE_MS;
        t->failed_before = atomic_load(&the_store.failed);
        log_warn("store: %s (%s); what comes waits in memory and is tried again", e->text, the_store.backend->name);
    } else if (now_ms >= t->next_line_ms) {
        t->next_line_ms = now_ms + TROUBLE_LINE_MS;
        log_warn("store: for %llu s now: %s; %llu operations wait, %llu have failed",
                 (unsigned long long)(now_ms - t->since_ms) / 1000, e->text,
                 (unsigned long long)atomic_load(&the_store.queued),
                 (unsigned long long)(atomic_load(&the_store.failed) - t->failed_before));
    }
    pthread_mutex_unlock(&t->lock);
}

static void trouble_over(struct worker *w)
{
    struct trouble *t = &the_store.trouble;
    w->pause_ms = 0;
    if (!w->is_away)
        return;
    w->is_away = w->refuses_writes = false;
    pthread_mutex_lock(&t->lock);
    if (--t->away == 0)
        log_info("store: the storage is back after %.1f s; %llu operations failed meanwhile",
                 (double)(clock_mono_ms() - t->since_ms) / 1000,
                 (unsigned long long)(atomic_load(&the_store.failed) - t->failed_before));
    pthread_mutex_unlock(&t->lock);
}

/* --- groups ------------------------------------------------------------------------------------------------------------ */

/* A read that was applied in a group that failed. */
static void forget_result(struct store_op *op)
{
    if (!store_kinds[op->kind].is_read)
        return;
    free((char *)op->text.at);
    store_rows_free(op->rows);
    op->text = (struct slice){ 0 };
    op->rows = NULL;
    op->found = false;
}

static enum status apply_one(struct worker *w, struct store_op *op, struct error *e)
{
    static struct log_limit limit = { .every_ms = 60000 };
    forget_result(op);
    enum status s = the_store.backend->apply(w->state, op, e);
    if (s != OK && s != E_STORE_AWAY)
        log_limited(&limit, LOG_WARN, "store: a %s of app %u was refused: %s", store_kinds[op->kind].name, (unsigned)op->app,
                    e->text);
    return s;
}

struct group {
    unsigned count;
    bool     has_write;
};

/* Applies the front of `list` in one transaction; on failure nothing was applied. */
static enum status group_try(struct worker *w, const struct waiting *list, struct group *out, struct error *e)
{
    const struct store_backend *b = the_store.backend;
    size_t                      bytes = 0;
    enum status                 s = b->begin(w->state, e);
    *out = (struct group){ 0 };
    for (struct store_op *op = list->first; s == OK && op != NULL && out->count < GROUP_MOST && bytes < GROUP_BYTES;
         op = op_after(op)) {
        bytes += op->size;
        out->has_write |= !store_kinds[op->kind].is_read;
        w->results[out->count] = apply_one(w, op, e);
        if (w->results[out->count++] == E_STORE_AWAY)
            s = E_STORE_AWAY;
    }
    if (s == OK)
        s = b->commit(w->state, e);
    if (s != OK)
        b->abandon(w->state);
    return s;
}

/* Tries one group and, when that succeeds, takes it off the list and answers. */
static enum status serve(struct worker *w, struct waiting *list, struct error *e)
{
    struct group group;
    enum status  s = group_try(w, list, &group, e);
    if (s != OK) {
        w->refuses_writes |= group.has_write;
        return s;
    }
    if (group.has_write || !w->refuses_writes)
        trouble_over(w);
    atomic_fetch_add_explicit(&the_store.groups, 1, memory_order_relaxed);
    for (unsigned i = 0; i < group.count; i++) {
        struct store_op *op = take_first(list);
        w->lost += w->results[i] != OK && op->is_answered;
        op_finish(op, w->results[i]);
    }
    return OK;
}

/* --- while the backend is away ----------------------------------------------------------------------------------------- */

/* Marks of the users and channels about which a write waits. Two may share one; that only makes a read wait. */
struct marks {
    uint64_t words[1024];
    bool     is_any_channel; /* one waits that names no channel: it may concern each */
};

static bool is_about_channel(const struct store_op *op)
{
    return store_kinds[op->kind].key == KEY_NAME;
}

static uint64_t *mark_of(struct marks *m, const struct store_op *op, uint64_t *out_bit)
{
    uint64_t user = is_about_channel(op) ? 0 : op->user_id;
    uint64_t hash = map_hash((uint64_t)op->app << 32 | user, is_about_channel(op) ? op->name : SLICE(""));
    *out_bit = UINT64_C(1) << (hash & 63);
    return &m->words[hash >> 6 & 1023];
}

static void mark(struct marks *m, const struct store_op *op)
{
    uint64_t bit, *word = mark_of(m, op, &bit);
    if (is_about_channel(op) && op->name.len == 0)
        m->is_any_channel = true;
    else if (is_about_channel(op) || store_kinds[op->kind].key == KEY_USER)
        *word |= bit;
}

static bool is_marked(struct marks *m, const struct store_op *op)
{
    uint64_t bit, *word = mark_of(m, op, &bit);
    return (*word & bit) != 0 || (is_about_channel(op) && m->is_any_channel);
}

/* Takes the reads that nothing before them concerns off the list. (An expiry concerns everybody, and nobody: who reads looks at
 * the age of what he gets.) */
static struct waiting take_free_reads(struct worker *w)
{
    struct marks   marks = { 0 };
    struct waiting all = w->waiting, reads = { 0 };
    w->waiting = (struct waiting){ 0 };
    while (all.first != NULL) {
        struct store_op *op = take_first(&all);
        bool             is_read = store_kinds[op->kind].is_read;
        if (!is_read)
            mark(&marks, op);
        append(is_read && !is_marked(&marks, op) ? &reads : &w->waiting, op);
    }
    return reads;
}

static void serve_free_reads(struct worker *w)
{
    struct error   ignored = { 0 }; /* the next try of everything meets it as well */
    struct waiting reads = take_free_reads(w);
    while (reads.first != NULL && serve(w, &reads, &ignored) == OK)
        ;
    append_all(&reads, &w->waiting);
    w->waiting = reads;
}

static void sleep_until(struct worker *w, uint64_t until_ms)
{
    struct timespec until = { .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000 };
    (void)sem_clockwait(&w->wake, CLOCK_MONOTONIC, &until); /* woken early: looks again */
}

/* Waits a little, or until the next operation has waited long enough, and tries to bring the backend back. */
static void pause_and_revive(struct worker *w)
{
    struct error e = { 0 };
    uint64_t     now_ms = clock_mono_ms();
    w->pause_ms = w->pause_ms == 0 ? PAUSE_LEAST_MS : w->pause_ms * 2 < PAUSE_MOST_MS ? w->pause_ms * 2 : PAUSE_MOST_MS;
    uint32_t quarter_ms = the_store.setup.patience_ms / 4 + 1; /* one that comes during the pause is not noticed before its end */
    uint64_t until_ms = now_ms + (w->pause_ms < quarter_ms ? w->pause_ms : quarter_ms);
    take_new(w);
    uint64_t next_ms = expire(w, now_ms);
    if (next_ms < until_ms)
        until_ms = next_ms;
    if (atomic_load(&the_store.is_closing) && the_store.close_by_ms < until_ms)
        until_ms = the_store.close_by_ms;
    while (clock_mono_ms() < until_ms)
        sleep_until(w, until_ms);
    take_new(w);
    (void)expire(w, clock_mono_ms());
    if (the_store.backend->revive(w->state, &e) != OK)
        trouble_note(w, &e);
    else if (w->refuses_writes)
        serve_free_reads(w);
}

/* --- the thread -------------------------------------------------------------------------------------------------------- */

static bool is_past_close(void)
{
    return atomic_load(&the_store.is_closing) && clock_mono_ms() >= the_store.close_by_ms;
}

/* What waits: one group, or one try of it. */
static void work(struct worker *w)
{
    struct error e = { 0 };
    if (is_past_close())
        give_up_all(w);
    else if (serve(w, &w->waiting, &e) != OK) {
        trouble_note(w, &e);
        pause_and_revive(w);
    }
}

static void obey(struct worker *w)
{
    struct letter *order = w->order;
    w->order = NULL;
    order->deliver(order);
}

static void wait_for_work(struct worker *w)
{
    if (!inbox_sleep(&w->inbox))
        return;
    if (!atomic_load(&the_store.is_closing)) /* store_close sets it before it posts `wake` */
        while (sem_wait(&w->wake) < 0)
            ;
    inbox_awake(&w->inbox);
}

void *worker_run(void *argument)
{
    struct worker *w = argument;
    char           name[16];
    snprintf(name, sizeof name, "store %u", w->index);
    pthread_setname_np(pthread_self(), name);
    enum status s = the_store.backend->open(&w->state, &the_store.setup, &w->open_error);
    w->open_error.code = s;
    sem_post(&w->ready);
    if (s != OK)
        return NULL;
    for (;;) {
        take_new(w);
        if (w->waiting.first != NULL)
            work(w);
        else if (w->order != NULL)
            obey(w);
        else if (atomic_load(&the_store.is_closing))
            break;
        else
            wait_for_work(w);
    }
    the_store.backend->close(w->state);
    return NULL;
}
