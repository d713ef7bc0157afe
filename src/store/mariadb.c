/* mariadb.c: the store in a database, on CppComet's tables (mariadb_schema.h). Each worker has a connection of its own.
 *
 * That a commit took effect is not always known when a connection dies: so the same group again must change nothing. Messages are
 * inserted by their id, which is made of their place; everything else is put or dropped by its key.
 */
#include "store/backend.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message_id.h"
#include "store/mariadb_adopt.h"
#include "store/mariadb_schema.h"

/* A statement and what its parameters are, a letter each:
 * a app  u user_id  n name  e event  p payload  t text2  E epoch  o offset  s seconds of time_ms  m time_ms  f flags  # number
 * q the next number of the order of histories  i id of a message in a channel  j of one in a queue */
struct sql {
    const char *text, *values;
};

#define USER "dev_id = ? AND user_id = ?"
#define PUT  " ON DUPLICATE KEY UPDATE "

/* Kinds of the store, and what else is prepared. */
enum { SQL_SEEN = STORE_KIND_COUNT, SQL_QUEUE, SQL_OVER, SQL_EXPIRE_REST, SQL_MEMBERS_DROP, SQL_COUNT };

static const struct sql sqls[SQL_COUNT] = {
    [STORE_USER] = { "SELECT hash FROM users_auth WHERE " USER, "au" },
    [STORE_DATA] = { "SELECT data FROM users_data WHERE " USER, "au" },
    [SQL_SEEN] = { "SELECT time FROM users_time WHERE time >= 0 AND " USER, "au" },
    [SQL_QUEUE] = { "SELECT dev_id, user_id, '', 0, seq, time_ms, flags, event, message, 0, '' FROM users_messages"
                    " WHERE " USER " AND seq > 0 ORDER BY seq", "au" },
    [STORE_HISTORY] = { "SELECT dev_id, user_id, pipe_name, epoch, `offset`, time_ms, flags, event, message, 0, '' FROM pipe_messages"
                        " WHERE dev_id = ? AND pipe_name = ? AND seq > 0 ORDER BY seq DESC LIMIT ?", "an#" },
    [STORE_HASH_PUT] = { "INSERT INTO users_auth (dev_id, user_id, hash) VALUES (?, ?, ?)" PUT "hash = VALUES(hash)", "aup" },
    [STORE_HASH_DROP] = { "DELETE FROM users_auth WHERE " USER, "au" },
    [STORE_DATA_PUT] = { "INSERT INTO users_data (dev_id, user_id, data) VALUES (?, ?, ?)" PUT "data = VALUES(data)", "aup" },
    [STORE_DATA_DROP] = { "DELETE FROM users_data WHERE " USER, "au" },
    [STORE_SEEN_PUT] = { "INSERT INTO users_time (dev_id, user_id, time) VALUES (?, ?, ?)" PUT "time = VALUES(time)", "au#" },
    [STORE_QUEUE_ADD] = { "INSERT INTO users_messages (id, time, dev_id, user_id, event, message, seq, time_ms, flags)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)" PUT "flags = VALUES(flags)", "jsauepomf" },
    [STORE_QUEUE_DROP] = { "DELETE FROM users_messages WHERE " USER " AND seq <= ?", "auo" },
    [STORE_QUEUE_DROP_ONE] = { "DELETE FROM users_messages WHERE id = ?", "j" },
    [STORE_QUEUE_EXPIRE] = { "DELETE FROM users_messages WHERE time <= ? AND time_ms < ?", "sm" },
    [STORE_SETTING_PUT] = { "INSERT INTO pipes_settings (dev_id, name, type, length) VALUES (?, ?, '0', ?)"
                            PUT "length = VALUES(length)", "an#" },
    [STORE_SETTING_DROP] = { "DELETE FROM pipes_settings WHERE dev_id = ? AND name = ?", "an" },
    [STORE_HISTORY_ADD] = { "INSERT INTO pipe_messages (id, time, dev_id, pipe_name, event, message, user_id, epoch, `offset`, seq,"
                            " time_ms, flags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" PUT "flags = VALUES(flags)", "isanepuEoqmf" },
    [STORE_HISTORY_DROP_ONE] = { "DELETE FROM pipe_messages WHERE id = ? AND dev_id = ?", "ia" },
    [SQL_OVER] = { "SELECT seq FROM pipe_messages WHERE dev_id = ? AND pipe_name = ? AND seq > 0 ORDER BY seq DESC LIMIT 1 OFFSET ?",
                   "an#" },
    [STORE_HISTORY_TRIM] = { "DELETE FROM pipe_messages WHERE dev_id = ? AND pipe_name = ? AND seq BETWEEN 1 AND ?", "an#" },
    [STORE_HISTORY_EXPIRE] = { "DELETE FROM pipe_messages WHERE pipe_name BETWEEN ? AND CONCAT(?, CONVERT(0xF48FBFBF USING utf8mb4))"
                               " AND time_ms < ? AND seq > 0 AND (? = '' OR LEFT(pipe_name, CHAR_LENGTH(?)) <> ?)", "nnmeee" },
    [SQL_EXPIRE_REST] = { "DELETE FROM pipe_messages WHERE time <= ? AND time_ms < ? AND seq > 0"
                          " AND (? = '' OR LEFT(pipe_name, CHAR_LENGTH(?)) <> ?)", "smeee" },
    [STORE_HISTORY_DROP] = { "DELETE FROM pipe_messages WHERE dev_id = ? AND pipe_name = ?", "an" },
    [STORE_TOKEN_PUT] = { "INSERT INTO revoked_tokens (dev_id, token, user_id, expires) VALUES (?, ?, ?, ?)"
                          PUT "user_id = VALUES(user_id), expires = VALUES(expires)", "apu#" },
    [STORE_TOKEN_DROP] = { "DELETE FROM revoked_tokens WHERE dev_id = ? AND token = ?", "ap" },
    [STORE_CONFERENCE_PUT] = { "INSERT INTO conference (dev_id, name, user_id, caller_id, profile, message, node, time, time_ms)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)" PUT "caller_id = VALUES(caller_id), profile = VALUES(profile),"
                               " message = VALUES(message), node = VALUES(node), time = VALUES(time), time_ms = VALUES(time_ms)",
                               "anu#eptsm" },
    [STORE_CONFERENCE_DROP] = { "DELETE FROM conference WHERE dev_id = ? AND name = ? AND user_id = ?", "anu" },
    [SQL_MEMBERS_DROP] = { "DELETE FROM conference WHERE dev_id = ? AND name = ?", "an" },
    [STORE_QUERY_LOG] = { "INSERT INTO log_query (dev_id, query) VALUES (?, ?)", "ap" },
};

