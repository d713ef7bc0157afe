/* ask: a store with real shards around it, asked from the test's thread.
 *
 *   shop_open(&setup);                                       store and two shards that do nothing else
 *   struct store_op *op = ask(op_user(STORE_USER, 1, 2));    sends it from a shard, waits for the answer
 *   store_op_free(op);
 *   shop_close();
 *
 * ask_all sends many in one turn of a shard, so that they can make one group; the answers come in the array's order when the
 * store answered them in the order they were sent. Every wait has a deadline.
 */
#ifndef ENCKE_TESTS_UNIT_STORE_ASK_H
#define ENCKE_TESTS_UNIT_STORE_ASK_H

#include "unit/test.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

#include "base/counter.h"
#include "base/map.h"
#include "io/shard.h"
#include "store/internal.h"

#define ASK_DEADLINE_S 60

/* --- shards ------------------------------------------------------------------------------------------------------------ */

static const struct shard_part        shop_part = { .name = "shop", .on_stop = store_leave };
static const struct shard_part *const shop_parts[] = { &shop_part };
static struct shards_setup            shop_shards;
static bool                           shop_has_shards;

static inline void shop_shards_up(void)
{
    static bool  is_counting;
    struct error e = { 0 };
    if (!is_counting)
        counter_setup(8);
    is_counting = true;
    shop_shards = (struct shards_setup){ .shard_count = 2, .parts = shop_parts, .part_count = 1, .nofile = 1024 };
    if (shards_start(&shop_shards, &e) != OK)
        fail_msg("%s", e.text);
    shop_has_shards = true;
}

static inline void shop_shards_down(void)
{
    if (shop_has_shards) {
        shards_stop(0);
        shards_join();
    }
    shop_has_shards = false;
}

static inline void shop_open_with(const struct store_backend *backend, const struct store_setup *setup)
{
    struct error e = { 0 };
    if ((backend != NULL ? store_open_with(backend, setup, &e) : store_open(setup, &e)) != OK)
        fail_msg("%s", e.text);
    shop_shards_up();
}

static inline void shop_open(const struct store_setup *setup)
{
    shop_open_with(NULL, setup);
}

static inline uint64_t shop_close(void)
{
    shop_shards_down();
    return store_close();
}

/* --- asking ------------------------------------------------------------------------------------------------------------ */

struct asking {
    struct letter     letter;
    struct store_op **ops; /* sent in this order; replaced by the answers in theirs */
    size_t            count, answered;
    uint32_t          outstanding; /* what store_outstanding said when all were sent */
    sem_t             sent, done;
};

static inline void asking_done(struct store_op *op)
{
    struct asking *a = op->context;
    a->ops[a->answered++] = op;
    if (a->answered == a->count)
        sem_post(&a->done);
}

static inline void asking_send(struct letter *l)
{
    struct asking *a = (struct asking *)(void *)l;
    for (size_t i = 0; i < a->count; i++) {
        a->ops[i]->context = a;
        store_send(a->ops[i], asking_done);
    }
    bug_if(a->answered != 0); /* never before store_send has returned */
    a->outstanding = store_outstanding();
    sem_post(&a->sent);
}

static inline void ask_wait(sem_t *s)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ASK_DEADLINE_S;
    while (sem_timedwait(s, &until) < 0)
        if (errno != EINTR)
            fail_msg("no answer in time");
}

/* Returns when the shard has sent them; ask_end waits for the answers. */
static inline void ask_begin(struct asking *a, unsigned shard, struct store_op **ops, size_t count)
{
    *a = (struct asking){ .letter = { .deliver = asking_send }, .ops = ops, .count = count };
    sem_init(&a->sent, 0, 0);
    sem_init(&a->done, 0, 0);
    shard_post(shard, &a->letter);
    ask_wait(&a->sent);
}

static inline void ask_end(struct asking *a)
{
    ask_wait(&a->done);
    sem_destroy(&a->sent);
    sem_destroy(&a->done);
}

static inline void ask_all(unsigned shard, struct store_op **ops, size_t count)
{
    struct asking a;
    ask_begin(&a, shard, ops, count);
    ask_end(&a);
}

