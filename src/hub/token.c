/* token: the tokens that hold no longer, at the home of the user they were made for.
 *
 * Two tokens are the same when what was signed is: a second signature under the same claims is easy to make from the first with
 * ECDSA (base/jwt.h). A text that is no token is compared whole.
 *
 * All of them are in memory: a login must not wait for the store. Those whose own time is over anyway are forgotten once an hour,
 * and at start.
 */
#include <stdlib.h>

#include "base/jwt.h"
#include "hub/user_internal.h"

#define SWEEP_EVERY_S 3600

struct token {
    struct map_link link;
    uint32_t        app, user_id;
    uint64_t        expires_s; /* 0: nobody knows */
    struct slice    text;      /* in the same allocation */
};

struct token_key {
    uint32_t     app;
    struct slice text;
};

static _Thread_local uint64_t swept_s;

static struct slice essence_of(struct slice text)
{
    struct slice part = jwt_signed_part(text);
    return part.len > 0 ? part : text;
}

static bool is_token(const struct map_link *link, const void *key)
{
    const struct token     *t = list_object(link, const struct token, link);
    const struct token_key *k = key;
    return t->app == k->app && slice_equal(essence_of(t->text), k->text);
}

static struct token *token_find(uint32_t app, struct slice text)
{
    struct token_key key = { app, essence_of(text) };
    struct map_link *link = map_find(&hub_own.users.tokens, map_hash(app, key.text), is_token, &key);
    return link != NULL ? list_object(link, struct token, link) : NULL;
}

bool token_is_revoked(uint32_t app, struct slice token)
{
    return token_find(app, token) != NULL;
}

static enum status token_put(uint32_t app, uint32_t user_id, struct slice text, uint64_t expires_s)
{
    struct token *t = token_find(app, text);
    if (t == NULL) {
        t = malloc(sizeof *t + text.len);
        if (t == NULL)
            return E_NO_MEMORY;
        *t = (struct token){ .app = app, .user_id = user_id, .text = slice_of((char *)(t + 1), text.len) };
        if (text.len > 0)
            memcpy(t + 1, text.at, text.len);
        if (map_put(&hub_own.users.tokens, &t->link, map_hash(app, essence_of(text))) != OK) {
            free(t);
            return E_NO_MEMORY;
        }
    }
    t->expires_s = expires_s;
    return OK;
}

static void token_free(struct token *t)
{
    map_drop(&hub_own.users.tokens, &t->link);
    free(t);
}

static struct store_op *token_op(enum store_kind kind, uint32_t app, uint32_t user_id, struct slice text, uint64_t expires_s)
{
    struct slice     none = SLICE("");
    struct store_op *op = store_op_new(kind, app, user_id, none, none, text, none);
    if (op != NULL)
        op->number = expires_s;
    return op;
}

/* --- questions --------------------------------------------------------------------------------------------------------- */

/* The token was valid: what its user logged in with goes, too. */
static void on_hash_gone(struct store_op *done)
{
    struct ask  *a = done->context;
    struct user *u = user_find(a->app, a->user_id);
    a->status = done->status;
    if (u != NULL && a->status == OK)
        u->hash_len = 0;
    if (u != NULL)
        user_end_all(u, LEAVE_REVOKED);
    store_op_free(done);
    ask_answer(a);
}

static void on_stored(struct store_op *done)
{
    struct ask *a = done->context;
    a->status = done->status;
    store_op_free(done);
    struct slice     none = SLICE("");
    bool             ends_user = a->kind == ASK_TOKEN_PUT && a->status == OK && a->has_token;
    struct store_op *op = ends_user ? store_op_new(STORE_HASH_DROP, a->app, a->user_id, none, none, none, none) : NULL;
    if (ends_user && op == NULL)
        a->status = E_NO_MEMORY;
    if (op == NULL) {
        ask_answer(a);
        return;
    }
    op->context = a;
    journal_send(op, on_hash_gone);
}

/* As the store has it: perhaps under another signature than the one that is asked about. */
static struct slice text_of(const struct ask *a)
{
    const struct token *t = token_find(a->app, a->text);
    return t != NULL ? t->text : a->text;
}

