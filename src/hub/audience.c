/* audience: the subscribers of one channel in one shard (struct audience in internal.h), and what their home hears of them.
 *
 * Each change marks the audience dirty; interest_flush posts one INTEREST for each dirty one, with the present count, so that a
 * thousand subscribers in a turn cost one letter. An audience with neither seats nor deliveries is freed when home knows.
 */
#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/internal.h"
#include "hub/record.h"

#define SEATS_KEPT 512 /* an array of fewer does not shrink: 4 KB, and it goes with the last listener */

struct interest {
    struct letter letter;
    uint64_t      hash;
    uint32_t      app;
    uint32_t      count;
    uint16_t      shard;
    uint8_t       dialects;
    uint8_t       name_len;
    char          name[CHANNEL_NAME_MAX];
};

struct audience_key {
    uint32_t     app;
    struct slice name;
};

static bool is_audience(const struct map_link *link, const void *key)
{
    const struct audience     *a = list_object(link, const struct audience, link);
    const struct audience_key *k = key;
    return a->app == k->app && slice_equal(audience_name(a), k->name);
}

struct audience *audience_find(uint32_t app, struct slice name, uint64_t hash)
{
    struct audience_key key = { app, name };
    struct map_link    *link = map_find(&hub_own.audiences, hash, is_audience, &key);
    return link != NULL ? list_object(link, struct audience, link) : NULL;
}

struct audience *audience_get(uint32_t app, struct slice name, uint64_t hash)
{
    struct audience *a = audience_find(app, name, hash);
    if (a != NULL || name.len > CHANNEL_NAME_MAX)
        return a;
    a = slab_take(&hub_own.audience_slab);
    if (a == NULL)
        return NULL;
    a->app = app;
    a->name_len = (uint8_t)name.len;
    memcpy(a->name, name.at, name.len);
    a->pending_last = &a->pending;
    a->next_dirty = SLAB_NONE;
    a->may_drop = hub_shared.setup.may_drop != NULL && hub_shared.setup.may_drop(name);
    list_init(&a->active);
    if (map_put(&hub_own.audiences, &a->link, hash) != OK) {
        slab_give(&hub_own.audience_slab, a);
        return NULL;
    }
    return a;
}

uint32_t audience_count(const struct audience *a)
{
    uint32_t count = 0;
    for (unsigned d = 0; d < DIALECT_MAX; d++)
        count += a->seats[d].count - a->seats[d].vacant;
    return count;
}

static uint8_t audience_dialects(const struct audience *a)
{
    uint8_t mask = 0;
    for (unsigned d = 0; d < DIALECT_MAX; d++)
        if (a->seats[d].count > a->seats[d].vacant)
            mask |= (uint8_t)(1u << d);
    return mask;
}

enum status audience_seat(struct audience *a, const struct dialect *d, struct stream *s, uint32_t slot, uint32_t *out_seat)
{
    struct seats *seats = &a->seats[d->index];
    uint32_t      had = seats->cap;
    if (!array_room(&seats->at, &seats->cap, seats->count + 1, sizeof *seats->at))
        return E_NO_MEMORY;
    counter_held(COUNTER_MEMORY_SEATS, (seats->cap - had) * sizeof *seats->at);
    seats->at[seats->count] = (struct seat){ .stream = s->head.index, .slot = slot };
    *out_seat = seats->count++;
    audience_mark_dirty(a);
    return OK;
}

void audience_seats_free(struct audience *a)
{
    for (unsigned d = 0; d < DIALECT_MAX; d++) {
        counter_freed(COUNTER_MEMORY_SEATS, a->seats[d].cap * sizeof *a->seats[d].at);
        free(a->seats[d].at);
    }
}

/* A crowd has gone: its seats do not stay. Shrinks at a quarter, to half, so that coming and going around a border moves nothing. */
static void seats_shrink(struct seats *seats)
{
    if (seats->cap < SEATS_KEPT || seats->count > seats->cap / 4)
        return;
    uint32_t     cap = seats->cap / 2;
    struct seat *less = realloc(seats->at, cap * sizeof *less);
    if (less == NULL)
        return; /* it works on with what it has */
    counter_freed(COUNTER_MEMORY_SEATS, (seats->cap - cap) * sizeof *less);
    seats->at = less;
    seats->cap = cap;
}

/* The owner of a seat that moves must know where it is now. */
static void correct_owner(unsigned dialect, const struct seat *seat, uint32_t place)
{
    struct session *s = hub_shared.setup.dialects[dialect]->session_of(stream_at(seat->stream));
    session_subs(s)[seat->slot].seat = place;
}

void audience_leave(struct audience *a, unsigned dialect, uint32_t seat)
{
    struct seats *seats = &a->seats[dialect];
    audience_mark_dirty(a);
    if (a->is_walking) { /* moving a seat now could hide it from the walk: the hole is closed when the walk has ended */
        seats->at[seat].stream = SLAB_NONE;
        seats->vacant++;
        return;
    }
    if (seat != --seats->count) {
        seats->at[seat] = seats->at[seats->count];
        correct_owner(dialect, &seats->at[seat], seat);
    }
    seats_shrink(seats);
}

