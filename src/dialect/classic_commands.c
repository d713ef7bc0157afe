/* classic_commands: what a browser may say (spec classic-protocol.md section 2).
 *
 *   command = word, any one byte, arguments separated by LF
 *
 * Answers that are known in another shard come later. A question (pipe_count, pipe_log, track_pipe_users) stops the reading of
 * this connection until it is answered, so answers come in the order of the questions; publications go on side by side, up to
 * IN_FLIGHT_MAX units of them, and only then is reading stopped. Presence events that this connection causes count as well.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json_out.h"
#include "base/list.h"
#include "base/utf8.h"
#include "dialect/classic_internal.h"
#include "hub/ask.h"
#include "hub/channel.h"
#include "hub/publish.h"

#define IN_FLIGHT_MAX  256  /* units: */
#define UNIT_BYTES     4096 /* a publication counts one, and one more for each so many bytes */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool classic_is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_name_byte(s.at[i]))
            return false;
    return true;
}

struct classic *classic_of(struct stream *s)
{
    return list_object((struct ws_conn *)s->owner, struct classic, ws);
}

/* --- subscription ------------------------------------------------------------------------------------------------------ */

/* The next name of a list; any byte that cannot be in a name separates. at == NULL at the end. */
static struct slice next_name(struct slice *rest)
{
    while (rest->len > 0 && !is_name_byte(rest->at[0]))
        *rest = slice_skip(*rest, 1);
    size_t len = 0;
    while (len < rest->len && is_name_byte(rest->at[len]))
        len++;
    struct slice name = { len > 0 ? rest->at : NULL, len };
    *rest = slice_skip(*rest, len);
    return name;
}

static void say_list_error(struct classic *c, const char *text)
{
    char data[96];
    snprintf(data, sizeof data, "{\"code\":\"403\",\"error\":\"%s\"}", text);
    classic_say_error(c, data);
}

/* A subscription as the list sees it. */
struct held {
    struct slice name;
    unsigned     index;
    bool         is_listed;
};

static int by_name(const void *a, const void *b)
{
    return slice_compare(((const struct held *)a)->name, ((const struct held *)b)->name);
}

/* Sets is_listed. The list is gone through once, however much of it means nothing: a visitor may send 200 of them a second. */
static void mark_listed(struct held *all, unsigned count, struct slice list)
{
    for (struct held key = { .index = 0 }; (key.name = next_name(&list)).at != NULL;) {
        struct held *found = bsearch(&key, all, count, sizeof *all, by_name);
        if (found != NULL)
            found->is_listed = true;
    }
}

static int by_index_downwards(const void *a, const void *b)
{
    unsigned i = ((const struct held *)a)->index, k = ((const struct held *)b)->index;
    return (i < k) - (i > k);
}

/* False: no memory, nothing has changed. */
static bool drop_unlisted(struct classic *c, struct slice list)
{
    struct session *s = &c->session;
    unsigned        count = s->sub_count;
    struct held    *all = count > 0 ? malloc(count * sizeof *all) : NULL;
    if (all == NULL)
        return count == 0;
    for (unsigned i = 0; i < count; i++)
        all[i] = (struct held){ .name = subscription_name(&session_subs(s)[i]), .index = i };
    qsort(all, count, sizeof *all, by_name);
    mark_listed(all, count, list);
    qsort(all, count, sizeof *all, by_index_downwards); /* the last takes the place of one that goes */
    for (unsigned i = 0; i < count; i++)
        if (!all[i].is_listed)
            unsubscribe_at(s, all[i].index);
    free(all);
    return true;
}

/* No list of names that can be held is longer than this; what is behind it only costs time. True: it was shortened. */
static bool shorten(struct slice *list)
{
    size_t longest = ((size_t)classic_settings->max_subscriptions + 1) * (CHANNEL_NAME_MAX + 1);
    if (list->len <= longest)
        return false;
    while (longest > 0 && is_name_byte(list->at[longest]))
        longest--;
    list->len = longest;
    return true;
}

/* The command replaces the list. Only the difference is carried out: the library sends the whole list each time a page adds one
 * name, and presence must not flap. */
