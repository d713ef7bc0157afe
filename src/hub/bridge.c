/* bridge.c: see bridge.h. What each side does with what it hears; what is handed over before is in inherit.c. */
#include "hub/bridge.h"

#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/record.h"
#include "hub/user.h"
#include "hub/user_internal.h"

static _Atomic bool is_up; /* main sets it before the stream is there, shard 0 ends it */

void bridge_begin(void)
{
    atomic_store(&is_up, true);
}

bool bridge_is_up(void)
{
    return atomic_load(&is_up);
}

/* --- saying ------------------------------------------------------------------------------------------------------------ */

/* A record on its way to shard 0. */
struct word {
    struct letter letter;
    size_t        len;
    char          bytes[];
};

static void word_arrived(struct letter *given)
{
    struct word *w = (struct word *)(void *)given;
    if (hub_own.bridge.stream != NULL)
        (void)stream_write(hub_own.bridge.stream, slice_of(w->bytes, w->len));
    free(w);
}

/* Half a truth is worse than none: without memory for a word the bridge is cut. */
static void cut(struct letter *given)
{
    if (hub_own.bridge.stream != NULL)
        stream_close(hub_own.bridge.stream);
    free(given);
}

void bridge_cut(void)
{
    static struct log_limit limit = { .every_ms = 10000 };
    struct letter          *l = malloc(sizeof *l);
    log_limited(&limit, LOG_ERROR, "upgrade: no memory to tell the other process");
    if (l == NULL)
        return;
    l->deliver = cut;
    shard_post(0, l);
}

void bridge_say(const struct record *r)
{
    struct buf b = { 0 };
    if (!bridge_is_up())
        return;
    record_write(&b, r);
    struct word *w = buf_ok(&b) ? malloc(sizeof *w + b.len) : NULL;
    if (w != NULL) {
        *w = (struct word){ .letter = { .deliver = word_arrived }, .len = b.len };
        memcpy(w->bytes, b.at, b.len);
        shard_post(0, &w->letter);
    } else {
        bridge_cut();
    }
    buf_clear(&b);
}

/* --- messages, from the new process ------------------------------------------------------------------------------------ */

static void write_message(struct buf *out, const struct message *m)
{
    const struct draft *d = m->draft;
    record_write(out, &(struct record){
                          .kind = RECORD_MESSAGE,
                          .subkind = (uint8_t)d->kind,
                          .flags = (uint8_t)((d->shows_user ? RECORD_SHOWS_USER : 0) | (d->is_object ? RECORD_IS_OBJECT : 0) |
                                             (d->is_recorded ? RECORD_IS_RECORDED : 0)),
                          .app = d->app,
                          .user_id = d->user_id,
                          .epoch = m->epoch,
                          .offset = m->offset,
                          .time_ms = m->sent_ms,
                          .name = d->channel,
                          .event = d->event,
                          .payload = d->payload,
                          .extra = d->uuid,
                      });
}

void bridge_message_arrived(struct letter *given)
{
    struct delivery      *d = (struct delivery *)(void *)given;
    struct bridge        *b = &hub_own.bridge;
    const struct message *m = d->message;
    b->backlog += m->size;
    buf_reset(&b->scratch);
    if (b->stream != NULL) {
        write_message(&b->scratch, m);
        if (!buf_ok(&b->scratch))
            stream_close(b->stream);
        else if (stream_write(b->stream, buf_slice(&b->scratch)))
            counter_add(COUNTER_BRIDGED, 1);
    }
    message_unref(m); /* its memory is the message's */
}

/* What has left is no backlog any more. */
static void settle_backlog(void)
{
    struct bridge *b = &hub_own.bridge;
    uint64_t       waiting = b->stream != NULL && b->stream->out != NULL ? b->stream->out->waiting_bytes : 0;
    if (waiting >= b->backlog)
        return;
    atomic_fetch_sub_explicit(&hub_shared.backlogs[0].bytes, b->backlog - waiting, memory_order_relaxed);
    b->backlog = waiting;
}

/* --- messages, in the old process -------------------------------------------------------------------------------------- */

struct bridged {
    struct letter letter;
    struct draft *draft; /* owned */
    uint64_t      offset, epoch, sent_ms;
};

static void bridged_arrived(struct letter *given)
{
    struct bridged *b = (struct bridged *)(void *)given;
    channel_forward(b->draft, &(struct seal){ .offset = b->offset, .epoch = b->epoch, .sent_ms = b->sent_ms });
    free(b);
}

static bool hear_message(const struct record *r)
{
    struct draft   *d = draft_new(r->app, r->name, r->event, r->payload);
    struct bridged *b = malloc(sizeof *b);
    if (d == NULL || b == NULL || r->extra.len > UUID_TEXT_MAX || r->subkind > MESSAGE_STATUS) {
        draft_free(d);
        free(b);
        return false;
    }
    if (r->extra.len > 0)
        memcpy((char *)(uintptr_t)d->uuid.at, r->extra.at, r->extra.len);
    d->uuid.len = r->extra.len;
    d->kind = (enum message_kind)r->subkind;
    d->user_id = r->user_id;
    d->shows_user = r->flags & RECORD_SHOWS_USER;
    d->is_object = r->flags & RECORD_IS_OBJECT;
    d->is_recorded = r->flags & RECORD_IS_RECORDED;
    d->hash = channel_hash(r->app, r->name);
    *b = (struct bridged){
        .letter = { .deliver = bridged_arrived }, .draft = d, .offset = r->offset, .epoch = r->epoch, .sent_ms = r->time_ms
    };
    shard_post(channel_home(d->hash), &b->letter);
    return true;
}

