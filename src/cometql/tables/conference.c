/* conference: invitations to calls over FreeSWITCH. INSERT tells the user, DELETE hangs nobody up. */
#include <stdio.h>

#include "cometql/internal.h"
#include "cometql/invitation.h"
#include "hub/conference.h"
#include "store/store.h"

enum { NAME, USER_ID, CALLER_ID, MESSAGE, PROFILE, STREAM, NODE, COLUMNS };

#define NAME_MAX_LEN 64
#define PROFILE_MAX_LEN 32

static const struct telephony *telephony(void)
{
    return cometql_own_settings->telephony;
}

static const struct telephony_node *node_find(struct slice id)
{
    for (unsigned i = 0; telephony() != NULL && i < telephony()->count; i++)
        if (slice_is(id, telephony()->nodes[i].id))
            return &telephony()->nodes[i];
    return NULL;
}

/* --- SELECT ------------------------------------------------------------------------------------------------------- */

static bool fetch(struct cometql *q, struct slice name)
{
    if (!conference_name_is_valid(name))
        return false;
    cometql_ask(q, ASK_CONFERENCE, name, 0);
    return true;
}

static void rows(struct cometql *q, const struct ask *answered)
{
    for (const struct store_row *row = answered->kind == ASK_CONFERENCE ? answered->rows : NULL; row != NULL;
         row = row->next) {
        char                         user[16], caller[16];
        const struct telephony_node *node = node_find(row->text2);
        snprintf(user, sizeof user, "%u", row->user_id);
        snprintf(caller, sizeof caller, "%u", (unsigned)row->number);
        struct slice cells[COLUMNS] = {
            [NAME] = row->name,
            [USER_ID] = slice_str(user),
            [CALLER_ID] = slice_str(caller),
            [MESSAGE] = row->payload,
            [PROFILE] = row->event,
            [STREAM] = slice_str(node != NULL ? node->stream_server : ""),
            [NODE] = row->text2,
        };
        cometql_row(q, cells);
    }
}

/* --- DELETE ------------------------------------------------------------------------------------------------------- */

static bool uninvite(struct cometql *q, struct slice name, uint32_t user_id)
{
    struct slice none = SLICE("");
    if (!conference_name_is_valid(name))
        return false;
    cometql_ask_send(q, ask_conference_new(ASK_CONFERENCE_DROP, q->app, name, user_id, none, none, none));
    return true;
}

static bool erase(struct cometql *q, struct slice name)
{
    return uninvite(q, name, CONFERENCE_EVERYBODY);
}

/* One row of the room that was looked at last. */
static bool drop(struct cometql *q, struct slice user)
{
    uint32_t user_id;
    return cometql_user_id(user, 0, &user_id) && uninvite(q, slice_of(q->key_text, q->key_len), user_id);
}

/* --- INSERT ------------------------------------------------------------------------------------------------------- */

static int64_t number_cell(const struct cometql *q, uint32_t row, unsigned column)
{
    const struct value *v = cometql_cell(q, row, column);
    return v != NULL ? value_number(v->text) : 0;
}

static struct slice profile_cell(const struct cometql *q, uint32_t row)
{
    const struct value *v = cometql_cell(q, row, PROFILE);
    return v != NULL && v->text.len > 0 ? v->text : SLICE("default");
}

/* What the reference did not look at, and FreeSWITCH's dialplan does. */
static enum status check_names(const struct cometql *q, uint32_t row, struct slice name, struct error *error)
{
    struct slice profile = profile_cell(q, row);
    int64_t      caller = number_cell(q, row, CALLER_ID);
    if (name.len > NAME_MAX_LEN)
        return error_set(error, E_TOO_LONG, "The conference name is too long (at most %d characters)", NAME_MAX_LEN);
    if (profile.len > PROFILE_MAX_LEN)
        return error_set(error, E_TOO_LONG, "The profile is too long (at most %d characters)", PROFILE_MAX_LEN);
    if (!conference_name_is_valid(name) || !conference_name_is_valid(profile))
        return error_set(error, E_INVALID,
                         "Names of conferences and profiles have 1 or more of the characters A-Za-z0-9_-");
    if (caller < 0 || caller > INT32_MAX)
        return error_set(error, E_INVALID, "The caller_id field must be a user id (0 to 2147483647)");
    return OK;
}

