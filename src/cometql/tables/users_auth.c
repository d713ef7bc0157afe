/* users_auth: what users log in with. DELETE ends their connections. */
#include "cometql/internal.h"
#include "hub/user.h"

enum { ID, HASH, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return cometql_ask_of(q, ASK_USER_HASH, key, 1);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    if (answered->kind == ASK_USER_HASH && answered->found)
        cometql_row_of(q, answered->answer);
}

static bool drop(struct cometql *q, struct slice key)
{
    return cometql_ask_of(q, ASK_USER_HASH_DROP, key, 1);
}

static enum status check(const struct cometql *q, uint32_t row, struct error *error)
{
    struct slice id, hash;
    uint32_t     number;
    enum status  status = cometql_need_cell(q, row, ID, &id, error);
    if (status == OK)
        status = cometql_need_cell(q, row, HASH, &hash, error);
    if (status != OK)
        return status;
    if (!cometql_user_id(id, 1, &number))
        return error_set(error, E_INVALID, "The id field must be non-negative (1 to 2147483647)");
    if (hash.len > USER_HASH_MAX)
        return error_set(error, E_TOO_LONG, "Hash string is too long (at most %d characters)", USER_HASH_MAX);
    if (hash.len == 0)
        return error_set(error, E_INVALID, "The hash is empty: anybody could log in with it");
    if (!user_hash_is_valid(hash))
        return error_set(error, E_INVALID, "Contains an invalid characters in the string hash (A-Za-z0-9=+/_ are valid)");
    return OK;
}

static void insert(struct cometql *q, uint32_t row)
{
    uint32_t id = 0;
    (void)cometql_user_id(cometql_cell(q, row, ID)->text, 1, &id);
    cometql_ask_user(q, ASK_USER_HASH_PUT, id, SLICE(""), cometql_cell(q, row, HASH)->text);
}

const struct table table_users_auth = {
    .name = "users_auth",
    .columns = { [ID] = { "id", "int(11)" }, [HASH] = { "hash", "varchar(32)" } },
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
