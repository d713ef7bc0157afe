/* app.c: see app.h. */
#include "hub/app.h"

#include <stdlib.h>

#include "base/counter.h"
#include "base/log.h"
#include "hub/internal.h"

#define SWEEP_EVERY_MS 100
#define SWEEP_STEPS    64 /* buckets */

static bool is_app(const struct map_link *link, const void *key)
{
    return list_object(link, const struct app, link)->id == *(const uint32_t *)key;
}

static uint64_t hash_of(uint32_t id)
{
    return map_hash(id, SLICE("app"));
}

struct app *app_find(uint32_t id)
{
    struct map_link *found = map_find(&hub_own.apps, hash_of(id), is_app, &id);
    return found != NULL ? list_object(found, struct app, link) : NULL;
}

struct app *app_here(uint32_t id)
{
    struct app *a = app_find(id);
    if (a != NULL) {
        a->used_ms = shard_here.now_ms;
        return a;
    }
    a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->id = id;
    a->used_ms = shard_here.now_ms;
    if (map_put(&hub_own.apps, &a->link, hash_of(id)) != OK) {
        free(a);
        return NULL;
    }
    counter_add(COUNTER_APPS, 1);
    counter_held(COUNTER_MEMORY_CHANNELS, sizeof *a);
    return a;
}

void app_backend_add(uint32_t id, int change)
{
    struct app *a = app_here(id);
    if (a != NULL)
        a->backends += (uint64_t)(int64_t)change;
}

void app_channel_add(uint32_t id, int change)
{
    struct app *a = app_here(id);
    if (a != NULL)
        a->channels += (uint32_t)change;
    if (hub_shared.app_channels != NULL && id < hub_shared.setup.app_count)
        atomic_fetch_add_explicit(&hub_shared.app_channels[id], (uint32_t)change, memory_order_relaxed);
}

bool app_may_have_channel(uint32_t id)
{
    static struct log_limit limit = { .every_ms = 10000 };
    if (hub_shared.app_channels == NULL || id >= hub_shared.setup.app_count ||
        atomic_load_explicit(&hub_shared.app_channels[id], memory_order_relaxed) < hub_shared.setup.app_channels)
        return true;
    counter_add(COUNTER_CHANNELS_REFUSED, 1);
    log_limited(&limit, LOG_WARN, "hub: app %u has %u channels, as many as limits.app_channels allows; no new ones are made", id,
                hub_shared.setup.app_channels);
    return false;
}

static void sweep(struct map_link *link, void *context)
{
    struct app *a = list_object(link, struct app, link);
    (void)context;
    if (a->online > 0 || a->backends > 0 || a->channels > 0 || a->history_bytes > 0 ||
        shard_here.now_ms - a->used_ms < hub_shared.setup.app_idle_ms)
        return;
    map_drop(&hub_own.apps, link);
    counter_sub(COUNTER_APPS, 1);
    counter_freed(COUNTER_MEMORY_CHANNELS, sizeof *a);
    free(a);
}

uint32_t apps_turn(void)
{
    if (hub_shared.setup.app_idle_ms == 0 || shard_here.now_ms - hub_own.apps_swept_ms < SWEEP_EVERY_MS)
        return SHARD_ANY_TIME; /* the loop wakes up every second anyway */
    hub_own.apps_swept_ms = shard_here.now_ms;
    for (int i = 0; i < SWEEP_STEPS; i++)
        if (!map_walk(&hub_own.apps, &hub_own.apps_cursor, sweep, NULL))
            break;
    return SHARD_ANY_TIME;
}
