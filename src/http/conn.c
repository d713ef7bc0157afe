/* conn.c: from bytes to requests, one after the other.
 *
 * The usual request comes whole in one read and is parsed where it lies, in the shard's scratch bytes. Only what is left over
 * is copied into `pending`. While a route has a request, and while its answer leaves, the stream is paused: one read of
 * pipelined requests is all that can wait here. */
#include "http/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "http/client.h"
#include "http/internal.h"
#include "io/kept.h"
#include "io/meter.h"
#include "io/shard.h"

_Thread_local struct http_shard http_here;
const struct http_limits       *http_limits_set;

void http_setup(const struct http_route *routes, size_t count, const struct http_limits *limits)
{
    http_routes_set(routes, count);
    http_limits_set = limits;
}

void http_enter(struct http_conn *c, enum http_state next)
{
    static const uint8_t legal[] = {
        [HTTP_WAITING] = 1 << HTTP_READING | 1 << HTTP_FINISHED,
        [HTTP_READING] = 1 << HTTP_ANSWERING | 1 << HTTP_FINISHED,
        [HTTP_ANSWERING] = 1 << HTTP_SENDING | 1 << HTTP_WAITING | 1 << HTTP_FINISHED,
        [HTTP_SENDING] = 1 << HTTP_SENDING | 1 << HTTP_WAITING | 1 << HTTP_FINISHED,
        [HTTP_FINISHED] = 0,
    };

    bug_if((legal[c->state] & 1 << next) == 0);
    c->state = (uint8_t)next;
}

void http_pending_free(struct http_pending *p)
{
    if (p == NULL)
        return;
    kept_drop(&p->kept);
    buf_clear(&p->bytes);
    counter_freed(COUNTER_MEMORY_UNFINISHED, sizeof *p);
    free(p);
}

/* --- one request ------------------------------------------------------------------------------------------------------- */

static void refuse_method(struct http_conn *c, struct slice path)
{
    struct buf lines = { 0 }, methods = { 0 };

    http_route_methods(c->stream->kind, path, &methods);
    buf_text(&lines, "Allow: ");
    buf_slice_append(&lines, buf_slice(&methods));
    buf_text(&lines, "\r\n");
    http_refuse_with(c->stream, 405, "This address does not know that method", buf_ok(&lines) ? buf_slice(&lines) : SLICE(""));
    buf_clear(&methods);
    buf_clear(&lines);
}

static void open_websocket(struct http_conn *c, const struct http_route *route, const struct http_request *r,
                           struct http_serving *serving)
{
    struct http_upgrade u = http_upgrade_check(r->head);

    if (u.status != 101) {
        http_refuse_with(c->stream, u.status, u.sentence, slice_str(u.headers));
        return;
    }
    enum refusal why;
    if (http_client_tell(c->stream, r->head) && !stream_admit(c->stream, &why)) {
        http_refuse_later(c->stream, refusal_status(why));
        return;
    }
    serving->key = u.key;
    route->on_upgrade(c->stream, r);
}

static void route_request(struct http_conn *c, const struct http_request *r, struct http_serving *serving)
{
    struct http_match m = http_route_find(c->stream->kind, r->head->method, r->path);
    bool              is_upgrade = http_upgrade_is_wanted(r->head);

    if (m.route == NULL && m.is_path_known)
        refuse_method(c, r->path);
    else if (m.route == NULL)
        http_refuse(c->stream, 404, "There is nothing at this address");
    else if (m.route->on_upgrade != NULL && (is_upgrade || m.route->on_request == NULL))
        open_websocket(c, m.route, r, serving);
    else
        m.route->on_request(c->stream, r); /* an Upgrade that is not for this route is left unheeded (RFC 9110 section 7.8) */
}

