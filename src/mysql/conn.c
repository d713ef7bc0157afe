/* conn: packets out of the bytes of a stream, one command at a time.
 *
 * While a statement is with the owner the stream is paused and what came behind it waits in `pending`: at most one
 * read. Answers may come at once or turns later; either way conn_read goes on exactly once (is_reading), so a long
 * pipeline does not recurse.
 */
#include "mysql/conn.h"

#include "mysql/internal.h"
#include "mysql/prepared.h"

#define SPARE_BYTES (256u * 1024) /* larger buffers are given back to the heap */
#define LINGER_MS 5000u
#define CONNS_MAX (1u << 24)

const struct mysql_settings *mysql_own_settings;

/* Of each shard. */
static _Thread_local struct {
    struct slab conns;
    struct buf  spare[2]; /* a statement and its answer */
    uint32_t    id_next;
    uint32_t    answering; /* connections with a statement that is not answered */
} here;

void mysql_setup(const struct mysql_settings *settings)
{
    mysql_own_settings = settings;
}

bool mysql_offers_tls(void)
{
    return mysql_own_settings->tls != NULL;
}

void mysql_spare_take(struct buf *out_buf)
{
    struct buf *spare = here.spare[0].at != NULL ? &here.spare[0] : &here.spare[1];
    *out_buf = *spare;
    *spare = (struct buf){ 0 };
    buf_reset(out_buf);
}

void mysql_spare_give(struct buf *given)
{
    struct buf *spare = here.spare[0].at == NULL ? &here.spare[0] : &here.spare[1];
    if (spare->at == NULL && given->cap <= SPARE_BYTES) {
        *spare = *given;
        *given = (struct buf){ 0 };
    } else {
        buf_clear(given);
    }
}

static bool is_answering(const struct mysql_conn *c)
{
    return c->state == MYSQL_ASKED || c->state == MYSQL_ROWS;
}

/* --- states ------------------------------------------------------------------------------------------------------- */

void mysql_enter(struct mysql_conn *c, enum mysql_state next)
{
    static const uint8_t legal[] = {
        [MYSQL_GREETED] = 1 << MYSQL_SECURING | 1 << MYSQL_SWITCHED | 1 << MYSQL_IDLE | 1 << MYSQL_LEAVING,
        [MYSQL_SECURING] = 1 << MYSQL_SWITCHED | 1 << MYSQL_IDLE | 1 << MYSQL_LEAVING,
        [MYSQL_SWITCHED] = 1 << MYSQL_IDLE | 1 << MYSQL_LEAVING,
        [MYSQL_IDLE] = 1 << MYSQL_ASKED | 1 << MYSQL_SWITCHED | 1 << MYSQL_LEAVING,
        [MYSQL_ASKED] = 1 << MYSQL_ROWS | 1 << MYSQL_IDLE,
        [MYSQL_ROWS] = 1 << MYSQL_IDLE,
        [MYSQL_LEAVING] = 0,
    };
    bug_if((legal[c->state] & 1u << next) == 0);
    here.answering -= is_answering(c);
    c->state = (uint8_t)next;
    here.answering += is_answering(c);
}

/* Nothing more is taken while a statement is open, and while the peer does not read its answers. */
static bool is_busy(const struct mysql_conn *c)
{
    return is_answering(c) || c->rest_at > 0 || (c->state != MYSQL_LEAVING && stream_is_blocked(c->stream));
}

static void wait_for_command(struct mysql_conn *c)
{
    if (mysql_own_settings->idle_timeout_ms > 0)
        stream_wait(c->stream, mysql_own_settings->idle_timeout_ms);
    else
        stream_wait_no_more(c->stream);
}

void mysql_leave(struct mysql_conn *c)
{
    mysql_enter(c, MYSQL_LEAVING);
    stream_finish(c->stream);
}

