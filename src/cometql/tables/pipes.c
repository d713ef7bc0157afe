/* pipes: how many connections listen to a channel; a row for every valid name, also when nobody does. */
#include <stdio.h>

#include "cometql/internal.h"
#include "hub/channel.h"

enum { NAME, USERS, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return channel_name_is_valid(key, 3) && cometql_ask(q, ASK_COUNT, key, 0);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    char users[24];
    snprintf(users, sizeof users, "%llu", (unsigned long long)answered->number);
    struct slice cells[COLUMNS] = { [NAME] = slice_of(q->key_text, q->key_len), [USERS] = slice_str(users) };
    cometql_row(q, cells);
}

const struct table table_pipes = {
    .name = "pipes",
    .columns = { [NAME] = { "name", "varchar(64)" }, [USERS] = { "users", "int(11)" } },
    .column_count = COLUMNS,
    .key = NAME,
    .id = NAME,
    .is_listed = true,
    .is_read_only = true,
    .fetch = fetch,
    .rows = rows,
};
