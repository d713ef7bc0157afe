/* user_login: a user's connections come and go, and the world hears of it on user_status_N. */
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/counter.h"
#include "base/crypto.h"
#include "base/log.h"
#include "hub/record.h"
#include "hub/user_internal.h"

/* When the token of a connection ends. The heap may hold entries of connections that are gone or renewed; they are skipped when
 * their time comes, and swept out when they are more than half of it. */
struct expiry {
    uint64_t at_s;
    uint64_t stream;
    uint32_t app, user_id;
};

/* --- online and offline ------------------------------------------------------------------------------------------------ */

static void save_seen(struct user *u, uint64_t seen_s)
{
    u->last_seen_s = seen_s;
    if (!hub_shared.setup.users.saves_last_seen)
        return;
    struct store_op *op = user_op(STORE_SEEN_PUT, u, SLICE(""), SLICE(""));
    if (op == NULL)
        return; /* it is known here, and written with the next change */
    op->number = seen_s;
    journal_send(op, NULL);
}

static void announce(const struct user *u, const char *what)
{
    static struct log_limit limit = { .every_ms = 10000 };
    char                    channel[32];
    snprintf(channel, sizeof channel, "user_status_%u", u->id);
    struct draft *d = draft_new(u->app, slice_str(channel), slice_str(what), slice_str(what));
    if (d != NULL) {
        d->kind = MESSAGE_STATUS;
        d->user_id = u->id;
        d->is_recorded = false;
    }
    if (d == NULL || publish(d, NULL, 0, NULL) != OK)
        log_limited(&limit, LOG_ERROR, "hub: no memory; an online or offline event was lost");
}

static void come(struct user *u)
{
    if (u->is_leaving) {
        u->is_leaving = false;
        list_unlink(&u->place);
    }
    if (u->is_online)
        return;
    u->is_online = true;
    counter_add(COUNTER_USERS_ONLINE, 1);
    save_seen(u, 0);
    if (hub_shared.setup.users.has_online_events)
        announce(u, "online");
}

static void leave(struct user *u)
{
    u->is_online = false;
    counter_sub(COUNTER_USERS_ONLINE, 1);
    save_seen(u, shard_wall_s());
    if (hub_shared.setup.users.has_offline_events)
        announce(u, "offline");
}

/* The last connection has gone: at once, or when the grace is over. The grace is the same for all, so the list is in order. */
static void leave_soon(struct user *u)
{
    uint32_t grace_ms = hub_shared.setup.users.offline_grace_ms;
    if (grace_ms == 0) {
        leave(u);
        return;
    }
    u->is_leaving = true;
    u->leaves_at_ms = shard_here.now_ms + grace_ms;
    list_add_last(&hub_own.users.leaving, &u->place);
}

static void leave_due(struct list *leaving)
{
    while (!list_is_empty(leaving)) {
        struct user *u = list_object(leaving->next, struct user, place);
        if (u->leaves_at_ms > shard_here.now_ms)
            return;
        list_unlink(&u->place);
        u->is_leaving = false;
        leave(u);
        user_go_on(u);
    }
}

void users_leave_due(void)
{
    if (shard_here.is_guest)
        return; /* the process that has taken over knows whether they come back */
    leave_due(&hub_own.users.leaving);
    leave_due(&hub_own.users.returning);
}

void user_last_words(struct user *u)
{
    if (u->is_online && !shard_here.is_guest)
        save_seen(u, shard_wall_s());
}

/* --- connections end -------------------------------------------------------------------------------------------------- */

struct ending {
    struct letter     letter;
    uint64_t          stream;
    uint8_t           dialect;
    enum leave_reason why;
};

static void end_arrived(struct letter *given)
{
    struct ending *e = (struct ending *)(void *)given;
    struct stream *s = stream_find(e->stream);
    if (s != NULL && stream_is_open(s))
        hub_shared.setup.dialects[e->dialect]->end(s, e->why);
    free(e);
}

static void end_connection(const struct user_conn *conn, enum leave_reason why)
{
    struct ending *e = malloc(sizeof *e);
    if (e == NULL) {
        log_error("hub: no memory; a connection that should have been ended was not");
        return;
    }
    *e = (struct ending){
        .letter = { .deliver = end_arrived }, .stream = conn->stream, .dialect = conn->dialect, .why = why
    };
    hub_post(stream_id_shard(conn->stream), &e->letter);
}

/* They stay in the list until they are gone; nothing reaches them any more. */
void user_end_all(struct user *u, enum leave_reason why)
{
    if (why == LEAVE_REVOKED)
        user_secret_drop(u);
    user_call(u);
    for (unsigned i = 0; i < u->conn_count; i++)
        end_connection(&u->conns[i], why);
}

