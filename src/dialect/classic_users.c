/* classic_users: who a visitor is, and what may be known of others (spec classic-protocol.md section 4).
 *
 *   URL sesion=KEY&myid=5 ---> token? verified here --\
 *                         \--> hash --------------------> ASK_USER_LOGIN at his home -> serverInfo, then what waited for him
 *
 * A wrong key is no error: the visitor stays, as a stranger. Until the home has answered nothing he says is read.
 */
#include <stdio.h>

#include "base/json_out.h"
#include "base/jwt.h"
#include "base/log.h"
#include "dialect/classic_internal.h"
#include "hub/channel.h"
#include "hub/user.h"

/* What a login is about, on its way there and back. */
struct login_note {
    uint32_t user_id;
    bool     is_command; /* said on a live connection */
};

/* --- what may be known ------------------------------------------------------------------------------------------------- */

static enum classic_readers readers_of(uint32_t app)
{
    for (size_t i = 0; i < classic_settings->app_reader_count; i++)
        if (classic_settings->app_readers[i].app == app)
            return classic_settings->app_readers[i].readers;
    return classic_settings->readers;
}

static bool may_read(const struct classic *c, uint64_t user_id)
{
    switch (readers_of(c->session.app)) {
    case CLASSIC_EVERYONE:
        return true;
    case CLASSIC_USERS:
        return c->session.user_id > 0;
    case CLASSIC_SELF:
        return c->session.user_id > 0 && c->session.user_id == user_id;
    }
    return false;
}

bool classic_may_hear(const struct classic *c, struct slice channel)
{
    uint64_t user_id;
    if (slice_is(channel, "msg")) /* the name of personal messages is no channel */
        return false;
    if (classic_is_class(channel, "private_"))
        return c->session.user_id > 0;
    if (classic_is_class(channel, "user_status_") &&
        slice_u64(slice_skip(channel, strlen("user_status_")), USER_ID_MAX, &user_id))
        return may_read(c, user_id);
    return true;
}

uint32_t classic_history_floor(struct slice channel)
{
    return classic_is_class(channel, CLASSIC_TRUST) ? CHANNEL_HISTORY_MAX : 0;
}

bool classic_may_drop(struct slice channel)
{
    for (size_t i = 0; i < classic_settings->droppable_count; i++)
        if (classic_is_class(channel, classic_settings->droppable[i]))
            return true;
    return false;
}

/* --- logging in -------------------------------------------------------------------------------------------------------- */

/* The data is what his telephone registers with (spec cometql.md 7.1): hexadecimal digits, or nothing. */
void classic_say_server_info(struct classic *c, bool is_authorized, struct slice sip_secret)
{
    char data[2 * USER_SIP_SECRET + 3];
    int  len = snprintf(data, sizeof data, "\"%.*s\"", SLICE_ARG(sip_secret));
    classic_say(c, &(struct classic_frame){
                       .data = slice_of(data, (size_t)len),
                       .data_is_text = true,
                       .authorized = is_authorized,
                       .event = SLICE("serverInfo"),
                       .pipe = SLICE("sys"),
                       .server = slice_str(classic_settings->server),
                       .has_time = true,
                       .time_s = shard_wall_s(),
                   });
}

static void say_login(struct classic *c, bool is_authorized, struct slice sip_secret)
{
    char data[128], sip[64] = "";
    if (sip_secret.len > 0)
        snprintf(sip, sizeof sip, "\"sip\":\"%.*s\",", SLICE_ARG(sip_secret));
    snprintf(data, sizeof data, "{\"authorized\":%s,%s\"user_id\":%u}", is_authorized ? "true" : "false", sip,
             c->session.user_id);
    classic_say(c, &(struct classic_frame){
                       .data = slice_str(data),
                       .authorized = -1,
                       .event = SLICE("login"),
                       .pipe = SLICE("sys"),
                       .has_time = true,
                       .time_s = shard_wall_s(),
                   });
}

