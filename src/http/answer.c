/* answer.c: what goes back, and how it leaves.
 *
 * A small answer is one write, corked with its head. A larger body leaves in pieces that are bigger than what io gathers in
 * its cork, so that stream_is_blocked tells the truth after each; once the socket is blocked, the queue holds at most one piece
 * and http_send_on continues when it has emptied. So a body of any size fits under the bound of the queue.
 *
 * A file is read piece by piece in the shard: this blocks for as long as the disk takes, which is right for the small files of
 * a page (in the page cache) and the reason why big downloads belong behind a file server. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/counter.h"
#include "http/internal.h"
#include "http/reply.h"
#include "io/shard.h"

#define PIECE_BYTES   (96 * 1024) /* more than io's cork */
#define ONE_WRITE_MAX 32768       /* a body up to this is written at once */

void http_sending_free(struct http_sending *b)
{
    if (b == NULL)
        return;
    if (b->file_fd >= 0)
        close(b->file_fd);
    free(b->owned);
    free(b);
}

static struct slice date_now(void)
{
    uint64_t now_s = shard_wall_s();

    if (now_s != http_here.date_s) {
        http_date(now_s, http_here.date);
        http_here.date_s = now_s;
    }
    return slice_str(http_here.date);
}

static void write_head(struct http_conn *c, const struct http_response *r)
{
    struct buf *out = &http_here.out;

    buf_reset(out);
    http_reply(out, &(struct http_reply){
        .status = r->status,
        .keeps_alive = c->keeps_alive,
        .date = date_now(),
        .content_type = r->content_type,
        .headers = r->headers,
        .content_length = r->has_file ? r->file_bytes : r->body.len,
    });
    if (buf_ok(out))
        stream_write(c->stream, buf_slice(out));
    else
        stream_close(c->stream);
}

/* --- bodies ------------------------------------------------------------------------------------------------------------ */