static struct user_conn *conn_find(const struct user *u, uint64_t stream)
{
    for (unsigned i = 0; i < u->conn_count; i++)
        if (u->conns[i].stream == stream)
            return &u->conns[i];
    return NULL;
}

struct leaving {
    struct letter letter;
    uint32_t      app, user_id;
    uint64_t      stream;
};

static void conn_gone(uint32_t app, uint32_t user_id, uint64_t stream)
{
    struct user      *u = user_find(app, user_id);
    struct user_conn *conn = u != NULL ? conn_find(u, stream) : NULL;
    if (conn == NULL)
        return;
    memmove(conn, conn + 1, (size_t)(&u->conns[--u->conn_count] - conn) * sizeof *conn);
    if (u->conn_count == 0) {
        user_secret_left(u);
        if (shard_here.is_guest)
            bridge_say(&(struct record){ .kind = RECORD_GONE, .app = app, .user_id = user_id });
        else if (!u->is_elsewhere)
            leave_soon(u);
    }
    user_go_on(u);
}

static void leaving_arrived(struct letter *given)
{
    struct leaving *l = (struct leaving *)(void *)given;
    conn_gone(l->app, l->user_id, l->stream);
    free(l);
}

void user_left(uint32_t app, uint32_t user_id, uint64_t stream)
{
    unsigned        home = user_home(app, user_id);
    struct leaving *l = home != shard_here.index ? malloc(sizeof *l) : NULL;
    if (home == shard_here.index) {
        conn_gone(app, user_id, stream);
    } else if (l == NULL) {
        log_error("hub: no memory; user %u of app %u stays online", user_id, app);
    } else {
        *l = (struct leaving){ .letter = { .deliver = leaving_arrived }, .app = app, .user_id = user_id, .stream = stream };
        hub_post(home, &l->letter);
    }
}

/* --- between two processes (bridge.h) ---------------------------------------------------------------------------------- */

void user_call(struct user *u)
{
    if (!u->is_elsewhere || u->is_called)
        return;
    u->is_called = true;
    bridge_say(&(struct record){ .kind = RECORD_MOVE, .app = u->app, .user_id = u->id });
}

static void move_arrived(struct letter *given)
{
    struct ending *e = (struct ending *)(void *)given;
    struct stream *s = stream_find(e->stream);
    if (s != NULL)
        stream_leave(s, 0);
    free(e);
}

/* Without memory he leaves when his turn comes. */
void user_move(uint32_t app, uint32_t id)
{
    const struct user *u = user_find(app, id);
    for (unsigned i = 0; u != NULL && i < u->conn_count; i++) {
        struct ending *e = malloc(sizeof *e);
        if (e == NULL)
            return;
        *e = (struct ending){ .letter = { .deliver = move_arrived }, .stream = u->conns[i].stream };
        shard_post(stream_id_shard(e->stream), &e->letter);
    }
}

/* He is on his way, unless he does not come. */
static void await_return(struct user *u)
{
    u->is_elsewhere = false;
    if (u->conn_count > 0 || !u->is_online || u->is_leaving)
        return;
    user_secret_left(u);
    u->is_leaving = true;
    u->leaves_at_ms = shard_here.now_ms + hub_shared.setup.return_ms;
    list_add_last(&hub_own.users.returning, &u->place);
}

void user_gone_there(uint32_t app, uint32_t id)
{
    struct user *u = user_find(app, id);
    if (u != NULL && u->is_elsewhere)
        await_return(u);
}

static void gone_there(struct map_link *link, void *context)
{
    struct user *u = list_object(link, struct user, link);
    (void)context;
    if (u->is_elsewhere)
        await_return(u);
}

void users_gone_there(void)
{
    map_each(&hub_own.users.all, gone_there, NULL);
}

bool user_inherit(const struct record *r)
{
    struct user *u = user_get(r->app, r->user_id);
    if (u == NULL)
        return false;
    if (r->payload.len == sizeof u->sip_secret) {
        memcpy(u->sip_secret, r->payload.at, sizeof u->sip_secret);
        u->sip_until_ms = r->number == UINT64_MAX ? UINT64_MAX : shard_here.now_ms + r->number;
    }
    if (r->flags & RECORD_IS_ONLINE && !u->is_online) {
        u->is_online = true;
        counter_add(COUNTER_USERS_ONLINE, 1);
        if (r->count > 0)
            u->is_elsewhere = true;
        else
            await_return(u);
    }
    user_go_on(u);
    return true;
}

/* --- tokens end -------------------------------------------------------------------------------------------------------- */

/* The connection it is about; NULL: it has gone, or its token was renewed. */
static const struct user_conn *conn_of(const struct expiry *e)
{
    struct user      *u = user_find(e->app, e->user_id);
    struct user_conn *conn = u != NULL ? conn_find(u, e->stream) : NULL;
    return conn != NULL && conn->expires_s == e->at_s ? conn : NULL;
}

