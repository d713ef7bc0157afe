/* http_answer.c: see http_answer.h. */
#include "load/http_answer.h"

#define HEAD_MOST (64u * 1024)

enum state {
    STATE_STATUS,     /* the first line */
    STATE_HEADER,
    STATE_BODY,       /* `left` bytes */
    STATE_CHUNK_SIZE, /* a line with its size */
    STATE_CHUNK,      /* `left` bytes */
    STATE_CHUNK_END,  /* the empty line behind it */
    STATE_TRAILER,    /* lines up to an empty one */
    STATE_UNTIL_CLOSE,
    STATE_DONE,
    STATE_BAD,
};

void http_answer_begin(struct http_answer *a, struct buf *body)
{
    *a = (struct http_answer){ .keeps_alive = true, .body = body, .state = STATE_STATUS };
}

static enum state on_status(struct http_answer *a, struct slice line)
{
    uint64_t status;
    if (line.len < 12 || !slice_starts(line, "HTTP/1.") || line.at[8] != ' ' || !slice_u64(slice_of(line.at + 9, 3), 999, &status) ||
        status < 100 || (line.len > 12 && line.at[12] != ' '))
        return STATE_BAD;
    a->status = (unsigned)status;
    a->keeps_alive = line.at[7] == '1';
    a->is_chunked = a->has_length = false;
    return STATE_HEADER;
}

static enum state on_header(struct http_answer *a, struct slice line)
{
    struct slice value = line, name = slice_cut(&value, ':');
    value = slice_trim(value);
    if (slice_is_nocase(name, "content-length")) {
        a->has_length = true;
        return slice_u64(value, UINT64_C(1) << 40, &a->left) ? STATE_HEADER : STATE_BAD;
    }
    if (slice_is_nocase(name, "transfer-encoding"))
        a->is_chunked = slice_is_nocase(value, "chunked");
    if (slice_is_nocase(name, "connection"))
        a->keeps_alive = slice_is_nocase(value, "keep-alive") || (a->keeps_alive && !slice_is_nocase(value, "close"));
    return STATE_HEADER;
}

static enum state on_head_end(struct http_answer *a)
{
    if (a->status < 200)
        return STATE_STATUS;
    if (a->status == 204 || a->status == 304)
        return STATE_DONE;
    if (a->is_chunked)
        return STATE_CHUNK_SIZE;
    if (a->has_length)
        return a->left > 0 ? STATE_BODY : STATE_DONE;
    a->keeps_alive = false;
    return STATE_UNTIL_CLOSE;
}

static enum state on_chunk_size(struct http_answer *a, struct slice line)
{
    unsigned digits = 0;
    for (a->left = 0; digits < line.len && digits < 10; digits++) {
        char c = line.at[digits], lower = (char)(c | 0x20);
        int  value = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
        if (value < 0)
            break;
        a->left = a->left << 4 | (unsigned)value;
    }
    if (digits == 0 || digits == 10)
        return STATE_BAD;
    return a->left > 0 ? STATE_CHUNK : STATE_TRAILER;
}

static enum state on_line(struct http_answer *a, struct slice line)
{
    switch ((enum state)a->state) {
    case STATE_STATUS:
        return on_status(a, line);
    case STATE_HEADER:
        return line.len > 0 ? on_header(a, line) : on_head_end(a);
    case STATE_CHUNK_SIZE:
        return on_chunk_size(a, line);
    case STATE_CHUNK_END:
        return line.len == 0 ? STATE_CHUNK_SIZE : STATE_BAD;
    case STATE_TRAILER:
        return line.len > 0 ? STATE_TRAILER : STATE_DONE;
    default:
        return STATE_BAD;
    }
}

static void take_line(struct http_answer *a, struct slice *in)
{
    size_t       end = slice_find(*in, '\n');
    struct slice piece = slice_first(*in, end == SIZE_MAX ? in->len : end);
    size_t       room = sizeof a->line - a->line_len;
    size_t       kept = piece.len < room ? piece.len : room;
    if (kept > 0)
        memcpy(a->line + a->line_len, piece.at, kept);
    a->line_len = (uint16_t)(a->line_len + kept);
    a->head_bytes += (uint32_t)(piece.len < HEAD_MOST ? piece.len : HEAD_MOST) + 1;
    *in = slice_skip(*in, piece.len + (end != SIZE_MAX));
    if (a->head_bytes > HEAD_MOST)
        a->state = STATE_BAD;
    if (end == SIZE_MAX || a->state == STATE_BAD)
        return;
    struct slice line = slice_of(a->line, a->line_len);
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    a->line_len = 0;
    a->state = on_line(a, line);
    if (a->state == STATE_CHUNK)
        a->head_bytes = 0;
}

static void take_body(struct http_answer *a, struct slice *in)
{
    struct slice piece = *in;
    if (a->state != STATE_UNTIL_CLOSE) {
        piece = slice_first(piece, a->left < piece.len ? (size_t)a->left : piece.len);
        a->left -= piece.len;
    }
    if (a->body != NULL)
        buf_slice_append(a->body, piece);
    *in = slice_skip(*in, piece.len);
    if (a->state == STATE_BODY && a->left == 0)
        a->state = STATE_DONE;
    else if (a->state == STATE_CHUNK && a->left == 0)
        a->state = STATE_CHUNK_END;
}

enum feed http_answer_feed(struct http_answer *a, struct slice *in)
{
    while (in->len > 0 && a->state != STATE_DONE && a->state != STATE_BAD) {
        if (a->state == STATE_BODY || a->state == STATE_CHUNK || a->state == STATE_UNTIL_CLOSE)
            take_body(a, in);
        else
            take_line(a, in);
    }
    return a->state == STATE_DONE ? FEED_DONE : a->state == STATE_BAD ? FEED_BAD : FEED_MORE;
}

enum feed http_answer_end(struct http_answer *a)
{
    if (a->state == STATE_UNTIL_CLOSE)
        a->state = STATE_DONE;
    return a->state == STATE_DONE ? FEED_DONE : FEED_BAD;
}
