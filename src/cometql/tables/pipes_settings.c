/* pipes_settings: how many messages a channel keeps in its history. */
#include <stdio.h>

#include "cometql/internal.h"
#include "hub/channel.h"

enum { NAME, LENGTH, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return channel_name_is_valid(key, 3) && cometql_ask(q, ASK_SETTING, key, 0);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    char length[24];
    if (answered->kind != ASK_SETTING || !answered->found)
        return;
    snprintf(length, sizeof length, "%llu", (unsigned long long)answered->number);
    cometql_row_of(q, slice_str(length));
}

static bool drop(struct cometql *q, struct slice key)
{
    return channel_name_is_valid(key, 3) && cometql_ask(q, ASK_SETTING_DROP, key, 0);
}

static enum status check(const struct cometql *q, uint32_t row, struct error *error)
{
    struct slice name;
    enum status  status = cometql_need_cell(q, row, NAME, &name, error);
    return status == OK ? check_pipe_name(name, error) : status;
}

static void insert(struct cometql *q, uint32_t row)
{
    const struct value *given = cometql_cell(q, row, LENGTH);
    int64_t             length = given != NULL ? value_number(given->text) : 0;
    length = length < 0 ? 0 : length > CHANNEL_HISTORY_MAX ? CHANNEL_HISTORY_MAX : length;
    cometql_ask(q, ASK_SETTING_PUT, cometql_cell(q, row, NAME)->text, (uint64_t)length);
}

const struct table table_pipes_settings = {
    .name = "pipes_settings",
    .columns = { [NAME] = { "name", "varchar(64)" }, [LENGTH] = { "length", "int(11)" } },
    .column_count = COLUMNS,
    .key = NAME,
    .id = NAME,
    .is_listed = true,
    .affected = 1,
    .fetch = fetch,
    .rows = rows,
    .erase = drop,
    .drop = drop,
    .check = check,
    .insert = insert,
};
