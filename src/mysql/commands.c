/* commands: what a packet asks for.
 *
 *   GREETED  SSLRequest ------------------> SECURING, where the login packet comes over TLS
 *   GREETED  login packet ----------------> IDLE, or SWITCHED when the client is asked for an answer to another plugin
 *   SWITCHED the answer to the new salt --> IDLE
 *   IDLE     one of the commands below; statements go to the owner (ASKED)
 */
#include "base/log.h"
#include "io/meter.h"
#include "mysql/internal.h"
#include "mysql/prepared.h"
#include "mysql/take.h"

enum command {
    COM_QUIT = 0x01,
    COM_INIT_DB = 0x02,
    COM_QUERY = 0x03,
    COM_FIELD_LIST = 0x04,
    COM_STATISTICS = 0x09,
    COM_PING = 0x0E,
    COM_CHANGE_USER = 0x11,
    COM_STMT_PREPARE = 0x16,
    COM_STMT_EXECUTE = 0x17,
    COM_STMT_SEND_LONG_DATA = 0x18,
    COM_STMT_CLOSE = 0x19,
    COM_STMT_RESET = 0x1A,
    COM_SET_OPTION = 0x1B,
    COM_STMT_FETCH = 0x1C,
    COM_RESET_CONNECTION = 0x1F,
    COMMAND_COUNT = 0x20,
};

static void answer_ok(struct mysql_conn *c)
{
    mysql_result_ok(&c->out, &c->sequence, 0, 0, 0);
    mysql_flush(c);
}

static void answer_error(struct mysql_conn *c, const struct error *error)
{
    mysql_result_error(&c->out, &c->sequence, error);
    mysql_flush(c);
}

static void answer_plain_error(struct mysql_conn *c, enum status why)
{
    struct error error;
    error_plain(&error, why);
    answer_error(c, &error);
}

/* --- login -------------------------------------------------------------------------------------------------------- */

static void refuse_login(struct mysql_conn *c, const struct error *error)
{
    answer_error(c, error);
    mysql_leave(c);
}

/* Somebody may be trying passwords: the log says from where. */
static void note_refused(const struct mysql_conn *c, const struct error *error)
{
    static struct log_limit limit = { .every_ms = 10000 };
    char                    peer[ADDRESS_TEXT_MAX];
    counter_add(COUNTER_SQL_LOGINS_REFUSED, 1);
    stream_peer(c->stream, peer, sizeof peer);
    log_limited(&limit, LOG_WARN, "cometql: refused a login from %s: %s", peer, error->text);
}

/* `plugin` is how the answer was made. */
static void finish_login(struct mysql_conn *c, enum mysql_plugin plugin, struct slice user, struct slice database,
                         struct slice answer)
{
    const struct mysql_settings *settings = mysql_own_settings;
    struct mysql_login           login = { .user = user, .database = database, .is_empty_password = answer.len == 0 };
    struct error                 error;
    login.is_password_right = mysql_password_is_right(plugin, settings->password, c->salt, answer);
    if (settings->ops->on_login(c, &login, &error) != OK) {
        note_refused(c, &error);
        refuse_login(c, &error);
        return;
    }
    c->is_authenticated = login.is_password_right;
    if (c->is_authenticated)
        mysql_reader_bound(&c->reader, settings->max_packet);
    mysql_enter(c, MYSQL_IDLE);
    stream_settle(c->stream);
    if (plugin == MYSQL_SHA2 && c->is_authenticated)
        mysql_fast_write(&c->out, &c->sequence);
    answer_ok(c);
    if (settings->idle_timeout_ms > 0)
        stream_wait(c->stream, settings->idle_timeout_ms);
    else
        stream_wait_no_more(c->stream);
}

/* Asks for an answer to a new salt, in the client's way where we know it. What the packet said is kept until then. */
static void switch_plugin(struct mysql_conn *c, const struct mysql_login_packet *said)
{
    buf_reset(&c->awaited);
    buf_slice_append(&c->awaited, said->user);
    buf_byte(&c->awaited, '\0');
    buf_slice_append(&c->awaited, said->database);
    if (!buf_ok(&c->awaited)) {
        stream_close(c->stream);
        return;
    }
    enum mysql_plugin plugin = MYSQL_NATIVE;
    mysql_plugin_find(said->plugin, &plugin);
    c->plugin = (uint8_t)plugin;
    c->is_authenticated = false;
    mysql_enter(c, MYSQL_SWITCHED);
    mysql_salt_make(c->salt);
    mysql_switch_write(&c->out, &c->sequence, plugin, c->salt);
    mysql_flush(c);
    stream_wait(c->stream, mysql_own_settings->login_timeout_ms);
}

/* Nobody listens between the two ends of a unix socket: it counts as safe, as in MySQL. */
static bool is_on_this_machine(const struct stream *s)
{
    struct address peer;
    return stream_peer_address(s, &peer) && address_is_unix(&peer);
}

