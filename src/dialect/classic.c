/* classic.c: a browser connects, and leaves (spec classic-protocol.md sections 1 and 4). */
#include "dialect/classic.h"

#include <stdio.h>

#include "base/counter.h"
#include "base/crypto.h"
#include "base/list.h"
#include "base/log.h"
#include "base/slab.h"
#include "dialect/classic_internal.h"
#include "http/conn.h"
#include "hub/user.h"
#include "ws/extension.h"

#define SESSION_MAX 1024
#define UUID_MAX    32

#define RETURN_SPREAD_MS 2000 /* over which clients come back that were told to */
#define MOVE_SPREAD_MS   100  /* ... when another process serves already: they leave at a pace */

const struct classic_settings *classic_settings;

static _Thread_local struct slab classics;

void classic_setup(const struct classic_settings *settings)
{
    classic_settings = settings;
}

/* --- the URL ----------------------------------------------------------------------------------------------------------- */

struct url {
    struct slice session;
    uint32_t     user_id;
    uint32_t     app;
    uint32_t     major; /* 0: unknown */
    struct slice uuid;
    bool         is_ours;  /* api=encke */
    unsigned     error; /* 0: fine */
    const char  *error_text;
};

/* The value of `name` in "name=value&name=value"; at == NULL: it is not there. */
static struct slice pair_get(struct slice pairs, const char *name)
{
    while (pairs.len > 0) {
        struct slice value = slice_cut(&pairs, '&');
        struct slice key = slice_cut(&value, '=');
        if (slice_is(key, name))
            return value.at != NULL ? value : SLICE("");
    }
    return slice_of(NULL, 0);
}

static uint32_t number_below(struct slice text, uint64_t limit)
{
    uint64_t n;
    return slice_u64(text, limit > 0 ? limit - 1 : 0, &n) ? (uint32_t)n : 0;
}

/* "4.08" -> 4; 0 when it is no version. */
static uint32_t major_of(struct slice version)
{
    struct slice rest = version;
    uint64_t     major, minor;
    struct slice first = slice_cut(&rest, '.');
    if (!slice_u64(first, 1000, &major) || !slice_u64(rest, 1000000, &minor))
        return 0;
    return (uint32_t)major;
}

static void url_fail(struct url *u, unsigned code, const char *text)
{
    if (u->error == 0) {
        u->error = code;
        u->error_text = text;
    }
}

static struct url url_parse(struct slice pairs)
{
    struct url u = { .session = pair_get(pairs, "sesion"), .uuid = pair_get(pairs, "uuid") };
    if (u.session.at == NULL)
        u.session = pair_get(pairs, "session");
    struct slice user = pair_get(pairs, "myid"), app = pair_get(pairs, "devid"), version = pair_get(pairs, "v");
    u.user_id = number_below(user, (uint64_t)USER_ID_MAX + 1);
    u.app = number_below(app, classic_settings->app_count);
    u.is_ours = slice_is(pair_get(pairs, "api"), "encke");
    u.major = version.at != NULL ? major_of(version) : 0;
    if (u.session.at == NULL || u.session.len > SESSION_MAX)
        url_fail(&u, 401, "Error code 401(Invalid request, session ID not found)");
    if (user.at == NULL)
        url_fail(&u, 401, "Error code 401(Invalid request, the user ID can not be found)");
    if (app.at == NULL)
        url_fail(&u, 406, "Error code 406(Invalid request, no public key found [1])");
    if (u.major == 0)
        url_fail(&u, 418, "Error code 418(Invalid request Not assigned client api version)\\n");
    return u;
}

/* What follows ".../ws/" in the path, and a query where a client sends one. */
static struct slice pairs_of(const struct http_request *r)
{
    struct slice path = r->path;
    for (size_t i = 0; i + 4 <= path.len; i++)
        if (memcmp(path.at + i, "/ws/", 4) == 0) {
            path = slice_skip(path, i + 4);
            break;
        }
    return path.len == 0 ? r->query : path;
}