static void do_subscription(struct classic *c, struct slice list)
{
    bool         too_long = false, too_many = shorten(&list);
    struct slice rest = list;
    if (!drop_unlisted(c, list)) {
        classic_say_error(c, CLASSIC_NO_MEMORY);
        return;
    }
    for (struct slice name; (name = next_name(&rest)).at != NULL;) {
        if (name.len < CLASSIC_NAME_MIN || !classic_may_hear(c, name))
            continue;
        if (name.len > CHANNEL_NAME_MAX) {
            too_long = true;
            continue;
        }
        enum status s = subscribe(&c->session, name);
        if (s == E_NO_MEMORY) {
            classic_say_error(c, CLASSIC_NO_MEMORY);
            return;
        }
        if (s == E_MANY_CHANNELS) {
            say_list_error(c, "There are too many channels");
            break;
        }
        if (s == E_TOO_FAST) {
            classic_end(c->ws.stream, LEAVE_FLOODING);
            return;
        }
        if (s == E_FULL) {
            too_many = true;
            break;
        }
    }
    if (c->session.in_flight >= IN_FLIGHT_MAX)
        stream_pause(c->ws.stream);
    if (too_long)
        say_list_error(c, "Channel name is too long");
    if (too_many)
        say_list_error(c, "Too many letters");
}

/* --- web_pipe2 --------------------------------------------------------------------------------------------------------- */

/* So much less is under way. */
static void settle(struct classic *c, unsigned units)
{
    c->session.in_flight = (uint16_t)(c->session.in_flight - units) & 0x7fff;
    if (c->session.in_flight <= IN_FLIGHT_MAX / 2 && !c->session.is_asking)
        ws_conn_resume(&c->ws);
}

void classic_announced(struct stream *s)
{
    settle(classic_of(s), 1);
}

/* The report: {"message":"...","number_messages":7} on _answer_to_<channel>. */
static void on_published(struct stream *asker, const struct publish_report *r)
{
    struct classic *c = classic_of(asker);
    if (r->status != OK) {
        classic_say_error(c, CLASSIC_NO_MEMORY);
    } else {
        struct buf   data = { 0 }, pipe = { 0 };
        struct slice text = r->message->draft->payload;
        buf_text(&data, "{\"message\":");
        json_out_string(&data, text);
        buf_printf(&data, ",\"number_messages\":%llu}", (unsigned long long)r->reached);
        buf_text(&pipe, "_answer_to_");
        buf_slice_append(&pipe, r->message->draft->channel);
        if (buf_ok(&data) && buf_ok(&pipe))
            classic_say(c, &(struct classic_frame){
                               .data = buf_slice(&data),
                               .event = SLICE("answer"),
                               .pipe = buf_slice(&pipe),
                               .has_time = true,
                               .time_s = r->message->sent_ms / 1000,
                               .authorized = -1,
                           });
        else
            stream_close(asker);
        buf_clear(&data);
        buf_clear(&pipe);
    }
    settle(c, (unsigned)r->note);
}

struct web_pipe {
    struct slice channel, event, auth_type, text;
    bool         hides_sender; /* @web_ */
};

/* The first fault, as the JSON of its error frame; NULL: none. */
static const char *web_pipe_fault(const struct classic *c, const struct web_pipe *p)
{
    bool is_webauth = classic_is_class(p->channel, "webauth_") && !p->hides_sender;
    if (!classic_is_class(p->channel, "web_") && !is_webauth)
        return "{\"error\":\"[pipe_msg2] Invalid channel name. The channel should begin with web_\",\"number_messages\":-1}";
    if (is_webauth && c->session.user_id == 0)
        return "{\"error\":\"[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send "
               "messages anonim users\",\"number_messages\":-1}";
    if (!classic_is_name(p->channel))
        return CLASSIC_BAD_NAME;
    if (p->channel.len > CHANNEL_NAME_MAX)
        return "{\"error\":\"Invalid pipe name length\",\"number_messages\":-1}";
    if (!classic_is_name(p->event))
        return "{\"error\":\"The event name can only contain characters A-Za-z0-9_-\"}";
    if (p->event.len > CHANNEL_NAME_MAX)
        return "{\"error\":\"Invalid event name length\"}";
    if (p->auth_type.len != 1)
        return "{\"error\":\"Invalid value auth_type\",\"number_messages\":-1}";
    return NULL;
}

