/* classic_history: what was said before, on its way to one client: a history (pipe_log), or what he missed (recover).
 *
 * It may be far larger than what may wait for a connection, so it goes out as the socket takes it, and the next command is read
 * when it is through.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json_out.h"
#include "dialect/classic_internal.h"
#include "hub/channel.h"

struct classic_log {
    size_t                count, said;
    bool                  is_recovery; /* a last frame says how it went: */
    bool                  is_recovered;
    uint64_t              epoch, offset; /* where the channel is now */
    uint8_t               name_len, marker_len;
    char                  name[CHANNEL_NAME_MAX];
    char                  marker[CLASSIC_MARKER_MAX];
    const struct message *messages[]; /* each counted */
};

void classic_log_drop(struct classic *c)
{
    if (c->log == NULL)
        return;
    for (size_t i = c->log->said; i < c->log->count; i++)
        message_unref(c->log->messages[i]);
    free(c->log);
    c->log = NULL;
}

/* No marker: the library drops pipe messages that carry a foreign one. */
static void say_recorded(struct classic *c, const struct message *m)
{
    const struct draft *d = m->draft;
    struct buf          data = { 0 };
    json_out_string(&data, d->payload);
    if (buf_ok(&data))
        classic_say(c, &(struct classic_frame){
                           .data = buf_slice(&data),
                           .data_is_text = true,
                           .event = d->event.len > 0 ? d->event : SLICE("undefined"),
                           .from_queue = true,
                           .is_history = true,
                           .pipe = d->channel,
                           .has_time = true,
                           .time_s = m->sent_ms / 1000,
                           .has_user = true,
                           .user_id = d->user_id,
                           .authorized = -1,
                           .position = classic_is_new(c) ? m : NULL,
                       });
    else
        stream_close(c->ws.stream);
    buf_clear(&data);
}

static void say_recovered(struct classic *c, const struct classic_log *log)
{
    char data[96];
    snprintf(data, sizeof data, "{\"epoch\":\"%016llx\",\"offset\":%llu,\"recovered\":%s}", (unsigned long long)log->epoch,
             (unsigned long long)log->offset, log->is_recovered ? "true" : "false");
    classic_say(c, &(struct classic_frame){
                       .data = slice_str(data),
                       .event = SLICE("recovered"),
                       .marker = slice_of(log->marker, log->marker_len),
                       .pipe = slice_of(log->name, log->name_len),
                       .authorized = -1,
                   });
}

void classic_log_go_on(struct classic *c)
{
    struct classic_log *log = c->log;
    if (log == NULL)
        return;
    while (log->said < log->count && !stream_is_blocked(c->ws.stream) && stream_is_open(c->ws.stream)) {
        say_recorded(c, log->messages[log->said]);
        message_unref(log->messages[log->said++]);
    }
    if (log->said < log->count)
        return;
    if (log->is_recovery && stream_is_open(c->ws.stream))
        say_recovered(c, log);
    classic_log_drop(c);
    classic_answered(c);
}

/* One frame for each message, oldest first. NULL: no memory, and the client knows. */
static struct classic_log *log_new(struct classic *c, const struct ask *a)
{
    struct classic_log *log = a->status == OK ? calloc(1, sizeof *log + a->message_count * sizeof(struct message *)) : NULL;
    if (log == NULL) {
        classic_say_error(c, CLASSIC_NO_MEMORY);
        classic_answered(c);
        return NULL;
    }
    log->count = a->message_count;
    for (size_t i = 0; i < a->message_count; i++)
        log->messages[i] = message_ref(a->messages[i]);
    c->log = log;
    return log;
}

static void on_history(struct stream *asker, const struct ask *a)
{
    struct classic *c = classic_of(asker);
    if (log_new(c, a) != NULL)
        classic_log_go_on(c);
}

void classic_do_pipe_log(struct classic *c, struct slice rest)
{
    struct slice channel = slice_cut(&rest, '\n'), marker = slice_cut(&rest, '\n');
    if (!classic_is_name(channel)) {
        classic_say_error(c, CLASSIC_BAD_NAME);
        classic_say_error(c, "{\"error\":\"Invalid channel name.\",\"number_messages\":-1}");
    } else if (!channel_name_is_valid(channel, CLASSIC_NAME_MIN)) {
        classic_say_error(c, "{\"error\":\"Invalid channel name.\",\"number_messages\":-1}");
    } else if (!classic_is_marker(marker)) {
        classic_say_error(c, "{\"error\":\"Invalid marker value.\",\"number_messages\":-1}");
    } else if (!classic_may_hear(c, channel)) {
        classic_say_error(c, "{\"error\":\"The history of private_ channels is for authorised users\","
                             "\"number_messages\":-1}");
    } else {
        struct ask *a = ask_new(ASK_HISTORY, c->session.app, channel, marker);
        if (a != NULL)
            a->number = CHANNEL_HISTORY_MAX;
        classic_ask(c, a, on_history);
    }
}

/* --- recovery ---------------------------------------------------------------------------------------------------------- */

static void on_recovery(struct stream *asker, const struct ask *a)
{
    struct classic     *c = classic_of(asker);
    struct classic_log *log = log_new(c, a);
    if (log == NULL)
        return;
    log->is_recovery = true;
    log->is_recovered = a->found;
    log->epoch = a->epoch;
    log->offset = a->offset;
    log->name_len = (uint8_t)a->channel.len;
    log->marker_len = (uint8_t)a->note.len;
    memcpy(log->name, a->channel.at, a->channel.len);
    if (a->note.len > 0)
        memcpy(log->marker, a->note.at, a->note.len);
    classic_log_go_on(c);
}

/* 16 hexadecimal digits; empty is 0, which no channel has. */
static bool epoch_of(struct slice text, uint64_t *out)
{
    *out = 0;
    if (text.len != 16)
        return text.len == 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        int  digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        *out = *out << 4 | (unsigned)digit;
    }
    return true;
}

/* recover\n<channel>\n<epoch>\n<offset>\n<marker>: after `subscription`. Empty epoch and offset: where is the channel now? */
void classic_do_recover(struct classic *c, struct slice rest)
{
    struct slice channel = slice_cut(&rest, '\n'), epoch_text = slice_cut(&rest, '\n'), offset_text = slice_cut(&rest, '\n');
    struct slice marker = slice_cut(&rest, '\n');
    uint64_t     epoch, offset = 0;
    bool         is_position = epoch_of(epoch_text, &epoch) && (offset_text.len == 0 || slice_u64(offset_text, UINT64_MAX - 1, &offset));
    if (!channel_name_is_valid(channel, CLASSIC_NAME_MIN)) {
        classic_say_error(c, CLASSIC_BAD_NAME);
    } else if (!classic_is_marker(marker)) {
        classic_say_error(c, CLASSIC_BAD_MARKER);
    } else if (!is_position) {
        classic_say_error(c, "{\"error\":\"recover needs a channel, its epoch (16 hexadecimal digits) and an offset\"}");
    } else if (!classic_may_hear(c, channel)) {
        classic_say_error(c, "{\"error\":\"You may not hear this channel\"}");
    } else {
        struct ask *a = ask_new(ASK_RECOVER, c->session.app, channel, marker);
        if (a != NULL) {
            a->epoch = epoch;
            a->offset = offset;
            a->number = epoch_text.len > 0 ? CHANNEL_HISTORY_MAX : 0;
        }
        classic_ask(c, a, on_recovery);
    }
}
