/* memory.c: the store of those who want none: complete while the process runs, empty at its start. Also the reference that the
 * tests measure the others by.
 *
 *   map: (kind of cell, app, user_id, name) -> cell ── rows, oldest first
 *
 * A group cannot fail here but for lack of memory, which fails one operation; so begin and commit have nothing to do.
 */
#include "store/backend.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"

/* A user with his queue, a channel with its history, a token, the members of a conference. */
enum cell_kind { CELL_USER, CELL_CHANNEL, CELL_TOKEN, CELL_CONFERENCE };

struct cell_key {
    enum cell_kind kind;
    uint32_t       app, user_id;
    struct slice   name;
};

struct cell {
    struct map_link   link;
    struct cell_key   key;  /* the name is in the same allocation */
    struct store_row *rows, *last; /* owned */
    struct store_row *hash, *data, *seen, *setting; /* owned or NULL: the value is the row's payload or number */
};

struct memory {
    struct map cells;
    bool       skips_history;
};

/* --- cells ------------------------------------------------------------------------------------------------------------- */

static bool cell_is(const struct map_link *link, const void *key)
{
    const struct cell_key *a = &((const struct cell *)(const void *)link)->key, *b = key;
    return a->kind == b->kind && a->app == b->app && a->user_id == b->user_id && slice_equal(a->name, b->name);
}

static uint64_t key_hash(const struct cell_key *key)
{
    return map_hash((uint64_t)key->app << 32 | (key->user_id ^ (uint32_t)key->kind << 30), key->name);
}

static struct cell *cell_find(struct memory *m, const struct cell_key *key)
{
    return (struct cell *)(void *)map_find(&m->cells, key_hash(key), cell_is, key);
}

static struct cell *cell_make(struct memory *m, const struct cell_key *key)
{
    struct cell *c = cell_find(m, key);
    if (c != NULL)
        return c;
    c = calloc(1, sizeof *c + key->name.len);
    if (c == NULL)
        return NULL;
    c->key = *key;
    c->key.name.at = (char *)(c + 1);
    if (key->name.len > 0)
        memcpy(c + 1, key->name.at, key->name.len);
    if (map_put(&m->cells, &c->link, key_hash(key)) != OK) {
        free(c);
        return NULL;
    }
    return c;
}

static void cell_free(struct cell *c)
{
    store_rows_free(c->rows);
    free(c->hash);
    free(c->data);
    free(c->seen);
    free(c->setting);
    free(c);
}

static void cell_drop_if_empty(struct memory *m, struct cell *c)
{
    if (c->rows != NULL || c->hash != NULL || c->data != NULL || c->seen != NULL || c->setting != NULL)
        return;
    map_drop(&m->cells, &c->link);
    cell_free(c);
}

static struct store_row *row_of(const struct store_op *op)
{
    struct store_row *row = store_row_new(op->kind, op->app, op->user_id, op->name, op->event, op->payload, op->text2);
    if (row != NULL) {
        row->flags = op->flags;
        row->epoch = op->epoch;
        row->offset = op->offset;
        row->time_ms = op->time_ms;
        row->number = op->number;
    }
    return row;
}

static struct store_row *row_copy(const struct store_row *from)
{
    struct store_row *row = store_row_new(from->kind, from->app, from->user_id, from->name, from->event, from->payload, from->text2);
    if (row != NULL) {
        row->flags = from->flags;
        row->epoch = from->epoch;
        row->offset = from->offset;
        row->time_ms = from->time_ms;
        row->number = from->number;
    }
    return row;
}

/* --- which cell, which rows -------------------------------------------------------------------------------------------- */

static struct cell_key key_of(const struct store_op *op)
{
    static const enum cell_kind kinds[STORE_KIND_COUNT] = {
        [STORE_SETTING_PUT] = CELL_CHANNEL,       [STORE_SETTING_DROP] = CELL_CHANNEL,
        [STORE_HISTORY_ADD] = CELL_CHANNEL,       [STORE_HISTORY_DROP_ONE] = CELL_CHANNEL,
        [STORE_HISTORY] = CELL_CHANNEL,           [STORE_HISTORY_TRIM] = CELL_CHANNEL,
        [STORE_HISTORY_DROP] = CELL_CHANNEL,      [STORE_TOKEN_PUT] = CELL_TOKEN,
        [STORE_TOKEN_DROP] = CELL_TOKEN,          [STORE_CONFERENCE_PUT] = CELL_CONFERENCE,
        [STORE_CONFERENCE_DROP] = CELL_CONFERENCE,
    };
    enum cell_kind kind = kinds[op->kind];
    return (struct cell_key){
        .kind = kind,
        .app = op->app,
        .user_id = kind == CELL_USER ? op->user_id : 0,
        .name = kind == CELL_TOKEN ? op->payload : kind == CELL_USER ? SLICE("") : op->name,
    };
}

