/* prepared: see prepared.h. */
#include "mysql/prepared.h"

#include <stdlib.h>

static bool is_id(const struct map_link *link, const void *key)
{
    return ((const struct mysql_prepared *)(const void *)link)->id == *(const uint32_t *)key;
}

static uint64_t hash_of(uint32_t id)
{
    return map_hash(id, SLICE(""));
}

struct mysql_prepared *prepared_find(const struct mysql_prepared_set *set, uint32_t id)
{
    if (set == NULL)
        return NULL;
    return (struct mysql_prepared *)(void *)map_find(&set->statements, hash_of(id), is_id, &id);
}

/* --- a statement -------------------------------------------------------------------------------------------------- */

static void forget_sent(struct mysql_prepared *p)
{
    for (unsigned i = 0; p->sent != NULL && i < p->parameters; i++)
        buf_clear(&p->sent[i].text);
    free(p->sent);
    p->sent = NULL;
    p->sent_bytes = 0;
    p->sent_status = OK;
}

static void prepared_free(struct mysql_prepared *p)
{
    forget_sent(p);
    free(p->types);
    buf_clear(&p->sql);
    free(p);
}

static struct mysql_prepared *prepared_new(uint32_t id, struct slice sql)
{
    struct mysql_prepared *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->id = id;
    if (buf_reserve(&p->sql, sql.len) == NULL) { /* no more than is needed: it stays */
        free(p);
        return NULL;
    }
    buf_slice_append(&p->sql, sql);
    return p;
}

/* --- the set ------------------------------------------------------------------------------------------------------ */

static enum status check_room(const struct mysql_prepared_set *set, size_t more, struct error *error)
{
    if (set->statements.count >= MYSQL_PREPARED_MAX)
        return error_set(error, E_MANY_STATEMENTS, "Too many prepared statements: a connection has at most %u",
                         MYSQL_PREPARED_MAX);
    if (more > MYSQL_PREPARED_BYTES - set->bytes)
        return error_set(error, E_MANY_STATEMENTS,
                         "Too many prepared statements: a connection keeps at most %u bytes of them",
                         MYSQL_PREPARED_BYTES);
    return OK;
}

static uint32_t next_id(struct mysql_prepared_set *set)
{
    do {
        set->id_last++;
    } while (set->id_last == 0 || set->id_last == UINT32_MAX || prepared_find(set, set->id_last) != NULL);
    return set->id_last;
}

static void free_if_empty(struct mysql_prepared_set **set)
{
    if ((*set)->statements.count > 0)
        return;
    mysql_values_clear(&(*set)->values);
    map_clear(&(*set)->statements);
    free(*set);
    *set = NULL;
}

enum status prepared_add(struct mysql_prepared_set **set, struct slice sql, struct mysql_prepared **out,
                         struct error *error)
{
    if (*set == NULL)
        *set = calloc(1, sizeof **set);
    if (*set == NULL)
        return error_plain(error, E_NO_MEMORY);
    enum status status = check_room(*set, sql.len, error);
    if (status == OK) {
        struct mysql_prepared *p = prepared_new(next_id(*set), sql);
        if (p != NULL && map_put(&(*set)->statements, &p->link, hash_of(p->id)) == OK) {
            (*set)->bytes += sql.len;
            *out = p;
            return OK;
        }
        if (p != NULL)
            prepared_free(p);
        status = error_plain(error, E_NO_MEMORY);
    }
    free_if_empty(set);
    return status;
}

void prepared_drop(struct mysql_prepared_set **set, struct mysql_prepared *p)
{
    prepared_reset(*set, p);
    if ((*set)->current == p)
        (*set)->current = NULL;
    (*set)->bytes -= p->sql.len;
    map_drop(&(*set)->statements, &p->link);
    prepared_free(p);
    free_if_empty(set);
}

static void free_each(struct map_link *link, void *statements)
{
    map_drop(statements, link);
    prepared_free((struct mysql_prepared *)(void *)link);
}

void prepared_clear(struct mysql_prepared_set **set)
{
    if (*set == NULL)
        return;
    map_each(&(*set)->statements, free_each, &(*set)->statements);
    free_if_empty(set);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

/* The list of values sent ahead counts as well: a long statement has many parameters. */
static enum status need_sent(struct mysql_prepared_set *set, struct mysql_prepared *p)
{
    size_t bytes = p->parameters * sizeof *p->sent;
    if (p->sent != NULL)
        return OK;
    if (bytes > MYSQL_PREPARED_BYTES - set->bytes)
        return E_PACKET_TOO_LARGE;
    p->sent = calloc(p->parameters, sizeof *p->sent);
    if (p->sent == NULL)
        return E_NO_MEMORY;
    p->sent_bytes += bytes;
    set->bytes += bytes;
    return OK;
}

static enum status add_piece(struct mysql_prepared_set *set, struct mysql_prepared *p, unsigned parameter,
                             struct slice piece, size_t max_bytes)
{
    if (parameter >= p->parameters)
        return E_MALFORMED;
    enum status status = need_sent(set, p);
    if (status != OK)
        return status;
    struct mysql_long_data *sent = &p->sent[parameter];
    if (piece.len > MYSQL_PREPARED_BYTES - set->bytes || sent->text.len + piece.len > max_bytes)
        return E_PACKET_TOO_LARGE;
    buf_slice_append(&sent->text, piece);
    if (!buf_ok(&sent->text))
        return E_NO_MEMORY;
    sent->is_sent = true;
    p->sent_bytes += piece.len;
    set->bytes += piece.len;
    return OK;
}

void prepared_long_data(struct mysql_prepared_set *set, struct mysql_prepared *p, unsigned parameter,
                        struct slice piece, size_t max_bytes)
{
    if (p->sent_status == OK)
        p->sent_status = add_piece(set, p, parameter, piece, max_bytes);
}

void prepared_reset(struct mysql_prepared_set *set, struct mysql_prepared *p)
{
    set->bytes -= p->sent_bytes;
    forget_sent(p);
}

enum status prepared_bind(struct mysql_prepared_set *set, struct mysql_prepared *p, struct slice body,
                          struct error *error)
{
    set->current = p;
    if (p->sent_status != OK)
        return error_plain(error, p->sent_status);
    if (p->types == NULL)
        p->types = calloc(p->parameters + 1u, MYSQL_TYPE_BYTES);
    if (p->types == NULL)
        return error_plain(error, E_NO_MEMORY);
    return mysql_values_read(body, p->parameters, p->types, &p->has_types, p->sent, &set->values, error);
}

void prepared_rest(struct mysql_prepared_set *set)
{
    if (set == NULL)
        return;
    mysql_values_clear(&set->values);
    if (set->current != NULL)
        prepared_reset(set, set->current); /* as the protocol wants: each execution has its own */
    set->current = NULL;
}
