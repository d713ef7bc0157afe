/* ask.c: see ask.h. */
#include "hub/ask.h"

#include <stdlib.h>

#include "hub/conference.h"
#include "hub/internal.h"
#include "hub/user.h"

static char *put(char *at, struct slice *field, struct slice text)
{
    *field = slice_of(at, text.len);
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

struct ask *ask_make(enum ask_kind kind, uint32_t app, const struct slice texts[5])
{
    size_t size = sizeof(struct ask);
    for (unsigned i = 0; i < 5; i++)
        if (__builtin_add_overflow(size, texts[i].len, &size))
            return NULL;
    struct ask *a = calloc(1, size);
    if (a == NULL)
        return NULL;
    char *at = (char *)(a + 1);
    a->kind = kind;
    a->app = app;
    at = put(at, &a->channel, texts[0]);
    at = put(at, &a->note, texts[1]);
    at = put(at, &a->event, texts[2]);
    at = put(at, &a->text, texts[3]);
    put(at, &a->extra, texts[4]);
    return a;
}

struct ask *ask_new(enum ask_kind kind, uint32_t app, struct slice channel, struct slice note)
{
    if (channel.len > CHANNEL_NAME_MAX)
        return NULL;
    return ask_make(kind, app, (struct slice[]){ channel, note, SLICE(""), SLICE(""), SLICE("") });
}

struct ask *ask_user_new(enum ask_kind kind, uint32_t app, uint32_t user_id, struct slice event, struct slice text,
                         struct slice note)
{
    struct ask *a = ask_make(kind, app, (struct slice[]){ SLICE(""), note, event, text, SLICE("") });
    if (a != NULL)
        a->user_id = user_id;
    return a;
}

void ask_free(struct ask *a)
{
    free((char *)(uintptr_t)a->answer.at);
    store_rows_free(a->rows);
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

void ask_drop(struct ask *given)
{
    ask_free(given);
}

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
        if (a->kind == ASK_TOKENS)
            tokens_sort(a);
        stream_cork(asker);
        a->on_answer(asker, a);
        stream_uncork(asker);
    } else if (a->kind == ASK_USER_LOGIN && a->status == OK) {
        user_left(a->app, a->user_id, a->asker); /* his home counts a connection that is gone by now */
    }
    ask_free(a);
}

void ask_answer(struct ask *a)
{
    unsigned door = stream_id_shard(a->asker);
    a->letter.deliver = ask_answered;
    if (door == shard_here.index)
        ask_answered(&a->letter);
    else
        hub_post(door, &a->letter);
}

/* --- a walk over shards ------------------------------------------------------------------------------------------------ */