static void say_outcome(struct classic *c, const struct login_note *note, bool is_authorized, struct slice sip_secret)
{
    if (!note->is_command && !is_authorized && classic_settings->refuses_strangers)
        classic_end_stranger(c);
    else if (note->is_command)
        say_login(c, is_authorized, sip_secret);
    else
        classic_say_server_info(c, is_authorized, sip_secret);
}

static void on_login(struct stream *asker, const struct ask *a)
{
    struct classic   *c = classic_of(asker);
    struct login_note note;
    memcpy(&note, a->note.at, sizeof note);
    if (a->status != OK && a->status != E_AUTH) {
        stream_close(asker); /* nobody knows who he is at present: he comes back and asks again */
        return;
    }
    if (a->status == OK)
        session_identify(&c->session, note.user_id);
    say_outcome(c, &note, a->status == OK, a->answer);
    classic_answered(c);
}

/* A token has two dots and is longer than any hash. */
static bool looks_like_token(struct slice key)
{
    return key.len > USER_HASH_MAX;
}

/* True: the key may be right; the question is complete. */
static bool is_plausible(struct ask *a, struct slice key)
{
    struct jwt_claims claims;
    struct error      error;
    if (!looks_like_token(key))
        return user_hash_is_valid(key);
    if (classic_settings->jwt == NULL ||
        jwt_verify(classic_settings->jwt, a->app, key, shard_wall_s(), &claims, &error) != OK) {
        log_debug("classic: a token of app %u was refused: %s", a->app,
                  classic_settings->jwt == NULL ? "no keys are configured" : error.text);
        return false;
    }
    a->has_token = true;
    a->number = claims.expires_s;
    return claims.user_id == a->user_id;
}

static void login(struct classic *c, struct login_note note, struct slice key)
{
    struct ask *a = ask_user_new(ASK_USER_LOGIN, c->session.app, note.user_id, SLICE(""), key, slice_of(&note, sizeof note));
    if (a == NULL) {
        stream_close(c->ws.stream);
        return;
    }
    a->dialect = c->session.dialect;
    if (is_plausible(a, key)) {
        classic_ask(c, a, on_login);
        return;
    }
    ask_drop(a);
    say_outcome(c, &note, false, SLICE(""));
}

void classic_login(struct classic *c, uint32_t user_id, struct slice key)
{
    login(c, (struct login_note){ .user_id = user_id }, key);
}

/* login\n<user id>\n<key>: a page whose visitor logs in while it is open, or whose token is about to expire. */
void classic_do_login(struct classic *c, struct slice rest)
{
    struct slice id_text = slice_trim(slice_cut(&rest, '\n')), key = slice_trim(rest);
    uint64_t     id;
    if (!slice_u64(id_text, USER_ID_MAX, &id) || id == 0 || key.len == 0)
        classic_say_error(c, "{\"error\":\"login needs a user id and a key, each on a line\",\"user_id\":-1}");
    else if (c->session.user_id > 0 && c->session.user_id != id)
        classic_say_error(c, "{\"error\":\"This connection belongs to another user; connect anew\",\"user_id\":-1}");
    else
        login(c, (struct login_note){ .user_id = (uint32_t)id, .is_command = true }, key);
}

/* --- the end ----------------------------------------------------------------------------------------------------------- */

void classic_end(struct stream *s, enum leave_reason why)
{
    /* 401 and 429 have no top-level code: the library may come back, as a stranger or with a new key. */
    static const char *const texts[] = {
        [LEAVE_REVOKED] = "{\"error\":\"What you logged in with holds no longer\",\"error_code\":401}",
        [LEAVE_EXPIRED] = "{\"error\":\"Your token has expired\",\"error_code\":401}",
        [LEAVE_CROWDED] = "{\"error\":\"Too many connections of this user, the oldest was closed\",\"error_code\":429}",
        [LEAVE_FLOODING] = "{\"error\":\"You do more in a second than is allowed here\",\"error_code\":429}",
        [LEAVE_KICKED] = "{\"error\":\"Disconnected by the operator\",\"error_code\":403}",
    };
    classic_say_error(classic_of(s), texts[why]);
    classic_finish(classic_of(s), WS_CLOSE_POLICY, SLICE("see the last message"));
}

