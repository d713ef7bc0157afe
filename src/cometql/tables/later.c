/* later: tables that are known by name and columns, and come with a later version. */
#include "cometql/internal.h"

const struct table table_conference = {
    .name = "conference",
    .columns = { { "name", "varchar(64)" },
                 { "user_id", "int(11)" },
                 { "caller_id", "int(11)" },
                 { "message", "text" },
                 { "profile", "varchar(32)" },
                 { "stream", "varchar(255)" },
                 { "node", "varchar(64)" } },
    .column_count = 7,
    .is_later = true,
};

const struct table table_conference_members = {
    .name = "conference_members",
    .columns = { { "name", "varchar(64)" },
                 { "user_id", "int(11)" },
                 { "join_time", "int(11)" },
                 { "last_talking", "int(11)" } },
    .column_count = 4,
    .is_read_only = true,
    .is_later = true,
};

/* Always empty: what the server spends its time with is better seen with perf. */
const struct table table_profiler = {
    .name = "profiler",
    .columns = { { "tag", "varchar(64)" }, { "time", "double" }, { "calls", "int(11)" } },
    .column_count = 3,
    .key = -1,
    .id = -1,
};

/* Named by old documents; it never had a column. */
const struct table table_dialogs = {
    .name = "dialogs",
    .key = -1,
    .id = -1,
};
