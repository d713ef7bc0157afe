/* classic_encode: what a browser hears (spec classic-protocol.md section 3). */
#include "base/json_out.h"
#include "base/list.h"
#include "dialect/classic_internal.h"
#include "io/shard.h"
#include "ws/deflate.h"
#include "ws/frame.h"

#define LINE_KEPT (256 * 1024) /* bytes of the scratch buffers that outlive a line */

/* What the three dialects make of one message. */
enum shape { SHAPE_CLASSIC, SHAPE_OLD, SHAPE_NEW };

static _Thread_local struct buf line; /* keeps its memory: one line of JSON is made at a time */

static void put_name(struct buf *b, const char *name)
{
    buf_text(b, b->len > 1 ? ",\"" : "\"");
    buf_text(b, name);
    buf_text(b, "\":");
}

static void put_text(struct buf *b, const char *name, struct slice value)
{
    if (value.at == NULL)
        return;
    put_name(b, name);
    json_out_string(b, value);
}

/* 64 bits are more than a JavaScript number holds: the epoch is a text. */
static void put_epoch(struct buf *b, uint64_t epoch)
{
    put_name(b, "epoch");
    buf_printf(b, "\"%016llx\"", (unsigned long long)epoch);
}

static void put_number(struct buf *b, const char *name, uint64_t value)
{
    put_name(b, name);
    buf_u64(b, value);
}

/* Old libraries call string methods on `data`: an object becomes its own text. */
static void put_data(struct buf *b, const struct classic_frame *f, bool is_old)
{
    put_name(b, "data");
    if (is_old && !f->data_is_text)
        json_out_string(b, f->data);
    else
        buf_slice_append(b, f->data);
}

/* The members in the order of their names. */
static void put_members(struct buf *b, const struct classic_frame *f, bool is_old)
{
    put_text(b, "_info", f->info);
    if (is_old)
        put_text(b, "api_data", SLICE("for major_version < 4"));
    if (f->authorized >= 0) {
        put_name(b, "authorized");
        buf_text(b, f->authorized ? "true" : "false");
    }
    put_data(b, f, is_old);
    if (f->position != NULL)
        put_epoch(b, f->position->epoch);
    if (f->error != 0)
        put_number(b, "error", f->error);
    put_text(b, "event", f->event);
    if (is_old)
        put_text(b, "event_name", f->event);
    if (f->from_queue) {
        put_name(b, "fromQueue");
        buf_text(b, "true");
    }
    if (f->is_history) {
        put_name(b, "history");
        buf_text(b, "true");
    }
    put_text(b, "marker", f->marker);
    if (f->has_time)
        put_number(b, "message_send_time", f->time_s);
    if (f->position != NULL)
        put_number(b, "offset", f->position->offset);
    put_text(b, "pipe", f->pipe);
    put_text(b, "server", f->server);
    if (f->has_user)
        put_number(b, "user_id", f->user_id);
}

static void finish_line(struct buf *out)
{
    buf_byte(&line, '}');
    if (buf_ok(&line))
        ws_frame_make(out, WS_TEXT, buf_slice(&line));
    else
        out->failed = true;
}

void classic_encode(struct buf *out, const struct classic_frame *f, bool is_old)
{
    buf_recycle(&line, LINE_KEPT);
    buf_byte(&line, '{');
    put_members(&line, f, is_old);
    finish_line(out);
}

/* The frame that most of all are: {"data":"...","event":"...","message_send_time":1,"pipe":"..."} */
static void encode_text(struct buf *out, const struct message *m, bool has_position)
{
    const struct draft *d = m->draft;
    buf_recycle(&line, LINE_KEPT);
    buf_text(&line, "{\"data\":");
    json_out_string(&line, d->payload);
    if (has_position)
        put_epoch(&line, m->epoch);
    buf_text(&line, ",\"event\":");
    json_out_string(&line, d->event);
    put_number(&line, "message_send_time", m->sent_ms / 1000);
    if (has_position)
        put_number(&line, "offset", m->offset);
    put_text(&line, "pipe", d->channel);
    if (d->shows_user)
        put_number(&line, "user_id", d->user_id);
    finish_line(out);
}

/* Presence: {"user_id":3,"uuid":"..."} joined or left. */
static void encode_presence(struct buf *out, const struct message *m, enum shape shape)
{
    char       space[64 + 6 * UUID_TEXT_MAX];
    struct buf data = { .at = space, .cap = sizeof space, .limit = sizeof space };
    buf_text(&data, "{\"user_id\":");
    buf_u64(&data, m->draft->user_id);
    buf_text(&data, ",\"uuid\":");
    json_out_string(&data, m->draft->uuid);
    buf_byte(&data, '}');
    struct classic_frame f = {
        .data = buf_slice(&data),
        .event = m->draft->kind == MESSAGE_JOIN ? SLICE("subscription") : SLICE("unsubscription"),
        .pipe = m->draft->channel,
        .has_time = true,
        .time_s = m->sent_ms / 1000,
        .authorized = -1,
        .position = shape == SHAPE_NEW ? m : NULL,
    };
    classic_encode(out, &f, shape == SHAPE_OLD);
}

