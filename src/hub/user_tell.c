/* user_tell: messages to a user, and the queue of those that found no connection (user.h).
 *
 *   user_tell -> a tell to each connection's shard -> taken or not -> all back: report, or into the queue
 *   user_drain -> the queue, a window at a time, to one connection -> taken: forgotten, here and in the store
 */
#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/record.h"
#include "hub/user_internal.h"

#define WINDOW_MESSAGES 64
#define WINDOW_BYTES    (128 * 1024)

uint64_t user_next_offset(struct user *u)
{
    uint64_t now = shard_here.wall_ms * 1000; /* so that it grows over restarts without being stored */
    u->offset = u->offset + 1 > now ? u->offset + 1 : now;
    return u->offset;
}

static struct message *seal(struct user *u, struct slice event, struct slice payload, bool is_object, uint8_t dialects)
{
    struct draft *d = draft_new(u->app, SLICE(""), event, payload);
    if (d == NULL)
        return NULL;
    d->kind = MESSAGE_PERSONAL;
    d->user_id = u->id;
    d->is_object = is_object;
    return message_seal(d, &(struct seal){ .offset = user_next_offset(u),
                                           .epoch = (uint64_t)u->app << 32 | u->id,
                                           .sent_ms = shard_here.wall_ms,
                                           .dialects = dialects });
}

/* --- the queue --------------------------------------------------------------------------------------------------------- */

static size_t queued_bytes(const struct queued *q)
{
    return sizeof *q + message_size(q->message);
}

static bool queue_add(struct user *u, const struct message *m)
{
    struct queued *q = malloc(sizeof *q);
    if (q == NULL)
        return false;
    *q = (struct queued){ .message = message_ref(m) };
    counter_held(COUNTER_MEMORY_MESSAGES, sizeof *q);
    *(u->newest != NULL ? &u->newest->next : &u->oldest) = q;
    u->newest = q;
    u->queued_count++;
    hub_own.users.queue_bytes += queued_bytes(q);
    return true;
}

void user_queue_forget(struct user *u, uint64_t up_to)
{
    while (u->oldest != NULL && u->oldest->message->offset <= up_to) {
        struct queued *q = u->oldest;
        u->oldest = q->next;
        if (u->oldest == NULL)
            u->newest = NULL;
        u->queued_count--;
        hub_own.users.queue_bytes -= queued_bytes(q);
        message_unref(q->message);
        counter_freed(COUNTER_MEMORY_MESSAGES, sizeof *q);
        free(q);
    }
}

/* One whose writing failed is not in the queue. */
static void queue_remove(struct user *u, uint64_t offset)
{
    struct queued *before = NULL;
    for (struct queued *q = u->oldest; q != NULL; before = q, q = q->next) {
        if (q->message->offset != offset)
            continue;
        *(before != NULL ? &before->next : &u->oldest) = q->next;
        if (u->newest == q)
            u->newest = before;
        u->queued_count--;
        hub_own.users.queue_bytes -= queued_bytes(q);
        message_unref(q->message);
        counter_freed(COUNTER_MEMORY_MESSAGES, sizeof *q);
        free(q);
        return;
    }
}

bool user_queue_load(struct user *u, const struct store_row *rows)
{
    for (const struct store_row *row = rows; row != NULL; row = row->next) {
        struct draft *d = draft_new(u->app, SLICE(""), row->event, row->payload);
        if (d == NULL)
            return false;
        d->kind = MESSAGE_PERSONAL;
        d->user_id = u->id;
        d->is_object = row->flags & STORE_IS_OBJECT;
        struct message *m = message_seal(
            d, &(struct seal){ .offset = row->offset, .epoch = (uint64_t)u->app << 32 | u->id, .sent_ms = row->time_ms });
        bool is_added = m != NULL && queue_add(u, m);
        message_unref(m);
        if (!is_added)
            return false;
        u->offset = row->offset > u->offset ? row->offset : u->offset;
    }
    return true;
}

