/* users_messages: a message to every connection of a user, or to his queue when he has none. SELECT shows the queue, DELETE empties it. */
#include <stdio.h>

#include "cometql/internal.h"

enum { ID, INDEX, EVENT, MESSAGE, COLUMNS };

static bool fetch(struct cometql *q, struct slice key)
{
    return cometql_ask_of(q, ASK_USER_QUEUE, key, 0);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    if (answered->kind == ASK_USER_QUEUE)
        cometql_hold(q, answered->messages, answered->message_count);
}

static void message_row(struct cometql *q, const struct message *m)
{
    char index[MESSAGE_ID_SIZE];
    message_id(m, index);
    struct slice cells[COLUMNS] = {
        [ID] = slice_of(q->key_text, q->key_len),
        [INDEX] = slice_str(index),
        [EVENT] = m->draft->event,
        [MESSAGE] = m->draft->payload,
    };
    cometql_row(q, cells);
}

static bool erase(struct cometql *q, struct slice key)
{
    return cometql_ask_of(q, ASK_USER_QUEUE_DROP, key, 0);
}

/* By index: the user's id is the low half of the epoch in it (hub/user_tell.c). */
static bool drop(struct cometql *q, struct slice index)
{
    uint64_t epoch, offset;
    if (!message_id_parse(index, &epoch, &offset) || epoch >> 32 != q->app || offset == 0)
        return false;
    struct ask *ask = ask_user_new(ASK_USER_QUEUE_DROP, q->app, (uint32_t)epoch, SLICE(""), SLICE(""), SLICE(""));
    if (ask != NULL)
        ask->offset = offset;
    cometql_ask_send(q, ask);
    return true;
}

static enum status check(const struct cometql *q, uint32_t row, struct error *error)
{
    struct slice id, event, message;
    uint32_t     number;
    enum status  status = cometql_need_cell(q, row, ID, &id, error);
    if (status == OK)
        status = cometql_need_cell(q, row, EVENT, &event, error);
    if (status == OK)
        status = cometql_need_cell(q, row, MESSAGE, &message, error);
    if (status == OK && !cometql_user_id(id, 0, &number))
        return error_set(error, E_INVALID, "The id field must be non-negative (0 to 2147483647)");
    return status == OK ? check_event_name(event, error) : status;
}

static void insert(struct cometql *q, uint32_t row)
{
    uint32_t id = 0;
    (void)cometql_user_id(cometql_cell(q, row, ID)->text, 0, &id);
    cometql_ask_user(q, ASK_USER_TELL, id, cometql_cell(q, row, EVENT)->text, cometql_cell(q, row, MESSAGE)->text);
}

static uint64_t insert_id(const struct cometql *q)
{
    return (uint64_t)value_number(cometql_cell(q, 0, ID)->text);
}

const struct table table_users_messages = {
    .name = "users_messages",
    .columns = { [ID] = { "id", "int(11)" },
                 [INDEX] = { "index", "char(36)" },
                 [EVENT] = { "event", "varchar(64)" },
                 [MESSAGE] = { "message", "text" } },
    .column_count = COLUMNS,
    .key = ID,
    .id = INDEX,
    .is_listed = true,
    .insert_id = insert_id,
    .fetch = fetch,
    .rows = rows,
    .message_row = message_row,
    .erase = erase,
    .drop = drop,
    .check = check,
    .insert = insert,
};