/* What is not a plain text of a channel: online and offline, and messages to one user. Neither has a time. */
static void encode_about_user(struct buf *out, const struct message *m, bool is_old)
{
    const struct draft *d = m->draft;
    struct buf          data = { 0 };
    if (!d->is_object)
        json_out_string(&data, d->payload);
    struct classic_frame f = {
        .data = d->is_object ? d->payload : buf_slice(&data),
        .data_is_text = true, /* on pipe msg old libraries take objects, too */
        .event = d->event,
        .pipe = d->kind == MESSAGE_PERSONAL ? SLICE("msg") : d->channel,
        .authorized = -1,
    };
    if (buf_ok(&data))
        classic_encode(out, &f, is_old);
    else
        out->failed = true;
    buf_clear(&data);
}

static void encode_text_old(struct buf *out, const struct message *m)
{
    struct buf data = { 0 };
    json_out_string(&data, m->draft->payload);
    struct classic_frame f = {
        .data = buf_slice(&data),
        .data_is_text = true,
        .event = m->draft->event,
        .pipe = m->draft->channel,
        .has_time = true,
        .time_s = m->sent_ms / 1000,
        .authorized = -1,
        .has_user = m->draft->shows_user,
        .user_id = m->draft->user_id,
    };
    if (buf_ok(&data))
        classic_encode(out, &f, true);
    else
        out->failed = true;
    buf_clear(&data);
}

static void encode_shape(struct buf *out, const struct message *m, enum shape shape)
{
    switch (m->draft->kind) {
    case MESSAGE_TEXT:
        if (shape == SHAPE_OLD)
            encode_text_old(out, m);
        else
            encode_text(out, m, shape == SHAPE_NEW);
        break;
    case MESSAGE_JOIN:
    case MESSAGE_LEAVE:
        encode_presence(out, m, shape);
        break;
    case MESSAGE_STATUS:
    case MESSAGE_PERSONAL:
        encode_about_user(out, m, shape == SHAPE_OLD);
        break;
    }
}

static void encode(struct buf *out, const struct message *m)
{
    encode_shape(out, m, SHAPE_CLASSIC);
}

static void encode_old(struct buf *out, const struct message *m)
{
    encode_shape(out, m, SHAPE_OLD);
}

static void encode_new(struct buf *out, const struct message *m)
{
    encode_shape(out, m, SHAPE_NEW);
}

static bool announces(struct slice channel)
{
    return classic_is_class(channel, "track_");
}

static struct session *session_of(struct stream *s)
{
    struct ws_conn *ws = s->owner;
    return &list_object(ws, struct classic, ws)->session;
}

const struct dialect classic_dialect = {
    .name = "classic",
    .index = 0,
    .encode = encode,
    .announces = announces,
    .session_of = session_of,
    .on_announced = classic_announced,
    .tell = classic_tell,
    .end = classic_end,
};

const struct dialect classic_old_dialect = {
    .name = "classic before 4",
    .index = 1,
    .encode = encode_old,
    .announces = announces,
    .session_of = session_of,
    .on_announced = classic_announced,
    .tell = classic_tell,
    .end = classic_end,
};

const struct dialect classic_new_dialect = {
    .name = "encke",
    .index = 2,
    .encode = encode_new,
    .announces = announces,
    .session_of = session_of,
    .on_announced = classic_announced,
    .tell = classic_tell,
    .end = classic_end,
};

const struct dialect classic_deflated_dialect = {
    .name = "classic", /* whoever looks for browsers by the protocol finds them all */
    .index = 3,
    .encode = encode,
    .pack = deflate_frame,
    .plain = 0, /* classic_dialect */
    .announces = announces,
    .session_of = session_of,
    .on_announced = classic_announced,
    .tell = classic_tell,
    .end = classic_end,
};

const struct dialect classic_new_deflated_dialect = {
    .name = "encke",
    .index = 4,
    .encode = encode_new,
    .pack = deflate_frame,
    .plain = 2, /* classic_new_dialect */
    .announces = announces,
    .session_of = session_of,
    .on_announced = classic_announced,
    .tell = classic_tell,
    .end = classic_end,
};

static _Thread_local struct buf saying;

void classic_say(struct classic *c, const struct classic_frame *f)
{
    buf_recycle(&saying, LINE_KEPT);
    classic_encode(&saying, f, classic_is_old(c));
    if (buf_ok(&saying))
        stream_write(c->ws.stream, buf_slice(&saying));
    else
        stream_close(c->ws.stream); /* no memory: the client comes back rather than wait for an answer for ever */
}

void classic_say_error(struct classic *c, const char *data)
{
    classic_say(c, &(struct classic_frame){
                       .data = slice_str(data),
                       .event = SLICE("error"),
                       .pipe = SLICE("sys"),
                       .has_time = true,
                       .time_s = shard_wall_s(),
                       .authorized = -1,
                   });
}

void classic_buffers_clear(void)
{
    buf_clear(&line);
    buf_clear(&saying);
}
