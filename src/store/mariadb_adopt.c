/* mariadb_adopt.c: see mariadb_adopt.h. */
#include "store/mariadb_adopt.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/crypto.h"
#include "base/message_id.h"

enum { AT_ONCE = 1000, ID_MAX = 36, NAME_MAX_BYTES = 512 };

/* A message without a place. */
struct orphan {
    uint64_t app, user_id, time_s, uuid_time;
    char     id[ID_MAX * 4 + 1]; /* whatever CppComet's column may hold */
    char    *name;               /* owned; the channel; NULL for a queue */
};

struct orphans {
    struct orphan *at; /* owned */
    uint32_t       count, cap;
};

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* xxxxxxxx-xxxx-1xxx-...: low, middle, high. */
uint64_t uuid_time(struct slice text)
{
    static const unsigned char from[] = { 15, 16, 17, 9, 10, 11, 12, 0, 1, 2, 3, 4, 5, 6, 7 };
    uint64_t                   time = 0;
    if (text.len != ID_MAX || text.at[8] != '-' || text.at[13] != '-' || text.at[14] != '1')
        return 0;
    for (size_t i = 0; i < sizeof from; i++) {
        int digit = digit_of(text.at[from[i]]);
        if (digit < 0)
            return 0;
        time = time << 4 | (unsigned)digit;
    }
    return time;
}

/* --- finding ----------------------------------------------------------------------------------------------------------- */

static void orphans_clear(struct orphans *all)
{
    for (uint32_t i = 0; i < all->count; i++)
        free(all->at[i].name);
    free(all->at);
    *all = (struct orphans){ 0 };
}

static bool orphan_add(struct orphans *all, const struct link_value cells[])
{
    if (!array_room(&all->at, &all->cap, all->count + 1, sizeof *all->at))
        return false;
    struct slice   id = cells[0].text, name = cells[3].text;
    struct orphan *o = &all->at[all->count];
    *o = (struct orphan){
        .app = cells[1].number, .user_id = cells[2].number, .time_s = cells[4].number, .uuid_time = uuid_time(id)
    };
    if (id.len > 0 && id.len < sizeof o->id)
        memcpy(o->id, id.at, id.len);
    if (name.len > NAME_MAX_BYTES || (o->name = malloc(name.len + 1)) == NULL)
        return name.len > NAME_MAX_BYTES; /* what no column can hold is left alone */
    if (name.len > 0)
        memcpy(o->name, name.at, name.len);
    o->name[name.len] = '\0';
    all->count++;
    return true;
}

static enum status orphans_find(struct link *l, struct orphans *all, const char *sql, struct error *e)
{
    struct link_query q;
    enum status       s = link_prepare(l, &q, sql, e);
    if (s == OK)
        s = link_execute(&q, NULL, 0, e);
    while (s == OK && (s = link_next(&q, e)) == OK && q.has_row)
        if (!orphan_add(all, q.cells))
            s = error_plain(e, E_NO_MEMORY);
    link_forget(&q);
    return s;
}

