/* hub.c: see hub.h. */
#include "hub/hub.h"

#include <stdlib.h>

#include "base/counter.h"
#include "hub/user_internal.h"

_Thread_local struct hub hub_own;
struct hub_shared        hub_shared;

enum status hub_setup(const struct hub_setup *setup)
{
    bug_if(setup->dialect_count > DIALECT_MAX || setup->shard_count > SHARDS_MAX);
    size_t bytes = setup->shard_count * sizeof *hub_shared.backlogs;
    hub_shared = (struct hub_shared){ .setup = *setup, .backlogs = aligned_alloc(64, bytes) };
    if (hub_shared.backlogs == NULL)
        return E_NO_MEMORY;
    memset(hub_shared.backlogs, 0, bytes);
    if (setup->app_channels > 0 && setup->app_count > 0) {
        hub_shared.app_channels = calloc(setup->app_count, sizeof *hub_shared.app_channels);
        if (hub_shared.app_channels == NULL)
            return E_NO_MEMORY;
    }
    return OK;
}

void hub_clear(void)
{
    for (unsigned i = 0; hub_shared.loaded != NULL && i < hub_shared.setup.shard_count; i++)
        store_rows_free(hub_shared.loaded[i]);
    free(hub_shared.loaded);
    free(hub_shared.backlogs);
    free((void *)hub_shared.app_channels);
    hub_shared.app_channels = NULL;
    hub_shared.loaded = NULL;
    hub_shared.backlogs = NULL;
}

uint32_t hub_history_floor(struct slice name)
{
    return hub_shared.setup.history_floor != NULL ? hub_shared.setup.history_floor(name) : 0;
}

void hub_post(unsigned to, struct letter *given)
{
    interest_flush();
    shard_post(to, given);
}

static enum status hub_start(void)
{
    hub_own = (struct hub){ .dirty = SLAB_NONE };
    hub_own.held_last = &hub_own.held;
    list_init(&hub_own.active);
    list_init(&hub_own.ages);
    list_init(&hub_own.trust_ages);
    users_start();
    slab_init(&hub_own.audience_slab, sizeof(struct audience), UINT32_MAX - 1);
    slab_count(&hub_own.audience_slab, COUNTER_SLAB_AUDIENCES, COUNTER_SLAB_AUDIENCES_USED);
    journal_replay();
    inherit_read();
    return OK;
}

static uint32_t sooner(uint32_t a_ms, uint32_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static uint32_t hub_turn(void)
{
    uint32_t wait_ms = interest_flush() ? SHARD_ANY_TIME : 100;
    wait_ms = sooner(wait_ms, fanout_turn());
    wait_ms = sooner(wait_ms, reports_turn());
    wait_ms = sooner(wait_ms, users_turn());
    wait_ms = sooner(wait_ms, history_turn());
    wait_ms = sooner(wait_ms, apps_turn());
    wait_ms = sooner(wait_ms, bridge_turn());
    wait_ms = sooner(wait_ms, inherit_turn());
    return store_outstanding() > 0 ? sooner(wait_ms, 1000) : wait_ms; /* a shard that stops waits for them */
}

static void free_channel(struct map_link *link, void *context)
{
    (void)context;
    struct channel *c = list_object(link, struct channel, link);
    history_drop(c);
    for (struct ask *a; (a = c->waiting) != NULL; ask_free(a))
        c->waiting = (struct ask *)(void *)a->letter.next;
    c->is_loading = false;
    c->interest_count = 0;
    expected_clear(c);
    c->has_setting = false;
    channel_let_go(c);
}

static void free_audience(struct map_link *link, void *context)
{
    (void)context;
    struct audience *a = list_object(link, struct audience, link);
    fanout_drop(a);
    map_drop(&hub_own.audiences, &a->link);
    audience_seats_free(a);
}

static void free_link(struct map_link *link, void *map)
{
    map_drop(map, link);
    free(link); /* the link is the first member of what remains here */
}

static void hub_stop(void)
{
    reports_drop();
    users_stop();
    conferences_clear();
    map_each(&hub_own.audiences, free_audience, NULL);
    map_each(&hub_own.channels, free_channel, NULL);
    map_each(&hub_own.visitors, free_link, &hub_own.visitors);
    counter_sub(COUNTER_APPS, hub_own.apps.count);
    map_each(&hub_own.apps, free_link, &hub_own.apps);
    map_clear(&hub_own.audiences);
    map_clear(&hub_own.channels);
    map_clear(&hub_own.visitors);
    map_clear(&hub_own.apps);
    slab_clear(&hub_own.audience_slab);
    message_scratch_clear();
    if (hub_shared.setup.has_store)
        store_leave();
}

/* --- when another process takes over ----------------------------------------------------------------------------------- */

static bool hub_is_settled(void)
{
    return hub_own.dirty == SLAB_NONE && list_is_empty(&hub_own.active) && hub_own.held == NULL && hub_own.users.holding == NULL &&
           store_outstanding() == 0;
}

/* Those who do not read what was queued for them: it counts as not delivered, and waits for them. */
static void hub_hasten(void)
{
    for (const struct tell *t = hub_own.users.holding; t != NULL; t = (const struct tell *)(const void *)t->letter.next) {
        struct stream *s = stream_find(t->stream);
        if (s != NULL)
            stream_close(s);
    }
}

const struct shard_part hub_part = {
    .name = "hub",
    .on_start = hub_start,
    .on_turn = hub_turn,
    .on_stop = hub_stop,
    .is_settled = hub_is_settled,
    .on_hasten = hub_hasten,
    .on_hand_over = inherit_write,
};