struct mariadb {
    struct link         link;
    struct store_setup  setup;
    struct link_query   queries[SQL_COUNT]; /* prepared when they are first needed */
    uint64_t            seq;                /* of the last message of a history */
    bool                is_keeper;          /* holds the lock that keeps a second server away */
    bool                knows_tables;       /* they were as they should be */
};

/* --- opening ----------------------------------------------------------------------------------------------------------- */

static void queries_forget(struct mariadb *m)
{
    for (int i = 0; i < SQL_COUNT; i++)
        link_forget(&m->queries[i]);
}

static void disconnect(struct mariadb *m)
{
    queries_forget(m);
    link_close(&m->link);
}

/* One server for one database: what is in memory would be wrong otherwise. The lock goes with the connection, so that of a server
 * that died is free as soon as the database has noticed. */
static enum status take_lock(struct mariadb *m, struct error *e)
{
    uint64_t    is_mine = 0;
    enum status s = link_ask(&m->link, "SELECT GET_LOCK(LEFT(CONCAT('encke.', DATABASE()), 64), 1)", &is_mine, e);
    if (s == OK && !is_mine)
        return error_set(e, E_STORE_AWAY, "the database %.60s is in use by another Encke (or by `encke migrate`): stop that one, or give"
                                          " this one a database of its own", m->setup.server.name);
    return s;
}