static int by_number(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_place(const void *x, const void *y)
{
    const struct orphan *a = x, *b = y;
    int                  order;
    if ((order = by_number(a->app, b->app)) == 0 && (order = by_number(a->user_id, b->user_id)) == 0 &&
        (order = strcmp(a->name, b->name)) == 0 && (order = by_number(a->time_s, b->time_s)) == 0 &&
        (order = by_number(a->uuid_time, b->uuid_time)) == 0)
        order = strcmp(a->id, b->id);
    return order;
}

/* --- placing ----------------------------------------------------------------------------------------------------------- */

struct placing {
    struct link      *link;
    struct link_query update;
    uint64_t         *seq;
    uint64_t          epoch, offset; /* of the one before */
};

/* The update of one row, with the values of one kind of message. */
typedef enum status place_one(struct placing *p, const struct orphan *o, bool is_first, struct error *e);

static enum status place_in_channel(struct placing *p, const struct orphan *o, bool is_first, struct error *e)
{
    char id[MESSAGE_ID_SIZE];
    if (is_first) {
        p->epoch = random_u64() | 1; /* never 0 */
        p->offset = 0;
    }
    message_id_write(p->epoch, ++p->offset, id);
    const struct link_value values[] = {
        link_text(slice_str(id)), link_number(p->epoch), link_number(p->offset), link_number(++*p->seq),
        link_number(o->time_s * 1000), link_text(slice_str(o->id)),
    };
    return link_execute(&p->update, values, 6, e);
}

/* A place may be taken by a message of ours. */
static enum status place_in_queue(struct placing *p, const struct orphan *o, bool is_first, struct error *e)
{
    enum { ER_DUPLICATE = 1062 };
    char        id[MESSAGE_ID_SIZE];
    enum status s;
    uint64_t    wanted = o->time_s * 1000000 + (o->time_s == 0);
    if (is_first || p->offset < wanted)
        p->offset = wanted - 1;
    do {
        message_id_write(o->app << 32 | o->user_id, ++p->offset, id);
        const struct link_value values[] = {
            link_text(slice_str(id)), link_number(p->offset), link_number(o->time_s * 1000), link_text(slice_str(o->id)),
        };
        s = link_execute(&p->update, values, 4, e);
    } while (s == E_STORE && p->link->last_code == ER_DUPLICATE);
    return s;
}

static enum status place_all(struct placing *p, struct orphans *all, place_one *place, struct error *e)
{
    enum status s = OK;
    if (all->count > 1)
        qsort(all->at, all->count, sizeof *all->at, by_place);
    for (uint32_t i = 0; s == OK && i < all->count; i++) {
        const struct orphan *o = &all->at[i], *before = i > 0 ? o - 1 : NULL;
        bool is_first = before == NULL || before->app != o->app || before->user_id != o->user_id || strcmp(before->name, o->name) != 0;
        if (i % AT_ONCE == 0)
            s = link_run(p->link, "START TRANSACTION", e);
        if (s == OK)
            s = place(p, o, is_first, e);
        if (s == OK && (i % AT_ONCE == AT_ONCE - 1 || i == all->count - 1))
            s = link_run(p->link, "COMMIT", e);
    }
    return s;
}

static const struct {
    const char *find, *update;
    place_one  *place;
} kinds[] = {
    { "SELECT id, CAST(dev_id AS UNSIGNED), 0, pipe_name, CAST(GREATEST(COALESCE(time, 0), 0) AS UNSIGNED) FROM pipe_messages"
      " WHERE seq = 0 AND dev_id BETWEEN 0 AND 4294967295",
      "UPDATE pipe_messages SET id = ?, epoch = ?, `offset` = ?, seq = ?, time_ms = ?, flags = user_id > 0 WHERE id = ? AND seq = 0",
      place_in_channel },
    { "SELECT id, CAST(dev_id AS UNSIGNED), CAST(user_id AS UNSIGNED), '', CAST(GREATEST(COALESCE(time, 0), 0) AS UNSIGNED)"
      " FROM users_messages WHERE seq = 0 AND dev_id BETWEEN 0 AND 4294967295 AND user_id BETWEEN 0 AND 4294967295",
      "UPDATE users_messages SET id = ?, seq = ?, time_ms = ? WHERE id = ? AND seq = 0",
      place_in_queue },
};

static enum status adopt_kind(struct link *l, unsigned kind, uint64_t *seq, uint64_t *out_count, struct error *e)
{
    struct placing p = { .link = l, .seq = seq };
    struct orphans all = { 0 };
    enum status    s = orphans_find(l, &all, kinds[kind].find, e);
    if (s == OK)
        s = link_prepare(l, &p.update, kinds[kind].update, e);
    if (s == OK)
        s = place_all(&p, &all, kinds[kind].place, e);
    *out_count = all.count;
    link_forget(&p.update);
    orphans_clear(&all);
    return s;
}

enum status adopt_messages(struct link *l, uint64_t *seq, uint64_t *out_history, uint64_t *out_queued, struct error *e)
{
    enum status s = adopt_kind(l, 0, seq, out_history, e);
    return s == OK ? adopt_kind(l, 1, seq, out_queued, e) : s;
}
