/* app: the figures of one tenant (dev id) in one shard.
 *
 * An app needs no registration: it exists as soon as somebody names it, until the process ends (there are at most
 * main.dev_index_size of them). Thread:
 * the shard's own; ASK_APP (ask.h) adds the shards up.
 */
#ifndef ENCKE_HUB_APP_H
#define ENCKE_HUB_APP_H

#include "base/map.h"

struct app {
    struct map_link link;
    uint32_t        id;
    uint64_t        online;   /* browser sessions here now */
    uint64_t        backends; /* CometQL sessions here now */
    uint64_t        messages; /* published through this shard since start */
};

/* Found or made; NULL when there is no memory (nothing but the figure is lost). */
struct app *app_here(uint32_t id);

/* A CometQL session of the app came (+1) or went (-1). */
void app_backend_add(uint32_t id, int change);

#endif
