/* history_load: a cold channel's messages come back from the store (history.c).
 *
 *   question -> waits with the channel -> STORE_HISTORY -> what memory does not have goes before what it has -> questions answered
 */
#include "base/log.h"
#include "hub/internal.h"

static bool is_in_memory(const struct channel *c, const struct store_row *row)
{
    for (const struct history_entry *e = c->oldest; e != NULL; e = e->next)
        if (e->message->epoch == row->epoch && e->message->offset == row->offset)
            return true;
    return false;
}

static bool is_too_old(const struct channel *c, const struct store_row *row)
{
    uint64_t age_ms = c->floor > 0 ? hub_shared.setup.floor_age_ms : hub_shared.setup.history_age_ms;
    return age_ms > 0 && row->time_ms + age_ms <= shard_here.wall_ms;
}

/* The youngest first, each before all that are there. False: no memory, and the channel stays cold. */
static bool take_back(struct channel *c, const struct store_row *row)
{
    if (row == NULL)
        return true;
    if (!take_back(c, row->next))
        return false;
    if (is_in_memory(c, row) || is_too_old(c, row))
        return true;
    struct message *m = journal_message(row);
    if (m == NULL)
        return false;
    uint32_t before = c->history_count;
    history_add_oldest(c, m);
    c->has_elders |= m->epoch != c->epoch;
    message_unref(m);
    return c->history_count > before;
}

static struct ask *take_waiting(struct channel *c)
{
    struct ask *a = c->waiting;
    if (a == NULL)
        return NULL;
    c->waiting = (struct ask *)(void *)a->letter.next;
    if (c->waiting == NULL)
        c->waiting_last = &c->waiting;
    return a;
}

static void answer_waiting(struct channel *c, enum status status)
{
    for (struct ask *a; (a = take_waiting(c)) != NULL;) {
        if (status == OK)
            ask_answer_from(a, c);
        else
            a->status = status;
        ask_answer(a);
    }
}

/* The store may hold more than the limit: messages that left the memory before they were too many. */
static void trim_store(const struct channel *c, uint64_t limit)
{
    struct store_op *op = journal_channel(STORE_HISTORY_TRIM, c);
    if (op == NULL)
        return;
    op->number = limit;
    journal_send(op, NULL);
}

static void on_loaded(struct store_op *done)
{
    struct channel *c = done->context;
    enum status     status = done->status;
    if (status == OK && c->drops == done->note) {
        c->is_cold = !take_back(c, done->rows);
        if (c->is_cold)
            status = E_NO_MEMORY;
        else if (c->history_limit > 0)
            trim_store(c, c->history_limit);
        c->evicted = 0;
    }
    answer_waiting(c, status); /* before the bounds apply: all of it is here now */
    history_settle(c);
    c->is_loading = false; /* nobody waits: whoever was answered and asked again was answered as well */
    channel_let_go(c);
    store_op_free(done);
}

void history_load(struct channel *c, struct ask *given)
{
    given->letter.next = NULL;
    *c->waiting_last = given;
    c->waiting_last = (struct ask **)(void *)&given->letter.next; /* the letter is the first member */
    if (c->is_loading)
        return;
    struct store_op *op = journal_channel(STORE_HISTORY, c);
    c->is_loading = true;
    if (op == NULL) {
        answer_waiting(c, E_NO_MEMORY);
        c->is_loading = false;
        channel_let_go(c);
        return;
    }
    op->number = c->history_limit > 0 ? c->history_limit : CHANNEL_HISTORY_MAX; /* a setting of 0 keeps what there is */
    op->note = c->drops;
    op->context = c;
    journal_send(op, on_loaded);
}
