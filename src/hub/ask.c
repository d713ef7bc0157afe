/* ask.c: see ask.h. */
#include "hub/ask.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "hub/internal.h"

struct ask *ask_new(enum ask_kind kind, uint32_t app, struct slice channel, struct slice note)
{
    if (channel.len > CHANNEL_NAME_MAX || note.len > SIZE_MAX / 2)
        return NULL;
    struct ask *a = calloc(1, sizeof *a + channel.len + note.len);
    if (a == NULL)
        return NULL;
    char *at = (char *)(a + 1);
    a->kind = kind;
    a->app = app;
    a->channel = slice_of(at, channel.len);
    a->note = slice_of(at + channel.len, note.len);
    if (channel.len > 0)
        memcpy(at, channel.at, channel.len);
    if (note.len > 0)
        memcpy(at + channel.len, note.at, note.len);
    return a;
}

static void ask_free(struct ask *a)
{
    for (size_t i = 0; i < a->message_count; i++)
        message_unref(a->messages[i]);
    free(a->messages);
    while (a->members != NULL) {
        struct ask_member *m = a->members;
        a->members = m->next;
        free(m);
    }
    free(a);
}

/* --- back at the door -------------------------------------------------------------------------------------------------- */

static int by_age(const void *x, const void *y)
{
    const struct ask_member *const *a = x, *const *b = y;
    return ((*a)->age_ms > (*b)->age_ms) - ((*a)->age_ms < (*b)->age_ms);
}

/* The newest subscription first. Without memory for it, the order is that of the shards. */
static void sort_members(struct ask *a)
{
    struct ask_member **all = a->member_count > 1 ? malloc(a->member_count * sizeof(struct ask_member *)) : NULL;
    if (all == NULL)
        return;
    size_t n = 0;
    for (struct ask_member *m = a->members; m != NULL; m = m->next)
        all[n++] = m;
    qsort(all, n, sizeof *all, by_age);
    for (size_t i = 0; i < n; i++)
        all[i]->next = i + 1 < n ? all[i + 1] : NULL;
    a->members = all[0];
    free(all);
}

static void ask_answered(struct letter *given)
{
    struct ask    *a = (struct ask *)(void *)given;
    struct stream *asker = stream_find(a->asker);
    if (asker != NULL && stream_is_open(asker)) {
        sort_members(a);
        stream_cork(asker);
        a->on_answer(asker, a);
        stream_uncork(asker);
    }
    ask_free(a);
}

static void answer(struct ask *a)
{
    unsigned door = stream_id_shard(a->asker);
    a->letter.deliver = ask_answered;
    if (door == shard_here.index)
        ask_answered(&a->letter);
    else
        hub_post(door, &a->letter);
}

/* --- a walk over shards ------------------------------------------------------------------------------------------------ */

