/* conference_members: who is in a conference now, as FreeSWITCH says. Empty when it does not answer. */
#include <stdio.h>

#include "cometql/internal.h"
#include "cometql/invitation.h"
#include "esl/client.h"
#include "hub/conference.h"
#include "store/store.h"

enum { NAME, USER_ID, JOIN_TIME, LAST_TALKING, COLUMNS };

static void on_members(struct stream *s, const struct esl_ask *answered)
{
    struct cometql *q = cometql_of(s);
    if (q->walk == WALK_NONE)
        return;
    for (unsigned i = 0; i < answered->members.count; i++) {
        const struct esl_member *m = &answered->members.at[i];
        char                     user[16];
        snprintf(user, sizeof user, "%u", m->user_id);
        struct slice cells[COLUMNS] = {
            [NAME] = answered->room_len > 0 ? slice_of(answered->room, answered->room_len) : esl_room_of(m),
            [USER_ID] = slice_str(user),
            [JOIN_TIME] = slice_of(m->join_time, m->join_len),
            [LAST_TALKING] = slice_of(m->last_talking, m->talk_len),
        };
        cometql_row(q, cells);
    }
    cometql_answered(q);
}

static void ask_servers(struct cometql *q, struct slice room, uint64_t servers)
{
    struct esl_ask *a = esl_ask_new(q->app, room, servers);
    q->is_asking = true;
    if (a == NULL)
        cometql_fail_plain(q, E_NO_MEMORY);
    else
        esl_ask_send(a, mysql_stream(q->conn), on_members);
}

/* One room: first who was invited, for on which servers it is. */
static bool fetch(struct cometql *q, struct slice name)
{
    if (!conference_name_is_valid(name))
        return false;
    cometql_ask(q, ASK_CONFERENCE, name, 0);
    return true;
}

static void fetch_all(struct cometql *q)
{
    ask_servers(q, SLICE(""), UINT64_MAX);
}

static uint64_t server_bit(struct slice node)
{
    const struct telephony *t = cometql_own_settings->telephony;
    for (unsigned i = 0; t != NULL && i < t->count; i++)
        if (slice_is(node, t->nodes[i].id))
            return UINT64_C(1) << i;
    return 0; /* it is no longer configured */
}

static void rows(struct cometql *q, const struct ask *answered)
{
    uint64_t servers = 0;
    if (answered->kind != ASK_CONFERENCE)
        return;
    for (const struct store_row *row = answered->rows; row != NULL; row = row->next)
        servers |= server_bit(row->text2);
    if (servers != 0)
        ask_servers(q, answered->channel, servers);
}

const struct table table_conference_members = {
    .name = "conference_members",
    .comment = "Who is in a call now",
    .columns = { [NAME] = { "name", "varchar(64)" },
                 [USER_ID] = { "user_id", "int(11)" },
                 [JOIN_TIME] = { "join_time", "int(11)" },
                 [LAST_TALKING] = { "last_talking", "int(11)" } },
    .column_count = COLUMNS,
    .key = NAME,
    .id = -1,
    .is_read_only = true,
    .key_is_optional = true,
    .fetch = fetch,
    .fetch_all = fetch_all,
    .rows = rows,
};
