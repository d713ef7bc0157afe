/* user.c: see user.h. */
#include "hub/user.h"

#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/user_internal.h"

#define SWEEP_EVERY_MS  1000
#define EXPIRE_EVERY_MS 60000

static uint64_t user_hash_of(uint32_t app, uint32_t id)
{
    return map_hash((uint64_t)app << 32 | id, SLICE("user"));
}

unsigned user_home(uint32_t app, uint32_t user_id)
{
    return (unsigned)((user_hash_of(app, user_id) >> 32) % hub_shared.setup.shard_count);
}

bool user_hash_is_valid(struct slice hash)
{
    if (hash.len == 0 || hash.len > USER_HASH_MAX)
        return false;
    for (size_t i = 0; i < hash.len; i++) {
        char c = hash.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '=' || c == '+' ||
              c == '/' || c == '_'))
            return false;
    }
    return true;
}

/* --- found, made, forgotten -------------------------------------------------------------------------------------------- */

static bool is_user(const struct map_link *link, const void *key)
{
    const struct user *u = list_object(link, const struct user, link), *wanted = key;
    return u->app == wanted->app && u->id == wanted->id;
}

struct user *user_find(uint32_t app, uint32_t id)
{
    const struct user key = { .app = app, .id = id };
    struct map_link  *link = map_find(&hub_own.users.all, user_hash_of(app, id), is_user, &key);
    return link != NULL ? list_object(link, struct user, link) : NULL;
}

struct user *user_get(uint32_t app, uint32_t id)
{
    struct user *u = user_find(app, id);
    if (u != NULL || (u = calloc(1, sizeof *u)) == NULL)
        return u;
    u->app = app;
    u->id = id;
    u->last_seen_s = UINT64_MAX;
    u->waiting_last = &u->waiting;
    list_init(&u->place);
    list_init(&u->unsettled);
    if (map_put(&hub_own.users.all, &u->link, user_hash_of(app, id)) != OK) {
        free(u);
        return NULL;
    }
    counter_add(COUNTER_USERS, 1);
    counter_held(COUNTER_MEMORY_USERS, sizeof *u);
    return u;
}

static void user_free(struct user *u)
{
    user_queue_forget(u, UINT64_MAX);
    list_unlink(&u->place);
    list_unlink(&u->unsettled);
    map_drop(&hub_own.users.all, &u->link);
    message_unref(u->tell_message);
    counter_freed(COUNTER_MEMORY_USERS, sizeof *u + u->conn_cap * sizeof *u->conns);
    free(u->conns);
    free(u);
    counter_sub(COUNTER_USERS, 1);
}

void user_touch(struct user *u)
{
    if (!u->is_idle)
        return;
    u->is_idle = false;
    list_unlink(&u->place);
    hub_own.users.idle_count--;
}

bool user_is_busy(const struct user *u)
{
    return u->is_loading || u->is_acting || u->tells_open > 0;
}

static bool has_reason_to_stay(const struct user *u)
{
    return user_is_busy(u) || u->waiting != NULL || u->conn_count > 0 || u->is_online || u->pins > 0 ||
           u->drained > u->settled;
}

/* Is too much kept of users who are not here? What is forgotten is read from the store again when it is needed. */
static bool is_crowded(void)
{
    const struct user_rules *rules = &hub_shared.setup.users;
    unsigned                 shards = hub_shared.setup.shard_count;
    return hub_own.users.idle_count > rules->cache_count / shards + 1 ||
           (hub_own.users.queue_bytes > rules->queue_bytes / shards && hub_own.users.idle_count > 0);
}

static void rest(struct user *u)
{
    if (has_reason_to_stay(u) || u->is_idle)
        return;
    u->is_idle = true;
    list_unlink(&u->place);
    list_add_last(&hub_own.users.idle, &u->place);
    hub_own.users.idle_count++;
    while (is_crowded()) {
        struct user *first = list_object(hub_own.users.idle.next, struct user, place);
        user_touch(first);
        user_free(first);
    }
}

/* --- questions, one after the other ------------------------------------------------------------------------------------ */

struct store_op *user_op(enum store_kind kind, const struct user *u, struct slice event, struct slice payload)
{
    return store_op_new(kind, u->app, u->id, SLICE(""), event, payload, SLICE(""));
}

