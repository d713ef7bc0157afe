/* publish_ways.c: over CometQL, over WebSocket, over HTTP. See publish_internal.h. */
#include <errno.h>
#include <stdio.h>

#include "load/publish_internal.h"
#include "load/request.h"

#define USERS_AT_ONCE 500
#define PATIENCE_S    30
#define READ_BYTES    16384
#define HEAD_MOST     16384u

/* --- over CometQL ------------------------------------------------------------------------------------------------------ */

static enum status open_sql(struct publisher *p, struct error *e)
{
    const struct plan *plan = p->all->plan;
    return sql_client_open(&p->sql, plan->sql_host, plan->sql_port, plan->sql_user, plan->sql_password, e);
}

static enum said say_sql(struct publisher *p, uint32_t stream, struct error *e)
{
    const struct plan *plan = p->all->plan;
    char               channel[80];
    buf_reset(&p->out);
    if (plan->workload == WORKLOAD_PRIVATE) {
        buf_printf(&p->out, "INSERT INTO users_messages (id, event, message) VALUES (%u, 'load', '", stream + 1);
    } else {
        request_channel(plan, stream, channel);
        buf_printf(&p->out, "INSERT INTO pipes_messages (name, event, message) VALUES ('%s', 'load', '", channel);
    }
    buf_slice_append(&p->out, buf_slice(&p->text));
    buf_text(&p->out, "')");
    enum status s = sql_client_send(&p->sql, buf_slice(&p->out));
    if (s != OK)
        error_set(e, s, "the CometQL connection broke: %s", strerror(errno));
    else
        s = sql_client_wait(&p->sql, e);
    return s == OK ? SAID_YES : s == E_INVALID ? SAID_NO : SAID_NOTHING;
}

enum status publish_let_users_in(struct publisher *p, struct error *e)
{
    const struct plan *plan = p->all->plan;
    for (uint32_t first = 1; first <= plan->connections; first += USERS_AT_ONCE) {
        buf_reset(&p->out);
        buf_text(&p->out, "INSERT INTO users_auth (id, hash) VALUES ");
        for (uint32_t id = first; id < first + USERS_AT_ONCE && id <= plan->connections; id++)
            buf_printf(&p->out, "%s(%u,'load%u')", id > first ? "," : "", id, id);
        if (sql_client_send(&p->sql, buf_slice(&p->out)) != OK)
            return error_set(e, E_IO, "the CometQL connection broke while users were let in");
        enum status s = sql_client_wait(&p->sql, e);
        if (s != OK)
            return s;
    }
    return OK;
}

/* --- over WebSocket ---------------------------------------------------------------------------------------------------- */

static void on_frame(void *context, const struct incoming_frame *f)
{
    struct publisher *p = context;
    if (f->kind == INCOMING_PING) {
        buf_reset(&p->out);
        request_frame(&p->out, 10, f->look);
        (void)wire_send(&p->wire, buf_slice(&p->out));
    } else if (f->kind == INCOMING_DATA && memmem(f->look.at, f->look.len, LABEL_MARK, sizeof(LABEL_MARK) - 1) != NULL) {
        p->is_reported = true; /* the report repeats the message */
    }
}

static enum said say_ws(struct publisher *p, uint32_t stream, struct error *e)
{
    char channel[80], bytes[READ_BYTES];
    request_channel(p->all->plan, stream, channel);
    buf_reset(&p->body);
    buf_printf(&p->body, "web_pipe2\n%s\nload\n*\n", channel);
    buf_slice_append(&p->body, buf_slice(&p->text));
    buf_reset(&p->out);
    request_frame(&p->out, 1, buf_slice(&p->body));
    p->is_reported = false;
    ssize_t n = wire_send(&p->wire, buf_slice(&p->out)) ? 1 : -1;
    while (n > 0 && !p->is_reported) {
        n = wire_recv(&p->wire, bytes, sizeof bytes);
        if (n > 0 && !incoming_feed(&p->ws_in, slice_of(bytes, (size_t)n), on_frame, p))
            n = -1;
    }
    if (n > 0)
        return SAID_YES;
    error_set(e, E_IO, "the WebSocket of the publisher broke, or its message was not reported: %s", n == 0 ? "closed" : strerror(errno));
    return SAID_NOTHING;
}

