/* users_in_pipes: who listens to a channel, the newest subscription first; anonymous visitors have user_id 0. */
#include <stdio.h>

#include "cometql/internal.h"
#include "hub/channel.h"
#include "io/shard.h"

enum { NAME, USER_ID, USER_UUID, USER_AGENT, IP, ORIGIN, LANGUAGE, CONNECTION, SINCE, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return channel_name_is_valid(key, 3) && cometql_ask(q, ASK_MEMBERS, key, 0);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    for (const struct ask_member *m = answered->members; m != NULL; m = m->next) {
        char user_id[16], connection[24], since[24];
        snprintf(user_id, sizeof user_id, "%u", m->user_id);
        snprintf(connection, sizeof connection, "%llu", (unsigned long long)m->stream);
        snprintf(since, sizeof since, "%llu", (unsigned long long)((shard_here.wall_ms - m->age_ms) / 1000));
        struct slice cells[COLUMNS] = {
            [NAME] = slice_of(q->key_text, q->key_len),
            [USER_ID] = slice_str(user_id),
            [USER_UUID] = m->uuid,
            [USER_AGENT] = m->user_agent,
            [IP] = m->ip,
            [ORIGIN] = m->origin,
            [LANGUAGE] = m->language,
            [CONNECTION] = slice_str(connection),
            [SINCE] = slice_str(since),
        };
        cometql_row(q, cells);
    }
}

const struct table table_users_in_pipes = {
    .name = "users_in_pipes",
    .columns = { [NAME] = { "name", "varchar(64)" },
                 [USER_ID] = { "user_id", "int(11)" },
                 [USER_UUID] = { "user_uuid", "varchar(32)" },
                 [USER_AGENT] = { "user_agent", "varchar(250)" },
                 [IP] = { "ip", "varchar(45)" },
                 [ORIGIN] = { "origin", "varchar(250)" },
                 [LANGUAGE] = { "language", "varchar(64)" },
                 [CONNECTION] = { "connection", "bigint(20)" },
                 [SINCE] = { "subscribed_since", "int(11)" } },
    .column_count = COLUMNS,
    .star_count = CONNECTION,
    .key = NAME,
    .id = -1,
    .is_listed = true,
    .is_read_only = true,
    .fetch = fetch,
    .rows = rows,
};