static void answer_text(struct ask *a, struct slice text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL) {
        a->status = E_NO_MEMORY;
        return;
    }
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    a->found = true;
    a->answer = slice_of(copy, text.len);
}

static void say_hash(struct user *u, struct ask *a)
{
    if (u->hash_len > 0)
        answer_text(a, slice_of(u->hash, u->hash_len));
    ask_answer(a);
}

static void say_seen(struct user *u, struct ask *a)
{
    a->number = u->is_online ? 0 : u->last_seen_s == 0 ? UINT64_MAX : u->last_seen_s; /* 0: left over from a crash */
    ask_answer(a);
}

static void act(struct user *u, struct ask *a)
{
    switch (a->kind) {
    case ASK_USER_LOGIN:
        user_login(u, a);
        break;
    case ASK_USER_HASH:
        say_hash(u, a);
        break;
    case ASK_USER_SEEN:
        say_seen(u, a);
        break;
    case ASK_USER_TELL:
        user_tell(u, a);
        break;
    case ASK_USER_QUEUE:
        user_queue_list(u, a);
        break;
    case ASK_USER_QUEUE_DROP:
        user_queue_drop(u, a);
        break;
    default:
        bug_if("no such question about a user");
    }
}

static struct ask *take_waiting(struct user *u)
{
    struct ask *a = u->waiting;
    if (a == NULL)
        return NULL;
    u->waiting = (struct ask *)(void *)a->letter.next;
    if (u->waiting == NULL)
        u->waiting_last = &u->waiting;
    return a;
}

void user_go_on(struct user *u)
{
    if (user_is_busy(u))
        return;
    for (struct ask *a; !user_is_busy(u) && (a = take_waiting(u)) != NULL;) {
        u->is_acting = true; /* an answer may cause the next question before it returns */
        act(u, a);
        u->is_acting = false;
    }
    rest(u);
}

static void fail_waiting(struct user *u, enum status why)
{
    for (struct ask *a; (a = take_waiting(u)) != NULL;) {
        a->status = why;
        ask_answer(a);
    }
}

static void on_loaded(struct store_op *done)
{
    struct user *u = done->context;
    enum status  status = done->status;
    u->is_loading = false;
    u->pins--;
    if (status == OK && !user_queue_load(u, done->rows)) {
        user_queue_forget(u, UINT64_MAX); /* it is read again, from its beginning */
        status = E_NO_MEMORY;
    }
    if (status == OK) {
        u->is_known = true;
        u->last_seen_s = done->number;
        u->hash_len = 0;
        if (done->found && done->text.len <= USER_HASH_MAX) {
            u->hash_len = (uint8_t)done->text.len;
            memcpy(u->hash, done->text.at, done->text.len);
        }
    } else {
        u->is_acting = true;
        fail_waiting(u, status);
        u->is_acting = false;
    }
    store_op_free(done);
    user_go_on(u);
}

static void load(struct user *u)
{
    struct store_op *op = user_op(STORE_USER, u, SLICE(""), SLICE(""));
    if (op == NULL) {
        fail_waiting(u, E_NO_MEMORY);
        rest(u);
        return;
    }
    u->is_loading = true;
    u->pins++;
    op->context = u;
    journal_send(op, on_loaded);
}