/* A new connection, at first with a look at the tables, and numbers that none before had. */
static enum status connect_once(struct mariadb *m, struct error *e)
{
    uint64_t    starts = 0;
    enum status s = link_open(&m->link, &m->setup.server, LINK_QUICK, e);
    if (s == OK && m->is_keeper)
        s = take_lock(m, e);
    if (s == OK && !m->knows_tables)
        s = schema_expect(&m->link, &m->setup.server, e);
    m->knows_tables = m->knows_tables || s == OK;
    if (s == OK)
        s = schema_count_start(&m->link, &starts, e);
    if (s == OK)
        m->seq = starts << 40;
    else
        disconnect(m);
    return s;
}

/* False when somebody wants the process to end: main, which takes such signals, waits for us. */
static bool pause_ms(uint32_t ms)
{
    enum { SLICE_MS = 50 };
    sigset_t waiting;
    for (uint64_t until_ms = clock_mono_ms() + ms; clock_mono_ms() < until_ms;) {
        if (sigpending(&waiting) == 0 && (sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1))
            return false;
        nanosleep(&(struct timespec){ .tv_nsec = SLICE_MS * 1000000L }, NULL);
    }
    return true;
}

/* Warns of what the operator may not have meant. */
static void check_durability(struct mariadb *m)
{
    uint64_t     is_synced = 1;
    struct error e;
    if (m->setup.durability == STORE_COMMIT &&
        link_ask(&m->link, "SELECT @@innodb_flush_log_at_trx_commit = 1", &is_synced, &e) == OK && !is_synced)
        log_warn("store: store.durability is commit, but innodb_flush_log_at_trx_commit of the database is not 1: a power failure may"
                 " cost its last second");
}

static enum status mariadb_open(void **out_state, const struct store_setup *setup, struct error *out_error)
{
    struct mariadb *m = calloc(1, sizeof *m);
    if (m == NULL)
        return error_plain(out_error, E_NO_MEMORY);
    m->setup = *setup;
    enum status s = connect_once(m, out_error);
    for (unsigned tried = 1; s == E_STORE_AWAY && !link_was_denied(&m->link) && tried < setup->server.attempts; tried++) {
        log_error("store: %s; trying again in %u s (%u of %u)", out_error->text, (unsigned)(setup->server.retry_ms + 999) / 1000, tried,
                 setup->server.attempts - 1);
        if (!pause_ms(setup->server.retry_ms))
            break;
        s = connect_once(m, out_error);
    }
    if (s != OK) {
        free(m);
        return s;
    }
    check_durability(m);
    *out_state = m;
    return OK;
}

static void mariadb_close(void *state)
{
    struct mariadb *m = state;
    disconnect(m);
    free(m);
}

/* --- statements -------------------------------------------------------------------------------------------------------- */

static struct link_value value_of(struct mariadb *m, char what, const struct store_op *op, char id[MESSAGE_ID_SIZE])
{
    switch (what) {
    case 'a':
        return link_number(op->app);
    case 'u':
        return link_number(op->user_id);
    case 'n':
        return link_text(op->name);
    case 'e':
        return link_text(op->event);
    case 'p':
        return link_text(op->payload);
    case 't':
        return link_text(op->text2);
    case 'E':
        return link_number(op->epoch);
    case 'o':
        return link_number(op->offset);
    case 's':
        return link_number(op->time_ms / 1000);
    case 'm':
        return link_number(op->time_ms);
    case 'f':
        return link_number(op->flags);
    case '#':
        return link_number(op->number);
    case 'q':
        return link_number(++m->seq);
    case 'i':
        message_id_write(op->epoch, op->offset, id);
        return link_text(slice_of(id, MESSAGE_ID_SIZE - 1));
    default: /* 'j' */
        message_id_write((uint64_t)op->app << 32 | op->user_id, op->offset, id);
        return link_text(slice_of(id, MESSAGE_ID_SIZE - 1));
    }
}

