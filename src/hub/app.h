/* app: the figures of one tenant (dev id) in one shard, and what bounds him.
 *
 * An app needs no registration: it exists in a shard as soon as somebody names it there, and is forgotten when nobody has used it for
 * hub_setup.app_idle_ms: no session, no channel and no message. Its figures begin anew then. Thread: the shard's own; ASK_APP
 * (ask.h) adds the shards up.
 *
 * How many channels an app has is counted for the whole process where that is bounded: each home counts its own, and any shard looks
 * before it makes a new one. Shards look at the same moment, so a few more than allowed may come to be.
 */
#ifndef ENCKE_HUB_APP_H
#define ENCKE_HUB_APP_H

#include "base/map.h"

struct app {
    struct map_link link;
    uint32_t        id;
    uint32_t        channels; /* whose home is here */
    uint64_t        online;   /* browser sessions here now */
    uint64_t        backends; /* CometQL sessions here now */
    uint64_t        messages; /* published through this shard since it exists */
    uint64_t        history_bytes; /* memory its histories take here */
    uint64_t        used_ms;  /* shard_here.now_ms when it was last asked for */
};

/* Found or made; NULL when there is no memory (nothing but the figure is lost). */
struct app *app_here(uint32_t id);

/* The same, but not made. */
struct app *app_find(uint32_t id);

/* A CometQL session of the app came (+1) or went (-1). */
void app_backend_add(uint32_t id, int change);

/* A channel whose home is here came (+1) or went (-1). */
void app_channel_add(uint32_t id, int change);

/* May it have one channel more? Counts a refusal. */
bool app_may_have_channel(uint32_t id);

#endif
