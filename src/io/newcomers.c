/* newcomers: connections whose handshake is not done; see admission.h.
 *
 *   door   [ 17 | 4 | 92 | ... ]           those that have said something, in the order in which they did; looked at for turn_us
 *   unfinished  [ 4 | 17 | - | 92 | 8 ]    all of them, in a ring of `handshakes` places; a hand goes round
 *                       ^ hand
 *
 * A place of the ring is free when its stream is gone or settled; nobody clears it. A newcomer takes the first free place of
 * the next few; when there is none, the first of them who has said nothing gives way to it: what stands at the hand has been there
 * for about one round. When nobody is left the hand begins anew. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/internal.h"

#define LOOKED_AT 16 /* places for one newcomer */

enum status newcomers_open(struct shard *shard)
{
    const struct admission *rules = &shard->setup->admission;
    struct newcomers       *n = &shard->newcomers;
    n->place_count = rules->handshakes;
    n->places = calloc(n->place_count + 1u, sizeof *n->places);
    counter_held(COUNTER_MEMORY_SHARDS, (n->place_count + 1u) * sizeof *n->places);
    shard->account_of = shards.accounts != NULL ? calloc(shard->table_limit + 1u, sizeof *shard->account_of) : NULL;
    return n->places != NULL && (shards.accounts == NULL || shard->account_of != NULL) ? OK : E_NO_MEMORY;
}

void newcomers_close(struct shard *shard)
{
    free(shard->newcomers.places);
    free(shard->newcomers.door);
    free(shard->account_of);
}

/* --- places ------------------------------------------------------------------------------------------------------------ */

static struct stream *newcomer_at(struct shard *shard, uint64_t id)
{
    struct stream *s = stream_local(shard, id);
    return s != NULL && (s->flags & STREAM_CLOSED) == 0 && s->flags & STREAM_NEW ? s : NULL;
}

static void give_up(struct stream *s)
{
    static struct log_limit limit = { .every_ms = 10000 };
    counter_add(COUNTER_HANDSHAKES_GIVEN_UP, 1);
    log_limited(&limit, LOG_WARN, "%s: gave up a connection that said nothing, limits.handshakes is reached", stream_port(s)->name);
    stream_settle(s);
    stream_on_due(s);
}

/* A place for a newcomer, or NULL: everybody waits for this shard, not it for them. */
static uint64_t *place_for_one(struct shard *shard)
{
    struct newcomers *n = &shard->newcomers;
    struct stream    *silent = NULL;
    uint64_t         *place = NULL;
    for (uint32_t i = 0; i < LOOKED_AT && i < n->place_count; i++) {
        uint64_t      *at = &n->places[n->hand];
        struct stream *s = newcomer_at(shard, *at);
        n->hand = (n->hand + 1) % n->place_count;
        if (s == NULL)
            return at;
        if (silent == NULL && (s->flags & STREAM_READY) == 0) {
            silent = s;
            place = at;
        }
    }
    if (silent == NULL)
        return NULL;
    n->hand = ((uint32_t)(place - n->places) + 1) % n->place_count; /* those behind it have been there longer than this newcomer */
    give_up(silent);
    return place;
}

bool newcomers_are_patient(const struct shard *shard)
{
    const struct newcomers *n = &shard->newcomers;
    uint32_t                patience_ms = shard->setup->admission.patience_ms;
    return patience_ms == 0 || n->door_count == 0 || shard_here.now_ms - n->door[n->door_at].since_ms <= patience_ms;
}

bool newcomers_make_room(struct shard *shard)
{
    struct newcomers *n = &shard->newcomers;
    n->place = n->place_count > 0 ? place_for_one(shard) : NULL;
    return n->place_count == 0 || n->place != NULL;
}

void newcomer_begin(struct shard *shard, struct stream *s)
{
    struct newcomers *n = &shard->newcomers;
    s->flags |= STREAM_NEW;
    n->count++;
    counter_add(COUNTER_HANDSHAKES, 1);
    if (n->place != NULL)
        *n->place = stream_local_id(s);
    n->place = NULL;
}

void stream_settle(struct stream *s)
{
    if ((s->flags & STREAM_NEW) == 0)
        return;
    s->flags &= (uint16_t)~STREAM_NEW;
    counter_sub(COUNTER_HANDSHAKES, 1);
    if (--shard_own->newcomers.count == 0)
        shard_own->newcomers.hand = 0; /* all places are free: the first ones stay in the cache, and the others no memory */
}

/* --- the door ---------------------------------------------------------------------------------------------------------- */

static bool door_room(struct newcomers *n)
{
    if (n->door_at + n->door_count < n->door_cap)
        return true;
    if (n->door_at > 0 && n->door_count <= n->door_cap / 2) { /* moved at most once for each that has left */
        memmove(n->door, n->door + n->door_at, n->door_count * sizeof *n->door);
        n->door_at = 0;
        return true;
    }
    size_t        cap = n->door_cap > 0 ? n->door_cap * 2 : 64;
    struct waiting *grown = realloc(n->door, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    counter_held(COUNTER_MEMORY_SHARDS, (cap - n->door_cap) * sizeof *grown);
    n->door = grown;
    n->door_cap = cap;
    return true;
}

bool newcomer_waits(struct shard *shard, const struct stream *s)
{
    struct newcomers *n = &shard->newcomers;
    if (!door_room(n))
        return false;
    n->door[n->door_at + n->door_count++] = (struct waiting){ stream_local_id(s), shard_here.now_ms };
    return true;
}

/* Only those who were there when the turn began: one that has more to say is behind them. */
void newcomers_turn(struct shard *shard)
{
    struct newcomers *n = &shard->newcomers;
    uint64_t          turn_ns = shard->setup->admission.turn_us * UINT64_C(1000);
    uint64_t          end_ns = turn_ns > 0 && n->door_count > 1 ? clock_mono_ns() + turn_ns : UINT64_MAX;
    for (size_t left = n->door_count; left > 0; left--) {
        uint64_t id = n->door[n->door_at++].id;
        n->door_count--;
        stream_read_waiting(shard, id);
        if (end_ns != UINT64_MAX && clock_mono_ns() >= end_ns)
            break;
    }
    if (n->door_count > 0)
        return;
    n->door_at = 0;
    if (n->door_cap > DOOR_KEPT) {
        counter_freed(COUNTER_MEMORY_SHARDS, n->door_cap * sizeof *n->door);
        free(n->door);
        n->door = NULL;
        n->door_cap = 0;
    }
}
