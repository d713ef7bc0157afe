/* users_in_pipes: who listens to a channel, the newest subscription first; anonymous visitors have user_id 0. */
#include <stdio.h>

#include "cometql/internal.h"
#include "hub/channel.h"

enum { NAME, USER_ID, USER_UUID, USER_AGENT, IP, ORIGIN, LANGUAGE, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return channel_name_is_valid(key, 3) && cometql_ask(q, ASK_MEMBERS, key, 0);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    for (const struct ask_member *m = answered->members; m != NULL; m = m->next) {
        char user_id[16];
        snprintf(user_id, sizeof user_id, "%u", m->user_id);
        struct slice cells[COLUMNS] = {
            [NAME] = slice_of(q->key_text, q->key_len),
            [USER_ID] = slice_str(user_id),
            [USER_UUID] = m->uuid,
            [USER_AGENT] = m->user_agent,
            [IP] = m->ip,
            [ORIGIN] = m->origin,
            [LANGUAGE] = m->language,
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
                 [LANGUAGE] = { "language", "varchar(64)" } },
    .column_count = COLUMNS,
    .key = NAME,
    .id = -1,
    .is_listed = true,
    .is_read_only = true,
    .fetch = fetch,
    .rows = rows,
};
