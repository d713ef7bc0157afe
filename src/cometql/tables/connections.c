/* connections: who is connected to the app, browsers and SQL sessions. A DELETE disconnects them, but for the session that asks.
 *
 * A session sees its own app. One that logged in as root, and is in app 0, sees all apps in a statement whose WHERE names `app`:
 * without that, `DELETE ... WHERE user = 5` would meet the users 5 of all apps.
 */
#include <stdio.h>

#include "cometql/internal.h"

enum { ID, USER, APP, ADDRESS, PROTOCOL, SINCE, QUEUED, SUBSCRIPTIONS, UUID, ORIGIN, AGENT, COLUMNS };

static struct listing *listing_of(struct cometql *q, enum listing_kind kind)
{
    struct listing *l = listed_new(q, kind);
    if (l != NULL)
        l->has_all_apps = q->app == 0 && slice_is(slice_str(q->user), "root") && where_names_column(q, APP);
    return l;
}

static bool fetch(struct cometql *q, struct slice key)
{
    uint64_t        id;
    struct listing *l = slice_u64(key, INT64_MAX, &id) ? listing_of(q, LISTING_CONNECTIONS) : NULL;
    if (l == NULL)
        return q->walk == WALK_NONE; /* it has failed: nothing comes next */
    listing_one_connection(l, id);
    listed_ask(q, l);
    return true;
}

/* One user is asked for in the shards; all else is seen here. */
static struct listing *begin(struct cometql *q)
{
    struct listing         *l = listing_of(q, LISTING_CONNECTIONS);
    const struct condition *c = listed_condition(q, USER);
    if (l != NULL && c != NULL && c->compare == COMPARE_EQUAL)
        l->has_user = cometql_user_id(statement_value(&q->st, c->first)->text, 0, &l->user_id);
    return l;
}

static bool fetch_more(struct cometql *q)
{
    return listed_more(q, begin);
}

static void row(struct cometql *q, const struct listing_connection *c)
{
    char id[24], user[16], app[16], since[16], queued[24], subscriptions[16];
    snprintf(id, sizeof id, "%llu", (unsigned long long)c->id);
    snprintf(user, sizeof user, "%u", c->user_id);
    snprintf(app, sizeof app, "%u", c->app);
    snprintf(since, sizeof since, "%u", c->opened_s);
    snprintf(queued, sizeof queued, "%llu", (unsigned long long)c->queued_bytes);
    snprintf(subscriptions, sizeof subscriptions, "%u", c->subscriptions);
    struct slice cells[COLUMNS] = {
        [ID] = slice_str(id),
        [USER] = slice_str(user),
        [APP] = slice_str(app),
        [ADDRESS] = c->address,
        [PROTOCOL] = slice_str(c->protocol),
        [SINCE] = slice_str(since),
        [QUEUED] = slice_str(queued),
        [SUBSCRIPTIONS] = slice_str(subscriptions),
        [UUID] = c->uuid.len > 0 ? c->uuid : SLICE(""),
        [ORIGIN] = c->origin.len > 0 ? c->origin : SLICE(""),
        [AGENT] = c->user_agent.len > 0 ? c->user_agent : SLICE(""),
    };
    cometql_row(q, cells);
}

static void rows(struct cometql *q, const struct listing *l)
{
    for (unsigned i = 0; i < l->count; i++)
        row(q, &l->connections[i]);
}

/* All at once: they are of one slice, so of one shard, and no more than a slice has. */
static bool drop_many(struct cometql *q)
{
    struct listing *l = listing_of(q, LISTING_DISCONNECT);
    struct slice    rest = buf_slice(&q->doomed);
    if (l == NULL)
        return true;
    while (rest.len > 0 && l->count < LISTING_ROWS)
        if (slice_u64(slice_cut(&rest, '\0'), INT64_MAX, &l->ids[l->count]))
            l->count++;
    buf_reset(&q->doomed);
    listed_ask(q, l);
    return true;
}

const struct table table_connections = {
    .name = "connections",
    .comment = "connections of browsers and SQL sessions",
    .columns = { [ID] = { "id", "bigint(20)" },
                 [USER] = { "user", "int(11)" },
                 [APP] = { "app", "int(11)" },
                 [ADDRESS] = { "address", "varchar(45)" },
                 [PROTOCOL] = { "protocol", "varchar(32)" },
                 [SINCE] = { "connected_since", "int(11)" },
                 [QUEUED] = { "queued_bytes", "bigint(20)" },
                 [SUBSCRIPTIONS] = { "subscriptions", "int(11)" },
                 [UUID] = { "uuid", "varchar(32)" },
                 [ORIGIN] = { "origin", "varchar(250)" },
                 [AGENT] = { "user_agent", "varchar(250)" } },
    .column_count = COLUMNS,
    .key = ID,
    .id = ID,
    .is_listed = true,
    .is_searched = true,
    .fetch = fetch,
    .fetch_more = fetch_more,
    .erase = fetch,
    .listed_rows = rows,
    .drop_many = drop_many,
};