/* May they go on with the login over this connection as it is? */
static enum status check_tls(const struct mysql_conn *c, const struct mysql_login_packet *said, struct error *error)
{
    if (said->wants_tls && mysql_own_settings->tls == NULL)
        return error_set(error, E_AUTH, "Authentication failure: TLS is not offered on this port");
    if (said->wants_tls && stream_is_secure(c->stream))
        return error_set(error, E_AUTH, "Authentication failure: TLS inside TLS is not offered");
    if (!said->wants_tls && mysql_own_settings->requires_tls && !stream_is_secure(c->stream) && !is_on_this_machine(c->stream))
        return error_plain(error, E_INSECURE);
    return OK;
}

/* Is what the packet brings an answer to the greeting's salt, and of which plugin? No answer is one in the way that the
 * greeting has named, of somebody without a password. Who comes with caching_sha2_password, however, may have found
 * the salt to be for another plugin and have kept the answer back. */
static bool is_answered(const struct mysql_login_packet *said, enum mysql_plugin *out_plugin)
{
    *out_plugin = MYSQL_NATIVE;
    if (said->plugin.len == 0)
        return true;
    if (!mysql_plugin_find(said->plugin, out_plugin))
        return false;
    return *out_plugin == MYSQL_NATIVE || said->answer.len == mysql_plugin_answer_bytes(*out_plugin);
}

static void on_login_packet(struct mysql_conn *c, struct slice body)
{
    struct mysql_login_packet said;
    enum mysql_plugin         plugin;
    struct error              error;
    if (mysql_login_parse(body, &said, &error) != OK || check_tls(c, &said, &error) != OK) {
        refuse_login(c, &error);
        return;
    }
    if (said.wants_tls) {
        mysql_enter(c, MYSQL_SECURING);
        return;
    }
    c->knows_plugins = said.capabilities & MYSQL_PLUGIN_AUTH;
    c->takes_many = said.capabilities & MYSQL_MULTI_STATEMENTS;
    if (is_answered(&said, &plugin))
        finish_login(c, plugin, said.user, said.database, said.answer);
    else
        switch_plugin(c, &said);
}

static void on_switch_answer(struct mysql_conn *c, struct slice answer)
{
    struct buf   awaited = c->awaited;
    struct slice database = buf_slice(&awaited);
    struct slice user = slice_cut(&database, '\0');
    c->awaited = (struct buf){ 0 };
    if (answer.len == 1 && answer.at[0] == '\0') /* caching_sha2_password: no password */
        answer = SLICE("");
    finish_login(c, (enum mysql_plugin)c->plugin, user, database, answer);
    buf_clear(&awaited);
}

/* An answer to the salt of before is taken, for libmariadb gives no other; it is right on this connection only. Any other
 * client is asked for an answer to a new salt. */
