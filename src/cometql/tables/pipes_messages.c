/* pipes_messages: INSERT publishes to a channel; SELECT reads its history; DELETE forgets it, whole or by message.
 *
 * The text of a message travels as it stands in the statement. SELECT gives the newest 99 messages, oldest first;
 * `index` counts through the whole result.
 */
#include <stdio.h>

#include "cometql/internal.h"
#include "hub/channel.h"
#include "hub/publish.h"

enum { ID, TIME, NAME, INDEX, EVENT, MESSAGE, USER_ID, OFFSET, EPOCH, COLUMNS };

#define HISTORY_SHOWN 99

static bool fetch(struct cometql *q, struct slice key)
{
    if (!channel_name_is_valid(key, 3))
        return false;
    return cometql_ask(q, ASK_HISTORY, key, q->walk == WALK_DELETE ? CHANNEL_HISTORY_MAX : HISTORY_SHOWN);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    if (answered->kind == ASK_HISTORY)
        cometql_hold(q, answered->messages, answered->message_count);
}

static void message_row(struct cometql *q, const struct message *m)
{
    char         id[MESSAGE_ID_SIZE], time[24], index[24], user_id[16], offset[24], epoch[24];
    struct slice event = m->draft->event;
    message_id(m, id);
    snprintf(time, sizeof time, "%llu", (unsigned long long)(m->sent_ms / 1000));
    snprintf(index, sizeof index, "%llu", (unsigned long long)q->row_number);
    snprintf(user_id, sizeof user_id, "%u", m->draft->user_id);
    snprintf(offset, sizeof offset, "%llu", (unsigned long long)m->offset);
    snprintf(epoch, sizeof epoch, "%016llx", (unsigned long long)m->epoch);
    struct slice cells[COLUMNS] = {
        [ID] = slice_str(id),
        [TIME] = slice_str(time),
        [NAME] = slice_of(q->key_text, q->key_len),
        [INDEX] = slice_str(index),
        [EVENT] = event.len > 0 ? event : SLICE("undefined"),
        [MESSAGE] = m->draft->payload,
        [USER_ID] = slice_str(user_id),
        [OFFSET] = slice_str(offset),
        [EPOCH] = slice_str(epoch),
    };
    cometql_row(q, cells);
}

static bool erase(struct cometql *q, struct slice key)
{
    return channel_name_is_valid(key, 3) && cometql_ask(q, ASK_HISTORY_DROP, key, 0);
}

static bool drop(struct cometql *q, struct slice id)
{
    uint64_t epoch, offset;
    if (!message_id_parse(id, &epoch, &offset))
        return false;
    struct ask *ask = ask_new(ASK_MESSAGE_DROP, q->app, SLICE(""), SLICE(""));
    if (ask != NULL) {
        ask->epoch = epoch;
        ask->offset = offset;
    }
    cometql_ask_send(q, ask);
    return true;
}

static enum status check(const struct cometql *q, uint32_t row, struct error *error)
{
    struct slice name, event, message;
    enum status  status = cometql_need_cell(q, row, NAME, &name, error);
    if (status == OK)
        status = cometql_need_cell(q, row, EVENT, &event, error);
    if (status == OK)
        status = cometql_need_cell(q, row, MESSAGE, &message, error);
    if (status == OK)
        status = check_pipe_name(name, error);
    return status == OK ? check_event_name(event, error) : status;
}

static void on_published(struct stream *s, const struct publish_report *r)
{
    struct cometql *q = cometql_of(s);
    struct error    error;
    if (r->status == E_STORE || r->status == E_STORE_AWAY || r->status == E_STORE_FULL) {
        error_set(&error, r->status, "The message was delivered, but is not in the stored history: %s",
                  status_row(r->status)->sentence);
        cometql_fail(q, &error);
    } else if (r->status != OK)
        cometql_fail_plain(q, r->status);
    else
        cometql_answered(q);
}

static void insert(struct cometql *q, uint32_t row)
{
    struct draft *d = draft_new(q->app, cometql_cell(q, row, NAME)->text, cometql_cell(q, row, EVENT)->text,
                                cometql_cell(q, row, MESSAGE)->text);
    q->is_asking = true;
    if (d == NULL || publish(d, mysql_stream(q->conn), 0, on_published) != OK)
        cometql_fail_plain(q, E_NO_MEMORY);
}

const struct table table_pipes_messages = {
    .name = "pipes_messages",
    .columns = { [ID] = { "id", "char(36)" },
                 [TIME] = { "time", "int(11)" },
                 [NAME] = { "name", "varchar(64)" },
                 [INDEX] = { "index", "int(11)" },
                 [EVENT] = { "event", "varchar(64)" },
                 [MESSAGE] = { "message", "text" },
                 [USER_ID] = { "user_id", "int(11)" },
                 [OFFSET] = { "offset", "bigint(20)" },
                 [EPOCH] = { "epoch", "char(16)" } },
    .column_count = COLUMNS,
    .star_count = OFFSET,
    .key = NAME,
    .id = ID,
    .is_listed = true,
    .fetch = fetch,
    .message_row = message_row,
    .rows = rows,
    .erase = erase,
    .drop = drop,
    .check = check,
    .insert = insert,
};
