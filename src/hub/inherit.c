/* inherit: what the hub hands over when another process takes over, and what that one makes of it (bridge.h).
 *
 *   old, frozen: channels with their numbers, users who are online, members of channels that announce them -> records
 *   new, at start: each shard takes those whose home it is
 */
#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/bridge.h"
#include "hub/record.h"
#include "hub/user_internal.h"

static struct slice inherited; /* main's, constant while shards start */

void hub_inherit(struct slice records)
{
    inherited = records;
}

void hub_inherited(void)
{
    inherited = SLICE("");
}

/* --- the old process --------------------------------------------------------------------------------------------------- */

static void write_entries(struct buf *out, const struct list *ages)
{
    for (const struct list *link = ages->next; link != ages; link = link->next) {
        const struct message *m = list_object(link, const struct history_entry, age)->message;
        const struct draft   *d = m->draft;
        record_write(out, &(struct record){
                              .kind = RECORD_ENTRY,
                              .flags = (uint8_t)((d->shows_user ? RECORD_SHOWS_USER : 0) | (d->is_object ? RECORD_IS_OBJECT : 0)),
                              .app = d->app,
                              .user_id = d->user_id,
                              .epoch = m->epoch,
                              .offset = m->offset,
                              .time_ms = m->sent_ms,
                              .name = d->channel,
                              .event = d->event,
                              .payload = d->payload,
                          });
    }
}

static void write_channel(struct map_link *link, void *out)
{
    const struct channel *c = list_object(link, const struct channel, link);
    record_write(out, &(struct record){
                          .kind = RECORD_CHANNEL,
                          .app = c->app,
                          .count = (uint32_t)channel_count(c),
                          .epoch = c->epoch,
                          .offset = c->offset,
                          .number = c->messages,
                          .time_ms = c->lost_offset,
                          .name = channel_name(c),
                      });
}

static void write_members(struct map_link *link, void *out)
{
    const struct audience *a = list_object(link, const struct audience, link);
    for (unsigned d = 0; a->announces && d < hub_shared.setup.dialect_count; d++)
        for (uint32_t i = 0; i < a->seats[d].count; i++) {
            char text[UUID_TEXT_MAX];
            if (a->seats[d].at[i].stream == SLAB_NONE)
                continue;
            const struct session *s = hub_shared.setup.dialects[d]->session_of(stream_at(a->seats[d].at[i].stream));
            record_write(out, &(struct record){
                                  .kind = RECORD_MEMBER,
                                  .app = a->app,
                                  .user_id = s->user_id,
                                  .name = audience_name(a),
                                  .extra = session_uuid(s, text),
                              });
        }
}

static void write_user(struct map_link *link, void *out)
{
    const struct user *u = list_object(link, const struct user, link);
    uint64_t           left_ms = u->sip_until_ms > shard_here.now_ms ? u->sip_until_ms - shard_here.now_ms : 0;
    bool               has_secret = left_ms > 0;
    if (!u->is_online && !has_secret)
        return;
    record_write(out, &(struct record){
                          .kind = RECORD_USER,
                          .app = u->app,
                          .user_id = u->id,
                          .flags = u->is_online ? RECORD_IS_ONLINE : 0,
                          .count = u->conn_count,
                          .number = u->sip_until_ms == UINT64_MAX ? UINT64_MAX : left_ms,
                          .payload = slice_of(u->sip_secret, has_secret ? sizeof u->sip_secret : 0),
                      });
}

void inherit_write(struct buf *out)
{
    map_each(&hub_own.channels, write_channel, out);
    if (!hub_shared.setup.stores_history) {
        write_entries(out, &hub_own.ages);
        write_entries(out, &hub_own.trust_ages);
    }
    map_each(&hub_own.audiences, write_members, out);
    map_each(&hub_own.users.all, write_user, out);
}

/* --- the new process: channels ----------------------------------------------------------------------------------------- */

static bool take_channel(const struct record *r, uint64_t hash)
{
    struct channel *c = channel_get(r->app, r->name, hash);
    if (c == NULL)
        return false;
    c->epoch = r->epoch;
    c->offset = r->offset;
    c->messages = r->number;
    c->lost_offset = r->time_ms;
    return r->count == 0 || channel_interest_set(c, INTEREST_BRIDGE, r->count, 0) == OK;
}

/* Only where no store keeps histories: the old process had it in memory. */
static bool take_entry(const struct record *r, uint64_t hash)
{
    if (hub_shared.setup.stores_history)
        return true;
    struct channel *c = channel_get(r->app, r->name, hash);
    return c != NULL && journal_replay_message(c, &(struct store_row){
        .app = r->app,
        .user_id = r->user_id,
        .flags = (r->flags & RECORD_SHOWS_USER ? STORE_SHOWS_USER : 0u) | (r->flags & RECORD_IS_OBJECT ? STORE_IS_OBJECT : 0u),
        .epoch = r->epoch,
        .offset = r->offset,
        .time_ms = r->time_ms,
        .name = r->name,
        .event = r->event,
        .payload = r->payload,
    });
}