typedef bool row_rule(const struct store_row *row, const struct store_op *op);

static bool is_up_to(const struct store_row *row, const struct store_op *op)
{
    return row->offset <= op->offset;
}

static bool is_the_one(const struct store_row *row, const struct store_op *op)
{
    return row->epoch == op->epoch && row->offset == op->offset;
}

static bool is_older(const struct store_row *row, const struct store_op *op)
{
    return row->time_ms < op->time_ms;
}

static bool is_users(const struct store_row *row, const struct store_op *op)
{
    return op->user_id == 0 || row->user_id == op->user_id;
}

static bool is_any(const struct store_row *row, const struct store_op *op)
{
    (void)row, (void)op;
    return true;
}

static void rows_drop(struct cell *c, const struct store_op *op, row_rule *rule)
{
    struct store_row **place = &c->rows;
    c->last = NULL;
    while (*place != NULL) {
        struct store_row *row = *place;
        if (rule(row, op)) {
            *place = row->next;
            free(row);
        } else {
            c->last = row;
            place = &row->next;
        }
    }
}

/* The same for a rule that fits one row: the oldest of a full history is found at once. */
static void rows_drop_one(struct cell *c, const struct store_op *op, row_rule *rule)
{
    struct store_row *before = NULL, *row = c->rows;
    for (; row != NULL && !rule(row, op); row = row->next)
        before = row;
    if (row == NULL)
        return;
    *(before != NULL ? &before->next : &c->rows) = row->next;
    if (c->last == row)
        c->last = before;
    free(row);
}

/* Replaces the row that is the same by `rule`, or adds one at the end. */
static void rows_put(struct cell *c, struct store_row *given, const struct store_op *op, row_rule *rule)
{
    struct store_row **place = &c->rows;
    while (*place != NULL && !rule(*place, op))
        place = &(*place)->next;
    struct store_row *old = *place;
    if (old != NULL)
        given->next = old->next;
    *place = given;
    if (given->next == NULL)
        c->last = given;
    free(old);
}

/* Messages come in the order of their offsets, so the end is the place, and nothing need be compared. */
static void message_put(struct cell *c, struct store_row *given, const struct store_op *op)
{
    if (c->last == NULL || c->last->epoch != given->epoch || c->last->offset >= given->offset) {
        rows_put(c, given, op, is_the_one);
        return;
    }
    c->last->next = given;
    c->last = given;
}

static void value_put(struct store_row **place, struct store_row *given)
{
    free(*place);
    *place = given;
}

/* --- operations -------------------------------------------------------------------------------------------------------- */

static enum status text_copy(struct slice from, struct slice *out)
{
    char *made = malloc(from.len + 1);
    if (made == NULL)
        return E_NO_MEMORY;
    if (from.len > 0)
        memcpy(made, from.at, from.len);
    *out = slice_of(made, from.len);
    return OK;
}

static enum status read_user(struct store_op *op, const struct cell *c)
{
    struct store_row **last = &op->rows;
    op->number = c != NULL && c->seen != NULL ? c->seen->number : UINT64_MAX;
    if (c == NULL)
        return OK;
    for (const struct store_row *row = c->rows; row != NULL; row = row->next) {
        if ((*last = row_copy(row)) == NULL)
            return E_NO_MEMORY;
        last = &(*last)->next;
    }
    op->found = c->hash != NULL;
    return op->found ? text_copy(c->hash->payload, &op->text) : OK;
}

