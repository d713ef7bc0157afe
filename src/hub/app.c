/* app.c: see app.h. */
#include "hub/app.h"

#include <stdlib.h>

#include "hub/internal.h"

static bool is_app(const struct map_link *link, const void *key)
{
    return list_object(link, const struct app, link)->id == *(const uint32_t *)key;
}

struct app *app_here(uint32_t id)
{
    uint64_t         hash = map_hash(id, SLICE("app"));
    struct map_link *found = map_find(&hub_own.apps, hash, is_app, &id);
    if (found != NULL)
        return list_object(found, struct app, link);
    struct app *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->id = id;
    if (map_put(&hub_own.apps, &a->link, hash) != OK) {
        free(a);
        return NULL;
    }
    return a;
}

void app_backend_add(uint32_t id, int change)
{
    struct app *a = app_here(id);
    if (a != NULL)
        a->backends += (uint64_t)(int64_t)change;
}