static char *put(char *at, struct slice *field, struct slice text)
{
    *field = slice_of(at, text.len);
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

static struct ask_member *member_new(struct stream *s, struct session *session, const struct subscription *sub)
{
    char                  uuid_text[UUID_TEXT_MAX], ip[INET6_ADDRSTRLEN];
    const struct visitor *v = session->visitor;
    struct slice          none = { NULL, 0 };
    struct slice          uuid = session_uuid(session, uuid_text);
    struct slice          agent = v ? visitor_agent(v) : none, origin = v ? visitor_origin(v) : none;
    struct slice          language = v ? visitor_language(v) : none;
    stream_peer(s, ip, sizeof ip);
    struct slice       address = slice_str(ip);
    struct ask_member *m = malloc(sizeof *m + uuid.len + agent.len + origin.len + language.len + address.len);
    if (m == NULL)
        return NULL;
    *m = (struct ask_member){
        .stream = stream_id(s), .user_id = session->user_id, .age_ms = (uint32_t)shard_here.now_ms - sub->since_ms
    };
    char *at = (char *)(m + 1);
    at = put(at, &m->uuid, uuid);
    at = put(at, &m->user_agent, agent);
    at = put(at, &m->origin, origin);
    at = put(at, &m->language, language);
    put(at, &m->ip, address);
    return m;
}

static void add_members(struct ask *a)
{
    struct audience *audience = audience_find(a->app, a->channel, a->hash);
    if (audience == NULL)
        return;
    for (unsigned d = 0; d < hub_shared.setup.dialect_count; d++) {
        const struct seats *seats = &audience->seats[d];
        for (uint32_t i = 0; i < seats->count; i++) {
            if (seats->at[i].stream == SLAB_NONE)
                continue;
            struct stream     *s = stream_at(seats->at[i].stream);
            struct session    *session = hub_shared.setup.dialects[d]->session_of(s);
            struct ask_member *m = member_new(s, session, &session_subs(session)[seats->at[i].slot]);
            if (m == NULL) {
                a->status = E_NO_MEMORY;
                return;
            }
            m->next = a->members;
            a->members = m;
            a->member_count++;
        }
    }
}

static void drop_by_epoch(struct map_link *link, void *context)
{
    struct ask     *a = context;
    struct channel *c = list_object(link, struct channel, link);
    if (c->app != a->app || c->epoch != a->epoch || !history_drop_one(c, a->offset))
        return;
    a->found = true;
    channel_let_go(c);
}

static void add_part(struct ask *a)
{
    struct app *figures;
    switch (a->kind) {
    case ASK_MEMBERS:
        add_members(a);
        break;
    case ASK_MESSAGE_DROP:
        map_each(&hub_own.channels, drop_by_epoch, a);
        break;
    case ASK_APP:
        if ((figures = app_here(a->app)) != NULL) {
            a->app_online += figures->online;
            a->app_backends += figures->backends;
            a->app_messages += figures->messages;
        }
        break;
    default:
        bug_if("no walk for this kind of question");
    }
}

/* The question visits the shards of its mask one after the other and takes its answer along. */
static void walk(struct letter *given)
{
    struct ask *a = (struct ask *)(void *)given;
    if (a->walk_mask >> shard_here.index & 1) {
        a->walk_mask &= ~(UINT64_C(1) << shard_here.index);
        add_part(a);
    }
    if (a->walk_mask == 0) {
        answer(a);
        return;
    }
    a->letter.deliver = walk;
    hub_post((unsigned)__builtin_ctzll(a->walk_mask), &a->letter);
}

/* --- at home ----------------------------------------------------------------------------------------------------------- */

static void read_history(struct ask *a, const struct channel *c)
{
    uint64_t want = a->number < c->history_count ? a->number : c->history_count;
    a->messages = calloc(want + 1, sizeof *a->messages);
    if (a->messages == NULL) {
        a->status = E_NO_MEMORY;
        return;
    }
    uint64_t skip = c->history_count - want;
    for (const struct history_entry *e = c->oldest; e != NULL; e = e->next) {
        if (skip > 0)
            skip--;
        else
            a->messages[a->message_count++] = message_ref(e->message);
    }
}

static void put_setting(struct ask *a)
{
    struct channel *c = channel_get(a->app, a->channel, a->hash);
    if (c == NULL) {
        a->status = E_NO_MEMORY;
        return;
    }
    c->has_setting = true;
    c->history_limit = (uint32_t)(a->number < CHANNEL_HISTORY_MAX ? a->number : CHANNEL_HISTORY_MAX);
}

static void answer_from(struct ask *a, struct channel *c)
{
    switch (a->kind) {
    case ASK_COUNT:
        a->number = channel_count(c);
        break;
    case ASK_HISTORY:
        read_history(a, c);
        break;
    case ASK_HISTORY_DROP:
        history_drop(c);
        break;
    case ASK_SETTING:
        a->found = c->has_setting;
        a->number = c->history_limit;
        break;
    case ASK_SETTING_DROP:
        c->has_setting = false;
        c->history_limit = 0;
        history_drop(c);
        break;
    default:
        bug_if("home has no answer of this kind");
    }
    channel_let_go(c);
}

static void at_home(struct letter *given)
{
    struct ask *a = (struct ask *)(void *)given;
    interest_flush(); /* this shard's own subscribers count as well */
    if (a->kind == ASK_SETTING_PUT) {
        put_setting(a);
        answer(a);
        return;
    }
    struct channel *c = channel_find(a->app, a->channel, a->hash);
    if (c != NULL && a->kind == ASK_MEMBERS) {
        for (unsigned i = 0; i < c->interest_count; i++)
            a->walk_mask |= UINT64_C(1) << c->interests[i].shard;
        walk(&a->letter);
        return;
    }
    if (c != NULL)
        answer_from(a, c);
    else if (a->kind == ASK_COUNT)
        a->number = 0;
    answer(a);
}

void ask_send(struct ask *given, struct stream *asker, void (*on_answer)(struct stream *asker, const struct ask *answered))
{
    given->asker = stream_id(asker);
    given->on_answer = on_answer;
    if (given->kind == ASK_APP || given->kind == ASK_MESSAGE_DROP) {
        unsigned count = hub_shared.setup.shard_count;
        given->walk_mask = count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
        walk(&given->letter);
        return;
    }
    given->hash = channel_hash(given->app, given->channel);
    unsigned home = channel_home(given->hash);
    given->letter.deliver = at_home;
    if (home == shard_here.index)
        at_home(&given->letter);
    else
        hub_post(home, &given->letter);
}