static void on_change_user(struct mysql_conn *c, struct slice body)
{
    struct mysql_login_packet said;
    struct error              error;
    enum mysql_plugin         plugin;
    prepared_clear(&c->prepared);
    if (!c->is_authenticated) { /* who has come without a password would try one after the other here, on one connection */
        error_plain(&error, E_DENIED);
        note_refused(c, &error);
        refuse_login(c, &error);
        return;
    }
    if (mysql_change_user_parse(body, c->knows_plugins, &said, &error) != OK) {
        refuse_login(c, &error);
        return;
    }
    bool is_right = is_answered(&said, &plugin) &&
                    mysql_password_is_right(plugin, mysql_own_settings->password, c->salt, said.answer);
    if (!is_right && c->knows_plugins) {
        switch_plugin(c, &said);
        return;
    }
    c->is_authenticated = false;
    mysql_enter(c, MYSQL_SWITCHED);
    finish_login(c, plugin, said.user, said.database, said.answer);
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static void on_quit(struct mysql_conn *c, struct slice body)
{
    (void)body;
    mysql_leave(c);
}

static void on_init_db(struct mysql_conn *c, struct slice body)
{
    struct error error;
    if (mysql_own_settings->ops->on_database(c, body, &error) == OK)
        answer_ok(c);
    else
        answer_error(c, &error);
}

void mysql_run_query(struct mysql_conn *c, struct slice sql)
{
    struct error error;
    if (++c->many_count <= MYSQL_STATEMENTS_MAX) {
        mysql_own_settings->ops->on_query(c, sql);
        return;
    }
    error_set(&error, E_MANY_VALUES, "Too many statements: a query has at most %u", MYSQL_STATEMENTS_MAX);
    mysql_fail(c, &error);
}

static void on_query(struct mysql_conn *c, struct slice body)
{
    c->many_count = 0;
    mysql_run_query(c, body);
}

bool mysql_takes_many(const struct mysql_conn *c)
{
    return c->takes_many;
}

void mysql_more(struct mysql_conn *c, struct slice rest)
{
    struct slice whole = buf_slice(&c->statement);
    bug_if(c->state != MYSQL_ASKED || c->shape != MYSQL_SHAPE_TEXT);
    bug_if(rest.at <= whole.at || rest.at > whole.at + whole.len);
    c->rest_at = (uint32_t)(rest.at - whole.at);
}

static void on_field_list(struct mysql_conn *c, struct slice body)
{
    struct slice table = slice_cut(&body, '\0');
    mysql_own_settings->ops->on_field_list(c, table, slice_cut(&body, '\0'));
}

static void on_statistics(struct mysql_conn *c, struct slice body)
{
    struct buf text = { 0 };
    (void)body;
    mysql_own_settings->ops->on_statistics(c, &text);
    mysql_result_text(&c->out, &c->sequence, buf_slice(&text));
    mysql_flush(c);
    buf_clear(&text);
}

static void on_ping(struct mysql_conn *c, struct slice body)
{
    (void)body;
    answer_ok(c);
}

static void on_reset_connection(struct mysql_conn *c, struct slice body)
{
    (void)body;
    prepared_clear(&c->prepared);
    answer_ok(c);
}

/* 0: several statements in a query are welcome; 1: no longer. */
static void on_set_option(struct mysql_conn *c, struct slice body)
{
    struct reader r = { .rest = body };
    uint64_t      option = take_little(&r, 2);
    if (r.is_short || option > 1) {
        answer_plain_error(c, E_UNKNOWN_COMMAND);
        return;
    }
    c->takes_many = option == 0;
    mysql_result_eof(&c->out, &c->sequence, 0);
    mysql_flush(c);
}

static const struct {
    void (*run)(struct mysql_conn *c, struct slice body);
    bool is_statement; /* goes to the owner, who answers in his own time */
    bool needs_password;
} commands[COMMAND_COUNT] = {
    [COM_QUIT] = { .run = on_quit },
    [COM_INIT_DB] = { .run = on_init_db },
    [COM_QUERY] = { .run = on_query, .is_statement = true, .needs_password = true },
    [COM_FIELD_LIST] = { .run = on_field_list, .is_statement = true, .needs_password = true },
    [COM_STATISTICS] = { .run = on_statistics },
    [COM_PING] = { .run = on_ping },
    [COM_CHANGE_USER] = { .run = on_change_user },
    [COM_STMT_PREPARE] = { .run = mysql_on_prepare, .is_statement = true, .needs_password = true },
    [COM_STMT_EXECUTE] = { .run = mysql_on_execute, .is_statement = true, .needs_password = true },
    [COM_STMT_SEND_LONG_DATA] = { .run = mysql_on_long_data }, /* this and CLOSE are never answered */
    [COM_STMT_CLOSE] = { .run = mysql_on_statement_close },
    [COM_STMT_RESET] = { .run = mysql_on_statement_reset, .is_statement = true, .needs_password = true },
    [COM_SET_OPTION] = { .run = on_set_option },
    [COM_STMT_FETCH] = { .run = mysql_on_fetch, .is_statement = true, .needs_password = true },
    [COM_RESET_CONNECTION] = { .run = on_reset_connection },
};

/* The statement gets bytes of its own that live until it is answered: a split packet's buffer changes hands, any other
 * is copied into the shard's spare one. */
static struct slice keep_statement(struct mysql_conn *c, const struct mysql_packet *p)
{
    if (p->is_partial) {
        c->statement = mysql_reader_take(&c->reader);
    } else {
        mysql_spare_take(&c->statement);
        buf_slice_append(&c->statement, p->body);
    }
    return slice_skip(buf_slice(&c->statement), 1);
}

static void run_statement(struct mysql_conn *c, const struct mysql_packet *p, unsigned code)
{
    struct slice body = keep_statement(c, p);
    if (!buf_ok(&c->statement)) {
        stream_close(c->stream);
        return;
    }
    stream_wait_no_more(c->stream);
    mysql_enter(c, MYSQL_ASKED);
    commands[code].run(c, body);
}

static void on_command(struct mysql_conn *c, const struct mysql_packet *p)
{
    if (!c->is_authenticated && !meter_take(c->stream, METER_MESSAGES, 1)) {
        stream_close(c->stream);
        return;
    }
    unsigned code = p->body.len > 0 ? (unsigned char)p->body.at[0] : COMMAND_COUNT;
    if (code >= COMMAND_COUNT || commands[code].run == NULL)
        answer_plain_error(c, E_UNKNOWN_COMMAND);
    else if (commands[code].needs_password && !c->is_authenticated)
        answer_plain_error(c, E_DENIED);
    else if (commands[code].is_statement)
        run_statement(c, p, code);
    else
        commands[code].run(c, slice_skip(p->body, 1));
}

void mysql_command(struct mysql_conn *c, const struct mysql_packet *p)
{
    switch ((enum mysql_state)c->state) {
    case MYSQL_GREETED:
    case MYSQL_SECURING:
        on_login_packet(c, p->body);
        break;
    case MYSQL_SWITCHED:
        on_switch_answer(c, p->body);
        break;
    case MYSQL_IDLE:
        on_command(c, p);
        break;
    case MYSQL_ASKED:
    case MYSQL_ROWS:
    case MYSQL_LEAVING:
        break; /* conn.c reads nothing then */
    }
}