static enum status open_ws(struct publisher *p, struct error *e)
{
    const struct target_address *to = &p->all->plan->targets[0];
    struct request_place         place = { .uuid = "publisher-of-encke-load" };
    char                         answer[HEAD_MOST];
    size_t                       len = 0;
    enum status                  s = wire_open(&p->wire, to, p->all->tls, PATIENCE_S, e);
    if (s != OK)
        return s;
    buf_reset(&p->out);
    request_head(&p->out, p->all->plan, to, &place);
    bool is_there = wire_send(&p->wire, buf_slice(&p->out));
    while (is_there && len < sizeof answer) { /* byte by byte: what is behind the head are frames */
        is_there = wire_recv(&p->wire, answer + len, 1) == 1;
        len += is_there;
        if (len >= 12 && memcmp(answer, "HTTP/1.1 101", 12) != 0)
            break;
        if (len >= 4 && memcmp(answer + len - 4, "\r\n\r\n", 4) == 0)
            return OK;
    }
    return error_set(e, E_INVALID, "%.100s:%u does not answer a publisher with 101", to->host, to->port);
}

/* --- over HTTP --------------------------------------------------------------------------------------------------------- */

/* It connects when there is something to say: a server may close what was quiet for long. */
static enum status open_http(struct publisher *p, struct error *e)
{
    return wire_open(&p->wire, &p->all->plan->http, p->all->tls, PATIENCE_S, e);
}

static void post(struct publisher *p, uint32_t stream)
{
    const struct plan   *plan = p->all->plan;
    struct request_place place = { .number = stream, .room = stream, .uuid = "", .message = buf_slice(&p->text) };
    buf_reset(&p->body);
    request_fill(&p->body, plan, &place, slice_str(plan->http_body != NULL ? plan->http_body : PLAN_HTTP_BODY));
    buf_reset(&p->out);
    buf_text(&p->out, "POST ");
    request_fill(&p->out, plan, &place, slice_str(plan->http.path[0] != '\0' ? plan->http.path : "/"));
    buf_text(&p->out, " HTTP/1.1\r\n");
    request_host(&p->out, &plan->http);
    bool has_type = false;
    for (unsigned i = 0; i < plan->http_header_count; i++) {
        has_type |= slice_is_nocase(slice_first(slice_str(plan->http_headers[i]), 13), "content-type:");
        request_fill(&p->out, plan, &place, slice_str(plan->http_headers[i]));
        buf_text(&p->out, "\r\n");
    }
    if (!has_type)
        buf_text(&p->out, "Content-Type: application/json\r\n");
    buf_printf(&p->out, "Content-Length: %zu\r\n\r\n", p->body.len);
    buf_slice_append(&p->out, buf_slice(&p->body));
}

/* OK, or E_IO; *out_none: not a byte was answered. */
static enum status wait_answer(struct publisher *p, struct http_answer *a, bool *out_none)
{
    char bytes[READ_BYTES];
    *out_none = true;
    for (;;) {
        errno = 0;
        ssize_t      n = wire_recv(&p->wire, bytes, sizeof bytes);
        struct slice in = slice_of(bytes, n > 0 ? (size_t)n : 0);
        enum feed    fed = n > 0 ? http_answer_feed(a, &in) : n == 0 ? http_answer_end(a) : FEED_BAD;
        *out_none = *out_none && n <= 0;
        if (fed == FEED_DONE)
            return OK;
        if (fed == FEED_BAD && n > 0)
            errno = EPROTO;
        if (fed == FEED_BAD || n <= 0)
            return E_IO;
    }
}

static enum said say_http(struct publisher *p, uint32_t stream, struct error *e)
{
    struct http_answer a;
    bool               was_used = p->wire.fd >= 0, has_none = true;
    post(p, stream);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        if (p->wire.fd < 0 && open_http(p, e) != OK)
            return SAID_NOTHING;
        http_answer_begin(&a, NULL);
        if (wire_send(&p->wire, buf_slice(&p->out)) && wait_answer(p, &a, &has_none) == OK) {
            if (!a.keeps_alive)
                wire_close(&p->wire);
            if (a.status / 100 == 2)
                return SAID_YES;
            error_set(e, E_INVALID, "POST %.100s was answered %u", p->all->plan->http.path, a.status);
            return SAID_NO;
        }
        wire_close(&p->wire);
        if (!was_used || !has_none)
            break; /* else the server had closed the connection in between, and has seen nothing */
    }
    error_set(e, E_IO, "the HTTP connection of the publisher broke: %s", errno != 0 ? strerror(errno) : "closed by the server");
    return SAID_NOTHING;
}

const struct publish_way_row publish_ways[] = {
    [PUBLISH_SQL] = { open_sql, say_sql },
    [PUBLISH_WEBSOCKET] = { open_ws, say_ws },
    [PUBLISH_HTTP] = { open_http, say_http },
};
