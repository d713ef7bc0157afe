/* empty: tables that are known and have nothing to show. */
#include "cometql/internal.h"

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