/* The last go into the holes, as when somebody leaves without a walk: so the visits to owners, which are somewhere in memory, are
 * no more than the holes, however many stay. */
static void compact(struct seats *seats, unsigned dialect)
{
    for (uint32_t hole = 0; seats->vacant > 0; hole++) {
        while (seats->vacant > 0 && seats->at[seats->count - 1].stream == SLAB_NONE) {
            seats->count--;
            seats->vacant--;
        }
        if (seats->vacant == 0 || seats->at[hole].stream != SLAB_NONE)
            continue;
        seats->at[hole] = seats->at[--seats->count];
        seats->vacant--;
        correct_owner(dialect, &seats->at[hole], hole);
    }
    seats_shrink(seats);
}

void audience_compact(struct audience *a)
{
    for (unsigned d = 0; d < DIALECT_MAX; d++)
        if (a->seats[d].vacant > 0)
            compact(&a->seats[d], d);
}

void audience_let_go(struct audience *a)
{
    if (a->is_dirty || a->is_active || a->told_count > 0 || audience_count(a) > 0)
        return;
    audience_seats_free(a);
    map_drop(&hub_own.audiences, &a->link);
    slab_give(&hub_own.audience_slab, a);
}

/* --- interest ---------------------------------------------------------------------------------------------------------- */

void audience_mark_dirty(struct audience *a)
{
    if (a->is_dirty)
        return;
    a->is_dirty = true;
    a->next_dirty = hub_own.dirty;
    hub_own.dirty = a->head.index;
}

static enum status interest_apply(uint32_t app, struct slice name, uint64_t hash, unsigned shard, uint32_t count,
                                  uint8_t dialects)
{
    struct channel *c = count > 0 ? channel_get(app, name, hash) : channel_find(app, name, hash);
    if (c == NULL)
        return count > 0 ? E_NO_MEMORY : OK;
    enum status s = channel_interest_set(c, shard, count, dialects);
    if (shard_here.is_guest)
        bridge_say(&(struct record){
            .kind = RECORD_INTEREST, .app = app, .name = name, .count = (uint32_t)channel_count(c) });
    channel_let_go(c);
    return s;
}

/* Home cannot remember this shard: its listeners would hear nothing and not know. They are disconnected and come back. */
static void interest_refused(struct letter *given)
{
    static struct log_limit limit = { .every_ms = 10000 };
    struct interest        *i = (struct interest *)(void *)given;
    struct audience        *a = audience_find(i->app, slice_of(i->name, i->name_len), i->hash);
    log_limited(&limit, LOG_ERROR, "hub: no memory for a channel; its subscribers in this shard are disconnected");
    for (unsigned d = 0; a != NULL && d < DIALECT_MAX; d++)
        for (uint32_t seat = 0; seat < a->seats[d].count; seat++)
            if (a->seats[d].at[seat].stream != SLAB_NONE)
                stream_close(stream_at(a->seats[d].at[seat].stream));
    free(i);
}

static void interest_arrived(struct letter *given)
{
    struct interest *i = (struct interest *)(void *)given;
    struct slice     name = slice_of(i->name, i->name_len);
    if (interest_apply(i->app, name, i->hash, i->shard, i->count, i->dialects) == OK) {
        free(i);
        return;
    }
    i->letter.deliver = interest_refused; /* the answer needs no memory: it is the question */
    shard_post(i->shard, &i->letter);
}

static enum status interest_tell(struct audience *a, uint32_t count, uint8_t dialects)
{
    uint64_t hash = a->link.hash;
    unsigned home = channel_home(hash);
    if (home == shard_here.index)
        return interest_apply(a->app, audience_name(a), hash, home, count, dialects);
    struct interest *i = malloc(sizeof *i);
    if (i == NULL)
        return E_NO_MEMORY;
    *i = (struct interest){
        .letter.deliver = interest_arrived,
        .hash = hash,
        .app = a->app,
        .count = count,
        .shard = (uint16_t)shard_here.index,
        .dialects = dialects,
        .name_len = a->name_len,
    };
    memcpy(i->name, a->name, a->name_len);
    shard_post(home, &i->letter);
    return OK;
}

bool interest_flush(void)
{
    while (hub_own.dirty != SLAB_NONE) {
        struct audience *a = slab_at(&hub_own.audience_slab, hub_own.dirty);
        uint32_t         count = audience_count(a);
        uint8_t          dialects = audience_dialects(a);
        if ((count != a->told_count || dialects != a->told_dialects) && interest_tell(a, count, dialects) != OK)
            return false;
        a->told_count = count;
        a->told_dialects = dialects;
        a->is_dirty = false;
        hub_own.dirty = a->next_dirty;
        a->next_dirty = SLAB_NONE;
        audience_let_go(a);
    }
    return true;
}
