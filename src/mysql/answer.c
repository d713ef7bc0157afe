/* answer: what the owner says to a statement, on its way to the stream.
 *
 * Rows gather in `out` and leave in pieces of about 64 KB. Between answers a connection keeps no output buffer.
 */
#include "mysql/internal.h"

#define PIECE_BYTES (64u * 1024)

static void write_piece(struct mysql_conn *c)
{
    if (!buf_ok(&c->out)) /* half a packet must not go out */
        stream_close(c->stream);
    else
        stream_write(c->stream, buf_slice(&c->out));
    buf_reset(&c->out);
}

void mysql_flush(struct mysql_conn *c)
{
    write_piece(c);
    mysql_spare_give(&c->out);
}

static void begin_answer(struct mysql_conn *c)
{
    bug_if(c->state != MYSQL_ASKED);
    if (c->out.at == NULL)
        mysql_spare_take(&c->out);
}

static void end_answer(struct mysql_conn *c)
{
    mysql_flush(c);
    mysql_answered(c);
}

void mysql_ok(struct mysql_conn *c, uint64_t affected, uint64_t insert_id)
{
    begin_answer(c);
    mysql_result_ok(&c->out, &c->sequence, affected, insert_id);
    end_answer(c);
}

void mysql_fail(struct mysql_conn *c, const struct error *error)
{
    if (c->state == MYSQL_ASKED)
        begin_answer(c);
    bug_if(c->state != MYSQL_ASKED && c->state != MYSQL_ROWS);
    mysql_result_error(&c->out, &c->sequence, error);
    end_answer(c);
}

void mysql_columns(struct mysql_conn *c, const struct slice *names, size_t count)
{
    begin_answer(c);
    mysql_enter(c, MYSQL_ROWS);
    mysql_result_columns(&c->out, &c->sequence, names, count);
}

void mysql_row(struct mysql_conn *c, const struct slice *cells, size_t count)
{
    bug_if(c->state != MYSQL_ROWS);
    mysql_result_row(&c->out, &c->sequence, cells, count);
    if (c->out.len >= PIECE_BYTES)
        write_piece(c);
}

void mysql_end(struct mysql_conn *c)
{
    bug_if(c->state != MYSQL_ROWS);
    mysql_result_eof(&c->out, &c->sequence);
    end_answer(c);
}

void mysql_field_list(struct mysql_conn *c, const struct slice *names, size_t count)
{
    begin_answer(c);
    if (count == 0) {
        struct error error;
        error_plain(&error, E_NOT_FOUND);
        mysql_result_error(&c->out, &c->sequence, &error);
    } else {
        mysql_result_fields(&c->out, &c->sequence, names, count);
    }
    end_answer(c);
}