/* --- the origin -------------------------------------------------------------------------------------------------------- */

static bool is_host_allowed(struct slice host)
{
    for (size_t i = 0; i < classic_settings->origin_count; i++) {
        struct slice allowed = classic_settings->origins[i];
        if (slice_is(allowed, "*") || slice_equal_nocase(allowed, host))
            return true;
        if (allowed.len > 0 && allowed.at[0] == '.' && host.len >= allowed.len &&
            slice_equal_nocase(allowed, slice_skip(host, host.len - allowed.len)))
            return true;
    }
    return false;
}

/* A request without Origin does not come from a page, so no page can abuse it. */
static bool is_origin_allowed(struct slice origin)
{
    if (classic_settings->origin_count == 0 || origin.at == NULL)
        return true;
    struct slice host = origin;
    if (slice_starts(host, "http://"))
        host = slice_skip(host, 7);
    else if (slice_starts(host, "https://"))
        host = slice_skip(host, 8);
    if (is_host_allowed(host))
        return true;
    return is_host_allowed(slice_cut(&host, ':')); /* an entry without a port allows every port */
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static void on_message(struct ws_conn *ws, struct slice text, bool is_binary)
{
    (void)is_binary; /* binary is treated like text */
    classic_command(list_object(ws, struct classic, ws), text);
}

static void on_drain(struct ws_conn *ws)
{
    classic_log_go_on(list_object(ws, struct classic, ws));
}

/* To our own client; it comes back then, and not all of them in one moment. CppComet's library has delays of its own. `undone`: all
 * that was done has its answer, and what has none may be said again (io/phase.h). */
static void on_leave(struct ws_conn *ws, uint32_t back_ms)
{
    struct classic *c = list_object(ws, struct classic, ws);
    bool            moves = shard_here.is_guest;
    char            data[64];
    if (!classic_is_new(c))
        return;
    snprintf(data, sizeof data, "{\"after_ms\":%llu%s}",
             (unsigned long long)back_ms + random_u64() % (moves ? MOVE_SPREAD_MS : RETURN_SPREAD_MS), moves ? ",\"undone\":true" : "");
    classic_say(c, &(struct classic_frame){ .data = slice_str(data), .event = SLICE("leaving"), .pipe = SLICE("sys"), .authorized = -1 });
}

static void on_flood(struct ws_conn *ws)
{
    classic_end(ws->stream, LEAVE_FLOODING);
}

static void on_close(struct ws_conn *ws)
{
    struct classic *c = list_object(ws, struct classic, ws);
    classic_log_drop(c);
    session_close(&c->session);
    slab_give(&classics, c);
}

/* Never completes a clean close: the browser library reconnects after an unclean one only (section 3.9). */
static const struct ws_ops classic_ws_ops = {
    .name = "classic",
    .on_message = on_message,
    .on_drain = on_drain,
    .on_leave = on_leave,
    .on_flood = on_flood,
    .on_close = on_close,
    .drops_without_close = true,
};

/* Our own client comes back after any end: it gets the closing handshake of RFC 6455, and its page a code. */
static const struct ws_ops classic_new_ws_ops = {
    .name = "encke",
    .on_message = on_message,
    .on_drain = on_drain,
    .on_leave = on_leave,
    .on_flood = on_flood,
    .on_close = on_close,
};

void classic_finish(struct classic *c, enum ws_close_code code, struct slice reason)
{
    if (classic_is_new(c))
        ws_conn_close(&c->ws, code, reason);
    else
        stream_finish(c->ws.stream);
}

/* The error is told in a frame, because a browser shows a page nothing of a refused upgrade; then the connection ends. The code
 * on the top level makes the library stop coming back. */
void classic_end_with_error(struct classic *c, unsigned code, const char *text)
{
    struct buf data = { 0 };
    buf_printf(&data, "{\"error\":\"%s\",\"error_code\":%u,\"info\":\"Closed due to error. See last message.\"}", text,
               code);
    classic_say(c, &(struct classic_frame){
                       .data = buf_slice(&data),
                       .error = code,
                       .authorized = -1,
                       .event = SLICE("error"),
                       .pipe = SLICE("sys"),
                       .has_time = true,
                       .time_s = shard_wall_s(),
                   });
    buf_clear(&data);
    classic_finish(c, WS_CLOSE_POLICY, SLICE("see the last message"));
}

void classic_end_stranger(struct classic *c)
{
    counter_add(COUNTER_STRANGERS_REFUSED, 1);
    classic_end_with_error(c, 401, "Error code 401(Anonymous visitors are not admitted here, log in first)");
}

/* The library says "chat" when it says anything. */
static struct slice subprotocol_of(const struct http_head *h)
{
    return http_head_lists(h, "sec-websocket-protocol", "chat") ? SLICE("chat") : slice_of(NULL, 0);
}

/* False: a header is malformed. */
static bool choose_extensions(const struct http_head *h, struct ws_extensions *out)
{
    *out = (struct ws_extensions){ .has_deflate = false };
    if (!deflate_is_on() || ws_inflates_badly(http_head_get(h, "user-agent")))
        return true;
    for (uint32_t i = 0; i < h->field_count; i++)
        if (slice_is_nocase(http_head_name(h, i), "sec-websocket-extensions") && !ws_extensions_read(http_head_value(h, i), out))
            return false;
    return true;
}

static const struct dialect *dialect_of(const struct url *u, bool is_deflated)
{
    if (u->is_ours)
        return is_deflated ? &classic_new_deflated_dialect : &classic_new_dialect;
    if (u->major < 4)
        return &classic_old_dialect;
    return is_deflated ? &classic_deflated_dialect : &classic_dialect;
}

void classic_on_upgrade(struct stream *s, const struct http_request *r)
{
    struct url           u = url_parse(pairs_of(r));
    struct ws_extensions extensions;
    char                 answer[WS_EXTENSIONS_SIZE];
    if (!choose_extensions(r->head, &extensions)) {
        http_refuse(s, 400, "Sec-WebSocket-Extensions is malformed");
        return;
    }
    if (!u.is_ours && u.major < 4)
        extensions = (struct ws_extensions){ .has_deflate = false }; /* too few to be worth a form of their own */
    if (!is_origin_allowed(http_head_get(r->head, "origin")))
        url_fail(&u, 423, "Error code 423(Access denied, Request from unauthorized domain.)");
    struct classic *c = slab_take(&classics);
    if (c == NULL) {
        http_refuse_later(s, E_NO_MEMORY);
        return;
    }
    struct visitor *visitor = visitor_intern(http_head_get(r->head, "user-agent"), http_head_get(r->head, "origin"),
                                             http_head_get(r->head, "accept-language"));
    session_open(&c->session, s, dialect_of(&u, extensions.has_deflate), u.app, slice_first(u.uuid, UUID_MAX), visitor);
    http_upgrade(s, subprotocol_of(r->head), ws_extensions_answer(&extensions, answer));
    ws_conn_start(&c->ws, s, u.is_ours ? &classic_new_ws_ops : &classic_ws_ops);
    if (extensions.has_deflate)
        ws_conn_allow_deflate(&c->ws);
    if (u.error != 0)
        classic_end_with_error(c, u.error, u.error_text);
    else if (u.user_id > 0 && u.session.len > 0)
        classic_login(c, u.user_id, u.session);
    else if (classic_settings->refuses_strangers)
        classic_end_stranger(c);
    else
        classic_say_server_info(c, false, SLICE(""));
}

static enum status classic_start(void)
{
    slab_init(&classics, sizeof(struct classic), UINT32_MAX - 1);
    slab_count(&classics, COUNTER_SLAB_SESSIONS, COUNTER_SLAB_SESSIONS_USED);
    return OK;
}

static void classic_stop(void)
{
    slab_clear(&classics);
    classic_buffers_clear();
}

const struct shard_part classic_part = { .name = "classic", .on_start = classic_start, .on_stop = classic_stop };