/* Runs one of the statements with the values of an operation; prepares it before, when it is the first time. */
static enum status execute(struct mariadb *m, int which, const struct store_op *op, struct error *e)
{
    struct link_query *q = &m->queries[which];
    struct link_value  values[LINK_CELLS_MAX];
    char               id[MESSAGE_ID_SIZE];
    unsigned           count = 0;
    if (q->statement == NULL) {
        enum status s = link_prepare(&m->link, q, sqls[which].text, e);
        if (s != OK)
            return s;
    }
    for (const char *what = sqls[which].values; *what != '\0'; what++)
        values[count++] = value_of(m, *what, op, id);
    return link_execute(q, values, count, e);
}

/* --- reads ------------------------------------------------------------------------------------------------------------- */

static enum status read_text(struct mariadb *m, struct store_op *op, struct error *e)
{
    struct link_query *q = &m->queries[op->kind];
    enum status        s = execute(m, (int)op->kind, op, e);
    if (s == OK)
        s = link_next(q, e);
    if (s != OK || !q->has_row)
        return s;
    struct slice from = q->cells[0].text;
    char        *text = malloc(from.len + 1);
    if (text == NULL)
        s = error_plain(e, E_NO_MEMORY);
    else if (from.len > 0)
        memcpy(text, from.at, from.len);
    op->found = text != NULL;
    op->text = slice_of(text, text != NULL ? from.len : 0);
    link_finish(q);
    return s;
}

static enum status read_seen(struct mariadb *m, struct store_op *op, struct error *e)
{
    struct link_query *q = &m->queries[SQL_SEEN];
    enum status        s = execute(m, SQL_SEEN, op, e);
    if (s == OK)
        s = link_next(q, e);
    op->number = s == OK && q->has_row ? q->cells[0].number : UINT64_MAX;
    link_finish(q);
    return s;
}

/* Every statement that reads rows has these columns: app, user_id, name, epoch, offset, time_ms, flags, event, payload, number,
 * text2; histories have the number of their order behind them. */
enum { CELL_ORDER = 11 };
static struct store_row *row_here(const struct link_query *q, enum store_kind kind)
{
    const struct link_value *c = q->cells;
    struct store_row        *row = store_row_new(kind, (uint32_t)c[0].number, (uint32_t)c[1].number, c[2].text, c[7].text, c[8].text,
                                                 c[10].text);
    if (row != NULL) {
        row->epoch = c[3].number;
        row->offset = c[4].number;
        row->time_ms = c[5].number;
        row->flags = (uint32_t)c[6].number;
        row->number = c[9].number;
    }
    return row;
}

static enum status read_queue(struct mariadb *m, struct store_op *op, struct error *e)
{
    struct link_query *q = &m->queries[SQL_QUEUE];
    struct store_row **last = &op->rows;
    enum status        s = execute(m, SQL_QUEUE, op, e);
    while (s == OK && (s = link_next(q, e)) == OK && q->has_row) {
        *last = row_here(q, STORE_QUEUE_ADD);
        if (*last == NULL)
            s = error_plain(e, E_NO_MEMORY);
        else
            last = &(*last)->next;
    }
    link_finish(q);
    return s;
}

/* The newest come first, and are turned around. */
static enum status read_history(struct mariadb *m, struct store_op *op, struct error *e)
{
    struct link_query *q = &m->queries[STORE_HISTORY];
    enum status        s = execute(m, STORE_HISTORY, op, e);
    while (s == OK && (s = link_next(q, e)) == OK && q->has_row) {
        struct store_row *row = row_here(q, STORE_HISTORY_ADD);
        if (row == NULL) {
            s = error_plain(e, E_NO_MEMORY);
            break;
        }
        row->next = op->rows;
        op->rows = row;
    }
    link_finish(q);
    return s;
}

/* --- writes that are more than one statement --------------------------------------------------------------------------- */

