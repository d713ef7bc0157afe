/* op.c: operations and rows, each in one allocation with its texts. */
#include "store/internal.h"

#include <stdlib.h>

const struct store_kind_row store_kinds[STORE_KIND_COUNT] = {
    [STORE_USER] = { "user", KEY_USER, true },
    [STORE_DATA] = { "data", KEY_USER, true },
    [STORE_HISTORY] = { "history", KEY_NAME, true },
    [STORE_HASH_PUT] = { "hash_put", KEY_USER, false },
    [STORE_HASH_DROP] = { "hash_drop", KEY_USER, false },
    [STORE_DATA_PUT] = { "data_put", KEY_USER, false },
    [STORE_DATA_DROP] = { "data_drop", KEY_USER, false },
    [STORE_SEEN_PUT] = { "seen_put", KEY_USER, false },
    [STORE_QUEUE_ADD] = { "queue_add", KEY_USER, false },
    [STORE_QUEUE_DROP] = { "queue_drop", KEY_USER, false },
    [STORE_QUEUE_DROP_ONE] = { "queue_drop_one", KEY_USER, false },
    [STORE_QUEUE_EXPIRE] = { "queue_expire", KEY_NONE, false },
    [STORE_SETTING_PUT] = { "setting_put", KEY_NAME, false },
    [STORE_SETTING_DROP] = { "setting_drop", KEY_NAME, false },
    [STORE_HISTORY_ADD] = { "history_add", KEY_NAME, false },
    [STORE_HISTORY_DROP_ONE] = { "history_drop_one", KEY_NAME, false },
    [STORE_HISTORY_DROP] = { "history_drop", KEY_NAME, false },
    [STORE_HISTORY_TRIM] = { "history_trim", KEY_NAME, false },
    [STORE_HISTORY_EXPIRE] = { "history_expire", KEY_NONE, false },
    [STORE_TOKEN_PUT] = { "token_put", KEY_PAYLOAD, false },
    [STORE_TOKEN_DROP] = { "token_drop", KEY_PAYLOAD, false },
    [STORE_CONFERENCE_PUT] = { "conference_put", KEY_NAME, false },
    [STORE_CONFERENCE_DROP] = { "conference_drop", KEY_NAME, false },
    [STORE_QUERY_LOG] = { "query_log", KEY_NONE, false },
};

/* Room for a struct of `size` bytes and copies of four texts behind it; the texts are set to the copies. */
static void *new_with_texts(size_t size, struct slice *texts[4], size_t *out_size)
{
    for (int i = 0; i < 4; i++)
        if (__builtin_add_overflow(size, texts[i]->len, &size))
            return NULL;
    char *made = calloc(1, size);
    if (made == NULL)
        return NULL;
    char *at = made + size;
    for (int i = 0; i < 4; i++) {
        at -= texts[i]->len;
        if (texts[i]->len > 0)
            memcpy(at, texts[i]->at, texts[i]->len);
        texts[i]->at = at;
    }
    *out_size = size;
    return made;
}

struct store_op *store_op_new(enum store_kind kind, uint32_t app, uint32_t user_id, struct slice name, struct slice event,
                              struct slice payload, struct slice text2)
{
    size_t           size;
    struct store_op *op = new_with_texts(sizeof *op, (struct slice *[]){ &name, &event, &payload, &text2 }, &size);
    if (op == NULL)
        return NULL;
    op->kind = kind;
    op->app = app;
    op->user_id = user_id;
    op->name = name;
    op->event = event;
    op->payload = payload;
    op->text2 = text2;
    op->size = size;
    atomic_init(&op->refs, 1);
    return op;
}

void store_op_free(struct store_op *op)
{
    if (op == NULL || atomic_fetch_sub(&op->refs, 1) > 1)
        return;
    free((char *)op->text.at);
    store_rows_free(op->rows);
    free(op);
}

struct store_row *store_row_new(enum store_kind kind, uint32_t app, uint32_t user_id, struct slice name, struct slice event,
                                struct slice payload, struct slice text2)
{
    size_t            size;
    struct store_row *row = new_with_texts(sizeof *row, (struct slice *[]){ &name, &event, &payload, &text2 }, &size);
    if (row == NULL)
        return NULL;
    row->kind = kind;
    row->app = app;
    row->user_id = user_id;
    row->name = name;
    row->event = event;
    row->payload = payload;
    row->text2 = text2;
    return row;
}

void store_rows_free(struct store_row *rows)
{
    while (rows != NULL) {
        struct store_row *next = rows->next;
        free(rows);
        rows = next;
    }
}
