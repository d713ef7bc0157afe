/* user_settings.c: see user_settings.h. */
#include "server/user_settings.h"

#include <stdlib.h>

#define QUEUE_MEMORY (UINT64_C(64) << 20)

struct user_rules user_rules_from(const struct config *c)
{
    return (struct user_rules){
        .has_online_events = c->users.has_online_events,
        .has_offline_events = c->users.has_offline_events,
        .saves_last_seen = c->users.saves_last_seen,
        .offline_grace_ms = (uint32_t)c->users.offline_grace_ms,
        .max_connections = (uint32_t)c->users.max_connections,
        .queue_length = (uint32_t)c->users.queue_length,
        .queue_age_ms = c->users.queue_age_ms,
        .queue_bytes = QUEUE_MEMORY,
        .message_bytes = (uint32_t)(c->ws.max_queue_bytes / 2), /* a connection must be able to take what waits for it */
        .sip_secret_age_ms = c->sip.servers.count > 0 ? c->sip.secret_age_ms : 0,
        .cache_count = (uint32_t)c->users.cache_count,
    };
}

static bool readers_parse(struct slice text, enum classic_readers *out)
{
    static const char *const names[] = {
        [CLASSIC_EVERYONE] = "everyone", [CLASSIC_USERS] = "users", [CLASSIC_SELF] = "self"
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_is(text, names[i])) {
            *out = (enum classic_readers)i;
            return true;
        }
    return false;
}

enum status user_readers_from(const struct config *c, enum classic_readers *out_all, struct classic_app_readers **out_apps,
                              size_t *out_count, struct error *out_error)
{
    uint32_t                    count = c->users.readable_by_app.count;
    struct classic_app_readers *apps = calloc(count + 1u, sizeof *apps);
    if (apps == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    if (!readers_parse(slice_str(c->users.readable_by), out_all)) {
        free(apps);
        return error_set(out_error, E_CONFIG, "users.readable_by = %s: it must be everyone, users or self",
                         c->users.readable_by);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice readers = slice_str(c->users.readable_by_app.at[i]);
        struct slice app = slice_cut(&readers, ':');
        uint64_t     id;
        if (!slice_u64(app, c->main.dev_index_size - 1, &id) || !readers_parse(readers, &apps[i].readers)) {
            free(apps);
            return error_set(out_error, E_CONFIG,
                             "users.readable_by_app: %s is not an app and who may read there, such as 15:self or 16:users",
                             c->users.readable_by_app.at[i]);
        }
        apps[i].app = (uint32_t)id;
    }
    *out_apps = apps;
    *out_count = count;
    return OK;
}
