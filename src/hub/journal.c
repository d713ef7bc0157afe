/* journal: the hub's side of the store (store/store.h).
 *
 * Memory is the truth; what must survive is told to the store behind it, and whoever asked for it hears OK when the store has it.
 * At start the store's rows come back: each shard takes those whose home it is.
 */
#include <stdlib.h>

#include "base/log.h"
#include "hub/internal.h"

/* Without a store everything is kept at once. */
static void nothing_stored(struct letter *given)
{
    struct store_op *op = (struct store_op *)(void *)given;
    op->on_done(op);
}

void journal_send(struct store_op *given, void (*on_done)(struct store_op *done))
{
    if (hub_shared.setup.has_store) {
        store_send(given, on_done);
        return;
    }
    given->status = OK;
    given->number = given->kind == STORE_USER ? UINT64_MAX : given->number;
    given->on_done = on_done;
    given->letter.deliver = nothing_stored;
    if (on_done == NULL)
        store_op_free(given);
    else
        shard_post(shard_here.index, &given->letter);
}

struct store_op *journal_channel(enum store_kind kind, const struct channel *c)
{
    struct slice none = SLICE("");
    return store_op_new(kind, c->app, 0, channel_name(c), none, none, none);
}

enum status journal_history(const struct channel *c, const struct message *m, struct publish_report *report,
                            void (*on_done)(struct store_op *done), uint64_t note)
{
    const struct draft *d = m->draft;
    if (!hub_shared.setup.stores_history)
        return E_NOT_FOUND; /* memory is all there is */
    struct store_op    *op = store_op_new(STORE_HISTORY_ADD, c->app, d->user_id, channel_name(c), d->event, d->payload,
                                          SLICE(""));
    if (op == NULL)
        return E_NO_MEMORY;
    op->epoch = m->epoch;
    op->offset = m->offset;
    op->time_ms = m->sent_ms;
    op->flags = (d->shows_user ? STORE_SHOWS_USER : 0u) | (d->is_object ? STORE_IS_OBJECT : 0u);
    op->context = report;
    op->note = note;
    journal_send(op, on_done);
    return OK;
}

void hub_log_statement(uint32_t app, struct slice text)
{
    static struct log_limit limit = { .every_ms = 10000 };
    struct slice            none = SLICE("");
    struct store_op        *op = store_op_new(STORE_QUERY_LOG, app, 0, none, none, text, none);
    if (op != NULL)
        journal_send(op, NULL);
    else
        log_limited(&limit, LOG_ERROR, "hub: no memory; a statement was not logged");
}

/* --- at start ---------------------------------------------------------------------------------------------------------- */

static unsigned home_of(const struct store_row *row)
{
    if (row->kind == STORE_TOKEN_PUT)
        return user_home(row->app, row->user_id);
    return channel_home(channel_hash(row->app, row->name));
}

enum status hub_load(struct store_row *given)
{
    unsigned           count = hub_shared.setup.shard_count;
    struct store_row ***last = calloc(count, sizeof *last);
    hub_shared.loaded = calloc(count, sizeof *hub_shared.loaded);
    if (last == NULL || hub_shared.loaded == NULL) {
        free(last);
        store_rows_free(given);
        return E_NO_MEMORY;
    }
    for (unsigned i = 0; i < count; i++)
        last[i] = &hub_shared.loaded[i];
    while (given != NULL) {
        struct store_row *row = given;
        unsigned          home = home_of(row);
        given = row->next;
        row->next = NULL;
        *last[home] = row;
        last[home] = &row->next;
    }
    free(last);
    return OK;
}

struct message *journal_message(const struct store_row *row)
{
    struct draft *d = draft_new(row->app, row->name, row->event, row->payload);
    if (d == NULL)
        return NULL;
    d->hash = channel_hash(row->app, row->name);
    d->user_id = row->user_id;
    d->shows_user = row->flags & STORE_SHOWS_USER;
    d->is_object = row->flags & STORE_IS_OBJECT;
    return message_seal(d, &(struct seal){ .offset = row->offset, .epoch = row->epoch, .sent_ms = row->time_ms });
}

/* A message of an earlier life: its epoch is not the channel's present one, unless the process before has handed that over. */
bool journal_replay_message(struct channel *c, const struct store_row *row)
{
    struct message *m = journal_message(row);
    if (m == NULL)
        return false;
    c->has_elders |= m->epoch != c->epoch;
    uint32_t limit = c->history_limit;
    if (limit == 0)
        c->history_limit = CHANNEL_HISTORY_MAX; /* a setting of 0 records nothing and keeps what there is */
    history_add(c, m);
    c->history_limit = limit;
    message_unref(m);
    return true;
}

static bool replay(const struct store_row *row)
{
    if (row->kind == STORE_TOKEN_PUT) {
        token_load(row);
        return true;
    }
    if (row->kind == STORE_CONFERENCE_PUT)
        return conference_load(row);
    if (row->kind != STORE_SETTING_PUT && row->kind != STORE_HISTORY_ADD)
        return true;
    struct channel *c = channel_get(row->app, row->name, channel_hash(row->app, row->name));
    if (c == NULL)
        return false;
    bool is_done = true;
    if (row->kind == STORE_SETTING_PUT) {
        channel_set(c, row->number);
        c->is_cold = hub_shared.setup.stores_history;
    }
    if (row->kind == STORE_HISTORY_ADD)
        is_done = journal_replay_message(c, row);
    channel_let_go(c);
    return is_done;
}

/* Settings come first, so that histories are trimmed to them as they are loaded. */
static bool replay_kind(const struct store_row *rows, bool settings)
{
    bool is_done = true;
    for (const struct store_row *row = rows; row != NULL; row = row->next)
        if ((row->kind == STORE_SETTING_PUT) == settings)
            is_done = replay(row) && is_done;
    return is_done;
}

void journal_replay(void)
{
    if (hub_shared.loaded == NULL)
        return;
    struct store_row *rows = hub_shared.loaded[shard_here.index];
    if (!replay_kind(rows, true) || !replay_kind(rows, false))
        log_error("hub: no memory for all that the store holds; some of it is missing until the next start");
    hub_shared.loaded[shard_here.index] = NULL;
    store_rows_free(rows);
}