static bool listens(struct classic *c, struct slice channel)
{
    const struct subscription *subs = session_subs(&c->session);
    for (unsigned i = 0; i < c->session.sub_count; i++)
        if (slice_equal(subscription_name(&subs[i]), channel))
            return true;
    return false;
}

static void do_web_pipe(struct classic *c, struct slice rest)
{
    struct web_pipe p = { .channel = slice_cut(&rest, '\n') };
    p.event = slice_cut(&rest, '\n');
    p.auth_type = slice_cut(&rest, '\n');
    p.text = rest;
    p.hides_sender = slice_starts(p.channel, "@web_");
    if (p.hides_sender)
        p.channel = slice_skip(p.channel, 1);
    const char *fault = web_pipe_fault(c, &p);
    if (fault != NULL) {
        classic_say_error(c, fault);
        return;
    }
    struct draft *d = draft_new(c->session.app, p.channel, p.event, p.text);
    if (d == NULL) {
        classic_say_error(c, CLASSIC_NO_MEMORY);
        return;
    }
    d->shows_user = true;
    d->user_id = p.hides_sender ? 0 : c->session.user_id;
    d->sender = stream_id(c->ws.stream);
    d->sender_listens = listens(c, p.channel);
    unsigned units = 1 + (unsigned)(p.text.len / UNIT_BYTES);
    c->session.in_flight = (uint16_t)(c->session.in_flight + units) & 0x7fff;
    if (publish(d, c->ws.stream, units, on_published) != OK) {
        settle(c, units);
        classic_say_error(c, CLASSIC_NO_MEMORY);
    } else if (c->session.in_flight >= IN_FLIGHT_MAX) {
        stream_pause(c->ws.stream);
    }
}

/* --- questions --------------------------------------------------------------------------------------------------------- */

bool classic_is_marker(struct slice marker)
{
    if (marker.len > CLASSIC_MARKER_MAX)
        return false;
    for (size_t i = 0; i < marker.len; i++)
        if ((unsigned char)marker.at[i] < 0x20 || marker.at[i] == 0x7f)
            return false;
    return true;
}

void classic_ask(struct classic *c, struct ask *given, void (*on_answer)(struct stream *asker, const struct ask *a))
{
    if (given == NULL) {
        classic_say_error(c, CLASSIC_NO_MEMORY);
        return;
    }
    c->session.is_asking = true;
    stream_pause(c->ws.stream);
    ask_send(given, c->ws.stream, on_answer);
}

static void question(struct classic *c, enum ask_kind kind, struct slice channel, struct slice marker, uint64_t number,
                     void (*on_answer)(struct stream *asker, const struct ask *a))
{
    struct ask *a = ask_new(kind, c->session.app, channel, marker);
    if (a != NULL)
        a->number = number;
    classic_ask(c, a, on_answer);
}

void classic_answered(struct classic *c)
{
    c->session.is_asking = false;
    if (c->session.in_flight < IN_FLIGHT_MAX)
        ws_conn_resume(&c->ws);
}

/* Says `data` as the answer to a question, or why there is none, and reads on. */
void classic_say_answer(struct stream *asker, const struct ask *a, struct classic_frame f, struct buf *data)
{
    struct classic *c = classic_of(asker);
    f.data = buf_slice(data);
    if (!f.has_no_marker)
        f.marker = a->note.len > 0 ? a->note : SLICE("");
    f.has_time = true;
    f.time_s = shard_wall_s();
    f.authorized = -1;
    if (a->status != OK || !buf_ok(data))
        classic_say_error(c, CLASSIC_NO_MEMORY);
    else
        classic_say(c, &f);
    buf_clear(data);
    classic_answered(c);
}

static void on_counted(struct stream *asker, const struct ask *a)
{
    struct buf data = { 0 };
    buf_printf(&data, "{\"user_in_pipe\":%llu}", (unsigned long long)a->number);
    classic_say_answer(asker, a,
               (struct classic_frame){ .event = SLICE("user_in_pipe"), .pipe = SLICE("_answer_pipe_count") }, &data);
}