static enum status put(struct memory *m, struct store_op *op, const struct cell_key *key)
{
    struct store_row *row = row_of(op);
    struct cell      *c = row != NULL ? cell_make(m, key) : NULL;
    if (c == NULL) {
        free(row);
        return E_NO_MEMORY;
    }
    switch (op->kind) {
    case STORE_HASH_PUT:
        value_put(&c->hash, row);
        break;
    case STORE_DATA_PUT:
        value_put(&c->data, row);
        break;
    case STORE_SEEN_PUT:
        value_put(&c->seen, row);
        break;
    case STORE_SETTING_PUT:
        value_put(&c->setting, row);
        break;
    case STORE_TOKEN_PUT:
        rows_put(c, row, op, is_any);
        break;
    case STORE_CONFERENCE_PUT:
        rows_put(c, row, &(struct store_op){ .user_id = op->user_id }, is_users);
        break;
    default: /* STORE_QUEUE_ADD, STORE_HISTORY_ADD */
        message_put(c, row, op);
    }
    return OK;
}

static void drop(struct memory *m, struct store_op *op, struct cell *c)
{
    switch (op->kind) {
    case STORE_HASH_DROP:
        value_put(&c->hash, NULL);
        break;
    case STORE_DATA_DROP:
        value_put(&c->data, NULL);
        break;
    case STORE_SETTING_DROP:
        value_put(&c->setting, NULL);
        break;
    case STORE_QUEUE_DROP:
        rows_drop(c, op, is_up_to);
        break;
    case STORE_QUEUE_EXPIRE:
        rows_drop(c, op, is_older);
        break;
    case STORE_QUEUE_DROP_ONE:
    case STORE_HISTORY_DROP_ONE:
        rows_drop_one(c, op, is_the_one);
        break;
    case STORE_CONFERENCE_DROP:
        rows_drop(c, op, is_users);
        break;
    default: /* STORE_HISTORY_DROP, STORE_TOKEN_DROP */
        rows_drop(c, op, is_any);
    }
    cell_drop_if_empty(m, c);
}

struct walk {
    struct memory   *memory;
    struct store_op *op;
    struct store_row *first, **last;
    enum status       status;
};

static void expire_each(struct map_link *link, void *context)
{
    struct walk *w = context;
    struct cell *c = (struct cell *)(void *)link;
    if (c->key.kind == CELL_USER)
        drop(w->memory, w->op, c);
}

static size_t rows_count(const struct cell *c)
{
    size_t count = 0;
    for (const struct store_row *row = c != NULL ? c->rows : NULL; row != NULL; row = row->next)
        count++;
    return count;
}

static enum status read_history(struct store_op *op, const struct cell *c)
{
    struct store_row **last = &op->rows;
    size_t             skip = rows_count(c) > op->number ? rows_count(c) - op->number : 0;
    for (const struct store_row *row = c != NULL ? c->rows : NULL; row != NULL; row = row->next) {
        if (skip > 0) {
            skip--;
            continue;
        }
        if ((*last = row_copy(row)) == NULL)
            return E_NO_MEMORY;
        last = &(*last)->next;
    }
    return OK;
}

static void trim(struct memory *m, struct store_op *op, struct cell *c)
{
    for (size_t over = rows_count(c); over > op->number; over--)
        rows_drop_one(c, op, is_any);
    cell_drop_if_empty(m, c);
}

static bool begins_with(struct slice name, struct slice prefix)
{
    return name.len >= prefix.len && slice_equal(slice_first(name, prefix.len), prefix);
}

/* One cell of a walk over all of them. */
static void history_each(struct map_link *link, void *context)
{
    struct walk *w = context;
    struct cell *c = (struct cell *)(void *)link;
    size_t       before = rows_count(c);
    if (c->key.kind != CELL_CHANNEL)
        return;
    if (w->op->kind == STORE_HISTORY_DROP_ONE && c->key.app == w->op->app)
        rows_drop_one(c, w->op, is_the_one);
    if (w->op->kind == STORE_HISTORY_EXPIRE && begins_with(c->key.name, w->op->name) &&
        (w->op->event.len == 0 || !begins_with(c->key.name, w->op->event)))
        rows_drop(c, w->op, is_older);
    w->op->found |= rows_count(c) < before;
    cell_drop_if_empty(w->memory, c);
}

