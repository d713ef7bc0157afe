/* users_data: a text for each user, which browsers read with the command user_data. */
#include "cometql/internal.h"

enum { ID, DATA, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    uint32_t id;
    if (!cometql_user_id(key, 1, &id))
        return false;
    cometql_ask_user(q, ASK_USER_DATA, id, SLICE(""), SLICE(""));
    return true;
}

static void rows(struct cometql *q, const struct ask *answered)
{
    if (answered->kind != ASK_USER_DATA || !answered->found)
        return;
    struct slice cells[COLUMNS] = { [ID] = slice_of(q->key_text, q->key_len), [DATA] = answered->answer };
    cometql_row(q, cells);
}

static bool drop(struct cometql *q, struct slice key)
{
    uint32_t id;
    if (!cometql_user_id(key, 1, &id))
        return false;
    cometql_ask_user(q, ASK_USER_DATA_DROP, id, SLICE(""), SLICE(""));
    return true;
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

static uint64_t insert_id(const struct cometql *q)
{
    return (uint64_t)value_number(cometql_cell(q, 0, ID)->text);
}

const struct table table_users_data = {
    .name = "users_data",
    .columns = { [ID] = { "id", "int(11)" }, [DATA] = { "data", "text" } },
    .column_count = COLUMNS,
    .key = ID,
    .id = ID,
    .is_listed = true,
    .affected = 1,
    .insert_id = insert_id,
    .fetch = fetch,
    .rows = rows,
    .erase = drop,
    .drop = drop,
    .check = check,
    .insert = insert,
};