/* The head is there: may the body come? False: it was refused. */
static bool admit_body(struct http_conn *c, const struct http_head *h)
{
    if (h->content_length > http_limits_set->body_bytes) {
        http_refuse(c->stream, 413, "The body is too large");
        return false;
    }
    if (!c->in_body && h->expects_continue)
        stream_write(c->stream, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    if (!c->in_body)
        stream_wait(c->stream, http_limits_set->idle_timeout_ms);
    c->in_body = true;
    c->is_timed = true;
    return true;
}

/* Serves the request at `at`, if it is there as a whole. Returns its length, or 0: not yet, or refused. */
static size_t take_request(struct http_conn *c, const char *at, size_t len, struct http_serving *serving)
{
    struct http_head *h = c->pending != NULL ? &c->pending->head : &http_here.scratch;

    if (c->state == HTTP_WAITING) {
        http_head_init(h, http_limits_set->head_bytes, http_limits_set->header_count);
        http_enter(c, HTTP_READING);
    }
    enum feed fed = http_head_feed(h, slice_of(at, len));
    if (fed == FEED_BAD)
        http_refuse(c->stream, h->status, h->sentence);
    if (fed != FEED_DONE)
        return 0;
    stream_settle(c->stream);
    c->is_head_request = slice_is(h->method, "HEAD");
    if (h->content_length > len - h->len || h->content_length > http_limits_set->body_bytes) {
        admit_body(c, h);
        return 0;
    }
    size_t              body_len = (size_t)h->content_length, whole = h->len + body_len;
    struct http_request r = { .head = h, .path = h->path, .query = h->query, .body = slice_of(at + h->len, body_len) };
    c->keeps_alive = h->keeps_alive;
    c->is_timed = c->in_body = false;
    http_enter(c, HTTP_ANSWERING);
    if (meter_take(c->stream, METER_MESSAGES, 1))
        route_request(c, &r, serving);
    else
        http_refuse_later(c->stream, E_TOO_FAST);
    return whole;
}

/* Serves requests until one is incomplete, asynchronous or the last. Returns how many bytes they took. When
 * serving->upgraded is set, `c` is gone. */
static size_t serve(struct http_conn *c, const char *at, size_t len, struct http_serving *serving)
{
    struct stream *s = c->stream;
    size_t         used = 0;

    *serving = (struct http_serving){ .outer = http_here.serving, .stream = s };
    http_here.serving = serving;
    c->is_serving = true;
    while (used < len) {
        size_t taken = take_request(c, at + used, len - used, serving);
        used += taken;
        serving->key = (struct slice){ NULL, 0 };
        if (taken == 0 || serving->upgraded || !stream_is_open(s) || c->state != HTTP_WAITING)
            break;
    }
    http_here.serving = serving->outer;
    if (!serving->upgraded)
        c->is_serving = false;
    return used;
}

/* --- what is in hand --------------------------------------------------------------------------------------------------- */

/* May what is in hand be kept? */
static bool is_borne(struct http_conn *c)
{
    if (kept_change(c->stream, &c->pending->kept, c->pending->bytes.cap))
        return true;
    http_pending_free(c->pending);
    c->pending = NULL;
    if (c->state == HTTP_READING)
        http_refuse_later(c->stream, E_BUSY);
    else
        stream_close(c->stream); /* an answer is on its way: another one now would be taken for it */
    return false;
}

/* Copies what could not be used, with the state of its head. */
static void keep(struct http_conn *c, const char *at, size_t len)
{
    struct http_pending *p = calloc(1, sizeof *p);

    if (p == NULL) {
        stream_close(c->stream);
        return;
    }
    counter_held(COUNTER_MEMORY_UNFINISHED, sizeof *p);
    c->pending = p;
    buf_append(&p->bytes, at, len);
    if (c->state == HTTP_READING)
        http_head_copy(&p->head, &http_here.scratch);
    if (!buf_ok(&p->bytes))
        stream_close(c->stream);
    else
        is_borne(c);
}

/* After serving: what the new state means for reading, memory and the timer. */
static void settle(struct http_conn *c)
{
    struct stream *s = c->stream;

    if (!stream_is_open(s))
        return;
    if (c->pending != NULL && c->pending->bytes.len == 0) {
        http_pending_free(c->pending);
        c->pending = NULL;
    }
    if (c->state == HTTP_READING && !c->is_timed) {
        if (c->has_served) /* the first head's time runs from accept */
            stream_wait(s, http_limits_set->head_timeout_ms);
        c->is_timed = true;
    }
    if (c->state == HTTP_ANSWERING)
        stream_wait_no_more(s);
    if (c->state == HTTP_ANSWERING || c->state == HTTP_SENDING)
        stream_pause(s);
    else
        stream_resume(s);
}

/* Offers the bytes behind an upgrade to the table that took the stream over. */
static void hand_over(struct stream *s, char *at, size_t len)
{
    stream_resume(s);
    if (len > 0 && stream_is_open(s) && s->ops != &http_conn_ops)
        s->ops->on_bytes(s, at, len);
}

void http_conn_continue(struct http_conn *c)
{
    struct http_serving  serving = { 0 };
    struct http_pending *p = c->pending;
    struct stream       *s = c->stream;

    if (p != NULL) {
        size_t used = serve(c, p->bytes.at, p->bytes.len, &serving);
        if (serving.upgraded) {
            hand_over(s, p->bytes.at + used, p->bytes.len - used);
            http_pending_free(p);
            return;
        }
        buf_drop_front(&p->bytes, used);
    }
    settle(c);
}

/* --- the table --------------------------------------------------------------------------------------------------------- */

static void conn_on_open(struct stream *s)
{
    struct http_conn *c = slab_take(&http_here.conns);

    stream_become(s, &http_conn_ops, c);
    if (c == NULL) {
        stream_close(s);
        return;
    }
    c->stream = s;
    stream_wait(s, http_limits_set->head_timeout_ms);
}

/* Behind an incomplete request: the new bytes are joined to it. */
static size_t add_bytes(struct http_conn *c, const char *at, size_t len)
{
    struct http_serving  serving;
    struct http_pending *p = c->pending;
    size_t               before = p->bytes.len;

    buf_append(&p->bytes, at, len);
    if (!buf_ok(&p->bytes)) {
        stream_close(c->stream);
        return len;
    }
    if (!is_borne(c))
        return len;
    size_t used = serve(c, p->bytes.at, p->bytes.len, &serving);
    if (serving.upgraded) {
        http_pending_free(p);
        return used - before; /* what was in hand was no whole request, so `used` is beyond it */
    }
    buf_drop_front(&p->bytes, used);
    settle(c);
    return len;
}

static size_t conn_on_bytes(struct stream *s, char *at, size_t len)
{
    struct http_conn   *c = s->owner;
    struct http_serving serving;

    if (c == NULL)
        return len;
    if (c->pending != NULL)
        return add_bytes(c, at, len);
    size_t used = serve(c, at, len, &serving);
    if (serving.upgraded)
        return used;
    if (used < len && stream_is_open(s))
        keep(c, at + used, len - used);
    settle(c);
    return len;
}

static void conn_on_drain(struct stream *s)
{
    struct http_conn *c = s->owner;

    if (c != NULL && c->state == HTTP_SENDING)
        http_send_on(c);
}

static void conn_on_quiet(struct stream *s)
{
    struct http_conn *c = s->owner;

    if (c == NULL || c->state != HTTP_READING)
        stream_close(s); /* idle between requests, or the peer does not read its answer */
    else
        http_refuse(s, 408, "The request did not come in time");
}

/* What is being asked and answered is finished first. */
static void conn_on_leave(struct stream *s, uint32_t back_ms)
{
    struct http_conn *c = s->owner;

    (void)back_ms;
    if (c == NULL || c->state == HTTP_WAITING || c->state == HTTP_READING)
        stream_finish(s);
    else
        c->keeps_alive = false;
}

static void conn_on_gone(struct stream *s)
{
    struct http_conn *c = s->owner;

    if (c == NULL)
        return;
    http_pending_free(c->pending);
    http_sending_free(c->sending);
    s->owner = NULL;
    slab_give(&http_here.conns, c);
}

const struct stream_ops http_conn_ops = {
    .name = "http",
    .on_open = conn_on_open,
    .on_bytes = conn_on_bytes,
    .on_drain = conn_on_drain,
    .on_quiet = conn_on_quiet,
    .on_leave = conn_on_leave,
    .on_gone = conn_on_gone,
};

static enum status part_on_start(void)
{
    slab_init(&http_here.conns, sizeof(struct http_conn), 1u << 24);
    slab_count(&http_here.conns, COUNTER_SLAB_HTTP, COUNTER_SLAB_HTTP_USED);
    return OK;
}

static void part_on_stop(void)
{
    slab_clear(&http_here.conns);
    buf_clear(&http_here.out);
}

const struct shard_part http_part = {
    .name = "http",
    .on_start = part_on_start,
    .on_stop = part_on_stop,
};
