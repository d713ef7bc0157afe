/* users_data: a text for each user, which browsers read with the command user_data. */
#include "cometql/internal.h"

enum { ID, DATA, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return cometql_ask_of(q, ASK_USER_DATA, key, 1);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    if (answered->kind == ASK_USER_DATA && answered->found)
        cometql_row_of(q, answered->answer);
}

static bool drop(struct cometql *q, struct slice key)
{
    return cometql_ask_of(q, ASK_USER_DATA_DROP, key, 1);
}

static enum status check(const struct cometql *q, uint32_t row, struct error *error)
{
    struct slice id, data;
    uint32_t     number;
    enum status  status = cometql_need_cell(q, row, ID, &id, error);
    if (status == OK)
        status = cometql_need_cell(q, row, DATA, &data, error);
    if (status == OK && !cometql_user_id(id, 1, &number))
        return error_set(error, E_INVALID, "The id field must be non-negative (1 to 2147483647)");
    return status;
}

static void insert(struct cometql *q, uint32_t row)
{
    uint32_t id = 0;
    (void)cometql_user_id(cometql_cell(q, row, ID)->text, 1, &id);
    cometql_ask_user(q, ASK_USER_DATA_PUT, id, SLICE(""), cometql_cell(q, row, DATA)->text);
}

const struct table table_users_data = {
    .name = "users_data",
    .columns = { [ID] = { "id", "int(11)" }, [DATA] = { "data", "text" } },
    .column_count = COLUMNS,
    .key = ID,
    .id = ID,
    .is_listed = true,
    .affected = 1,
    .insert_id = cometql_first_id,
    .fetch = fetch,
    .rows = rows,
    .erase = drop,
    .drop = drop,
    .check = check,
    .insert = insert,
};