/* Up to which number is too much? Not in one statement: some servers cannot look at the table they delete from. */
static enum status trim(struct mariadb *m, const struct store_op *op, struct error *e)
{
    struct link_query *over = &m->queries[SQL_OVER];
    enum status        s = execute(m, SQL_OVER, op, e);
    if (s == OK)
        s = link_next(over, e);
    if (s != OK || !over->has_row)
        return s;
    struct store_op up_to = { .app = op->app, .name = op->name, .number = over->cells[0].number };
    link_finish(over);
    return execute(m, STORE_HISTORY_TRIM, &up_to, e);
}

/* An id names one message, whatever its channel. */
static enum status drop_one(struct mariadb *m, struct store_op *op, struct error *e)
{
    enum status s = execute(m, STORE_HISTORY_DROP_ONE, op, e);
    if (s == OK && !op->is_answered)
        op->found = link_changed(&m->queries[STORE_HISTORY_DROP_ONE]) > 0;
    return s;
}

static enum status mariadb_apply(void *state, struct store_op *op, struct error *out_error)
{
    struct mariadb *m = state;
    enum status     s;
    switch (op->kind) {
    case STORE_USER:
        s = read_text(m, op, out_error);
        if (s == OK)
            s = read_seen(m, op, out_error);
        return s == OK ? read_queue(m, op, out_error) : s;
    case STORE_DATA:
        return read_text(m, op, out_error);
    case STORE_HISTORY:
        return read_history(m, op, out_error);
    case STORE_HISTORY_TRIM:
        return trim(m, op, out_error);
    case STORE_HISTORY_DROP_ONE:
        return drop_one(m, op, out_error);
    case STORE_HISTORY_EXPIRE:
        return execute(m, op->name.len > 0 ? STORE_HISTORY_EXPIRE : SQL_EXPIRE_REST, op, out_error);
    case STORE_CONFERENCE_DROP:
        return execute(m, op->user_id == 0 ? SQL_MEMBERS_DROP : STORE_CONFERENCE_DROP, op, out_error);
    default:
        return execute(m, (int)op->kind, op, out_error);
    }
}

/* --- groups ------------------------------------------------------------------------------------------------------------ */

static enum status mariadb_revive(void *state, struct error *out_error)
{
    struct mariadb *m = state;
    if (m->link.connection != NULL && !m->link.is_broken)
        return OK;
    disconnect(m);
    return connect_once(m, out_error);
}

/* A connection that was quiet may have been ended by the database or by something on the way: that is no trouble yet. */
static enum status mariadb_begin(void *state, struct error *out_error)
{
    static const char begin[] = "START TRANSACTION";
    struct mariadb   *m = state;
    enum status       s = link_run(&m->link, begin, out_error);
    if (s == OK || !m->link.is_broken || m->link.connection == NULL)
        return s;
    s = mariadb_revive(m, out_error);
    return s == OK ? link_run(&m->link, begin, out_error) : s;
}

static enum status mariadb_commit(void *state, struct error *out_error)
{
    struct mariadb *m = state;
    return link_run(&m->link, "COMMIT", out_error);
}

static void mariadb_abandon(void *state)
{
    struct mariadb *m = state;
    struct error    e;
    for (int i = 0; i < SQL_COUNT && !m->link.is_broken; i++)
        link_finish(&m->queries[i]);
    if (!m->link.is_broken && link_run(&m->link, "ROLLBACK", &e) != OK)
        m->link.is_broken = true;
}

/* --- loading ----------------------------------------------------------------------------------------------------------- */

/* Rows of apps that cannot be (CppComet took any user name for one) stay where they are. */
#define OF_AN_APP " WHERE dev_id BETWEEN 0 AND 4294967295"

