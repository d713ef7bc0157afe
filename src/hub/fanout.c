/* fanout: batches of messages to all who listen in this shard.
 *
 *   deliveries -> pending (by audience) -> walk: up to BATCH messages joined to one parcel per dialect -> one send a seat
 *
 * A walk goes on over several turns, SENDS_A_TURN sends at a time, so that an audience of thousands delays nobody: between two
 * slices the shard reads, answers and takes in what is published meanwhile, which becomes the next batch. Seats given up during
 * a walk stay behind as holes until it ends; seats taken during it are behind its limit and wait for the next batch.
 */
#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/internal.h"

#define SENDS_A_TURN 64 /* about 0.4 ms: as long may a publisher or a reader of this shard wait for its turn */
#define BATCH_COUNT  1024
#define BATCH_BYTES  (256 * 1024)
#define AHEAD        6 /* seats whose stream is fetched into the cache before its turn */

static struct delivery *next_of(const struct delivery *d)
{
    return (struct delivery *)(void *)d->letter.next;
}

static void delivery_free(struct delivery *d)
{
    message_unref(d->message); /* its memory is the message's */
}

static void backlog_sub(const struct message *m)
{
    atomic_fetch_sub_explicit(&hub_shared.backlogs[shard_here.index].bytes, m->size, memory_order_relaxed);
}

void fanout_add(struct delivery *given)
{
    const struct draft *d = given->message->draft;
    struct audience    *a = audience_find(d->app, d->channel, d->hash);
    if (a == NULL) { /* the last one has left meanwhile */
        backlog_sub(given->message);
        delivery_free(given);
        return;
    }
    given->letter.next = NULL;
    *a->pending_last = given;
    a->pending_last = (struct delivery **)(void *)&given->letter.next;
    if (!a->is_active) {
        a->is_active = true;
        list_add_last(&hub_own.active, &a->active);
    }
}

/* --- a batch ----------------------------------------------------------------------------------------------------------- */

/* Moves up to BATCH messages from pending to the walk. */
static void take_batch(struct audience *a)
{
    struct walk      *w = &a->walk;
    struct delivery **end = &w->batch;
    size_t            bytes = 0;
    w->batch_count = 0;
    w->senders = 0;
    while (a->pending != NULL && w->batch_count < BATCH_COUNT && (bytes < BATCH_BYTES || w->batch_count == 0)) {
        struct delivery *d = a->pending;
        a->pending = next_of(d);
        *end = d;
        end = (struct delivery **)(void *)&d->letter.next;
        bytes += d->message->size;
        w->batch_count++;
        backlog_sub(d->message);
        uint64_t sender = d->message->draft->sender;
        if (sender != 0 && stream_id_shard(sender) == shard_here.index)
            w->senders |= UINT64_C(1) << (sender & 63);
    }
    *end = NULL;
    if (a->pending == NULL)
        a->pending_last = &a->pending;
}

static void release_message(void *message)
{
    message_unref(message);
}

/* The bytes of one message for a dialect. A dialect whose first listener came while the message was on its way was not known at
 * its home: it is encoded here, into a parcel of its own. */
static struct parcel *parcel_of(const struct message *m, unsigned dialect)
{
    if (m->bytes[dialect].at != NULL)
        return parcel_around(m->bytes[dialect], release_message, (void *)(uintptr_t)message_ref(m));
    struct buf     b = { 0 };
    struct parcel *p = NULL;
    message_encode(&b, m, dialect);
    if (buf_ok(&b) && (p = parcel_new(b.len)) != NULL)
        memcpy(parcel_bytes(p), b.at, b.len);
    buf_clear(&b);
    return p;
}

/* All messages of a list, but for those of `not_from`, as one parcel. NULL: no memory, or nothing is left. */
static struct parcel *join(const struct delivery *batch, unsigned dialect, uint64_t not_from)
{
    struct buf b = { 0 };
    for (const struct delivery *d = batch; d != NULL; d = next_of(d)) {
        const struct message *m = d->message;
        if (not_from != 0 && m->draft->sender == not_from)
            continue;
        if (m->bytes[dialect].at != NULL)
            buf_slice_append(&b, m->bytes[dialect]);
        else
            message_encode(&b, m, dialect);
    }
    struct parcel *p = buf_ok(&b) && b.len > 0 ? parcel_new(b.len) : NULL;
    if (p != NULL)
        memcpy(parcel_bytes(p), b.at, b.len);
    buf_clear(&b);
    return p;
}