void mysql_linger(struct mysql_conn *c)
{
    mysql_enter(c, MYSQL_LEAVING);
    mysql_reader_clear(&c->reader);
    stream_wait(c->stream, LINGER_MS);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void refuse_packet(struct mysql_conn *c, uint8_t sequence, enum status why)
{
    struct error error;
    counter_add(COUNTER_TOO_LARGE, why == E_PACKET_TOO_LARGE);
    error_plain(&error, why);
    c->sequence = (uint8_t)(sequence + 1);
    mysql_result_error(&c->out, &c->sequence, &error);
    mysql_flush(c);
    mysql_linger(c);
}

/* Takes packets out of `in` until it is used up or a statement must be answered first; returns what is left. */
static struct slice take_packets(struct mysql_conn *c, struct slice in)
{
    while (in.len > 0 && !is_busy(c) && stream_is_open(c->stream)) {
        struct mysql_packet p;
        enum status         why;
        if (c->state == MYSQL_LEAVING)
            return SLICE("");
        switch (mysql_packet_feed(&c->reader, &in, &p, &why)) {
        case FEED_DONE:
            c->sequence = (uint8_t)(p.sequence + 1);
            mysql_command(c, &p);
            if (c->state == MYSQL_SECURING && !stream_is_secure(c->stream)) {
                stream_start_tls(c->stream, mysql_own_settings->tls, in); /* what is left belongs to its handshake */
                return SLICE("");
            }
            break;
        case FEED_BAD:
            refuse_packet(c, p.sequence, why);
            break;
        case FEED_MORE:
            break;
        }
    }
    return stream_is_open(c->stream) ? in : SLICE("");
}

static void conn_read(struct mysql_conn *c, struct slice in)
{
    c->is_reading = true;
    struct slice rest = take_packets(c, in);
    c->is_reading = false;
    if (is_busy(c))
        stream_pause(c->stream);
    if (rest.len == 0)
        return;
    buf_slice_append(&c->pending, rest);
    if (!buf_ok(&c->pending))
        stream_close(c->stream);
}

/* Goes on with what came behind the statement, then with the socket. */
static void conn_go_on(struct mysql_conn *c)
{
    if (c->is_reading || is_busy(c) || !stream_is_open(c->stream))
        return;
    struct buf pending = c->pending;
    c->pending = (struct buf){ 0 };
    stream_cork(c->stream);
    conn_read(c, buf_slice(&pending));
    stream_uncork(c->stream);
    buf_clear(&pending);
    if (!is_busy(c) && stream_is_open(c->stream))
        stream_resume(c->stream);
}

/* The next statement of the query. It may be answered inside the call, and so may a thousand: no recursion. */
static void go_on_with_query(struct mysql_conn *c)
{
    if (c->is_going_on)
        return;
    c->is_going_on = true;
    while (c->state == MYSQL_IDLE && c->rest_at > 0 && stream_is_open(c->stream)) {
        struct slice rest = slice_skip(buf_slice(&c->statement), c->rest_at);
        c->rest_at = 0;
        mysql_enter(c, MYSQL_ASKED);
        mysql_run_query(c, rest);
    }
    c->is_going_on = false;
}

void mysql_answered(struct mysql_conn *c)
{
    mysql_enter(c, MYSQL_IDLE);
    mysql_statement_done(c);
    if (c->rest_at > 0) {
        go_on_with_query(c);
        return;
    }
    mysql_spare_give(&c->statement);
    wait_for_command(c);
    conn_go_on(c);
}

/* --- the stream's table ------------------------------------------------------------------------------------------- */

static void conn_on_open(struct stream *s)
{
    struct mysql_conn *c = slab_take(&here.conns);
    if (c == NULL) {
        stream_become(s, &mysql_conn_ops, NULL);
        stream_close(s);
        return;
    }
    c->stream = s;
    c->id = here.id_next;
    here.id_next += shard_here.count;
    mysql_reader_init(&c->reader, MYSQL_LOGIN_BYTES);
    stream_become(s, &mysql_conn_ops, c);
    mysql_salt_make(c->salt);
    mysql_greeting_write(&c->out, &c->sequence, mysql_own_settings->version,
                         MYSQL_OFFERED | (mysql_offers_tls() ? MYSQL_SSL : 0u), c->id, c->salt);
    mysql_flush(c);
    stream_wait(s, mysql_own_settings->login_timeout_ms);
}

static size_t conn_on_bytes(struct stream *s, char *at, size_t len)
{
    struct mysql_conn *c = s->owner;
    if (c->pending.len > 0) { /* it was resumed by somebody else; order must be kept */
        buf_append(&c->pending, at, len);
        conn_go_on(c);
    } else {
        conn_read(c, slice_of(at, len));
    }
    return len;
}

static void conn_on_drain(struct stream *s)
{
    struct mysql_conn *c = s->owner;
    if (is_answering(c))
        mysql_drained(c);
    else
        conn_go_on(c);
}

static void conn_on_quiet(struct stream *s)
{
    stream_close(s); /* no login, no command, or an answer that is not read (mysql/answer.c) */
}

static void conn_on_gone(struct stream *s)
{
    struct mysql_conn *c = s->owner;
    if (c == NULL)
        return;
    here.answering -= is_answering(c);
    if (c->owner != NULL)
        mysql_own_settings->ops->on_gone(c);
    mysql_reader_clear(&c->reader);
    mysql_spare_give(&c->statement);
    buf_clear(&c->pending);
    buf_clear(&c->out);
    buf_clear(&c->awaited);
    prepared_clear(&c->prepared);
    slab_give(&here.conns, c);
}

/* --- what the owner sees ------------------------------------------------------------------------------------------ */

void *mysql_owner(const struct mysql_conn *c)
{
    return c->owner;
}

void mysql_owner_set(struct mysql_conn *c, void *owner)
{
    c->owner = owner;
}

struct stream *mysql_stream(const struct mysql_conn *c)
{
    return c->stream;
}

struct mysql_conn *mysql_of_stream(struct stream *s)
{
    bug_if(s->ops != &mysql_conn_ops);
    return s->owner;
}

uint32_t mysql_connection_id(const struct mysql_conn *c)
{
    return c->id;
}

static enum status part_on_start(void)
{
    slab_init(&here.conns, sizeof(struct mysql_conn), CONNS_MAX);
    slab_count(&here.conns, COUNTER_SLAB_SQL, COUNTER_SLAB_SQL_USED);
    here.id_next = shard_here.index + 1;
    return OK;
}

static void part_on_stop(void)
{
    slab_clear(&here.conns);
    buf_clear(&here.spare[0]);
    buf_clear(&here.spare[1]);
}

const struct stream_ops mysql_conn_ops = {
    .name = "mysql",
    .on_open = conn_on_open,
    .on_bytes = conn_on_bytes,
    .on_drain = conn_on_drain,
    .on_quiet = conn_on_quiet,
    .on_gone = conn_on_gone,
};

static bool part_is_settled(void)
{
    return here.answering == 0;
}

/* Nothing was promised to those who have no answer. */
static void part_on_hasten(void)
{
    for (struct stream *s = stream_next(0); s != NULL; s = stream_next(s->head.index + 1))
        if (s->ops == &mysql_conn_ops && s->owner != NULL && is_answering(s->owner))
            stream_close(s);
}

const struct shard_part mysql_part = {
    .name = "mysql",
    .on_start = part_on_start,
    .on_stop = part_on_stop,
    .is_settled = part_is_settled,
    .on_hasten = part_on_hasten,
};