static enum status check(const struct cometql *q, uint32_t row, struct error *error)
{
    struct slice name, user, message;
    uint32_t     user_id;
    enum status  status = cometql_need_cell(q, row, NAME, &name, error);
    if (status == OK)
        status = cometql_need_cell(q, row, USER_ID, &user, error);
    if (status == OK)
        status = cometql_need_cell(q, row, MESSAGE, &message, error);
    if (status == OK && !cometql_user_id(user, 0, &user_id))
        return error_set(error, E_INVALID, "The user_id field must be non-negative (0 to 2147483647)");
    if (status == OK && (telephony() == NULL || telephony()->count == 0))
        return error_plain(error, E_NO_TELEPHONY);
    return status == OK ? check_names(q, row, name, error) : status;
}

static const struct telephony_node *node_of(const struct cometql *q, struct slice name)
{
    return &telephony()->nodes[invitation_pick(q->app, name, telephony()->count)];
}

static void insert(struct cometql *q, uint32_t row)
{
    struct slice name = cometql_cell(q, row, NAME)->text;
    uint32_t     user_id = 0;
    (void)cometql_user_id(cometql_cell(q, row, USER_ID)->text, 0, &user_id);
    struct ask *a = ask_conference_new(ASK_CONFERENCE_PUT, q->app, name, user_id, profile_cell(q, row),
                                       cometql_cell(q, row, MESSAGE)->text, slice_str(node_of(q, name)->id));
    if (a != NULL)
        a->number = (uint64_t)number_cell(q, row, CALLER_ID);
    cometql_ask_send(q, a);
}

/* The row is stored: now the user hears of it, like of any personal message. */
static void inserted(struct cometql *q, uint32_t row, const struct ask *answered)
{
    char                         call_key[37];
    struct buf                   data = { 0 };
    const struct invitation_text text = {
        .app = q->app,
        .caller_id = (uint32_t)answered->number,
        .name = answered->channel,
        .profile = answered->event,
        .message = answered->text,
        .stream = number_cell(q, row, STREAM),
    };
    if (answered->kind != ASK_CONFERENCE_PUT)
        return;
    invitation_call_key(call_key);
    invitation_put(&data, telephony(), node_of(q, answered->channel), &text, call_key);
    struct ask *a = buf_ok(&data) ? ask_user_new(ASK_USER_TELL, q->app, answered->user_id, SLICE("sys_sipCall"),
                                                 buf_slice(&data), SLICE(""))
                                  : NULL;
    if (a != NULL)
        a->is_object = true;
    buf_clear(&data);
    cometql_ask_send(q, a);
}

const struct table table_conference = {
    .name = "conference",
    .comment = "Invitations to calls",
    .columns = { [NAME] = { "name", "varchar(64)" },
                 [USER_ID] = { "user_id", "int(11)" },
                 [CALLER_ID] = { "caller_id", "int(11)" },
                 [MESSAGE] = { "message", "text" },
                 [PROFILE] = { "profile", "varchar(32)" },
                 [STREAM] = { "stream", "varchar(255)" },
                 [NODE] = { "node", "varchar(64)" } },
    .column_count = COLUMNS,
    .key = NAME,
    .id = USER_ID,
    .id_needs_key = true,
    .not_in_delete = 1u << NODE,
    .affected = 1,
    .fetch = fetch,
    .rows = rows,
    .erase = erase,
    .drop = drop,
    .check = check,
    .insert = insert,
    .inserted = inserted,
};