static void walk_begin(struct audience *a)
{
    struct walk *w = &a->walk;
    take_batch(a);
    w->dialect = 0;
    w->cursor = 0;
    w->parcel = NULL;
    a->is_walking = true;
    for (unsigned i = 0; i < DIALECT_MAX; i++)
        w->limit[i] = a->seats[i].count;
}

/* The walk comes to the first seat of a dialect. */
static void dialect_begin(struct audience *a)
{
    struct walk *w = &a->walk;
    w->parcel = w->batch_count == 1 ? parcel_of(w->batch->message, w->dialect) : join(w->batch, w->dialect, 0);
    if (w->parcel != NULL)
        w->parcel->may_drop = a->may_drop;
}

static void dialect_end(struct walk *w)
{
    parcel_unref(w->parcel);
    w->parcel = NULL;
}

static void walk_end(struct audience *a)
{
    struct walk *w = &a->walk;
    dialect_end(w);
    while (w->batch != NULL) {
        struct delivery *d = w->batch;
        w->batch = next_of(d);
        delivery_free(d);
    }
    a->is_walking = false;
    audience_compact(a);
}

void fanout_drop(struct audience *a)
{
    if (a->is_walking)
        walk_end(a);
    while (a->pending != NULL) {
        struct delivery *d = a->pending;
        a->pending = next_of(d);
        delivery_free(d);
    }
    a->pending_last = &a->pending;
}

/* --- the walk ---------------------------------------------------------------------------------------------------------- */

static uint32_t count_own(const struct delivery *batch, uint64_t id)
{
    uint32_t count = 0;
    for (; batch != NULL; batch = next_of(batch))
        count += batch->message->draft->sender == id;
    return count;
}

/* No memory for the shared parcel: nobody may miss a message and go on as if nothing had happened. */
static void give_up(struct stream *s)
{
    static struct log_limit limit = { .every_ms = 10000 };
    log_limited(&limit, LOG_ERROR, "hub: no memory to deliver; subscribers are disconnected and will come back");
    stream_close(s);
}

static void send_parcel(struct stream *s, struct parcel *p, uint32_t messages)
{
    if (p == NULL)
        give_up(s);
    else if (stream_send(s, p))
        counter_add(COUNTER_DELIVERED, messages);
    counter_add(COUNTER_SENDS, 1);
}

static void send_to(const struct walk *w, struct stream *s, struct parcel *shared, bool may_drop)
{
    bool     may_be_sender = w->senders >> (s->head.index & 63) & 1;
    uint32_t own = may_be_sender ? count_own(w->batch, stream_id(s)) : 0;
    if (own == 0) {
        send_parcel(s, shared, w->batch_count);
    } else if (own < w->batch_count) {
        struct parcel *others = join(w->batch, w->dialect, stream_id(s));
        if (others != NULL)
            others->may_drop = may_drop;
        send_parcel(s, others, w->batch_count - own);
        parcel_unref(others);
    }
}

/* Goes on with the walk; returns the sends that are left of the budget. More than 0: the walk is over. */
static unsigned walk_on(struct audience *a, unsigned budget)
{
    struct walk *w = &a->walk;
    for (; w->dialect < DIALECT_MAX; dialect_end(w), w->dialect++, w->cursor = 0) {
        const struct seat *seats = a->seats[w->dialect].at;
        if (w->cursor == 0 && w->parcel == NULL && w->limit[w->dialect] > 0)
            dialect_begin(a);
        for (uint32_t limit = w->limit[w->dialect]; w->cursor < limit; w->cursor++) {
            if (budget == 0)
                return 0;
            if (w->cursor + AHEAD < limit && seats[w->cursor + AHEAD].stream != SLAB_NONE)
                stream_prefetch(seats[w->cursor + AHEAD].stream);
            if (seats[w->cursor].stream == SLAB_NONE)
                continue;
            budget--;
            send_to(w, stream_at(seats[w->cursor].stream), w->parcel, a->may_drop);
        }
    }
    walk_end(a);
    return budget;
}

uint32_t fanout_turn(void)
{
    unsigned budget = SENDS_A_TURN;
    while (!list_is_empty(&hub_own.active)) {
        struct audience *a = list_object(hub_own.active.next, struct audience, active);
        if (!a->is_walking)
            walk_begin(a);
        budget = walk_on(a, budget);
        list_unlink(&a->active);
        if (a->is_walking || a->pending != NULL) { /* behind the others: a small channel does not wait for a large one */
            list_add_last(&hub_own.active, &a->active);
        } else {
            a->is_active = false;
            audience_let_go(a);
        }
        if (budget == 0)
            return list_is_empty(&hub_own.active) ? SHARD_ANY_TIME : 0;
    }
    return SHARD_ANY_TIME;
}
