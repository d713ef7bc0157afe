/* history: what a channel remembers, at its home.
 *
 * A list of references to sealed messages, oldest first, trimmed to the channel's limit at each message. All entries of a shard
 * are also in one list by age: when they take more memory than the shard's share of main.history_bytes, the oldest of all leave
 * memory first, whichever channel they are in. That is always the oldest of its channel, too.
 *
 *   store:  [ 33 34 35 36 37 38 39 40 41 42 ]          cold: the store may hold more than memory does; a question that needs all
 *   memory:                 [ 38 39 40 41 42 ]         waits until it was read (history_load.c)
 *
 * With a store that keeps histories nothing is lost by that, and at start nothing is read: every channel begins cold.
 */
#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/internal.h"

#define EXPIRE_AT_ONCE        256
#define STORE_EXPIRE_EVERY_MS 60000

static size_t entry_bytes(const struct history_entry *e)
{
    return sizeof *e + message_size(e->message);
}

/* The figure is kept only where it is bounded. */
static struct app *bounded_app(const struct channel *c)
{
    return hub_shared.setup.app_history_bytes > 0 ? app_here(c->app) : NULL;
}

static void forget(struct history_entry *e)
{
    size_t      bytes = entry_bytes(e);
    struct app *app = bounded_app(e->channel);
    if (app != NULL)
        app->history_bytes -= bytes;
    hub_own.history_bytes -= bytes;
    counter_sub(COUNTER_HISTORY_BYTES, bytes);
    counter_sub(COUNTER_HISTORY_MESSAGES, 1);
    list_unlink(&e->age);
    message_unref(e->message);
    counter_freed(COUNTER_MEMORY_MESSAGES, sizeof *e);
    free(e);
}

static void count_entry(const struct history_entry *e)
{
    size_t      bytes = entry_bytes(e);
    struct app *app = bounded_app(e->channel);
    if (app != NULL)
        app->history_bytes += bytes;
    hub_own.history_bytes += bytes;
    counter_add(COUNTER_HISTORY_BYTES, bytes);
    counter_add(COUNTER_HISTORY_MESSAGES, 1);
}

static void forget_oldest(struct channel *c)
{
    struct history_entry *e = c->oldest;
    c->oldest = e->next;
    if (c->oldest == NULL)
        c->newest = NULL;
    c->history_count--;
    if (e->message->epoch == c->epoch)
        c->lost_offset = e->message->offset;
    forget(e);
}

/* Out of the memory and out of the store. What the store cannot be told now goes when the channel is loaded the next time. */
static void trim_oldest(struct channel *c)
{
    struct store_op *op = hub_shared.setup.stores_history ? journal_channel(STORE_HISTORY_DROP_ONE, c) : NULL;
    if (op != NULL) {
        op->epoch = c->oldest->message->epoch;
        op->offset = c->oldest->message->offset;
        journal_send(op, NULL);
    }
    forget_oldest(c);
}

static struct history_entry *first_of(const struct list *ages)
{
    return list_is_empty(ages) ? NULL : list_object(ages->next, struct history_entry, age);
}

static struct history_entry *oldest_of_all(void)
{
    struct history_entry *a = first_of(&hub_own.ages), *b = first_of(&hub_own.trust_ages);
    bug_if(a == NULL && b == NULL);
    return a == NULL || (b != NULL && b->message->sent_ms < a->message->sent_ms) ? b : a;
}

/* Out of the memory; the store has it still, and is trimmed when so many have gone that way that it may hold too much. */
static void evict_oldest(struct channel *c)
{
    uint64_t lost_offset = c->lost_offset;
    c->is_cold = true;
    c->evicted++;
    forget_oldest(c);
    c->lost_offset = lost_offset;
    if (c->evicted + c->history_count <= 2 * c->history_limit + 16)
        return;
    struct store_op *op = journal_channel(STORE_HISTORY_TRIM, c);
    if (op == NULL)
        return;
    op->number = c->history_limit;
    journal_send(op, NULL);
    c->evicted = c->history_limit > c->history_count ? c->history_limit - c->history_count : 0;
}

static void give_way(struct channel *c)
{
    if (hub_shared.setup.stores_history)
        evict_oldest(c);
    else
        trim_oldest(c);
}

/* An app that has its share: the channel that is written to forgets its own. So no app takes more, and none pays for another; and the
 * oldest of an app is not searched for. */
static void keep_within_app(struct channel *c)
{
    uint64_t    share = hub_shared.setup.app_history_bytes / hub_shared.setup.shard_count;
    struct app *app = bounded_app(c);
    while (app != NULL && app->history_bytes > share && c->history_count > 0) {
        counter_add(COUNTER_APP_HISTORY, 1);
        give_way(c);
    }
}

/* `held` is in the hands of a caller; any other channel may go with its last message. */
static void keep_within_memory(const struct channel *held)
{
    static struct log_limit limit = { .every_ms = 60000 };
    uint64_t                share = hub_shared.setup.history_bytes / hub_shared.setup.shard_count;
    while (hub_own.history_bytes > share) {
        struct channel *c = oldest_of_all()->channel;
        if (hub_shared.setup.stores_history) {
            evict_oldest(c);
        } else {
            log_limited(&limit, LOG_WARN, "history: main.history_bytes is used up; the oldest messages are forgotten");
            trim_oldest(c);
        }
        if (c != held)
            channel_let_go(c);
    }
}

