/* listing.c: see listing.h. */
#include "hub/listing.h"

#include <stdlib.h>

#include "hub/internal.h"

#define ROW_BYTES_MAX (INET6_ADDRSTRLEN + UUID_TEXT_MAX + 2 * 250) /* of a connection; visitor.h cuts what browsers say */

struct listing *listing_new(enum listing_kind kind, uint32_t app)
{
    struct listing *l = malloc(sizeof *l);
    if (l == NULL)
        return NULL;
    memset(l, 0, offsetof(struct listing, channels));
    l->kind = kind;
    l->app = app;
    return l;
}

void listing_free(struct listing *l)
{
    free(l);
}

void listing_one_channel(struct listing *l, struct slice name)
{
    l->prefix_len = (uint8_t)(name.len < CHANNEL_NAME_MAX ? name.len : CHANNEL_NAME_MAX);
    memcpy(l->prefix, name.at, l->prefix_len);
    l->one = channel_hash(l->app, name);
    l->is_one = true;
    l->shard = channel_home(l->one);
}

void listing_one_connection(struct listing *l, uint64_t id)
{
    l->one = id;
    l->is_one = true;
    l->shard = stream_id_shard(id);
}

/* --- channels ---------------------------------------------------------------------------------------------------------- */

static void add_channel(struct listing *l, const struct channel *c)
{
    char *name = l->bytes + l->used;
    memcpy(name, c->name, c->name_len);
    l->used += c->name_len;
    l->channels[l->count++] = (struct listing_channel){
        .name = slice_of(name, c->name_len),
        .subscribers = channel_count(c),
        .messages = c->messages,
        .offset = c->offset,
        .epoch = c->epoch,
        .history = c->history_count,
        .history_length = c->history_limit,
    };
}

static bool is_wanted(const struct listing *l, const struct channel *c)
{
    return (l->has_all_apps || c->app == l->app) && c->name_len >= l->prefix_len &&
           slice_equal_nocase(slice_of(c->name, l->prefix_len), slice_of(l->prefix, l->prefix_len));
}

static void meet_channel(struct map_link *link, void *context)
{
    struct listing       *l = context;
    const struct channel *c = list_object(link, struct channel, link);
    if (!is_wanted(l, c))
        return;
    if (l->count < LISTING_ROWS)
        add_channel(l, c);
    else
        l->status = E_FULL; /* the bucket does not fit behind the rows there are: it comes with the next slice */
}

/* True: that was the last of this shard. A bucket is taken whole or not at all. */
static bool list_channels(struct listing *l)
{
    interest_flush(); /* this shard's own subscribers count as well */
    for (unsigned looks = 0; looks < LISTING_LOOKS && l->count < LISTING_ROWS; looks++) {
        uint64_t before = l->cursor;
        unsigned count = l->count, used = l->used;
        bool     is_more = map_walk(&hub_own.channels, &l->cursor, meet_channel, l);
        if (l->status == E_FULL && count > 0) {
            l->status = OK;
            l->cursor = before;
            l->count = count;
            l->used = used;
            return false;
        }
        if (l->status == E_FULL) /* more than a slice in one bucket: the map could not grow */
            l->status = E_NO_MEMORY;
        if (l->status != OK || !is_more)
            return true;
    }
    return false;
}

static void list_one_channel(struct listing *l)
{
    interest_flush();
    const struct channel *c = channel_find(l->app, slice_of(l->prefix, l->prefix_len), l->one);
    if (c != NULL)
        add_channel(l, c);
}

/* --- connections ------------------------------------------------------------------------------------------------------- */

static struct slice keep(struct listing *l, struct slice text)
{
    char *at = l->bytes + l->used;
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    l->used += (unsigned)text.len;
    return slice_of(at, text.len);
}

static struct session *session_at(struct stream *s)
{
    return s->tag > 0 ? hub_shared.setup.dialects[s->tag - 1]->session_of(s) : NULL;
}

/* Whose connection is it? False: nobody's yet; it has not said what it wants. */
static bool app_of(struct stream *s, const struct session *session, uint32_t *out_app)
{
    if (session != NULL)
        *out_app = session->app;
    else if (s->kind != STREAM_SQL || hub_shared.setup.app_of_backend == NULL || !hub_shared.setup.app_of_backend(s, out_app))
        return false;
    return true;
}

static void add_session(struct listing *l, struct listing_connection *row, const struct session *s)
{
    char uuid[UUID_TEXT_MAX];
    row->protocol = hub_shared.setup.dialects[s->dialect]->name;
    row->user_id = s->user_id;
    row->subscriptions = s->sub_count;
    row->uuid = keep(l, session_uuid(s, uuid));
    if (s->visitor != NULL) {
        row->user_agent = keep(l, visitor_agent(s->visitor));
        row->origin = keep(l, visitor_origin(s->visitor));
    }
}