/* --- about users and channels ------------------------------------------------------------------------------------------ */

/* A record on its way to the home of what it is about. */
struct notice {
    struct letter letter;
    struct record r;
    char          texts[CHANNEL_NAME_MAX + UUID_TEXT_MAX];
};

static void notice_arrived(struct letter *given)
{
    struct notice *n = (struct notice *)(void *)given;
    switch (n->r.kind) {
    case RECORD_MOVE:
        user_move(n->r.app, n->r.user_id);
        break;
    case RECORD_GONE:
        user_gone_there(n->r.app, n->r.user_id);
        break;
    case RECORD_INTEREST:
        channel_bridge_set(n->r.app, n->r.name, n->r.count);
        break;
    default:
        member_left_there(&n->r);
    }
    free(n);
}

static bool hear_notice(const struct record *r)
{
    struct notice *n = malloc(sizeof *n);
    if (n == NULL || r->name.len > CHANNEL_NAME_MAX || r->extra.len > UUID_TEXT_MAX) {
        free(n);
        return false;
    }
    *n = (struct notice){ .letter = { .deliver = notice_arrived }, .r = *r };
    n->r.name = slice_of(n->texts, r->name.len);
    n->r.extra = slice_of(n->texts + CHANNEL_NAME_MAX, r->extra.len);
    if (r->name.len > 0)
        memcpy(n->texts, r->name.at, r->name.len);
    if (r->extra.len > 0)
        memcpy(n->texts + CHANNEL_NAME_MAX, r->extra.at, r->extra.len);
    bool is_about_user = r->kind == RECORD_MOVE || r->kind == RECORD_GONE;
    shard_post(is_about_user ? user_home(r->app, r->user_id) : channel_home(channel_hash(r->app, r->name)), &n->letter);
    return true;
}

static void on_told(struct stream *asker, const struct ask *answered)
{
    (void)asker;
    (void)answered;
}

/* As if somebody here had sent it; nobody waits for the answer. */
static bool hear_tell(const struct record *r)
{
    struct ask *a = ask_user_new(ASK_USER_TELL, r->app, r->user_id, r->event, r->payload, SLICE(""));
    if (a == NULL)
        return false;
    a->is_object = r->flags & RECORD_IS_OBJECT;
    a->on_answer = on_told;
    user_ask(a);
    return true;
}

/* False: the other side says what it cannot say here. */
static bool hear(const struct record *r)
{
    bool is_for_old = r->kind == RECORD_MESSAGE || r->kind == RECORD_MOVE || r->kind == RECORD_TELL;
    bool is_for_new = r->kind == RECORD_INTEREST || r->kind == RECORD_GONE || r->kind == RECORD_LEFT;
    if (shard_here.is_guest ? !is_for_old : !is_for_new)
        return false;
    return r->kind == RECORD_MESSAGE ? hear_message(r) : r->kind == RECORD_TELL ? hear_tell(r) : hear_notice(r);
}

/* --- the stream -------------------------------------------------------------------------------------------------------- */

static bool is_anybody_behind(void)
{
    for (unsigned i = 0; i < hub_shared.setup.shard_count; i++)
        if (atomic_load_explicit(&hub_shared.backlogs[i].bytes, memory_order_relaxed) > hub_shared.setup.backlog_bytes)
            return true;
    return false;
}

static void on_open(struct stream *s)
{
    hub_own.bridge.stream = s;
}

static size_t on_bytes(struct stream *s, char *at, size_t len)
{
    struct buf   *partial = &hub_own.bridge.partial;
    struct record r;
    enum feed     fed = FEED_MORE;
    buf_append(partial, at, len);
    struct slice in = buf_slice(partial);
    while (buf_ok(partial) && (fed = record_feed(&in, &r)) == FEED_DONE && hear(&r))
        ;
    if (!buf_ok(partial) || fed != FEED_MORE) {
        log_error("upgrade: the other process cannot be understood");
        stream_close(s);
        return len;
    }
    buf_drop_front(partial, partial->len - in.len);
    if (shard_here.is_guest && is_anybody_behind())
        stream_pause(s); /* the pace of these subscribers becomes that of the publishers, over there */
    return len;
}

static void over_arrived(struct letter *given)
{
    inherit_over();
    free(given);
}

static void on_gone(struct stream *s)
{
    (void)s;
    hub_own.bridge.stream = NULL;
    buf_clear(&hub_own.bridge.partial);
    buf_clear(&hub_own.bridge.scratch);
    settle_backlog();
    atomic_store(&is_up, false);
    for (unsigned i = 0; !shard_here.is_guest && i < hub_shared.setup.shard_count; i++) {
        struct letter *l = malloc(sizeof *l);
        if (l == NULL) {
            log_error("upgrade: no memory; some users stay online although they have left");
            return;
        }
        l->deliver = over_arrived;
        shard_post(i, l);
    }
}

const struct stream_ops bridge_ops = {
    .name = "bridge",
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_gone = on_gone,
    .is_never_deaf = true,
    .stays_as_guest = true,
};

uint32_t bridge_turn(void)
{
    struct bridge *b = &hub_own.bridge;
    if (b->backlog > 0)
        settle_backlog();
    if (b->stream == NULL || (b->stream->flags & STREAM_PAUSED) == 0)
        return b->backlog > 0 ? 5 : SHARD_ANY_TIME;
    if (is_anybody_behind())
        return 1;
    stream_resume(b->stream);
    return 0;
}
