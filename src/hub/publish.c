/* publish.c: see publish.h. The first half runs at the door's shard, the second at the channel's home. */
#include "hub/publish.h"

#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/internal.h"

/* --- the report -------------------------------------------------------------------------------------------------------- */

static void report_arrived(struct letter *given)
{
    struct publish_report *r = (struct publish_report *)(void *)given;
    struct stream         *asker = stream_find(r->asker);
    if (asker != NULL && stream_is_open(asker)) {
        stream_cork(asker);
        r->on_done(asker, r);
        stream_uncork(asker);
    }
    message_unref(r->message);
    free(r);
}

static void report_send(struct publish_report *r)
{
    unsigned door = stream_id_shard(r->asker);
    r->letter.deliver = report_arrived;
    if (door == shard_here.index)
        report_arrived(&r->letter);
    else
        hub_post(door, &r->letter);
}

/* Shards of the mask that still have too much before them. */
static uint64_t too_far_behind(uint64_t mask)
{
    uint64_t behind = 0;
    for (; mask != 0; mask &= mask - 1) {
        unsigned shard = (unsigned)__builtin_ctzll(mask);
        if (atomic_load_explicit(&hub_shared.backlogs[shard].bytes, memory_order_relaxed) > hub_shared.setup.backlog_bytes)
            behind |= UINT64_C(1) << shard;
    }
    return behind;
}

static void report_hold(struct publish_report *r)
{
    r->letter.next = NULL;
    *hub_own.held_last = r;
    hub_own.held_last = (struct publish_report **)(void *)&r->letter.next; /* the letter is the first member */
}

/* Sends a report, or holds it back while one of `shards` is too far behind. Reports leave in the order they were made. */
static void report_finish(struct publish_report *r, uint64_t shards_mask)
{
    r->waits_for = too_far_behind(shards_mask);
    if (r->waits_for == 0 && hub_own.held == NULL)
        report_send(r);
    else
        report_hold(r);
}

static struct publish_report *held_take(void)
{
    struct publish_report *r = hub_own.held;
    hub_own.held = (struct publish_report *)(void *)r->letter.next;
    if (hub_own.held == NULL)
        hub_own.held_last = &hub_own.held;
    return r;
}

uint32_t reports_turn(void)
{
    while (hub_own.held != NULL) {
        hub_own.held->waits_for = too_far_behind(hub_own.held->waits_for);
        if (hub_own.held->waits_for != 0)
            return 1;
        report_send(held_take());
    }
    return SHARD_ANY_TIME;
}

void reports_drop(void)
{
    while (hub_own.held != NULL) {
        struct publish_report *r = held_take();
        message_unref(r->message);
        free(r);
    }
}

/* --- at home ----------------------------------------------------------------------------------------------------------- */

static void delivery_arrived(struct letter *given)
{
    fanout_add((struct delivery *)(void *)given);
}

/* One reference and one letter to each interested shard; returns their set. The letters are in the message's own memory. */
static uint64_t deliver(struct message *m, const struct channel *c)
{
    uint64_t mask = 0;
    atomic_fetch_add_explicit(&m->refs, c->interest_count, memory_order_relaxed);
    for (unsigned i = 0; i < c->interest_count; i++) {
        bool             is_bridge = c->interests[i].shard == INTEREST_BRIDGE; /* in shard 0 */
        unsigned         shard = is_bridge ? 0 : c->interests[i].shard;
        struct delivery *d = message_delivery(m, i);
        mask |= UINT64_C(1) << shard;
        atomic_fetch_add_explicit(&hub_shared.backlogs[shard].bytes, m->size, memory_order_relaxed);
        d->letter.deliver = is_bridge ? bridge_message_arrived : delivery_arrived;
        if (shard == shard_here.index)
            d->letter.deliver(&d->letter);
        else
            shard_post(shard, &d->letter); /* not hub_post: it could change the list that is walked here */
    }
    return mask;
}

/* The store has it, or not: the report goes out. */
static void on_history_stored(struct store_op *done)
{
    struct publish_report *r = done->context;
    r->status = done->status;
    report_finish(r, done->note);
    store_op_free(done);
}

static void report_fill(struct publish_report *r, struct message *m, uint64_t reached)
{
    r->status = m != NULL ? OK : E_NO_MEMORY;
    r->offset = m != NULL ? m->offset : 0;
    r->epoch = m != NULL ? m->epoch : 0;
    r->reached = reached;
    r->message = m; /* our reference goes with the report */
}