static inline struct store_op *ask(struct store_op *op)
{
    ask_all(0, &op, 1);
    return op;
}

/* Asks, expects OK, and lets the answer go. */
static inline void tell_at(struct store_op *op, const char *file, int line)
{
    op = ask(op);
    if (op->status != OK) {
        print_error("the store answered %s\n", status_row(op->status)->name);
        _fail(file, line);
    }
    store_op_free(op);
}
#define tell(op) tell_at((op), __FILE__, __LINE__)

/* --- making operations ------------------------------------------------------------------------------------------------- */

static const struct slice nothing_said = { 0 };

static inline struct store_op *op_of(enum store_kind kind, uint32_t app, uint32_t user_id, struct slice name, struct slice payload)
{
    struct store_op *op = store_op_new(kind, app, user_id, name, nothing_said, payload, nothing_said);
    assert_non_null(op);
    return op;
}

static inline struct store_op *op_user(enum store_kind kind, uint32_t app, uint32_t user_id)
{
    return op_of(kind, app, user_id, nothing_said, nothing_said);
}

static inline struct store_op *op_text(enum store_kind kind, uint32_t app, uint32_t user_id, const char *text)
{
    return op_of(kind, app, user_id, nothing_said, slice_str(text));
}

static inline struct store_op *op_channel(enum store_kind kind, uint32_t app, const char *name)
{
    return op_of(kind, app, 0, slice_str(name), nothing_said);
}

static inline struct store_op *with_number(struct store_op *op, uint64_t number)
{
    op->number = number;
    return op;
}

static inline struct store_op *with_place(struct store_op *op, uint64_t epoch, uint64_t offset, uint64_t time_ms)
{
    op->epoch = epoch;
    op->offset = offset;
    op->time_ms = time_ms;
    return op;
}

static inline struct store_op *op_message(enum store_kind kind, uint32_t app, uint32_t user_id, struct slice name, struct slice event,
                                          struct slice payload)
{
    struct store_op *op = store_op_new(kind, app, user_id, name, event, payload, nothing_said);
    assert_non_null(op);
    return op;
}

/* The n-th message of a user's queue: event "e<n>", payload "m<n>". */
static inline struct store_op *op_queued(uint32_t app, uint32_t user_id, uint64_t offset)
{
    char event[24], payload[24];
    snprintf(event, sizeof event, "e%llu", (unsigned long long)offset);
    snprintf(payload, sizeof payload, "m%llu", (unsigned long long)offset);
    return with_place(op_message(STORE_QUEUE_ADD, app, user_id, nothing_said, slice_str(event), slice_str(payload)), 0, offset,
                      1000 * offset);
}

static inline struct store_op *op_published(uint32_t app, const char *name, uint64_t epoch, uint64_t offset)
{
    char payload[24];
    snprintf(payload, sizeof payload, "m%llu", (unsigned long long)offset);
    return with_place(op_message(STORE_HISTORY_ADD, app, 7, slice_str(name), SLICE("ev"), slice_str(payload)), epoch, offset,
                      1000 * offset);
}

/* --- looking at rows --------------------------------------------------------------------------------------------------- */

static inline size_t rows_count(const struct store_row *row)
{
    size_t count = 0;
    for (; row != NULL; row = row->next)
        count++;
    return count;
}

/* The n-th row of a kind, name (or payload for a token) and app; NULL when there are fewer. */
static inline const struct store_row *row_at(const struct store_row *row, enum store_kind kind, uint32_t app, const char *name,
                                             size_t n)
{
    for (; row != NULL; row = row->next)
        if (row->kind == kind && row->app == app &&
            slice_is(kind == STORE_TOKEN_PUT ? row->payload : row->name, name) && n-- == 0)
            return row;
    return NULL;
}

/* "1 2 3" of a list. */
static inline const char *offsets_of(const struct store_row *row, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (; row != NULL && len < size; row = row->next)
        len += (size_t)snprintf(out + len, size - len, "%s%llu", len > 0 ? " " : "", (unsigned long long)row->offset);
    return out;
}

#endif
