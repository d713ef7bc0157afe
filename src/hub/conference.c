/* conference.c: see conference.h. */
#include "hub/conference.h"

#include <stdlib.h>

#include "base/counter.h"
#include "hub/internal.h"

struct invitation {
    uint32_t     user_id, caller_id;
    uint64_t     time_ms;
    struct slice profile, message, node; /* in the same allocation */
};

struct conference {
    struct map_link     link;
    uint32_t            app;
    uint8_t             name_len;
    char                name[CHANNEL_NAME_MAX];
    struct invitation **at; /* owned, sorted by user */
    unsigned            count, cap;
};

struct conference_key {
    uint32_t     app;
    struct slice name;
};

struct ask *ask_conference_new(enum ask_kind kind, uint32_t app, struct slice name, uint32_t user_id,
                               struct slice profile, struct slice message, struct slice node)
{
    struct ask *a = name.len <= CHANNEL_NAME_MAX
                        ? ask_make(kind, app, (struct slice[]){ name, SLICE(""), profile, message, node })
                        : NULL;
    if (a != NULL)
        a->user_id = user_id;
    return a;
}

/* --- the lists ---------------------------------------------------------------------------------------------------- */

static bool is_conference(const struct map_link *link, const void *key)
{
    const struct conference     *c = list_object(link, const struct conference, link);
    const struct conference_key *k = key;
    return c->app == k->app && slice_equal(slice_of(c->name, c->name_len), k->name);
}

static struct conference *conference_find(uint32_t app, struct slice name)
{
    struct conference_key key = { app, name };
    struct map_link      *link = map_find(&hub_own.conferences, channel_hash(app, name), is_conference, &key);
    return link != NULL ? list_object(link, struct conference, link) : NULL;
}

static struct conference *conference_get(uint32_t app, struct slice name)
{
    struct conference *c = conference_find(app, name);
    if (c != NULL || name.len > CHANNEL_NAME_MAX || (c = calloc(1, sizeof *c)) == NULL)
        return c;
    c->app = app;
    c->name_len = (uint8_t)name.len;
    if (name.len > 0)
        memcpy(c->name, name.at, name.len);
    if (map_put(&hub_own.conferences, &c->link, channel_hash(app, name)) != OK) {
        free(c);
        return NULL;
    }
    return c;
}

static void let_go(struct conference *c)
{
    if (c->count > 0)
        return;
    map_drop(&hub_own.conferences, &c->link);
    free(c->at);
    free(c);
}

