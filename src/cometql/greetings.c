/* greetings: what drivers ask when they connect, and keep asking: literals, functions of no argument, system variables.
 */
#include <stdio.h>
#include <time.h>

#include "cometql/internal.h"

#define VALUE_BYTES GREETING_BYTES

/* --- functions ---------------------------------------------------------------------------------------------------- */

static void say_time(char *out, bool is_local)
{
    time_t    now = (time_t)shard_wall_s();
    struct tm parts;
    if (is_local)
        localtime_r(&now, &parts);
    else
        gmtime_r(&now, &parts);
    strftime(out, VALUE_BYTES, "%Y-%m-%d %H:%M:%S", &parts);
}

static void say_now(const struct cometql *q, char *out)
{
    (void)q;
    say_time(out, true);
}

static void say_utc(const struct cometql *q, char *out)
{
    (void)q;
    say_time(out, false);
}

static void say_unix_time(const struct cometql *q, char *out)
{
    (void)q;
    snprintf(out, VALUE_BYTES, "%llu", (unsigned long long)shard_wall_s());
}

static void say_version(const struct cometql *q, char *out)
{
    (void)q;
    snprintf(out, VALUE_BYTES, "%s", cometql_own_settings->version);
}

static void say_user(const struct cometql *q, char *out)
{
    char peer[ADDRESS_TEXT_MAX];
    stream_peer(mysql_stream(q->conn), peer, sizeof peer);
    snprintf(out, VALUE_BYTES, "%s@%s", q->user, peer);
}

static void say_account(const struct cometql *q, char *out)
{
    snprintf(out, VALUE_BYTES, "%s@%%", q->user);
}

static void say_database(const struct cometql *q, char *out)
{
    snprintf(out, VALUE_BYTES, "%s", q->has_database ? COMETQL_DATABASE : "");
}

static void say_connection(const struct cometql *q, char *out)
{
    snprintf(out, VALUE_BYTES, "%u", mysql_connection_id(q->conn));
}

static void say_zero(const struct cometql *q, char *out)
{
    (void)q;
    snprintf(out, VALUE_BYTES, "0");
}

static const struct {
    const char *name;
    void (*say)(const struct cometql *q, char *out);
} functions[] = {
    { "VERSION", say_version },
    { "DATABASE", say_database },
    { "SCHEMA", say_database },
    { "USER", say_user },
    { "SESSION_USER", say_user },
    { "SYSTEM_USER", say_user },
    { "CURRENT_USER", say_account },
    { "NOW", say_now },
    { "CURRENT_TIMESTAMP", say_now },
    { "LOCALTIME", say_now },
    { "SYSDATE", say_now },
    { "UTC_TIMESTAMP", say_utc },
    { "UNIX_TIMESTAMP", say_unix_time },
    { "CONNECTION_ID", say_connection },
    { "LAST_INSERT_ID", say_zero },
    { "FOUND_ROWS", say_zero },
    { "ROW_COUNT", say_zero },
};

/* --- variables ---------------------------------------------------------------------------------------------------- */

static void say_max_packet(const struct cometql *q, char *out)
{
    (void)q;
    snprintf(out, VALUE_BYTES, "%u", cometql_own_settings->max_packet);
}

static void say_idle(const struct cometql *q, char *out)
{
    (void)q;
    uint32_t idle_s = cometql_own_settings->idle_s;
    snprintf(out, VALUE_BYTES, "%u", idle_s > 0 ? idle_s : 31536000); /* never: the most a MySQL server would say */
}

static void say_tls(const struct cometql *q, char *out)
{
    (void)q;
    snprintf(out, VALUE_BYTES, "%s", mysql_offers_tls() ? "YES" : "DISABLED");
}