static void sift_up(struct expiry *heap, size_t i)
{
    for (; i > 0 && heap[(i - 1) / 2].at_s > heap[i].at_s; i = (i - 1) / 2) {
        struct expiry e = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = e;
    }
}

static void sift_down(struct expiry *heap, size_t count, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && heap[child + 1].at_s < heap[child].at_s)
            child++;
        if (heap[i].at_s <= heap[child].at_s)
            return;
        struct expiry e = heap[i];
        heap[i] = heap[child];
        heap[child] = e;
    }
}

static void sweep_stale(struct users *all)
{
    size_t kept = 0;
    for (size_t i = 0; i < all->expiry_count; i++)
        if (conn_of(&all->expiries[i]) != NULL)
            all->expiries[kept++] = all->expiries[i];
    all->expiry_count = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(all->expiries, kept, i);
}

static enum status expiry_add(const struct user *u, const struct user_conn *conn)
{
    struct users *all = &hub_own.users;
    if (all->expiry_count == all->expiry_cap)
        sweep_stale(all);
    if (all->expiry_count * 2 > all->expiry_cap || all->expiries == NULL) {
        size_t         cap = all->expiry_cap > 0 ? all->expiry_cap * 2 : 64;
        struct expiry *grown = realloc(all->expiries, cap * sizeof *grown);
        if (grown == NULL && all->expiry_count == all->expiry_cap)
            return E_NO_MEMORY;
        if (grown != NULL) {
            all->expiries = grown;
            all->expiry_cap = cap;
        }
    }
    all->expiries[all->expiry_count] =
        (struct expiry){ .at_s = conn->expires_s, .stream = conn->stream, .app = u->app, .user_id = u->id };
    sift_up(all->expiries, all->expiry_count++);
    return OK;
}

void users_expire_due(void)
{
    struct users *all = &hub_own.users;
    while (all->expiry_count > 0 && all->expiries[0].at_s < shard_wall_s()) {
        struct expiry e = all->expiries[0];
        all->expiries[0] = all->expiries[--all->expiry_count];
        sift_down(all->expiries, all->expiry_count, 0);
        const struct user_conn *conn = conn_of(&e);
        if (conn != NULL)
            end_connection(conn, LEAVE_EXPIRED);
    }
}

/* --- login ------------------------------------------------------------------------------------------------------------- */

static bool is_right(const struct user *u, const struct ask *a)
{
    if (a->has_token)
        return !token_is_revoked(a->app, a->text);
    return u->hash_len > 0 && u->hash_len == a->text.len && crypto_equal(u->hash, a->text.at, a->text.len);
}

/* A connection that logs in again, with a newer token. */
static struct user_conn *conn_put(struct user *u, const struct ask *a)
{
    struct user_conn *conn = conn_find(u, a->asker);
    if (conn == NULL) {
        uint32_t had = u->conn_cap;
        if (!array_room(&u->conns, &u->conn_cap, u->conn_count + 1, sizeof *u->conns))
            return NULL;
        counter_held(COUNTER_MEMORY_USERS, (u->conn_cap - had) * sizeof *u->conns);
        conn = &u->conns[u->conn_count++];
    }
    *conn = (struct user_conn){ .stream = a->asker, .dialect = a->dialect, .expires_s = a->has_token ? a->number : 0 };
    return conn;
}

static enum status admit(struct user *u, const struct ask *a)
{
    bool              is_new = conn_find(u, a->asker) == NULL;
    struct user_conn *conn = conn_put(u, a);
    if (conn == NULL)
        return E_NO_MEMORY;
    if (conn->expires_s > 0 && expiry_add(u, conn) != OK) {
        if (is_new)
            u->conn_count--;
        return E_NO_MEMORY;
    }
    return OK;
}

void user_login(struct user *u, struct ask *a)
{
    uint64_t stream = a->asker;
    uint32_t most = hub_shared.setup.users.max_connections;
    a->status = is_right(u, a) ? admit(u, a) : E_AUTH;
    counter_add(a->status == OK ? COUNTER_LOGINS : COUNTER_LOGINS_REFUSED, 1);
    if (a->status != OK) {
        ask_answer(a);
        return;
    }
    for (unsigned i = 0; most > 0 && i + most < u->conn_count; i++) {
        counter_add(COUNTER_USERS_CROWDED, 1);
        end_connection(&u->conns[i], LEAVE_CROWDED);
    }
    come(u);
    user_secret_login(u, a);
    ask_answer(a); /* before the queue: the letters arrive in this order */
    user_drain(u, stream);
}