void channel_bridge_set(uint32_t app, struct slice name, uint32_t count)
{
    struct channel *c = channel_find(app, name, channel_hash(app, name));
    if (c == NULL || !bridge_is_up())
        return;
    (void)channel_interest_set(c, INTEREST_BRIDGE, count, 0); /* it is there, so nothing is made */
    channel_let_go(c);
}

/* --- the new process: members of channels that announce them ----------------------------------------------------------- */

static bool take_member(const struct record *r, uint64_t hash)
{
    struct channel  *c = channel_get(r->app, r->name, hash);
    struct expected *e = c != NULL && r->extra.len <= UUID_TEXT_MAX ? malloc(sizeof *e) : NULL;
    if (e == NULL)
        return false;
    *e = (struct expected){ .next = c->expected, .user_id = r->user_id, .uuid_len = (uint8_t)r->extra.len };
    if (r->extra.len > 0)
        memcpy(e->uuid, r->extra.at, r->extra.len);
    c->expected = e;
    return true;
}

bool expected_take(struct channel *c, uint32_t user_id, struct slice uuid)
{
    for (struct expected **at = &c->expected; *at != NULL; at = &(*at)->next) {
        struct expected *e = *at;
        if (e->user_id != user_id || !slice_equal(slice_of(e->uuid, e->uuid_len), uuid))
            continue;
        *at = e->next;
        free(e);
        return true;
    }
    return false;
}

void expected_clear(struct channel *c)
{
    while (c->expected != NULL) {
        struct expected *e = c->expected;
        c->expected = e->next;
        free(e);
    }
}

/* May free the channel. */
static void announce_left(const struct channel *c, uint32_t user_id, struct slice uuid)
{
    struct draft *d = draft_new(c->app, channel_name(c), SLICE(""), SLICE(""));
    if (d == NULL)
        return;
    if (uuid.len > 0)
        memcpy((char *)(uintptr_t)d->uuid.at, uuid.at, uuid.len);
    d->uuid.len = uuid.len;
    d->kind = MESSAGE_LEAVE;
    d->user_id = user_id;
    d->is_recorded = false;
    if (publish(d, NULL, 0, NULL) != OK)
        log_error("hub: no memory; a presence event was lost");
}

/* He may be here already: then he has not left. */
void member_left_there(const struct record *r)
{
    struct channel *c = channel_find(r->app, r->name, channel_hash(r->app, r->name));
    if (c != NULL && expected_take(c, r->user_id, r->extra))
        announce_left(c, r->user_id, r->extra);
}

/* The one who is announced keeps the channel until he is. */
static void give_up_expected(struct map_link *link, void *context)
{
    struct channel *c = list_object(link, struct channel, link);
    (void)context;
    while (c->expected != NULL) {
        struct expected *e = c->expected;
        announce_left(c, e->user_id, slice_of(e->uuid, e->uuid_len));
        c->expected = e->next;
        free(e);
    }
    channel_let_go(c);
}

/* --- the new process --------------------------------------------------------------------------------------------------- */

static bool is_here(const struct record *r, uint64_t hash)
{
    unsigned home = r->kind == RECORD_USER ? user_home(r->app, r->user_id) : channel_home(hash);
    return home == shard_here.index;
}

static bool take(const struct record *r)
{
    bool     is_of_channel = r->kind == RECORD_CHANNEL || r->kind == RECORD_ENTRY || r->kind == RECORD_MEMBER;
    uint64_t hash = is_of_channel ? channel_hash(r->app, r->name) : 0;
    if ((!is_of_channel && r->kind != RECORD_USER) || !is_here(r, hash))
        return true;
    switch (r->kind) {
    case RECORD_CHANNEL:
        return take_channel(r, hash);
    case RECORD_ENTRY:
        return take_entry(r, hash);
    case RECORD_MEMBER:
        return take_member(r, hash);
    default:
        return user_inherit(r);
    }
}

static void let_go(struct map_link *link, void *context)
{
    (void)context;
    channel_let_go(list_object(link, struct channel, link));
}

void inherit_read(void)
{
    struct slice  in = inherited;
    struct record r;
    bool          is_whole = true;
    if (in.len == 0)
        return;
    while (record_feed(&in, &r) == FEED_DONE)
        is_whole = take(&r) && is_whole;
    map_each(&hub_own.channels, let_go, NULL); /* what came for a channel came one by one */
    if (!is_whole)
        log_error("upgrade: no memory for all that the old process knew");
}

static void forget_bridge(struct map_link *link, void *context)
{
    struct channel *c = list_object(link, struct channel, link);
    (void)context;
    (void)channel_interest_set(c, INTEREST_BRIDGE, 0, 0);
    channel_let_go(c);
}

void inherit_over(void)
{
    map_each(&hub_own.channels, forget_bridge, NULL);
    users_gone_there();
    hub_own.bridge.expected_until_ms = shard_here.now_ms + hub_shared.setup.return_ms;
}

uint32_t inherit_turn(void)
{
    uint64_t until_ms = hub_own.bridge.expected_until_ms;
    if (until_ms == 0)
        return SHARD_ANY_TIME;
    if (shard_here.now_ms < until_ms)
        return 100;
    hub_own.bridge.expected_until_ms = 0;
    map_each(&hub_own.channels, give_up_expected, NULL);
    return SHARD_ANY_TIME;
}