static enum status memory_apply(void *state, struct store_op *op, struct error *out_error)
{
    struct memory  *m = state;
    struct cell_key key = key_of(op);
    struct cell    *c = cell_find(m, &key);
    enum status     s = OK;
    switch (op->kind) {
    case STORE_USER:
        s = read_user(op, c);
        break;
    case STORE_DATA:
        op->found = c != NULL && c->data != NULL;
        s = op->found ? text_copy(c->data->payload, &op->text) : OK;
        break;
    case STORE_HASH_PUT:
    case STORE_DATA_PUT:
    case STORE_SEEN_PUT:
    case STORE_QUEUE_ADD:
    case STORE_SETTING_PUT:
    case STORE_HISTORY_ADD:
    case STORE_TOKEN_PUT:
    case STORE_CONFERENCE_PUT:
        s = put(m, op, &key);
        break;
    case STORE_QUEUE_EXPIRE:
        map_each(&m->cells, expire_each, &(struct walk){ .memory = m, .op = op });
        break;
    case STORE_HISTORY:
        s = read_history(op, c);
        break;
    case STORE_HISTORY_TRIM:
        if (c != NULL)
            trim(m, op, c);
        break;
    case STORE_HISTORY_DROP_ONE:
        if (op->name.len == 0) {
            map_each(&m->cells, history_each, &(struct walk){ .memory = m, .op = op });
        } else if (c != NULL) {
            size_t before = rows_count(c);
            drop(m, op, c);
            c = cell_find(m, &key);
            op->found = rows_count(c) < before;
        }
        break;
    case STORE_HISTORY_EXPIRE:
        map_each(&m->cells, history_each, &(struct walk){ .memory = m, .op = op });
        break;
    case STORE_QUERY_LOG: /* nobody could read it */
        break;
    default:
        if (c != NULL)
            drop(m, op, c);
    }
    return s == OK ? OK : error_plain(out_error, s);
}

/* --- loading ----------------------------------------------------------------------------------------------------------- */

static void load_row(struct walk *w, const struct store_row *row)
{
    struct store_row *copy = row != NULL ? row_copy(row) : NULL;
    if (row != NULL && copy == NULL)
        w->status = E_NO_MEMORY;
    if (copy == NULL)
        return;
    *w->last = copy;
    w->last = &copy->next;
}

static void load_each(struct map_link *link, void *context)
{
    struct walk *w = context;
    struct cell *c = (struct cell *)(void *)link;
    load_row(w, c->setting);
    bool is_left_out = c->key.kind == CELL_USER || (c->key.kind == CELL_CHANNEL && w->memory->skips_history);
    for (struct store_row *row = c->rows; row != NULL && !is_left_out; row = row->next)
        load_row(w, row);
}

static void dump_each(struct map_link *link, void *context)
{
    struct walk *w = context;
    struct cell *c = (struct cell *)(void *)link;
    load_row(w, c->hash);
    load_row(w, c->data);
    load_row(w, c->seen);
    load_row(w, c->setting);
    for (struct store_row *row = c->rows; row != NULL; row = row->next)
        load_row(w, row);
}

static enum status rows_of_all(struct memory *m, void (*each)(struct map_link *link, void *walk), struct store_row **out_rows,
                               struct error *out_error)
{
    struct walk w = { .memory = m, .status = OK };
    w.last = &w.first;
    map_each(&m->cells, each, &w);
    if (w.status != OK) {
        store_rows_free(w.first);
        return error_plain(out_error, w.status);
    }
    *out_rows = w.first;
    return OK;
}

static enum status memory_load(void *state, struct store_row **out_rows, struct error *out_error)
{
    return rows_of_all(state, load_each, out_rows, out_error);
}

static enum status memory_dump(void *state, struct store_row **out_rows, struct error *out_error)
{
    return rows_of_all(state, dump_each, out_rows, out_error);
}

/* --- the rest ---------------------------------------------------------------------------------------------------------- */

static enum status memory_open(void **out_state, const struct store_setup *setup, struct error *out_error)
{
    struct memory *m = calloc(1, sizeof *m);
    if (m == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    m->skips_history = setup->skips_history;
    *out_state = m;
    return OK;
}

static void free_each(struct map_link *link, void *context)
{
    map_drop(context, link);
    cell_free((struct cell *)(void *)link);
}

static void memory_close(void *state)
{
    struct memory *m = state;
    map_each(&m->cells, free_each, &m->cells);
    map_clear(&m->cells);
    free(m);
}

static enum status nothing(void *state, struct error *out_error)
{
    (void)state, (void)out_error;
    return OK;
}

static void abandon_nothing(void *state)
{
    (void)state;
}

const struct store_backend store_memory = {
    .name = "memory", .open = memory_open, .load = memory_load, .dump = memory_dump, .begin = nothing, .apply = memory_apply, .commit = nothing,
    .abandon = abandon_nothing, .revive = nothing, .close = memory_close,
};