/* Those that have waited too long go first; the store forgets them by itself, once a minute for all users. */
static void forget_old(struct user *u)
{
    uint64_t age_ms = hub_shared.setup.users.queue_age_ms;
    while (u->oldest != NULL && u->oldest->message->sent_ms + age_ms < shard_here.wall_ms)
        user_queue_forget(u, u->oldest->message->offset);
}

void user_queue_list(struct user *u, struct ask *a)
{
    forget_old(u);
    a->messages = calloc(u->queued_count + 1u, sizeof *a->messages);
    if (a->messages == NULL)
        a->status = E_NO_MEMORY;
    for (const struct queued *q = u->oldest; q != NULL && a->messages != NULL; q = q->next)
        a->messages[a->message_count++] = message_ref(q->message);
    ask_answer(a);
}

static void on_asked_drop(struct store_op *done)
{
    struct ask *a = done->context;
    a->status = done->status;
    store_op_free(done);
    ask_answer(a);
}

void user_queue_drop(struct user *u, struct ask *a)
{
    bool             is_one = a->offset > 0;
    struct store_op *op = user_op(is_one ? STORE_QUEUE_DROP_ONE : STORE_QUEUE_DROP, u, SLICE(""), SLICE(""));
    if (op == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    op->offset = is_one ? a->offset : user_next_offset(u); /* all that there are */
    op->context = a;
    if (is_one)
        queue_remove(u, op->offset);
    else
        user_queue_forget(u, op->offset);
    journal_send(op, on_asked_drop);
}

/* --- the store is told what was delivered ------------------------------------------------------------------------------- */

static void on_settled(struct store_op *done)
{
    struct user *u = done->context;
    u->pins--;
    u->is_settling = false;
    if (done->status == OK)
        u->settled = done->offset > u->settled ? done->offset : u->settled;
    if (u->drained <= u->settled)
        list_unlink(&u->unsettled);
    store_op_free(done);
    user_go_on(u);
}

/* Told again every second until the store has it: otherwise it would be delivered twice one day. */
static void settle(struct user *u)
{
    struct store_op *op = u->is_settling ? NULL : user_op(STORE_QUEUE_DROP, u, SLICE(""), SLICE(""));
    if (list_is_empty(&u->unsettled))
        list_add_last(&hub_own.users.unsettled, &u->unsettled);
    if (op == NULL)
        return;
    op->offset = u->drained;
    op->context = u;
    u->pins++;
    u->is_settling = true;
    journal_send(op, on_settled);
}

void users_settle(void)
{
    for (struct list *link = hub_own.users.unsettled.next; link != &hub_own.users.unsettled; link = link->next)
        settle(list_object(link, struct user, unsettled));
}

/* --- one message to one connection ------------------------------------------------------------------------------------- */

static void user_told(struct user *u);

static void tell_back(struct letter *given)
{
    struct tell *t = (struct tell *)(void *)given;
    struct user *u = user_find(t->app, t->user_id); /* he is here: he waits for this */
    if (u != NULL) {
        u->tells_open--;
        u->tells_taken += t->was_taken;
        if (u->is_draining && t->was_taken && !u->drain_broke && t->offset > u->drained)
            u->drained = t->offset;
        u->drain_broke |= !t->was_taken;
        if (u->tells_open == 0)
            user_told(u);
    }
    free(t);
}

static void tell_finish(struct tell *t, bool was_taken)
{
    message_unref(t->message);
    t->message = NULL;
    t->was_taken = was_taken;
    t->letter.deliver = tell_back;
    counter_add(COUNTER_TOLD, was_taken);
    hub_post(t->home, &t->letter);
}

/* The end of the list; *out_is_behind says whether one for the same connection is on it. */
static struct tell **holding_end(uint64_t stream, bool *out_is_behind)
{
    struct tell **last = &hub_own.users.holding;
    *out_is_behind = false;
    for (; *last != NULL; last = (struct tell **)(void *)&(*last)->letter.next)
        *out_is_behind |= (*last)->stream == stream;
    return last;
}

/* What comes from the queue counts as taken when the socket has taken it: the connection is new, and may not live. Those of one
 * connection go back in their order, also when the socket was free again before the last of them came: otherwise home would take
 * a later one for the end of what was taken, and forget one that was not, or an earlier one, and say the rest again. */
static void tell_arrived(struct letter *given)
{
    struct tell   *t = (struct tell *)(void *)given;
    struct stream *s = stream_find(t->stream);
    bool           was_taken = false;
    if (s != NULL && stream_is_open(s)) {
        const struct dialect *d = hub_shared.setup.dialects[t->dialect];
        was_taken = d->tell(s, t->message, t->is_from_queue) && stream_is_open(s);
    }
    bool          is_behind = false;
    struct tell **last = was_taken && t->is_from_queue ? holding_end(t->stream, &is_behind) : NULL;
    if (last == NULL || !(is_behind || stream_is_blocked(s))) {
        tell_finish(t, was_taken);
        return;
    }
    t->letter.next = NULL;
    *last = t;
}

/* Those whose socket has taken everything, or is gone, go back. True: some are left. */
bool tells_turn(void)
{
    struct tell **at = &hub_own.users.holding;
    while (*at != NULL) {
        struct tell   *t = *at;
        struct stream *s = stream_find(t->stream);
        bool           is_open = s != NULL && stream_is_open(s);
        if (is_open && stream_is_blocked(s)) {
            at = (struct tell **)(void *)&t->letter.next;
            continue;
        }
        *at = (struct tell *)(void *)t->letter.next;
        tell_finish(t, is_open);
    }
    return hub_own.users.holding != NULL;
}

void tells_drop(void)
{
    while (hub_own.users.holding != NULL) {
        struct tell *t = hub_own.users.holding;
        hub_own.users.holding = (struct tell *)(void *)t->letter.next;
        message_unref(t->message);
        free(t);
    }
}

static bool tell_send(struct user *u, uint64_t stream, uint8_t dialect, const struct message *m, bool is_from_queue)
{
    struct tell *t = malloc(sizeof *t);
    if (t == NULL)
        return false;
    *t = (struct tell){
        .letter = { .deliver = tell_arrived },
        .home = shard_here.index,
        .app = u->app,
        .user_id = u->id,
        .stream = stream,
        .dialect = dialect,
        .offset = m->offset,
        .message = message_ref(m),
        .is_from_queue = is_from_queue,
    };
    u->tells_open++;
    hub_post(stream_id_shard(stream), &t->letter);
    return true;
}

/* --- draining ---------------------------------------------------------------------------------------------------------- */

static const struct user_conn *conn_of(const struct user *u, uint64_t stream)
{
    for (unsigned i = 0; i < u->conn_count; i++)
        if (u->conns[i].stream == stream)
            return &u->conns[i];
    return NULL;
}

/* The next of the queue, as much as a connection may be asked to take at once. */
static void drain_window(struct user *u, const struct user_conn *conn)
{
    size_t bytes = 0;
    u->is_draining = true;
    u->drain_broke = false;
    u->drain_stream = conn->stream;
    for (const struct queued *q = u->oldest; q != NULL && u->tells_open < WINDOW_MESSAGES; q = q->next) {
        bytes += message_size(q->message);
        if (u->tells_open > 0 && bytes > WINDOW_BYTES)
            break;
        if (!tell_send(u, conn->stream, conn->dialect, q->message, true))
            break; /* no memory: it stays in the queue for the next login */
    }
    if (u->tells_open == 0)
        u->is_draining = false;
}

void user_drain(struct user *u, uint64_t stream)
{
    forget_old(u);
    const struct user_conn *conn = conn_of(u, stream);
    if (u->oldest != NULL && conn != NULL)
        drain_window(u, conn);
}

/* A connection that broke down leaves the rest to another one of the user, or to the next login. */
static void drained(struct user *u)
{
    uint64_t broken = u->drain_broke ? u->drain_stream : 0;
    uint64_t next = u->drain_broke ? 0 : u->drain_stream;
    u->is_draining = false;
    user_queue_forget(u, u->drained);
    if (u->drained > u->settled)
        settle(u);
    for (unsigned i = 0; next == 0 && i < u->conn_count; i++)
        if (u->conns[i].stream != broken)
            next = u->conns[i].stream;
    if (next != 0)
        user_drain(u, next);
}

/* --- a message comes in ------------------------------------------------------------------------------------------------ */

struct storing {
    struct ask  *ask;
    struct user *user;
};

static void on_queued(struct store_op *done)
{
    struct storing *s = done->context;
    struct user    *u = s->user;
    bool            was_delivered = done->offset <= u->drained; /* somebody logged in meanwhile */
    s->ask->status = was_delivered ? OK : done->status;
    if (done->status != OK)
        queue_remove(u, done->offset);
    ask_answer(s->ask);
    u->pins--;
    free(s);
    store_op_free(done);
    user_go_on(u);
}

/* Into the queue at once, so that a login finds it; the answer comes when it is stored. */
static enum status enqueue(struct user *u, struct ask *a, const struct message *m)
{
    forget_old(u);
    if (u->queued_count >= hub_shared.setup.users.queue_length)
        return E_QUEUE_FULL;
    struct storing  *s = malloc(sizeof *s);
    struct store_op *op = user_op(STORE_QUEUE_ADD, u, m->draft->event, m->draft->payload);
    if (s == NULL || op == NULL || !queue_add(u, m)) {
        free(s);
        store_op_free(op);
        return E_NO_MEMORY;
    }
    *s = (struct storing){ .ask = a, .user = u };
    op->offset = m->offset;
    op->time_ms = m->sent_ms;
    op->flags = m->draft->is_object ? STORE_IS_OBJECT : 0;
    op->context = s;
    u->pins++;
    counter_add(COUNTER_QUEUED_PERSONAL, 1);
    user_call(u);
    journal_send(op, on_queued);
    return OK;
}

static void to_queue(struct user *u, struct ask *a, const struct message *m)
{
    a->status = enqueue(u, a, m);
    if (a->status != OK)
        ask_answer(a);
}

/* Connections that the process before still has get it as well; where there are no others it waits for them here. */
static void tell_there(const struct user *u, const struct message *m)
{
    if (u->is_elsewhere)
        bridge_say(&(struct record){
            .kind = RECORD_TELL,
            .app = u->app,
            .user_id = u->id,
            .flags = m->draft->is_object ? RECORD_IS_OBJECT : 0,
            .event = m->draft->event,
            .payload = m->draft->payload,
        });
}

/* All connections have said whether they took it. */
static void user_told(struct user *u)
{
    if (u->is_draining) {
        drained(u);
        user_go_on(u);
        return;
    }
    struct ask           *a = u->tell_ask;
    const struct message *m = u->tell_message;
    u->tell_ask = NULL;
    u->tell_message = NULL;
    a->number = u->tells_taken;
    u->is_acting = true;
    if (u->tells_taken > 0) {
        tell_there(u, m);
        ask_answer(a);
    } else {
        to_queue(u, a, m);
    }
    u->is_acting = false;
    message_unref(m);
    user_go_on(u);
}

void user_tell(struct user *u, struct ask *a)
{
    uint8_t dialects = 0;
    for (unsigned i = 0; i < u->conn_count; i++)
        dialects |= (uint8_t)(1u << u->conns[i].dialect);
    struct message *m = a->text.len <= hub_shared.setup.users.message_bytes
                            ? seal(u, a->event, a->text, a->is_object, dialects)
                            : NULL;
    if (m == NULL) {
        a->status = a->text.len <= hub_shared.setup.users.message_bytes ? E_NO_MEMORY : E_TOO_LONG;
        ask_answer(a);
        return;
    }
    u->tells_taken = 0;
    for (unsigned i = 0; i < u->conn_count; i++)
        (void)tell_send(u, u->conns[i].stream, u->conns[i].dialect, m, false);
    if (u->tells_open > 0) {
        u->tell_ask = a;
        u->tell_message = m;
        return;
    }
    to_queue(u, a, m);
    message_unref(m);
}