/* It holds no longer from this moment, stored or not: that is the safe side. */
static void put(struct ask *a)
{
    struct store_op *op = token_op(STORE_TOKEN_PUT, a->app, a->user_id, text_of(a), a->number);
    if (op == NULL || token_put(a->app, a->user_id, a->text, a->number) != OK) {
        store_op_free(op);
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    op->context = a;
    journal_send(op, on_stored);
}

static void on_dropped(struct store_op *done)
{
    struct ask   *a = done->context;
    struct token *t = token_find(a->app, a->text);
    a->status = done->status;
    if (t != NULL && a->status == OK)
        token_free(t);
    store_op_free(done);
    ask_answer(a);
}

static void drop(struct ask *a)
{
    struct store_op *op = token_op(STORE_TOKEN_DROP, a->app, a->user_id, text_of(a), 0);
    if (op == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    op->context = a;
    journal_send(op, on_dropped);
}

void token_ask(struct ask *a)
{
    if (a->kind == ASK_TOKEN_PUT) {
        put(a);
    } else if (a->kind == ASK_TOKEN_DROP) {
        drop(a);
    } else {
        a->found = token_is_revoked(a->app, a->text);
        ask_answer(a);
    }
}

static void list_one(struct map_link *link, void *context)
{
    struct ask         *a = context;
    const struct token *t = list_object(link, const struct token, link);
    struct slice        none = SLICE("");
    if (t->app != a->app || a->status != OK)
        return;
    struct store_row *row = store_row_new(STORE_TOKEN_PUT, t->app, t->user_id, none, none, t->text, none);
    if (row == NULL) {
        a->status = E_NO_MEMORY;
        return;
    }
    row->next = a->rows;
    a->rows = row;
    a->number++;
}

void tokens_list(struct ask *a)
{
    map_each(&hub_own.users.tokens, list_one, a);
}

static int by_payload(const void *x, const void *y)
{
    const struct store_row *const *a = x, *const *b = y;
    return slice_compare((*a)->payload, (*b)->payload);
}

/* Without memory for it, the order is that of the shards. */
void tokens_sort(struct ask *a)
{
    struct store_row **all = a->number > 1 ? malloc(a->number * sizeof *all) : NULL;
    if (all == NULL)
        return;
    size_t n = 0;
    for (struct store_row *row = a->rows; row != NULL; row = row->next)
        all[n++] = row;
    qsort(all, n, sizeof *all, by_payload);
    for (size_t i = 0; i < n; i++)
        all[i]->next = i + 1 < n ? all[i + 1] : NULL;
    a->rows = all[0];
    free(all);
}

/* --- old ones ---------------------------------------------------------------------------------------------------------- */

static bool is_over(uint64_t expires_s)
{
    return expires_s > 0 && expires_s < shard_wall_s();
}

static void forget_in_store(uint32_t app, uint32_t user_id, struct slice text)
{
    struct store_op *op = token_op(STORE_TOKEN_DROP, app, user_id, text, 0);
    if (op != NULL) /* otherwise at the next start */
        journal_send(op, NULL);
}

void token_load(const struct store_row *row)
{
    if (is_over(row->number))
        forget_in_store(row->app, row->user_id, row->payload);
    else
        (void)!token_put(row->app, row->user_id, row->payload, row->number);
}

static void forget_if_over(struct map_link *link, void *context)
{
    (void)context;
    struct token *t = list_object(link, struct token, link);
    if (!is_over(t->expires_s))
        return;
    forget_in_store(t->app, t->user_id, t->text);
    token_free(t);
}

void tokens_sweep(void)
{
    if (shard_wall_s() < swept_s + SWEEP_EVERY_S)
        return;
    swept_s = shard_wall_s();
    map_each(&hub_own.users.tokens, forget_if_over, NULL);
}

static void free_one(struct map_link *link, void *context)
{
    (void)context;
    token_free(list_object(link, struct token, link));
}

void tokens_clear(void)
{
    map_each(&hub_own.users.tokens, free_one, NULL);
    map_clear(&hub_own.users.tokens);
}
