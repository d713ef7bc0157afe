/* walk: statements on tables, one question to the hub after the other.
 *
 *   SELECT  for each key: fetch -> rows -> cometql_row -> ... -> end
 *   DELETE  for each key: erase; with further conditions: fetch -> rows -> cometql_row dooms ids -> drop each
 *   INSERT  check all rows; for each row: insert
 *
 * An answer may come before its question has returned, so cometql_walk does not recurse: inside itself it only notes
 * that there is another step. A walk of SELECT rests while the socket is blocked and goes on with on_drain.
 */
#include <stdlib.h>

#include "cometql/internal.h"
#include "cometql/query/query.h"
#include "hub/user.h"

#define STEPS_AT_ONCE 256 /* of one statement in one turn of the shard; others wait too */

static void held_clear(struct cometql *q)
{
    for (size_t i = q->held_at; i < q->held_count; i++)
        message_unref(q->held[i]);
    free(q->held);
    q->held = NULL;
    q->held_count = q->held_at = 0;
}

void cometql_forget(struct cometql *q)
{
    statement_clear(&q->st);
    listing_free(q->listing);
    q->listing = NULL;
    held_clear(q);
    buf_reset(&q->doomed);
    q->doomed_at = 0;
    q->is_preparing = false;
    q->walk = WALK_NONE;
    q->table = NULL;
    q->goes_on = false;
    q->is_asking = false;
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static void on_answer(struct stream *s, const struct ask *answered)
{
    struct cometql *q = cometql_of(s);
    if (q->walk == WALK_NONE)
        return;
    if (answered->status != OK) {
        cometql_fail_plain(q, answered->status);
        return;
    }
    if (q->walk == WALK_STATUS) {
        cometql_status_app(q, answered);
        return;
    }
    q->is_asking = false;
    if (q->walk != WALK_INSERT && q->table->rows != NULL)
        q->table->rows(q, answered);
    else if (q->walk == WALK_INSERT && q->table->inserted != NULL)
        q->table->inserted(q, q->next - 1, answered);
    cometql_walk(q); /* which waits when the table has asked on */
}

void cometql_ask_send(struct cometql *q, struct ask *given)
{
    q->is_asking = true;
    if (given == NULL)
        cometql_fail_plain(q, E_NO_MEMORY);
    else
        ask_send(given, mysql_stream(q->conn), on_answer);
}

bool cometql_ask(struct cometql *q, enum ask_kind kind, struct slice channel, uint64_t number)
{
    struct ask *ask = ask_new(kind, q->app, channel, SLICE(""));
    if (ask != NULL)
        ask->number = number;
    cometql_ask_send(q, ask);
    return true;
}

void cometql_ask_user(struct cometql *q, enum ask_kind kind, uint32_t user_id, struct slice event, struct slice text)
{
    cometql_ask_send(q, ask_user_new(kind, q->app, user_id, event, text, SLICE("")));
}

bool cometql_user_id(struct slice text, uint32_t least, uint32_t *out_id)
{
    uint64_t id;
    if (!slice_u64(text, USER_ID_MAX, &id) || id < least)
        return false;
    *out_id = (uint32_t)id;
    return true;
}

bool cometql_ask_of(struct cometql *q, enum ask_kind kind, struct slice key, uint32_t least)
{
    uint32_t id;
    if (!cometql_user_id(key, least, &id))
        return false;
    cometql_ask_user(q, kind, id, SLICE(""), SLICE(""));
    return true;
}

void cometql_row_of(struct cometql *q, struct slice value)
{
    cometql_row(q, (struct slice[]){ slice_of(q->key_text, q->key_len), value });
}

uint64_t cometql_first_id(const struct cometql *q)
{
    return (uint64_t)value_number(cometql_cell(q, 0, 0)->text);
}

void cometql_hold(struct cometql *q, const struct message *const *messages, size_t count)
{
    held_clear(q);
    if (count == 0)
        return;
    q->held = malloc(count * sizeof(*q->held));
    if (q->held == NULL) /* they are shown at once then; only the pace is lost */
        for (size_t i = 0; i < count; i++)
            q->table->message_row(q, messages[i]);
    for (; q->held != NULL && q->held_count < count; q->held_count++)
        q->held[q->held_count] = message_ref(messages[q->held_count]);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void doom(struct cometql *q, const struct slice *cells)
{
    buf_slice_append(&q->doomed, cells[q->table->id]);
    buf_byte(&q->doomed, '\0');
}

static void show(struct cometql *q, const struct slice *cells)
{
    struct slice picked[STATEMENT_COLUMNS_MAX];
    if (q->skip > 0) {
        q->skip--;
        return;
    }
    if (q->left == 0)
        return;
    q->left--;
    for (uint8_t i = 0; i < q->pick_count; i++) {
        picked[i] = cells[q->picks[i]];
        if (picked[i].at == NULL)
            picked[i] = SLICE(""); /* never NULL: clients know empty texts only */
    }
    mysql_row(q->conn, picked, q->pick_count);
}

/* A row for the query: kept until all are there. */
static void keep(struct cometql *q, const struct slice *cells)
{
    if (q->left == 0)
        return;
    q->left--;
    if (query_feed(q, cells) != OK) /* query_run says why */
        q->left = 0;
}

void cometql_row(struct cometql *q, const struct slice *cells)
{
    q->row_number++;
    if (q->st.query != NULL ? !query_is_met(q, cells) : !where_is_met(q, cells))
        return;
    if (q->walk == WALK_DELETE) {
        if (q->left > 0)
            doom(q, cells);
        q->left -= q->left > 0;
    } else if (q->st.query != NULL) {
        keep(q, cells);
    } else {
        show(q, cells);
    }
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

/* The list of keys: of the condition on the key, or on the id of a DELETE. */
static const struct condition *key_list(const struct cometql *q)
{
    int8_t i = q->id_condition >= 0 ? q->id_condition : q->key_condition;
    return i >= 0 ? &q->st.conditions[i] : NULL;
}

typedef bool key_begin(struct cometql *q, struct slice key);

/* Calls `begin` with one key after the other until a question is on its way. False: there are no more. */
static bool ask_next(struct cometql *q, key_begin *begin)
{
    const struct condition *list = key_list(q);
    while (list != NULL && q->next < list->count) {
        const struct value *key = statement_value(&q->st, list->first + q->next++);
        if (key->kind == VALUE_NULL)
            continue;
        q->key_len =
            (uint8_t)(key->text.len < sizeof q->key_text ? key->text.len : 0); /* longer ones are no name and no id */
        if (q->key_len > 0)
            memcpy(q->key_text, key->text.at, key->text.len);
        if (begin(q, key->text))
            return true;
    }
    return false;
}

static void show_held(struct cometql *q)
{
    while (q->held_at < q->held_count && !(q->walk == WALK_SELECT && mysql_is_blocked(q->conn))) {
        const struct message *m = q->held[q->held_at++];
        q->table->message_row(q, m);
        message_unref(m);
    }
}

/* --- results of queries ------------------------------------------------------------------------------------------- */

static void step_result(struct cometql *q)
{
    struct query          *query = q->st.query;
    const struct relation *result = &query->result;
    while (query->shown < result->row_count && !mysql_is_blocked(q->conn))
        mysql_row(q->conn, result->rows[query->shown++], result->column_count);
    if (query->shown == result->row_count)
        cometql_end(q);
}

/* All rows are there: what is shown of them goes out as the socket takes it. */
static void run_query(struct cometql *q)
{
    struct error error;
    if (query_run(q, &error) != OK) {
        cometql_fail(q, &error);
        return;
    }
    const struct relation *result = &q->st.query->result;
    mysql_columns(q->conn, result->names, result->column_count);
    q->walk = WALK_RESULT;
    cometql_walk(q);
}

/* The last key has been asked for: the end, or what the query makes of the rows. */
static void end_select(struct cometql *q)
{
    if (q->st.query != NULL)
        run_query(q);
    else
        cometql_end(q);
}

static void step_select(struct cometql *q)
{
    show_held(q);
    if (mysql_is_blocked(q->conn))
        return; /* on_drain */
    if (q->left > 0 && q->key_condition < 0 && q->table->fetch_all != NULL && !q->asked_all) {
        q->asked_all = true;
        q->table->fetch_all(q);
        return;
    }
    if (q->left > 0 && q->key_condition < 0 && q->table->fetch_more != NULL && q->table->fetch_more(q))
        return;
    if (q->left == 0 || q->table->fetch == NULL || !ask_next(q, q->table->fetch))
        end_select(q);
}

static bool drop_next(struct cometql *q)
{
    if (q->table->drop_many != NULL)
        return q->doomed.len > 0 && q->table->drop_many(q);
    while (q->doomed_at < q->doomed.len) {
        struct slice rest = slice_skip(buf_slice(&q->doomed), q->doomed_at);
        struct slice id = slice_cut(&rest, '\0');
        q->doomed_at += id.len + 1;
        if (q->table->drop(q, id))
            return true;
    }
    buf_reset(&q->doomed);
    q->doomed_at = 0;
    return false;
}

/* By id, by whole keys, or, with further conditions or a limit, by rows that must be seen before they go. */
static bool erase_next(struct cometql *q)
{
    if (q->left == 0)
        return false;
    if (q->id_condition >= 0) {
        q->left--;
        return ask_next(q, q->table->drop);
    }
    if (q->key_condition < 0 && q->table->fetch_more != NULL)
        return q->table->fetch_more(q);
    return ask_next(q, q->has_filters || q->st.has_limit ? q->table->fetch : q->table->erase);
}

static void step_delete(struct cometql *q)
{
    show_held(q);
    if (!buf_ok(&q->doomed) || (q->st.query != NULL && q->st.query->arena.status != OK)) {
        cometql_fail_plain(q, buf_ok(&q->doomed) ? q->st.query->arena.status : E_NO_MEMORY);
        return;
    }
    if (drop_next(q))
        return;
    if (!erase_next(q))
        cometql_ok(q, q->affected, 0);
}

static void step_insert(struct cometql *q)
{
    if (q->next < q->st.row_count)
        q->table->insert(q, q->next++);
    else
        cometql_ok(q, (uint64_t)q->table->affected * q->st.row_count,
                   q->table->insert_id != NULL ? q->table->insert_id(q) : 0);
}

/* Goes on in the shard's next turn. */
struct resumption {
    struct letter letter;
    uint64_t      stream;
};

static void resume(struct letter *given)
{
    struct resumption *r = (struct resumption *)(void *)given;
    struct stream     *s = stream_find(r->stream);
    free(r);
    if (s == NULL || !stream_is_open(s))
        return;
    stream_cork(s);
    cometql_walk(cometql_of(s));
    stream_uncork(s);
}

/* False: there is no memory to remember it with, so it goes on at once. */
static bool resume_later(struct cometql *q)
{
    struct resumption *r = malloc(sizeof *r);
    if (r == NULL)
        return false;
    *r = (struct resumption){ .letter = { .deliver = resume }, .stream = stream_id(mysql_stream(q->conn)) };
    shard_post(shard_here.index, &r->letter);
    return true;
}

typedef void walk_step(struct cometql *q);

void cometql_walk(struct cometql *q)
{
    static walk_step *const steps[] = {
        [WALK_SELECT] = step_select,
        [WALK_DELETE] = step_delete,
        [WALK_INSERT] = step_insert,
        [WALK_RESULT] = step_result,
    };
    if (q->is_asking) /* the socket drained, or a turn came, while the question is on its way */
        return;
    q->goes_on = true;
    if (q->is_walking)
        return;
    q->is_walking = true;
    for (unsigned count = 1; q->goes_on && q->walk != WALK_NONE && q->walk != WALK_STATUS; count++) {
        if (count % STEPS_AT_ONCE == 0 && resume_later(q))
            break;
        q->goes_on = false;
        steps[q->walk](q);
    }
    q->is_walking = false;
}

void cometql_answered(struct cometql *q)
{
    q->is_asking = false;
    cometql_walk(q);
}

/* --- the three statements ----------------------------------------------------------------------------------------- */

/* Finds the table; `error` says why it cannot be used. */
static enum status find_table(struct cometql *q, bool is_possible(const struct table *t), const char *verb,
                              struct error *error)
{
    const struct table *t = q->table = table_find(q->st.table);
    if (q->st.database.len > 0 && !slice_is(q->st.database, COMETQL_DATABASE))
        return error_set(error, E_NOT_FOUND, "Table doesn't exist: the one database is " COMETQL_DATABASE);
    if (t == NULL)
        return error_set(error, E_NOT_FOUND, "Table doesn't exist");
    if (t->is_read_only && q->st.kind != STATEMENT_SELECT)
        return error_set(error, E_READ_ONLY, "Table `%s` is read only", t->name);
    if (t->column_count == 0 && q->st.kind == STATEMENT_INSERT)
        return error_set(error, E_READ_ONLY, "Table `%s` is not ready yet", t->name);
    return is_possible(t) ? OK : error_set(error, E_NOT_FOUND, "Table doesn't exist: `%s` has no %s", t->name, verb);
}

static bool can_select(const struct table *t)
{
    return t->column_count > 0;
}

static bool can_delete(const struct table *t)
{
    return t->erase != NULL;
}

static bool can_insert(const struct table *t)
{
    return t->insert != NULL;
}

static void begin_walk(struct cometql *q, enum walk_kind walk)
{
    if (q->is_preparing) {
        if (walk == WALK_SELECT)
            cometql_end(q);
        else
            cometql_ok(q, 0, 0);
        return;
    }
    q->walk = walk;
    q->next = 0;
    q->asked_all = false;
    q->affected = 0;
    q->row_number = 0;
    q->skip = q->st.has_limit ? q->st.limit_skip : 0;
    q->left = q->st.has_limit ? q->st.limit_count : UINT64_MAX;
    cometql_walk(q);
}

static void show_headings(struct cometql *q)
{
    struct slice names[STATEMENT_COLUMNS_MAX];
    for (uint8_t i = 0; i < q->pick_count; i++)
        names[i] = q->st.is_star ? slice_str(q->table->columns[q->picks[i]].name) : q->st.items[i].title;
    mysql_columns(q->conn, names, q->pick_count);
}

/* SELECT with expressions. Tables of CometQL are asked for their rows first; those of the schema are here. */
static void select_query(struct cometql *q)
{
    struct error         error;
    const struct select *s = q->st.query->select;
    bool                 asks_table = query_asks_table(&q->st);
    enum status          status = asks_table ? find_table(q, can_select, "SELECT", &error) : OK;
    if (status == OK)
        status = query_open(q, &error);
    if (status == OK && asks_table)
        status = query_find_keys(q, &error);
    if (status != OK) {
        cometql_fail(q, &error);
    } else if (q->is_preparing || !asks_table) {
        run_query(q);
    } else {
        q->st.has_limit = s->has_limit && !s->is_grouped && !s->is_distinct && s->order == NULL;
        q->st.limit_count = s->count < UINT64_MAX - s->skip ? s->skip + s->count : UINT64_MAX;
        q->st.limit_skip = 0; /* the query skips */
        begin_walk(q, WALK_SELECT);
    }
}

void cometql_select(struct cometql *q)
{
    struct error error;
    if (q->st.query != NULL) {
        select_query(q);
        return;
    }
    if (find_table(q, can_select, "SELECT", &error) != OK || where_check_list(q, &error) != OK ||
        where_check_conditions(q, &error) != OK) {
        cometql_fail(q, &error);
        return;
    }
    show_headings(q);
    begin_walk(q, WALK_SELECT);
}

void cometql_delete(struct cometql *q)
{
    struct error error;
    enum status  status = find_table(q, can_delete, "DELETE", &error);
    if (status == OK && q->st.query != NULL)
        status = query_open(q, &error) == OK ? query_find_keys(q, &error) : error.code;
    else if (status == OK)
        status = where_check_conditions(q, &error);
    if (status != OK)
        cometql_fail(q, &error);
    else
        begin_walk(q, WALK_DELETE);
}

void cometql_insert(struct cometql *q)
{
    struct error error;
    enum status  status = find_table(q, can_insert, "INSERT", &error);
    if (status == OK)
        status = where_check_insert_list(q, &error);
    for (uint32_t row = 0; status == OK && row < q->st.row_count && !q->is_preparing; row++)
        status = q->table->check(q, row, &error);
    if (status != OK)
        cometql_fail(q, &error);
    else
        begin_walk(q, WALK_INSERT);
}

const struct value *cometql_cell(const struct cometql *q, uint32_t row, unsigned column)
{
    if (q->place[column] < 0)
        return NULL;
    const struct value *v = statement_value(&q->st, row * q->st.row_width + (uint32_t)q->place[column]);
    return v->kind != VALUE_NULL ? v : NULL;
}

enum status cometql_need_cell(const struct cometql *q, uint32_t row, unsigned column, struct slice *out,
                              struct error *error)
{
    const struct value *v = cometql_cell(q, row, column);
    if (v == NULL)
        return error_set(error, E_INVALID, "field `%s` is required", q->table->columns[column].name);
    *out = v->text;
    return OK;
}