static void meet_connection(struct listing *l, struct stream *s)
{
    uint32_t              app;
    char                  address[INET6_ADDRSTRLEN];
    const struct session *session = session_at(s);
    if (!stream_is_open(s) || !app_of(s, session, &app) || (!l->has_all_apps && app != l->app))
        return;
    if (l->has_user && (session != NULL ? session->user_id : 0) != l->user_id)
        return;
    struct listing_connection *row = &l->connections[l->count++];
    stream_peer(s, address, sizeof address);
    *row = (struct listing_connection){
        .id = stream_id(s),
        .queued_bytes = s->out != NULL ? s->out->waiting_bytes : 0,
        .protocol = "mysql",
        .app = app,
        .opened_s = s->opened_s,
        .address = keep(l, slice_str(address)),
    };
    if (session != NULL)
        add_session(l, row, session);
}

/* True: that was the last of this shard. */
static bool list_connections(struct listing *l)
{
    struct stream *s = NULL;
    for (unsigned looks = 0; looks < LISTING_LOOKS && (s = stream_next((uint32_t)l->cursor)) != NULL; looks++) {
        if (l->count == LISTING_ROWS || l->used + ROW_BYTES_MAX > sizeof l->bytes)
            return false;
        l->cursor = s->head.index + 1u;
        meet_connection(l, s);
    }
    return s == NULL;
}

static void list_one_connection(struct listing *l)
{
    struct stream *s = stream_find(l->one);
    if (s != NULL)
        meet_connection(l, s);
}

static void disconnect_one(struct listing *l, uint64_t id)
{
    struct stream *s = stream_find(id);
    uint32_t       app;
    if (s == NULL || id == l->asker || !stream_is_open(s) || !app_of(s, session_at(s), &app) || (!l->has_all_apps && app != l->app))
        return;
    l->number++;
    if (s->tag > 0)
        hub_shared.setup.dialects[s->tag - 1]->end(s, LEAVE_KICKED);
    else
        stream_close(s);
}

/* --- to and fro -------------------------------------------------------------------------------------------------------- */

static void at_door(struct letter *given)
{
    struct listing *l = (struct listing *)(void *)given;
    struct stream  *asker = stream_find(l->asker);
    if (asker == NULL || !stream_is_open(asker)) {
        listing_free(l);
        return;
    }
    stream_cork(asker);
    l->on_answer(asker, l);
    stream_uncork(asker);
}

static void fill(struct listing *l)
{
    bool is_last_here = true;
    if (l->kind == LISTING_DISCONNECT)
        for (unsigned i = 0; i < l->count; i++)
            disconnect_one(l, l->ids[i]);
    else if (l->is_one && l->kind == LISTING_CHANNELS)
        list_one_channel(l);
    else if (l->is_one)
        list_one_connection(l);
    else
        is_last_here = l->kind == LISTING_CHANNELS ? list_channels(l) : list_connections(l);
    l->is_over = l->is_one || l->kind == LISTING_DISCONNECT || l->status != OK ||
                 (is_last_here && l->shard + 1 >= hub_shared.setup.shard_count);
    if (is_last_here && !l->is_over) {
        l->shard++;
        l->cursor = 0;
    }
}

/* A slice without rows is no reason to go back. Always posted, also to this shard: the others have their turn in between. */
static void at_shard(struct letter *given)
{
    struct listing *l = (struct listing *)(void *)given;
    fill(l);
    bool is_empty = l->count == 0 && !l->is_over;
    l->letter.deliver = is_empty ? at_shard : at_door;
    hub_post(is_empty ? l->shard : stream_id_shard(l->asker), &l->letter);
}

void listing_send(struct listing *given, struct stream *asker, void (*on_answer)(struct stream *asker, struct listing *given))
{
    bug_if(given->is_over);
    given->asker = stream_id(asker);
    given->on_answer = on_answer;
    given->letter.deliver = at_shard;
    given->number = 0;
    if (given->kind != LISTING_DISCONNECT)
        given->count = given->used = 0;
    else
        given->shard = given->count > 0 ? stream_id_shard(given->ids[0]) : shard_here.index;
    if (given->shard >= hub_shared.setup.shard_count) { /* an id that never was: nobody is there */
        given->shard = shard_here.index;
        given->count = 0;
        given->one = 0;
    }
    hub_post(given->shard, &given->letter);
}