static void wait_in_line(struct ask *a)
{
    struct user *u = user_get(a->app, a->user_id);
    if (u == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    user_touch(u);
    a->letter.next = NULL;
    *u->waiting_last = a;
    u->waiting_last = (struct ask **)(void *)&a->letter.next; /* the letter is the first member */
    if (u->is_known)
        user_go_on(u);
    else if (!u->is_loading)
        load(u);
}

/* --- what only the store knows ----------------------------------------------------------------------------------------- */

static void on_hash_put(struct ask *a)
{
    struct user *u = user_find(a->app, a->user_id);
    if (u == NULL || !u->is_known)
        return;
    u->hash_len = (uint8_t)a->text.len;
    memcpy(u->hash, a->text.at, a->text.len);
}

static void on_hash_dropped(const struct ask *a)
{
    struct user *u = user_find(a->app, a->user_id);
    if (u == NULL)
        return;
    u->hash_len = 0;
    user_end_all(u, LEAVE_REVOKED);
}

static void on_stored(struct store_op *done)
{
    struct ask *a = done->context;
    a->status = done->status;
    a->found = done->found;
    if (a->kind == ASK_USER_HASH_PUT && a->status == OK)
        on_hash_put(a);
    if (a->kind == ASK_USER_HASH_DROP && a->status == OK)
        on_hash_dropped(a);
    if (a->kind == ASK_USER_DATA && a->status == OK && a->found)
        answer_text(a, done->text);
    store_op_free(done);
    ask_answer(a);
}

static void through_the_store(struct ask *a, enum store_kind kind)
{
    struct slice     none = SLICE("");
    struct store_op *op = store_op_new(kind, a->app, a->user_id, none, none, a->text, none);
    if (op == NULL) {
        a->status = E_NO_MEMORY;
        ask_answer(a);
        return;
    }
    op->context = a;
    journal_send(op, on_stored);
}

static void at_home(struct letter *given)
{
    struct ask *a = (struct ask *)(void *)given;
    switch (a->kind) {
    case ASK_USER_HASH_PUT:
        through_the_store(a, STORE_HASH_PUT);
        break;
    case ASK_USER_HASH_DROP:
        through_the_store(a, STORE_HASH_DROP);
        break;
    case ASK_USER_DATA:
        through_the_store(a, STORE_DATA);
        break;
    case ASK_USER_DATA_PUT:
        through_the_store(a, STORE_DATA_PUT);
        break;
    case ASK_USER_DATA_DROP:
        through_the_store(a, STORE_DATA_DROP);
        break;
    case ASK_USER_SECRET:
        user_secret_ask(a);
        break;
    case ASK_TOKEN:
    case ASK_TOKEN_PUT:
    case ASK_TOKEN_DROP:
        token_ask(a);
        break;
    default:
        wait_in_line(a);
    }
}

void user_ask(struct ask *given)
{
    unsigned home = user_home(given->app, given->user_id);
    given->letter.deliver = at_home;
    if (home == shard_here.index)
        at_home(&given->letter);
    else
        hub_post(home, &given->letter);
}

/* --- the room's part --------------------------------------------------------------------------------------------------- */

void users_start(void)
{
    list_init(&hub_own.users.idle);
    list_init(&hub_own.users.leaving);
    list_init(&hub_own.users.returning);
    list_init(&hub_own.users.unsettled);
}

/* One shard tells the store for all, once a minute. */
static void expire_queues(void)
{
    struct slice none = SLICE("");
    if (shard_here.index != 0 || shard_here.now_ms < hub_own.users.expired_ms + EXPIRE_EVERY_MS)
        return;
    hub_own.users.expired_ms = shard_here.now_ms;
    struct store_op *op = store_op_new(STORE_QUEUE_EXPIRE, 0, 0, none, none, none, none);
    if (op == NULL)
        return;
    op->time_ms = shard_here.wall_ms - hub_shared.setup.users.queue_age_ms;
    journal_send(op, NULL);
}

uint32_t users_turn(void)
{
    users_leave_due();
    bool is_holding = tells_turn();
    if (shard_here.now_ms >= hub_own.users.swept_ms + SWEEP_EVERY_MS) {
        hub_own.users.swept_ms = shard_here.now_ms;
        users_expire_due();
        users_settle();
        tokens_sweep();
        expire_queues();
    }
    if (is_holding)
        return 5;
    return list_is_empty(&hub_own.users.leaving) && list_is_empty(&hub_own.users.returning) ? SHARD_ANY_TIME : 50;
}

static void free_user(struct map_link *link, void *context)
{
    (void)context;
    struct user *u = list_object(link, struct user, link);
    user_last_words(u);
    for (struct ask *a; (a = take_waiting(u)) != NULL;)
        ask_free(a);
    if (u->tell_ask != NULL)
        ask_free(u->tell_ask);
    user_free(u);
}

void users_stop(void)
{
    tells_drop();
    map_each(&hub_own.users.all, free_user, NULL);
    map_clear(&hub_own.users.all);
    tokens_clear();
    free(hub_own.users.expiries);
}
