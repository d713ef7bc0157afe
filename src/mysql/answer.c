/* answer: what the owner says to a statement, on its way to the stream.
 *
 * Rows gather in `out` and leave in pieces of about 64 KB. While the socket is blocked they wait in `out`, not in the
 * stream's queue, whose bound is meant for peers that do not read at all: one question's rows may be many, and an owner
 * that looks at mysql_is_blocked asks no further question before they have left. Between answers a connection keeps no
 * output buffer.
 */
#include "mysql/internal.h"
#include "mysql/prepared.h"

#define PIECE_BYTES (64u * 1024)
#define OUT_LIMIT (256u * 1024 * 1024) /* of one question's rows; past it the connection is closed */
#define UNREAD_MS 60000u               /* a client that takes nothing of its answer for so long is closed */

bool mysql_is_blocked(const struct mysql_conn *c)
{
    return stream_is_blocked(c->stream);
}

static bool is_whole(struct mysql_conn *c)
{
    if (buf_ok(&c->out))
        return true;
    stream_close(c->stream); /* half a packet must not go out */
    return false;
}

void mysql_flush(struct mysql_conn *c)
{
    if (is_whole(c))
        stream_write(c->stream, slice_skip(buf_slice(&c->out), c->out_at));
    c->out.limit = 0;
    c->out_at = 0;
    mysql_spare_give(&c->out);
}

/* Gives the stream what it takes, piece by piece. */
static void push_out(struct mysql_conn *c)
{
    if (!is_whole(c))
        c->out_at = c->out.len;
    while (c->out_at < c->out.len && !stream_is_blocked(c->stream)) {
        struct slice piece = slice_first(slice_skip(buf_slice(&c->out), c->out_at), PIECE_BYTES);
        c->out_at += piece.len;
        if (!stream_write(c->stream, piece))
            c->out_at = c->out.len; /* nobody is there any more */
    }
    if (stream_is_blocked(c->stream))
        stream_wait(c->stream, UNREAD_MS);
    else
        stream_wait_no_more(c->stream);
    if (c->out_at < c->out.len)
        return;
    buf_reset(&c->out);
    c->out_at = 0;
}

static void leave_if_ended(struct mysql_conn *c)
{
    if (!c->is_ended || c->out.len > 0)
        return;
    c->is_ended = false;
    c->out.limit = 0;
    mysql_spare_give(&c->out);
    mysql_answered(c);
}

void mysql_drained(struct mysql_conn *c)
{
    push_out(c);
    if (c->is_ended)
        leave_if_ended(c);
    else if (!stream_is_blocked(c->stream) && mysql_own_settings->ops->on_drain != NULL)
        mysql_own_settings->ops->on_drain(c);
}

/* Does another answer follow? */
static unsigned status_now(const struct mysql_conn *c)
{
    return c->rest_at > 0 ? MYSQL_STATUS_MORE : 0;
}

static void begin_answer(struct mysql_conn *c)
{
    bug_if(c->state != MYSQL_ASKED);
    mysql_spare_take(&c->out);
    c->out.limit = OUT_LIMIT;
}

static void end_answer(struct mysql_conn *c)
{
    c->is_ended = true;
    push_out(c);
    leave_if_ended(c);
}

static void describe(struct mysql_conn *c, const struct slice *names, size_t count)
{
    const struct mysql_prepared *p = c->prepared->current;
    mysql_result_prepared(&c->out, &c->sequence, p->id, p->parameters, names, count);
}

void mysql_ok(struct mysql_conn *c, uint64_t affected, uint64_t insert_id)
{
    begin_answer(c);
    if (c->shape == MYSQL_SHAPE_PREPARE)
        describe(c, NULL, 0);
    else
        mysql_result_ok(&c->out, &c->sequence, status_now(c), affected, insert_id);
    end_answer(c);
}

void mysql_fail(struct mysql_conn *c, const struct error *error)
{
    c->rest_at = 0; /* an error ends the query */
    bool is_told = c->state == MYSQL_ROWS && c->shape == MYSQL_SHAPE_PREPARE; /* what the statement is like */
    if (c->state != MYSQL_ROWS)
        begin_answer(c);
    if (c->shape == MYSQL_SHAPE_PREPARE && !is_told)
        prepared_drop(&c->prepared, c->prepared->current);
    if (!is_told)
        mysql_result_error(&c->out, &c->sequence, error);
    end_answer(c);
}

void mysql_columns(struct mysql_conn *c, const struct slice *names, size_t count)
{
    begin_answer(c);
    mysql_enter(c, MYSQL_ROWS);
    if (c->shape == MYSQL_SHAPE_PREPARE)
        describe(c, names, count);
    else
        mysql_result_columns(&c->out, &c->sequence, status_now(c), names, count);
}

void mysql_row(struct mysql_conn *c, const struct slice *cells, size_t count)
{
    bug_if(c->state != MYSQL_ROWS);
    if (c->shape == MYSQL_SHAPE_PREPARE)
        return;
    if (c->shape == MYSQL_SHAPE_BINARY)
        mysql_result_binary_row(&c->out, &c->sequence, cells, count);
    else
        mysql_result_row(&c->out, &c->sequence, cells, count);
    if (c->out.len - c->out_at >= PIECE_BYTES)
        push_out(c);
}

void mysql_end(struct mysql_conn *c)
{
    bug_if(c->state != MYSQL_ROWS);
    if (c->shape != MYSQL_SHAPE_PREPARE)
        mysql_result_eof(&c->out, &c->sequence, status_now(c));
    end_answer(c);
}

void mysql_field_list(struct mysql_conn *c, const struct slice *names, size_t count)
{
    begin_answer(c);
    mysql_result_fields(&c->out, &c->sequence, names, count);
    end_answer(c);
}