/* The channel takes the message: offset, history, subscribers. The store is told behind that: nobody waits for the disk to hear. */
static void channel_publish(struct draft *given)
{
    struct publish_report *r = given->report;
    interest_flush(); /* this shard's own subscribers count as well, and nothing changes them until all is sent */
    bool            has_floor = given->is_recorded && hub_history_floor(given->channel) > 0;
    bool            is_one_too_many = has_floor && channel_find(given->app, given->channel, given->hash) == NULL &&
                           !app_may_have_channel(given->app);
    struct channel *c = has_floor && !is_one_too_many ? channel_get(given->app, given->channel, given->hash)
                                  : channel_find(given->app, given->channel, given->hash);
    struct seal seal = { .sent_ms = shard_here.wall_ms };
    uint64_t    reached = 0, shards_mask = 0;
    bool        records = c != NULL && given->is_recorded && c->history_limit > 0;
    enum status     stored = is_one_too_many ? E_MANY_CHANNELS : E_NOT_FOUND; /* there is nothing to store */
    if (c != NULL) {
        seal = (struct seal){ c->offset + 1, c->epoch, shard_here.wall_ms, channel_dialects(c), c->interest_count };
        reached = channel_count(c) - (given->sender_listens && channel_count(c) > 0 ? 1 : 0);
    }
    given->report = NULL; /* it outlives the draft */
    struct app     *figures = app_here(given->app);
    struct message *m = message_seal(given, &seal);
    if (m != NULL && c != NULL) {
        c->offset++;
        c->messages += m->draft->kind == MESSAGE_TEXT;
        shards_mask = deliver(m, c);
        if (records) {
            /* Before history_add tells the store which one gives way: a crash between the two leaves one too many. */
            stored = journal_history(c, m, r, r != NULL ? on_history_stored : NULL, shards_mask);
            history_add(c, m);
        } else if (m->draft->is_recorded) {
            c->lost_offset = m->offset; /* nobody records here */
        }
    }
    if (m != NULL) {
        counter_add(COUNTER_PUBLISHED, 1);
        if (figures != NULL)
            figures->messages++;
    }
    if (r != NULL)
        report_fill(r, m, reached);
    if (c != NULL)
        channel_let_go(c); /* before the report: whatever its receiver does next may free the channel */
    if (r == NULL) {
        message_unref(m);
        return;
    }
    if (stored == OK)
        return; /* on_history_stored reports */
    if (stored != E_NOT_FOUND)
        r->status = stored;
    report_finish(r, shards_mask);
}

/* He was here already: for those who listen nothing has changed. */
static bool has_only_moved(struct draft *given)
{
    struct channel *c = given->kind == MESSAGE_JOIN ? channel_find(given->app, given->channel, given->hash) : NULL;
    if (c == NULL || !expected_take(c, given->user_id, given->uuid))
        return false;
    struct publish_report *r = given->report;
    given->report = NULL;
    draft_free(given);
    channel_let_go(c);
    if (r != NULL)
        report_finish(r, 0);
    return true;
}

static void draft_arrived(struct letter *given)
{
    struct draft *d = (struct draft *)(void *)given;
    if (!has_only_moved(d))
        channel_publish(d);
}

void channel_forward(struct draft *given, const struct seal *seal)
{
    interest_flush();
    struct channel *c = channel_find(given->app, given->channel, given->hash);
    if (c == NULL) { /* the last one has left meanwhile */
        draft_free(given);
        return;
    }
    struct message *m = message_seal(given, &(struct seal){ .offset = seal->offset,
                                                            .epoch = seal->epoch,
                                                            .sent_ms = seal->sent_ms,
                                                            .dialects = channel_dialects(c),
                                                            .deliveries = c->interest_count });
    if (m == NULL) {
        bridge_cut(); /* nobody may miss it and go on as if nothing had happened */
        return;
    }
    c->offset = m->offset;
    (void)deliver(m, c);
    message_unref(m);
    channel_let_go(c);
}

/* --- at the door ------------------------------------------------------------------------------------------------------- */

enum status publish(struct draft *given, struct stream *asker, uint64_t note,
                    void (*on_done)(struct stream *asker, const struct publish_report *r))
{
    if (shard_here.is_guest) { /* what is said about those who leave is said by the process they go to */
        draft_free(given);
        return OK;
    }
    if (asker != NULL) {
        given->report = malloc(sizeof *given->report);
        if (given->report == NULL) {
            draft_free(given);
            return E_NO_MEMORY;
        }
        *given->report = (struct publish_report){ .asker = stream_id(asker), .on_done = on_done, .note = note };
    }
    given->hash = channel_hash(given->app, given->channel);
    given->letter.deliver = draft_arrived;
    unsigned home = channel_home(given->hash);
    if (home == shard_here.index)
        draft_arrived(&given->letter);
    else
        hub_post(home, &given->letter);
    return OK;
}