/* Where the invitation of this user is, or would be. */
static unsigned place_of(const struct conference *c, uint32_t user_id)
{
    unsigned low = 0, high = c->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (c->at[middle]->user_id < user_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct conference *c, unsigned i, uint32_t user_id)
{
    return i < c->count && c->at[i]->user_id == user_id;
}

static struct slice copy_text(char **at, struct slice text)
{
    struct slice copy = slice_of(*at, text.len);
    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return copy;
}

static struct invitation *invitation_new(const struct invitation *like)
{
    struct invitation *i = malloc(sizeof *i + like->profile.len + like->message.len + like->node.len);
    if (i == NULL)
        return NULL;
    char *at = (char *)(i + 1);
    *i = *like;
    i->profile = copy_text(&at, like->profile);
    i->message = copy_text(&at, like->message);
    i->node = copy_text(&at, like->node);
    return i;
}

static enum status put(uint32_t app, struct slice name, const struct invitation *like)
{
    struct conference *c = conference_get(app, name);
    struct invitation *made = c != NULL ? invitation_new(like) : NULL;
    if (made == NULL)
        goto fail;
    unsigned i = place_of(c, like->user_id);
    if (is_at(c, i, like->user_id)) {
        free(c->at[i]);
        c->at[i] = made;
        return OK;
    }
    if (!array_room(&c->at, &c->cap, c->count + 1, sizeof(struct invitation *)))
        goto fail;
    memmove(c->at + i + 1, c->at + i, (c->count - i) * sizeof(struct invitation *));
    c->at[i] = made;
    c->count++;
    counter_add(COUNTER_CONFERENCES, 1);
    hub_own.invitation_count++;
    return OK;
fail:
    free(made);
    if (c != NULL)
        let_go(c);
    return E_NO_MEMORY;
}

static void remove_at(struct conference *c, unsigned i)
{
    free(c->at[i]);
    memmove(c->at + i, c->at + i + 1, (c->count - i - 1) * sizeof(struct invitation *));
    c->count--;
    counter_sub(COUNTER_CONFERENCES, 1);
    hub_own.invitation_count--;
}

static void drop(uint32_t app, struct slice name, uint32_t user_id)
{
    struct conference *c = conference_find(app, name);
    if (c == NULL)
        return;
    if (user_id != CONFERENCE_EVERYBODY) {
        unsigned i = place_of(c, user_id);
        if (is_at(c, i, user_id))
            remove_at(c, i);
    } else {
        while (c->count > 0)
            remove_at(c, c->count - 1);
    }
    let_go(c);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static struct store_row *row_of(const struct conference *c, const struct invitation *i)
{
    struct store_row *row = store_row_new(STORE_CONFERENCE_PUT, c->app, i->user_id, slice_of(c->name, c->name_len),
                                          i->profile, i->message, i->node);
    if (row != NULL) {
        row->number = i->caller_id;
        row->time_ms = i->time_ms;
    }
    return row;
}

static void list(struct ask *a)
{
    const struct conference *c = conference_find(a->app, a->channel);
    struct store_row       **last = &a->rows;
    for (unsigned i = 0; c != NULL && i < c->count; i++) {
        *last = row_of(c, c->at[i]);
        if (*last == NULL) {
            a->status = E_NO_MEMORY;
            break;
        }
        last = &(*last)->next;
    }
    ask_answer(a);
}

static struct invitation invitation_of(const struct ask *a)
{
    return (struct invitation){ .user_id = a->user_id,
                                .caller_id = (uint32_t)a->number,
                                .time_ms = shard_here.wall_ms,
                                .profile = a->event,
                                .message = a->text,
                                .node = a->extra };
}

static void on_put(struct store_op *done)
{
    struct ask       *a = done->context;
    struct invitation i = invitation_of(a);
    i.time_ms = done->time_ms;
    a->status = done->status;
    if (a->status == OK)
        a->status = put(a->app, a->channel, &i);
    store_op_free(done);
    ask_answer(a);
}

static struct store_op *put_op(uint32_t app, struct slice name, const struct invitation *i)
{
    struct store_op *op = store_op_new(STORE_CONFERENCE_PUT, app, i->user_id, name, i->profile, i->message, i->node);
    if (op != NULL) {
        op->number = i->caller_id;
        op->time_ms = i->time_ms;
    }
    return op;
}

static void invite(struct ask *a)
{
    struct invitation i = invitation_of(a);
    struct store_op  *op = NULL;
    a->status = hub_own.invitation_count < CONFERENCE_INVITATIONS_MAX ? OK : E_INVITATIONS_FULL;
    if (a->status == OK && (op = put_op(a->app, a->channel, &i)) == NULL)
        a->status = E_NO_MEMORY;
    if (a->status != OK) {
        ask_answer(a);
        return;
    }
    op->context = a;
    journal_send(op, on_put);
}

static void on_dropped(struct store_op *done)
{
    struct ask *a = done->context;
    a->status = done->status;
    if (a->status == OK)
        drop(a->app, a->channel, a->user_id);
    store_op_free(done);
    ask_answer(a);
}

/* To the store user 0 means everybody. So to forget the invitation of user 0 alone, all are forgotten and the others
 * told again; one worker does it in this order. */
static void tell_again(const struct ask *a)
{
    const struct conference *c = conference_find(a->app, a->channel);
    for (unsigned i = 0; c != NULL && i < c->count; i++) {
        struct store_op *op = c->at[i]->user_id != 0 ? put_op(a->app, a->channel, c->at[i]) : NULL;
        if (op != NULL)
            journal_send(op, NULL);
    }
}

static void uninvite(struct ask *a)
{
    struct slice     none = SLICE("");
    uint32_t         who = a->user_id != CONFERENCE_EVERYBODY ? a->user_id : 0;
    struct store_op *op = store_op_new(STORE_CONFERENCE_DROP, a->app, who, a->channel, none, none, none);
    if (op == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    op->context = a;
    journal_send(op, on_dropped);
    if (a->user_id == 0)
        tell_again(a);
}

static void at_home(struct letter *given)
{
    struct ask *a = (struct ask *)(void *)given;
    switch (a->kind) {
    case ASK_CONFERENCE:
        list(a);
        break;
    case ASK_CONFERENCE_PUT:
        invite(a);
        break;
    case ASK_CONFERENCE_DROP:
        uninvite(a);
        break;
    default:
        bug_if("no such question about a conference");
    }
}

void conference_ask(struct ask *given)
{
    unsigned home = channel_home(channel_hash(given->app, given->channel));
    given->letter.deliver = at_home;
    if (home == shard_here.index)
        at_home(&given->letter);
    else
        hub_post(home, &given->letter);
}

/* --- start and stop ----------------------------------------------------------------------------------------------- */

bool conference_load(const struct store_row *row)
{
    const struct invitation i = { .user_id = row->user_id,
                                  .caller_id = (uint32_t)row->number,
                                  .time_ms = row->time_ms,
                                  .profile = row->event,
                                  .message = row->payload,
                                  .node = row->text2 };
    return row->name.len > CHANNEL_NAME_MAX ||
           put(row->app, row->name, &i) == OK; /* nobody could ask for a longer one */
}

static void free_one(struct map_link *link, void *context)
{
    (void)context;
    struct conference *c = list_object(link, struct conference, link);
    while (c->count > 0)
        remove_at(c, c->count - 1);
    let_go(c);
}

void conferences_clear(void)
{
    map_each(&hub_own.conferences, free_one, NULL);
    map_clear(&hub_own.conferences);
}
