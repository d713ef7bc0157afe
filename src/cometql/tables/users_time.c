/* users_time: when users were last seen. One row for each id that is asked for: 0 = online now, a unix time, -1 =
 * nobody knows. */
#include <stdio.h>

#include "cometql/internal.h"

enum { ID, TIME, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return cometql_ask_of(q, ASK_USER_SEEN, key, 0);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    char time[24] = "-1";
    if (answered->kind != ASK_USER_SEEN)
        return;
    if (answered->number != UINT64_MAX)
        snprintf(time, sizeof time, "%llu", (unsigned long long)answered->number);
    cometql_row_of(q, slice_str(time));
}

const struct table table_users_time = {
    .name = "users_time",
    .columns = { [ID] = { "id", "int(11)" }, [TIME] = { "time", "int(11)" } },
    .column_count = COLUMNS,
    .key = ID,
    .id = ID,
    .is_listed = true,
    .is_read_only = true,
    .fetch = fetch,
    .rows = rows,
};