/* --- personal messages ------------------------------------------------------------------------------------------------- */

static bool tell_from_queue(struct classic *c, const struct message *m)
{
    const struct draft *d = m->draft;
    struct buf          data = { 0 };
    if (!d->is_object)
        json_out_string(&data, d->payload);
    if (buf_ok(&data))
        classic_say(c, &(struct classic_frame){
                           .data = d->is_object ? d->payload : buf_slice(&data),
                           .data_is_text = true,
                           .event = d->event,
                           .from_queue = true,
                           .pipe = SLICE("msg"),
                           .has_time = true,
                           .time_s = m->sent_ms / 1000,
                           .authorized = -1,
                       });
    else
        stream_close(c->ws.stream);
    buf_clear(&data);
    return stream_is_open(c->ws.stream);
}

bool classic_tell(struct stream *s, const struct message *m, bool is_from_queue)
{
    struct classic *c = classic_of(s);
    return is_from_queue ? tell_from_queue(c, m) : stream_write(s, m->bytes[c->session.dialect]);
}

/* --- about users ------------------------------------------------------------------------------------------------------- */

static bool is_user_id(struct slice text, uint64_t *out_id)
{
    return slice_u64(slice_trim(text), USER_ID_MAX, out_id);
}

static void say_user_data(struct stream *asker, const struct ask *a)
{
    struct buf data = { 0 };
    buf_text(&data, "{\"user_data\":");
    json_out_string(&data, a->found ? a->answer : SLICE(""));
    buf_printf(&data, ",\"user_id\":%u}", a->user_id);
    classic_say_answer(asker, a, (struct classic_frame){ .event = SLICE("answer"), .pipe = SLICE("_answer") }, &data);
}

void classic_do_user_data(struct classic *c, struct slice rest)
{
    struct slice marker = slice_cut(&rest, '\n');
    uint64_t     id;
    if (!classic_is_marker(marker)) {
        classic_say_error(c, "{\"error\":\"The marker can only contain up to 64 printable characters\",\"number_messages\":-1}");
        classic_say_error(c, "{\"error\":\"Invalid marker name.\",\"user_data\":\"\",\"user_id\":-1}");
    } else if (!is_user_id(rest, &id)) {
        classic_say_error(c, "{\"error\":\"Invalid user id\",\"user_data\":\"\",\"user_id\":-1}");
    } else if (!may_read(c, id)) {
        classic_say_error(c, "{\"error\":\"You may not read the data of this user\",\"user_data\":\"\",\"user_id\":-1}");
    } else {
        classic_ask(c, ask_user_new(ASK_USER_DATA, c->session.app, (uint32_t)id, SLICE(""), SLICE(""), marker),
                    say_user_data);
    }
}

/* 0: online; seconds since he was last seen; -1: nobody knows. */
static void say_user_status(struct stream *asker, const struct ask *a)
{
    struct buf data = { 0 };
    char       event[48];
    int64_t    ago_s = -1;
    if (a->number != UINT64_MAX)
        ago_s = a->number == 0 ? 0 : a->number < shard_wall_s() ? (int64_t)(shard_wall_s() - a->number) : 1;
    buf_printf(&data, "{\"data\":%lld,\"last_online_time\":%lld}", (long long)ago_s, (long long)ago_s);
    snprintf(event, sizeof event, "user_status_%u", a->user_id);
    classic_say_answer(asker, a,
                       (struct classic_frame){ .event = slice_str(event), .pipe = SLICE("_answer_user_status"), .has_no_marker = true },
                       &data);
}

void classic_do_user_status(struct classic *c, struct slice rest)
{
    uint64_t id;
    if (!is_user_id(rest, &id))
        classic_say_error(c, "{\"error\":\"Invalid user id\",\"user_id\":-1}");
    else if (!may_read(c, id))
        classic_say_error(c, "{\"error\":\"You may not know whether this user is online\",\"user_id\":-1}");
    else
        classic_ask(c, ask_user_new(ASK_USER_SEEN, c->session.app, (uint32_t)id, SLICE(""), SLICE(""), SLICE("")),
                    say_user_status);
}
