/* subscription: a session takes and gives back its seats (session.h), and presence hears of it. */
#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/internal.h"
#include "hub/record.h"
#include "io/meter.h"

#define IN_FLIGHT_LIMIT 30000 /* of its 15 bits */

struct subscription *session_subs(struct session *s)
{
    return s->sub_cap > 0 ? s->more : s->subs;
}

struct slice subscription_name(const struct subscription *sub)
{
    return audience_name(slab_at(&hub_own.audience_slab, sub->audience));
}

static struct audience *audience_of(const struct subscription *sub)
{
    return slab_at(&hub_own.audience_slab, sub->audience);
}

/* Room for one more: from inline to an array, or a larger array. */
static bool make_room(struct session *s)
{
    uint32_t have = s->sub_cap > 0 ? s->sub_cap : SESSION_INLINE_SUBS;
    if (s->sub_count < have)
        return true;
    uint32_t want = have * 2 < UINT16_MAX ? have * 2 : UINT16_MAX;
    if (want == have)
        return false;
    struct subscription *grown = realloc(s->sub_cap > 0 ? s->more : NULL, want * sizeof *grown);
    if (grown == NULL)
        return false;
    if (s->sub_cap == 0)
        memcpy(grown, s->subs, sizeof s->subs);
    counter_held(COUNTER_MEMORY_SESSIONS, (want - s->sub_cap) * sizeof *grown);
    s->more = grown;
    s->sub_cap = (uint16_t)want;
    return true;
}

static bool is_subscribed(struct session *s, const struct audience *a)
{
    const struct subscription *subs = session_subs(s);
    for (unsigned i = 0; i < s->sub_count; i++)
        if (subs[i].audience == a->head.index)
            return true;
    return false;
}

enum status subscribe(struct session *s, struct slice name)
{
    const struct dialect *d = hub_shared.setup.dialects[s->dialect];
    uint64_t              hash = channel_hash(s->app, name);
    struct audience      *a = audience_find(s->app, name, hash);
    if (a != NULL && is_subscribed(s, a))
        return OK;
    if (s->sub_count >= hub_shared.setup.max_subscriptions || s->sub_count == UINT16_MAX) {
        counter_add(COUNTER_SUBSCRIPTIONS_REFUSED, 1);
        return E_FULL;
    }
    if (a == NULL && !app_may_have_channel(s->app))
        return E_MANY_CHANNELS;
    if (!meter_take(s->stream, METER_SUBSCRIPTIONS, 1))
        return E_TOO_FAST;
    if ((a = audience_get(s->app, name, hash)) == NULL)
        return E_NO_MEMORY;
    uint32_t seat;
    if (!make_room(s) || audience_seat(a, d, s->stream, s->sub_count, &seat) != OK) {
        audience_let_go(a);
        return E_NO_MEMORY;
    }
    session_subs(s)[s->sub_count++] =
        (struct subscription){ .audience = a->head.index, .seat = seat, .since_ms = (uint32_t)shard_here.now_ms };
    counter_add(COUNTER_SUBSCRIPTIONS, 1);
    if (a->told_count == 0)
        interest_flush(); /* the first here: home must know before anything else is said */
    a->announces = d->announces(name);
    if (a->announces)
        presence_publish(s, a, MESSAGE_JOIN);
    return OK;
}

void unsubscribe_at(struct session *s, unsigned i)
{
    struct subscription *subs = session_subs(s);
    struct audience     *a = audience_of(&subs[i]);
    bool                 announces = a->announces;
    audience_leave(a, s->dialect, subs[i].seat);
    subs[i] = subs[--s->sub_count];
    if (i < s->sub_count)
        audience_of(&subs[i])->seats[s->dialect].at[subs[i].seat].slot = i;
    counter_sub(COUNTER_SUBSCRIPTIONS, 1);
    if (announces)
        presence_publish(s, a, MESSAGE_LEAVE);
}

void unsubscribe_all(struct session *s)
{
    while (s->sub_count > 0)
        unsubscribe_at(s, s->sub_count - 1u);
    if (s->sub_cap > 0)
        free(s->more);
    counter_freed(COUNTER_MEMORY_SESSIONS, s->sub_cap * sizeof *s->more);
    s->sub_cap = 0;
}

static void on_announced(struct stream *asker, const struct publish_report *r)
{
    hub_shared.setup.dialects[r->note]->on_announced(asker);
}

/* Whoever comes and goes faster than others can hear of it has to wait, like any publisher. One who is leaving waits for nothing. */
static enum status announce(const struct session *s, struct draft *given)
{
    const struct dialect *d = hub_shared.setup.dialects[s->dialect];
    if (d->on_announced == NULL || !stream_is_open(s->stream) || s->in_flight >= IN_FLIGHT_LIMIT)
        return publish(given, NULL, 0, NULL);
    struct session *own = d->session_of(s->stream);
    own->in_flight++;
    enum status status = publish(given, s->stream, s->dialect, on_announced);
    if (status != OK)
        own->in_flight--;
    return status;
}

/* Who was told to leave comes back, in the other process. */
static void say_left_there(const struct session *s, const struct audience *a, struct slice uuid)
{
    if ((s->stream->flags & STREAM_LEAVING) == 0)
        bridge_say(&(struct record){
            .kind = RECORD_LEFT, .app = s->app, .user_id = s->user_id, .name = audience_name(a), .extra = uuid });
}

void presence_publish(const struct session *s, const struct audience *a, enum message_kind kind)
{
    static struct log_limit limit = { .every_ms = 10000 };
    char                    text[UUID_TEXT_MAX];
    struct slice            uuid = session_uuid(s, text);
    if (shard_here.is_guest) {
        say_left_there(s, a, uuid);
        return;
    }
    struct draft           *d = draft_new(s->app, audience_name(a), slice_of(NULL, 0), slice_of(NULL, 0));
    if (d == NULL) {
        log_limited(&limit, LOG_ERROR, "hub: no memory; a presence event was lost");
        return;
    }
    memcpy((char *)(uintptr_t)d->uuid.at, uuid.at, uuid.len);
    d->uuid.len = uuid.len;
    d->kind = kind;
    d->user_id = s->user_id;
    d->is_recorded = false;
    d->sender = stream_id(s->stream);
    if (announce(s, d) != OK)
        log_limited(&limit, LOG_ERROR, "hub: no memory; a presence event was lost");
}