/* Forgets the entries of one class that are too old, some of them in one turn. True: there are more. */
static bool expire(struct list *ages, uint64_t age_ms)
{
    for (int i = 0; age_ms > 0 && !list_is_empty(ages); i++) {
        struct history_entry *e = list_object(ages->next, struct history_entry, age);
        if (e->message->sent_ms + age_ms > shard_here.wall_ms)
            return false;
        if (i >= EXPIRE_AT_ONCE)
            return true;
        struct channel *c = e->channel;
        trim_oldest(c);
        channel_let_go(c);
    }
    return false;
}

/* What is not in memory: one shard tells the store for all, once a minute. */
static void expire_stored(uint64_t age_ms, struct slice prefix, struct slice other_prefix)
{
    struct slice     none = SLICE("");
    struct store_op *op = age_ms > 0 ? store_op_new(STORE_HISTORY_EXPIRE, 0, 0, prefix, other_prefix, none, none) : NULL;
    if (op == NULL)
        return;
    op->time_ms = shard_here.wall_ms - age_ms;
    journal_send(op, NULL);
}

static void expire_in_store(void)
{
    static _Thread_local uint64_t next_ms;
    const struct hub_setup       *setup = &hub_shared.setup;
    if (shard_here.index != 0 || !setup->stores_history || shard_here.now_ms < next_ms)
        return;
    next_ms = shard_here.now_ms + STORE_EXPIRE_EVERY_MS;
    struct slice floor = slice_str(setup->floor_prefix);
    if (floor.len > 0)
        expire_stored(setup->floor_age_ms, floor, SLICE(""));
    expire_stored(setup->history_age_ms, SLICE(""), floor);
}

uint32_t history_turn(void)
{
    expire_in_store();
    bool is_more = expire(&hub_own.ages, hub_shared.setup.history_age_ms);
    is_more |= expire(&hub_own.trust_ages, hub_shared.setup.floor_age_ms);
    return is_more ? 0 : SHARD_ANY_TIME; /* the loop wakes up every second anyway, which is often enough for the next */
}

void history_add_oldest(struct channel *c, const struct message *m)
{
    struct history_entry *e = malloc(sizeof *e);
    if (e == NULL)
        return; /* it stays in the store */
    *e = (struct history_entry){ .channel = c, .message = message_ref(m), .next = c->oldest };
    counter_held(COUNTER_MEMORY_MESSAGES, sizeof *e);
    list_init(&e->age);
    list_add_last((c->floor > 0 ? &hub_own.trust_ages : &hub_own.ages)->next, &e->age); /* before the first: to the front */
    c->oldest = e;
    if (c->newest == NULL)
        c->newest = e;
    c->history_count++;
    count_entry(e);
}

void history_settle(struct channel *c)
{
    while (c->history_count > c->history_limit && c->history_limit > 0)
        trim_oldest(c);
    keep_within_app(c);
    keep_within_memory(c);
}

void history_add(struct channel *c, const struct message *m)
{
    struct history_entry *e = malloc(sizeof *e);
    if (e == NULL) {
        static struct log_limit limit = { .every_ms = 10000 };
        log_limited(&limit, LOG_ERROR, "history: no memory, a message was not recorded");
        return;
    }
    *e = (struct history_entry){ .channel = c, .message = message_ref(m) };
    counter_held(COUNTER_MEMORY_MESSAGES, sizeof *e);
    list_init(&e->age);
    list_add_last(c->floor > 0 ? &hub_own.trust_ages : &hub_own.ages, &e->age);
    *(c->newest != NULL ? &c->newest->next : &c->oldest) = e;
    c->newest = e;
    c->history_count++;
    count_entry(e);
    while (c->history_count > c->history_limit)
        trim_oldest(c);
    keep_within_app(c);
    keep_within_memory(c);
}

void history_drop(struct channel *c)
{
    c->is_cold = false; /* the caller tells the store */
    c->evicted = 0;
    c->drops++;
    c->lost_offset = c->offset;
    while (c->oldest != NULL)
        forget_oldest(c);
}

bool history_drop_one(struct channel *c, uint64_t epoch, uint64_t offset)
{
    struct history_entry *before = NULL;
    for (struct history_entry *e = c->oldest; e != NULL; before = e, e = e->next) {
        if (e->message->offset != offset || e->message->epoch != epoch)
            continue;
        *(before != NULL ? &before->next : &c->oldest) = e->next;
        if (c->newest == e)
            c->newest = before;
        c->history_count--;
        forget(e);
        return true;
    }
    return false;
}

/* Entries are forgotten oldest first, so whoever has heard of one that is still here has missed nothing that is not. */
bool history_after(const struct channel *c, uint64_t epoch, uint64_t offset, const struct history_entry **out_first)
{
    const struct history_entry *last_heard = NULL;
    for (const struct history_entry *e = c->oldest; e != NULL; e = e->next)
        if (e->message->epoch == epoch && e->message->offset <= offset)
            last_heard = e;
    if (last_heard != NULL) {
        *out_first = last_heard->next;
        return true;
    }
    *out_first = c->oldest;
    return epoch == c->epoch && offset >= c->lost_offset && offset <= c->offset;
}