/* False: it cannot be read, so the promised length cannot be kept. */
static bool send_file_piece(struct http_conn *c, size_t len)
{
    struct http_sending *b = c->sending;
    struct parcel       *p = parcel_new(len);
    size_t               got = 0;

    while (p != NULL && got < len) {
        ssize_t n = pread(b->file_fd, parcel_bytes(p) + got, len - got, (off_t)(b->file_at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    bool ok = p != NULL && got == len && stream_send(c->stream, p);
    parcel_unref(p);
    return ok;
}

/* Sends pieces until the socket is blocked or nothing is left. */
static void send_pieces(struct http_conn *c)
{
    struct http_sending *b = c->sending;

    while (b->left > 0 && stream_is_open(c->stream) && !stream_is_blocked(c->stream)) {
        size_t len = b->left < PIECE_BYTES ? (size_t)b->left : PIECE_BYTES;
        if (b->file_fd >= 0 && !send_file_piece(c, len)) {
            stream_close(c->stream);
            return;
        }
        if (b->file_fd < 0) {
            stream_write(c->stream, slice_of(b->at, len));
            b->at += len;
        }
        b->file_at += len;
        b->left -= len;
    }
    if (b->left == 0) {
        http_sending_free(b);
        c->sending = NULL;
    }
}

static void begin_sending(struct http_conn *c, const struct http_response *r)
{
    struct http_sending *b = calloc(1, sizeof *b);

    if (b == NULL) {
        if (r->has_file)
            close(r->given_fd);
        stream_close(c->stream);
        return;
    }
    c->sending = b;
    b->file_fd = r->has_file ? r->given_fd : -1;
    b->left = r->has_file ? r->file_bytes : r->body.len;
    b->at = r->body.at;
    if (!r->has_file && !r->is_static) {
        b->owned = malloc(r->body.len);
        if (b->owned == NULL) {
            stream_close(c->stream);
            return;
        }
        memcpy(b->owned, r->body.at, r->body.len);
        b->at = b->owned;
    }
    send_pieces(c);
}

static void send_body(struct http_conn *c, const struct http_response *r)
{
    bool is_wanted = !c->is_head_request && http_status_has_body(r->status) && stream_is_open(c->stream);

    if (is_wanted && (r->has_file || r->body.len > ONE_WRITE_MAX)) {
        begin_sending(c, r);
        return;
    }
    if (is_wanted)
        stream_write(c->stream, r->body);
    if (r->has_file)
        close(r->given_fd);
}

/* --- answers ----------------------------------------------------------------------------------------------------------- */

/* After an answer, or a part of it: on to the next state. */
static void advance(struct http_conn *c)
{
    struct stream *s = c->stream;

    if (!stream_is_open(s))
        return;
    if (c->sending != NULL || (c->keeps_alive && stream_is_blocked(s))) {
        /* The next request waits: a client that does not read cannot make the queue grow. */
        http_enter(c, HTTP_SENDING);
        stream_wait(s, http_limits_set->idle_timeout_ms);
    } else if (!c->keeps_alive) {
        http_enter(c, HTTP_FINISHED);
        stream_finish(s);
    } else {
        http_enter(c, HTTP_WAITING);
        stream_wait(s, http_limits_set->idle_timeout_ms);
        if (!c->is_serving)
            http_conn_continue(c);
    }
}

void http_send_on(struct http_conn *c)
{
    if (c->sending != NULL)
        send_pieces(c);
    advance(c);
}

static void answer(struct http_conn *c, const struct http_response *r)
{
    counter_add(COUNTER_HTTP_REQUESTS, 1);
    c->has_served = true;
    stream_cork(c->stream);
    write_head(c, r);
    send_body(c, r);
    advance(c);
}

void http_answer(struct stream *s, const struct http_response *r)
{
    struct http_conn *c = s->owner;

    if (!stream_is_open(s)) {
        if (r->has_file)
            close(r->given_fd);
        return;
    }
    bug_if(s->ops != &http_conn_ops || c == NULL || c->state != HTTP_ANSWERING); /* one answer for each request */
    c->keeps_alive = c->keeps_alive && !r->must_close;
    answer(c, r);
    stream_uncork(s);
}

void http_refuse_with(struct stream *s, unsigned status, const char *sentence, struct slice headers)
{
    struct http_conn *c = s->owner;
    char              body[300];

    if (!stream_is_open(s))
        return;
    bug_if(s->ops != &http_conn_ops || c == NULL || c->state == HTTP_FINISHED);
    counter_add(COUNTER_TOO_LARGE, status == 413 || status == 414 || status == 431);
    int len = snprintf(body, sizeof body, "%u %s\n%s.\n", status, http_reason(status), sentence);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof body ? (size_t)len : sizeof body - 1;
    c->keeps_alive = false;
    answer(c, &(struct http_response){
        .status = status,
        .content_type = SLICE("text/plain; charset=utf-8"),
        .headers = headers,
        .body = slice_of(body, used),
    });
    stream_uncork(s);
}

void http_refuse(struct stream *s, unsigned status, const char *sentence)
{
    http_refuse_with(s, status, sentence, SLICE(""));
}

void http_refuse_later(struct stream *s, enum status why)
{
    const struct error_row *row = status_row(why);
    bool                    waits = row->http_status == 429 || row->http_status == 503;
    http_refuse_with(s, row->http_status, row->sentence, waits ? SLICE(HTTP_RETRY_AFTER) : SLICE(""));
}

static void put_header(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buf_text(out, name);
    buf_slice_append(out, value);
    buf_text(out, "\r\n");
}

void http_upgrade(struct stream *s, struct slice protocol, struct slice extensions)
{
    struct http_serving *serving = http_here.serving;
    struct buf          *out = &http_here.out;
    struct http_conn    *c = s->owner;
    char                 accept[HTTP_ACCEPT_SIZE];

    bug_if(serving == NULL || serving->stream != s || serving->key.len == 0 || serving->upgraded);
    http_upgrade_accept(serving->key, accept);
    buf_reset(out);
    buf_text(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    buf_text(out, accept);
    buf_text(out, "\r\nSec-WebSocket-Version: 13\r\n");
    put_header(out, "Sec-WebSocket-Protocol: ", protocol);
    put_header(out, "Sec-WebSocket-Extensions: ", extensions);
    buf_text(out, "\r\n");
    if (buf_ok(out))
        stream_write(s, buf_slice(out));
    else
        stream_close(s);
    counter_add(COUNTER_HTTP_REQUESTS, 1);
    stream_wait_no_more(s);
    serving->upgraded = true;
    serving->pending = c->pending;
    s->owner = NULL;
    slab_give(&http_here.conns, c);
}