static const struct {
    enum store_kind kind;
    const char     *text;
} loads[] = {
    { STORE_SETTING_PUT, "SELECT dev_id, 0, name, 0, 0, 0, 0, '', '', GREATEST(COALESCE(length, 0), 0), '', 0 FROM pipes_settings"
                         OF_AN_APP },
    { STORE_HISTORY_ADD, "SELECT dev_id, user_id, pipe_name, epoch, `offset`, time_ms, flags, event, message, 0, '', seq"
                         " FROM pipe_messages" OF_AN_APP " AND seq > 0" },
    { STORE_TOKEN_PUT, "SELECT dev_id, user_id, '', 0, 0, 0, 0, '', token, expires, '', 0 FROM revoked_tokens" OF_AN_APP },
    { STORE_CONFERENCE_PUT, "SELECT dev_id, user_id, name, 0, 0, CAST(IF(time_ms > 0, time_ms, time * 1000) AS UNSIGNED), 0, profile,"
                            " message, caller_id, node, 0 FROM conference" OF_AN_APP },
};

/* The database need not sort texts: the rows come as they lie, and are put in order here. */
struct loaded {
    struct store_row *row;
    uint64_t          order;
};

struct loading {
    struct store_row *rows, **end; /* what is done */
    struct loaded    *at;          /* of the table under way; owned */
    uint32_t          count, cap;
};

static int by_order(const void *a, const void *b)
{
    uint64_t x = ((const struct loaded *)a)->order, y = ((const struct loaded *)b)->order;
    return x < y ? -1 : x > y;
}

static void loaded_link(struct loading *l)
{
    if (l->count > 1)
        qsort(l->at, l->count, sizeof *l->at, by_order);
    for (uint32_t i = 0; i < l->count; i++) {
        *l->end = l->at[i].row;
        l->end = &l->at[i].row->next;
    }
    l->count = 0;
}

static enum status load_table(struct mariadb *m, struct loading *l, size_t which, struct error *e)
{
    struct link_query q;
    enum status       s = link_prepare(&m->link, &q, loads[which].text, e);
    if (s == OK)
        s = link_execute(&q, NULL, 0, e);
    while (s == OK && (s = link_next(&q, e)) == OK && q.has_row) {
        struct store_row *row = array_room(&l->at, &l->cap, l->count + 1, sizeof *l->at) ? row_here(&q, loads[which].kind) : NULL;
        if (row == NULL)
            s = error_plain(e, E_NO_MEMORY);
        else
            l->at[l->count++] = (struct loaded){ row, q.cells[CELL_ORDER].number };
    }
    link_forget(&q);
    loaded_link(l);
    return s;
}

/* What CppComet wrote while it had the database again. */
static enum status adopt(struct mariadb *m, struct error *e)
{
    uint64_t    history = 0, queued = 0;
    enum status s = adopt_messages(&m->link, &m->seq, &history, &queued, e);
    if (s == OK && history + queued > 0)
        log_info("store: took in %llu messages of channels and %llu of users that CppComet had written", (unsigned long long)history,
                 (unsigned long long)queued);
    return s;
}

static enum status mariadb_load(void *state, struct store_row **out_rows, struct error *out_error)
{
    enum { LOCK_TRIES = 3 }; /* a second each: a server that was killed is not yet forgotten by the database */
    struct mariadb *m = state;
    struct loading  l = { 0 };
    enum status     s = E_STORE_AWAY;
    l.end = &l.rows;
    for (unsigned i = 0; i < LOCK_TRIES && s == E_STORE_AWAY && !m->is_keeper; i++)
        s = take_lock(m, out_error);
    m->is_keeper = m->is_keeper || s == OK;
    if (m->is_keeper)
        s = adopt(m, out_error);
    for (size_t i = 0; s == OK && i < sizeof loads / sizeof *loads; i++)
        if (loads[i].kind != STORE_HISTORY_ADD || !m->setup.skips_history)
            s = load_table(m, &l, i, out_error);
    free(l.at);
    if (s == OK)
        *out_rows = l.rows;
    else
        store_rows_free(l.rows);
    return s;
}

const struct store_backend store_mariadb = {
    .name = "mariadb", .has_workers = true, .open = mariadb_open, .load = mariadb_load, .begin = mariadb_begin,
    .apply = mariadb_apply, .commit = mariadb_commit, .abandon = mariadb_abandon, .revive = mariadb_revive, .close = mariadb_close,
};