static void do_pipe_count(struct classic *c, struct slice rest)
{
    struct slice channel = slice_cut(&rest, '\n'), marker = slice_cut(&rest, '\n');
    if (!classic_is_class(channel, "web_") && !classic_is_class(channel, "track_")) {
        classic_say_error(c, "{\"error\":\"[pipe_count] Invalid channel name. The channel should start with web_\","
                             "\"number_messages\":-1}");
    } else if (!channel_name_is_valid(channel, CLASSIC_NAME_MIN)) {
        classic_say_error(c, CLASSIC_BAD_NAME);
        classic_say_error(c, "{\"error\":\"Invalid pipe name.\",\"number_messages\":-1}");
    } else if (!classic_is_marker(marker)) {
        classic_say_error(c, CLASSIC_BAD_MARKER);
    } else {
        question(c, ASK_COUNT, channel, marker, 0, on_counted);
    }
}

static void on_members(struct stream *asker, const struct ask *a)
{
    struct buf data = { 0 };
    buf_byte(&data, '[');
    for (const struct ask_member *m = a->members; m != NULL; m = m->next) {
        buf_printf(&data, "%s{\"user_id\":%u,\"uuid\":", m == a->members ? "" : ",", m->user_id);
        json_out_string(&data, m->uuid);
        buf_byte(&data, '}');
    }
    buf_byte(&data, ']');
    classic_say_answer(asker, a,
               (struct classic_frame){
                   .info = SLICE("answer for track_pipe_users"), .event = SLICE("answer"), .pipe = SLICE("_answer") },
               &data);
}

/* The arguments of this one are separated by any white space. */
static struct slice cut_word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != '\n' && rest->at[len] != '\t' &&
           rest->at[len] != '\r')
        len++;
    struct slice word = slice_first(*rest, len);
    *rest = slice_skip(*rest, len);
    return word;
}

static void do_track_pipe_users(struct classic *c, struct slice rest)
{
    struct slice channel = cut_word(&rest), marker = cut_word(&rest);
    if (!classic_is_class(channel, "track_"))
        classic_say_error(c, "{\"error\":\"[track_pipe_users] Invalid channel name. The channel should start with track_\","
                             "\"user_id\":-1}");
    else if (!channel_name_is_valid(channel, CLASSIC_NAME_MIN))
        classic_say_error(c, CLASSIC_BAD_NAME);
    else if (!classic_is_marker(marker))
        classic_say_error(c, CLASSIC_BAD_MARKER);
    else
        question(c, ASK_MEMBERS, channel, marker, 0, on_members);
}

static void do_nothing(struct classic *c, struct slice rest)
{
    (void)c;
    (void)rest;
}

/* --- the table --------------------------------------------------------------------------------------------------------- */

/* Words are matched as prefixes in this order, as clients expect it. */
static const struct command {
    const char *word;
    void (*run)(struct classic *c, struct slice rest);
} commands[] = {
    { "subscription", do_subscription },
    { "user_status", classic_do_user_status },
    { "pipe_count", do_pipe_count },
    { "statistics", do_nothing },
    { "web_pipe2", do_web_pipe },
    { "pipe_log", classic_do_pipe_log },
    { "track_pipe_users", do_track_pipe_users },
    { "user_data", classic_do_user_data },
    { "recover", classic_do_recover }, /* ours, and the next */
    { "login", classic_do_login },
    { "cgi_call", do_nothing },
    { "CometQL_call", do_nothing },
};

void classic_command(struct classic *c, struct slice text)
{
    if (!utf8_is_valid(text)) { /* a binary frame: text frames are checked below us */
        classic_say_error(c, "{\"error\":\"The message is not valid UTF-8\",\"number_messages\":-1}");
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_starts(text, commands[i].word)) {
            commands[i].run(c, slice_skip(text, strlen(commands[i].word) + 1));
            return;
        }
    ws_conn_close(&c->ws, WS_CLOSE_POLICY, SLICE("the command is unknown")); /* he does not speak this protocol */
}