/* As a MySQL server that is set up plainly would say; `say` where the value is not constant. */
static const struct {
    const char *name, *value;
    void (*say)(const struct cometql *q, char *out);
} variables[] = {
    { "auto_increment_increment", "1", NULL },
    { "auto_increment_offset", "1", NULL },
    { "autocommit", "1", NULL },
    { "character_set_client", "utf8mb4", NULL },
    { "character_set_connection", "utf8mb4", NULL },
    { "character_set_database", "utf8mb4", NULL },
    { "character_set_results", "utf8mb4", NULL },
    { "character_set_server", "utf8mb4", NULL },
    { "character_set_system", "utf8mb4", NULL },
    { "collation_connection", "utf8mb4_general_ci", NULL },
    { "collation_database", "utf8mb4_general_ci", NULL },
    { "collation_server", "utf8mb4_general_ci", NULL },
    { "default_storage_engine", "Encke", NULL },
    { "foreign_key_checks", "0", NULL },
    { "have_query_cache", "NO", NULL },
    { "have_ssl", NULL, say_tls },
    { "init_connect", "", NULL },
    { "interactive_timeout", NULL, say_idle },
    { "language", "english", NULL },
    { "license", "MIT", NULL },
    { "lower_case_file_system", "OFF", NULL },
    { "lower_case_table_names", "0", NULL },
    { "max_allowed_packet", NULL, say_max_packet },
    { "max_connections", "100000", NULL },
    { "net_buffer_length", "16384", NULL },
    { "net_read_timeout", "30", NULL },
    { "net_write_timeout", "60", NULL },
    { "performance_schema", "0", NULL },
    { "protocol_version", "10", NULL },
    { "query_cache_size", "0", NULL },
    { "query_cache_type", "OFF", NULL },
    { "read_only", "0", NULL },
    { "session_track_schema", "0", NULL },
    { "sql_auto_is_null", "0", NULL },
    { "sql_mode", "", NULL },
    { "sql_select_limit", "18446744073709551615", NULL },
    { "storage_engine", "Encke", NULL },
    { "system_time_zone", "UTC", NULL },
    { "time_zone", "SYSTEM", NULL },
    { "transaction_isolation", "REPEATABLE-READ", NULL },
    { "transaction_read_only", "0", NULL },
    { "tx_isolation", "REPEATABLE-READ", NULL },
    { "tx_read_only", "0", NULL },
    { "unique_checks", "1", NULL },
    { "version", NULL, say_version },
    { "version_comment", "Encke comet server", NULL },
    { "version_compile_machine", "x86_64", NULL },
    { "version_compile_os", "Linux", NULL },
    { "wait_timeout", NULL, say_idle },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void say_variable(const struct cometql *q, size_t i, char *out)
{
    if (variables[i].say != NULL)
        variables[i].say(q, out);
    else
        snprintf(out, VALUE_BYTES, "%s", variables[i].value);
}

void cometql_variables(struct cometql *q)
{
    char value[VALUE_BYTES];
    show_columns(q, (const char *const[]){ "Variable_name", "Value" }, 2);
    for (size_t i = 0; i < COUNT(variables); i++) {
        say_variable(q, i, value);
        show_pair(q, variables[i].name, "%s", value);
    }
    cometql_end(q);
}

/* --- SELECT without a table --------------------------------------------------------------------------------------- */

bool greeting_is_function(struct slice name)
{
    for (size_t i = 0; i < COUNT(functions); i++)
        if (slice_is_nocase(name, functions[i].name))
            return true;
    return false;
}

bool greeting_function(const struct cometql *q, struct slice name, char *out)
{
    for (size_t i = 0; i < COUNT(functions); i++) {
        if (slice_is_nocase(name, functions[i].name)) {
            functions[i].say(q, out);
            return true;
        }
    }
    return false;
}

bool greeting_variable(const struct cometql *q, struct slice name, char *out)
{
    for (size_t i = 0; i < COUNT(variables); i++) {
        if (slice_is_nocase(name, variables[i].name)) {
            say_variable(q, i, out);
            return true;
        }
    }
    return false;
}

const char *greeting_variable_at(size_t index)
{
    return index < COUNT(variables) ? variables[index].name : NULL;
}

static enum status say_function_item(const struct cometql *q, const struct item *item, char *out, struct error *error)
{
    if (greeting_function(q, item->text, out))
        return OK;
    return error_set(error, E_SYNTAX, "Syntax error in query near '%.*s': there is no such function",
                     SLICE_ARG(item->title));
}

static enum status say_variable_item(const struct cometql *q, const struct item *item, char *out, struct error *error)
{
    if (greeting_variable(q, item->text, out))
        return OK;
    return error_set(error, E_UNKNOWN_VARIABLE, "Unknown system variable '%.*s'", SLICE_ARG(item->text));
}

static enum status say_item(const struct cometql *q, const struct item *item, char *room, struct slice *out,
                            struct error *error)
{
    enum status status = OK;
    *out = item->text;
    if (item->kind == ITEM_NULL || item->kind == ITEM_VARIABLE) {
        *out = (struct slice){ NULL, 0 };
        return OK;
    }
    if (item->kind == ITEM_FUNCTION)
        status = say_function_item(q, item, room, error);
    else if (item->kind == ITEM_SYSTEM)
        status = say_variable_item(q, item, room, error);
    else
        return OK;
    *out = slice_str(room);
    return status;
}

void cometql_items(struct cometql *q)
{
    static _Thread_local char rooms[STATEMENT_ITEMS_MAX][VALUE_BYTES];
    struct slice              names[STATEMENT_ITEMS_MAX], cells[STATEMENT_ITEMS_MAX];
    struct error              error;
    for (uint32_t i = 0; i < q->st.item_count; i++) {
        names[i] = q->st.items[i].title;
        if (say_item(q, &q->st.items[i], rooms[i], &cells[i], &error) != OK) {
            cometql_fail(q, &error);
            return;
        }
    }
    mysql_columns(q->conn, names, q->st.item_count);
    if (!q->st.has_limit || (q->st.limit_count > 0 && q->st.limit_skip == 0))
        mysql_row(q->conn, cells, q->st.item_count);
    cometql_end(q);
}
