/* channel.c: see channel.h. */
#include "hub/channel.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/counter.h"
#include "base/crypto.h"
#include "hub/internal.h"

struct channel_key {
    uint32_t     app;
    struct slice name;
};

bool channel_name_is_valid(struct slice name, size_t min)
{
    if (name.len < min || name.len > CHANNEL_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

uint64_t channel_hash(uint32_t app, struct slice name)
{
    return map_hash(app, name);
}

unsigned channel_home(uint64_t hash)
{
    /* The high half: the maps of a shard use the low bits, which would all be alike there otherwise. */
    return (unsigned)((hash >> 32) % hub_shared.setup.shard_count);
}

static bool is_channel(const struct map_link *link, const void *key)
{
    const struct channel     *c = list_object(link, const struct channel, link);
    const struct channel_key *k = key;
    return c->app == k->app && slice_equal(channel_name(c), k->name);
}

struct channel *channel_find(uint32_t app, struct slice name, uint64_t hash)
{
    struct channel_key key = { app, name };
    struct map_link   *link = map_find(&hub_own.channels, hash, is_channel, &key);
    return link != NULL ? list_object(link, struct channel, link) : NULL;
}

struct channel *channel_get(uint32_t app, struct slice name, uint64_t hash)
{
    struct channel *c = channel_find(app, name, hash);
    if (c != NULL)
        return c;
    c = calloc(1, sizeof *c);
    if (c == NULL || name.len > CHANNEL_NAME_MAX)
        goto fail;
    c->app = app;
    c->name_len = (uint8_t)name.len;
    memcpy(c->name, name.at, name.len);
    c->epoch = random_u64();
    c->floor = hub_history_floor(channel_name(c));
    c->history_limit = c->floor;
    c->is_cold = c->floor > 0 && hub_shared.setup.stores_history;
    c->waiting_last = &c->waiting;
    if (map_put(&hub_own.channels, &c->link, hash) != OK)
        goto fail;
    counter_add(COUNTER_CHANNELS, 1);
    counter_held(COUNTER_MEMORY_CHANNELS, sizeof *c);
    app_channel_add(app, 1);
    return c;
fail:
    free(c);
    return NULL;
}

void channel_set(struct channel *c, uint64_t history_limit)
{
    c->has_setting = true;
    c->history_limit = (uint32_t)(history_limit < CHANNEL_HISTORY_MAX ? history_limit : CHANNEL_HISTORY_MAX);
}

void channel_unset(struct channel *c)
{
    c->has_setting = false;
    c->history_limit = c->floor;
}

void channel_let_go(struct channel *c)
{
    if (c->interest_count > 0 || c->has_setting || c->history_count > 0 || c->is_loading || c->expected != NULL)
        return;
    map_drop(&hub_own.channels, &c->link);
    counter_sub(COUNTER_CHANNELS, 1);
    counter_freed(COUNTER_MEMORY_CHANNELS, sizeof *c + c->interest_cap * sizeof *c->interests);
    app_channel_add(c->app, -1);
    free(c->interests);
    free(c);
}

enum status channel_interest_set(struct channel *c, unsigned shard, uint32_t count, uint8_t dialects)
{
    struct channel_interest *at = NULL;
    for (unsigned i = 0; i < c->interest_count && at == NULL; i++)
        if (c->interests[i].shard == shard)
            at = &c->interests[i];
    if (count == 0) {
        if (at != NULL)
            *at = c->interests[--c->interest_count];
        return OK;
    }
    if (at == NULL) {
        uint32_t had = c->interest_cap;
        if (!array_room(&c->interests, &c->interest_cap, c->interest_count + 1, sizeof *c->interests))
            return E_NO_MEMORY;
        counter_held(COUNTER_MEMORY_CHANNELS, (c->interest_cap - had) * sizeof *c->interests);
        at = &c->interests[c->interest_count++];
    }
    *at = (struct channel_interest){ .shard = (uint16_t)shard, .dialects = dialects, .count = count };
    return OK;
}

uint64_t channel_count(const struct channel *c)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < c->interest_count; i++)
        count += c->interests[i].count;
    return count;
}

uint8_t channel_dialects(const struct channel *c)
{
    uint8_t mask = 0;
    for (unsigned i = 0; i < c->interest_count; i++)
        mask |= c->interests[i].dialects;
    return mask;
}