static struct ask_member *member_new(struct stream *s, struct session *session, const struct subscription *sub)
{
    char                  uuid_text[UUID_TEXT_MAX], ip[ADDRESS_TEXT_MAX];
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

/* Those who are still in the process before, of channels that announce their members. */
static void add_expected(struct ask *a, const struct channel *c)
{
    for (const struct expected *e = c->expected; e != NULL; e = e->next) {
        struct ask_member *m = calloc(1, sizeof *m + e->uuid_len);
        if (m == NULL) {
            a->status = E_NO_MEMORY;
            return;
        }
        m->user_id = e->user_id;
        put((char *)(m + 1), &m->uuid, slice_of(e->uuid, e->uuid_len));
        m->user_agent = m->ip = m->origin = m->language = SLICE("");
        m->next = a->members;
        a->members = m;
        a->member_count++;
    }
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

static void on_stored(struct store_op *done)
{
    struct ask *a = done->context;
    a->status = done->status;
    store_op_free(done);
    ask_answer(a);
}

/* The answer comes when the store has done it, too. */
static void answer_when_stored(struct ask *a, struct store_op *given)
{
    if (given == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    given->context = a;
    journal_send(given, on_stored);
}

struct finding {
    struct ask      *ask;
    struct store_op *op; /* what the store is to forget */
};

static void drop_by_epoch(struct map_link *link, void *context)
{
    struct finding *f = context;
    struct ask     *a = f->ask;
    struct channel *c = list_object(link, struct channel, link);
    if (a->found || c->app != a->app || (c->epoch != a->epoch && !c->has_elders))
        return;
    if (!history_drop_one(c, a->epoch, a->offset))
        return;
    a->found = true;
    f->op = journal_channel(STORE_HISTORY_DROP_ONE, c);
    channel_let_go(c);
}

/* It is in no shard's memory: perhaps it is in the store. */
static void on_dropped_in_store(struct store_op *done)
{
    struct ask *a = done->context;
    a->status = done->status;
    a->found = done->found;
    store_op_free(done);
    ask_answer(a);
}

static void drop_in_store(struct ask *a)
{
    struct slice     none = SLICE("");
    struct store_op *op = store_op_new(STORE_HISTORY_DROP_ONE, a->app, 0, none, none, none, none);
    if (op == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    op->epoch = a->epoch;
    op->offset = a->offset;
    op->context = a;
    journal_send(op, on_dropped_in_store);
}

/* True: it was here, and the question is on its way back. */
static bool drop_message(struct ask *a)
{
    struct finding f = { .ask = a };
    map_each(&hub_own.channels, drop_by_epoch, &f);
    if (!a->found)
        return false;
    if (f.op != NULL) {
        f.op->epoch = a->epoch;
        f.op->offset = a->offset;
    }
    answer_when_stored(a, f.op);
    return true;
}

static void add_part(struct ask *a)
{
    struct app *figures;
    switch (a->kind) {
    case ASK_MEMBERS:
        add_members(a);
        break;
    case ASK_TOKENS:
        tokens_list(a);
        break;
    case ASK_APP:
        if ((figures = app_find(a->app)) != NULL) {
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
        if (a->kind != ASK_MESSAGE_DROP)
            add_part(a);
        else if (drop_message(a))
            return;
    }
    if (a->walk_mask == 0) {
        if (a->kind == ASK_MESSAGE_DROP && hub_shared.setup.stores_history)
            drop_in_store(a);
        else
            ask_answer(a);
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

static void recover(struct ask *a, const struct channel *c)
{
    const struct history_entry *e;
    a->found = history_after(c, a->epoch, a->offset, &e);
    a->epoch = c->epoch;
    a->offset = c->offset;
    a->messages = calloc(c->history_count + 1u, sizeof *a->messages);
    if (a->messages == NULL)
        a->status = E_NO_MEMORY;
    for (; e != NULL && a->messages != NULL && a->message_count < a->number; e = e->next)
        a->messages[a->message_count++] = message_ref(e->message);
}

/* The setting holds from the moment it is stored. */
static void on_setting_stored(struct store_op *done)
{
    struct ask *a = done->context;
    a->status = done->status;
    if (a->status == OK) {
        struct channel *c = channel_get(a->app, a->channel, a->hash);
        if (c != NULL)
            channel_set(c, done->number);
        else
            a->status = E_NO_MEMORY;
    }
    store_op_free(done);
    ask_answer(a);
}

static void put_setting(struct ask *a)
{
    struct slice     none = SLICE("");
    struct store_op *op = store_op_new(STORE_SETTING_PUT, a->app, 0, a->channel, none, none, none);
    if (op == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    op->number = a->number < CHANNEL_HISTORY_MAX ? a->number : CHANNEL_HISTORY_MAX;
    op->context = a;
    journal_send(op, on_setting_stored);
}

/* A setting that was on its way to the store when this one came is in memory by now, and no longer in the store. */
static void forget_setting(const struct ask *a)
{
    struct channel *c = channel_find(a->app, a->channel, a->hash);
    if (c == NULL)
        return;
    channel_unset(c);
    channel_let_go(c);
}

/* One of the two; OK is said when the store has done both. */
static void on_setting_dropped(struct store_op *done)
{
    struct ask *a = done->context;
    if (done->status != OK)
        a->status = done->status;
    else if (done->kind == STORE_SETTING_DROP)
        forget_setting(a);
    store_op_free(done);
    if (--a->number == 0)
        ask_answer(a);
}

static void drop_both(struct ask *a, struct store_op *given_setting, struct store_op *given_history)
{
    a->number = 2;
    given_setting->context = given_history->context = a;
    journal_send(given_setting, on_setting_dropped);
    journal_send(given_history, on_setting_dropped);
}

/* Forgets the history, and the setting as well when that is asked for. What is not in memory may still be in the store: a message
 * that was forgotten for want of memory. */
static void drop_history(struct ask *a, struct channel *c)
{
    struct slice     none = SLICE("");
    bool             with_setting = a->kind == ASK_SETTING_DROP;
    struct store_op *history = store_op_new(STORE_HISTORY_DROP, a->app, 0, a->channel, none, none, none), *setting = NULL;
    if (with_setting)
        setting = store_op_new(STORE_SETTING_DROP, a->app, 0, a->channel, none, none, none);
    if (history == NULL || (with_setting && setting == NULL)) {
        store_op_free(history);
        store_op_free(setting);
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    if (c != NULL) {
        if (with_setting)
            channel_unset(c);
        history_drop(c);
        channel_let_go(c);
    }
    if (with_setting)
        drop_both(a, setting, history);
    else
        answer_when_stored(a, history);
}

void ask_answer_from(struct ask *a, struct channel *c)
{
    switch (a->kind) {
    case ASK_COUNT:
        a->number = channel_count(c);
        break;
    case ASK_HISTORY:
        read_history(a, c);
        break;
    case ASK_RECOVER:
        recover(a, c);
        break;
    case ASK_SETTING:
        a->found = c->has_setting;
        a->number = c->history_limit;
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
    if (a->kind == ASK_SETTING_PUT && channel_find(a->app, a->channel, a->hash) == NULL && !app_may_have_channel(a->app)) {
        a->status = E_MANY_CHANNELS;
        ask_answer(a);
        return;
    }
    if (a->kind == ASK_SETTING_PUT) {
        put_setting(a);
        return;
    }
    struct channel *c = channel_find(a->app, a->channel, a->hash);
    if (a->kind == ASK_HISTORY_DROP || a->kind == ASK_SETTING_DROP) {
        drop_history(a, c);
        return;
    }
    bool needs_all = a->kind == ASK_HISTORY || a->kind == ASK_RECOVER;
    if (c == NULL && needs_all && hub_shared.setup.stores_history && hub_history_floor(a->channel) > 0)
        c = channel_get(a->app, a->channel, a->hash); /* it may be in the store alone */
    if (c != NULL && c->is_cold && needs_all) {
        history_load(c, a);
        return;
    }
    if (c != NULL && a->kind == ASK_MEMBERS) {
        for (unsigned i = 0; i < c->interest_count; i++)
            if (c->interests[i].shard != INTEREST_BRIDGE)
                a->walk_mask |= UINT64_C(1) << c->interests[i].shard;
        add_expected(a, c);
        walk(&a->letter);
        return;
    }
    if (c != NULL)
        ask_answer_from(a, c);
    else if (a->kind == ASK_COUNT)
        a->number = 0;
    else if (a->kind == ASK_RECOVER)
        a->epoch = a->offset = 0;
    ask_answer(a);
}

void ask_send(struct ask *given, struct stream *asker, void (*on_answer)(struct stream *asker, const struct ask *answered))
{
    given->asker = stream_id(asker);
    given->on_answer = on_answer;
    if (given->kind >= ASK_USER_LOGIN && given->kind <= ASK_TOKEN_DROP) {
        user_ask(given);
        return;
    }
    if (given->kind >= ASK_CONFERENCE && given->kind <= ASK_CONFERENCE_DROP) {
        conference_ask(given);
        return;
    }
    if (given->kind == ASK_APP || given->kind == ASK_MESSAGE_DROP || given->kind == ASK_TOKENS) {
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
