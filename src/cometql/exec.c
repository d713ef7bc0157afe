/* exec: who is let in, and which file answers a statement. */
#include "cometql/exec.h"

#include <stdlib.h>

#include "base/counter.h"
#include "base/utf8.h"
#include "cometql/internal.h"
#include "cometql/parser.h"
#include "hub/app.h"
#include "hub/hub.h"

#define STATEMENT_BYTES_MIN 4
#define CLUSTER_PREFIX "cometqlcluster_v1 set dev_id="

const struct cometql_settings *cometql_own_settings;

void cometql_setup(const struct cometql_settings *settings)
{
    cometql_own_settings = settings;
}

struct cometql *cometql_of(struct stream *s)
{
    return mysql_owner(mysql_of_stream(s));
}

bool cometql_app_of(struct stream *s, uint32_t *out_app)
{
    struct cometql *q = s->ops == &mysql_conn_ops ? mysql_owner(mysql_of_stream(s)) : NULL;
    if (q != NULL && q->is_counted)
        *out_app = q->app;
    return q != NULL && q->is_counted;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

void cometql_ok(struct cometql *q, uint64_t affected, uint64_t insert_id)
{
    cometql_forget(q);
    mysql_ok(q->conn, affected, insert_id);
}

void cometql_fail(struct cometql *q, const struct error *error)
{
    cometql_forget(q);
    mysql_fail(q->conn, error);
}

void cometql_fail_plain(struct cometql *q, enum status why)
{
    struct error error;
    error_plain(&error, why);
    cometql_fail(q, &error);
}

void cometql_end(struct cometql *q)
{
    cometql_forget(q);
    mysql_end(q->conn);
}

/* Which app the session speaks for; the hub counts sessions of each. */
static void app_set(struct cometql *q, uint32_t app)
{
    if (q->is_counted)
        app_backend_add(q->app, -1);
    app_backend_add(app, 1);
    q->is_counted = true;
    q->app = app;
}

/* --- login and databases ------------------------------------------------------------------------------------------ */

static bool app_parse(struct slice digits, uint32_t *out_app)
{
    uint64_t app;
    if (cometql_own_settings->app_limit == 0 || digits.len > 9 ||
        !slice_u64(digits, cometql_own_settings->app_limit - 1, &app))
        return false;
    *out_app = (uint32_t)app;
    return true;
}

enum status cometql_database(struct cometql *q, struct slice name, struct error *error)
{
    if (slice_is(name, COMETQL_DATABASE)) {
        q->has_database = true;
        return OK;
    }
    uint32_t app;
    if (q->is_authenticated && slice_starts(name, "db_") && app_parse(slice_skip(name, 3), &app)) {
        app_set(q, app);
        return OK;
    }
    return error_set(error, E_NOT_FOUND, "Select database failure: there are " COMETQL_DATABASE " and db_0 to db_%u",
                     cometql_own_settings->app_limit - 1);
}

/* Load balancers look whether the server is alive without knowing the password. They may log in and ask nothing. */
static bool is_health_check(const struct mysql_login *login)
{
    return login->is_empty_password && slice_starts(login->user, "haproxy_check");
}

static enum status exec_on_login(struct mysql_conn *c, const struct mysql_login *login, struct error *error)
{
    uint32_t app = 0;
    if (!is_health_check(login)) {
        if (!login->is_password_right)
            return error_set(error, E_AUTH, "Authentication failure");
        if (!slice_is(login->user, "root") && !app_parse(login->user, &app))
            return error_set(error, E_AUTH, "Authentication failure: the user is root or a dev id below %u",
                             cometql_own_settings->app_limit);
    }
    struct cometql *q = mysql_owner(c);
    if (q == NULL) {
        q = calloc(1, sizeof *q);
        if (q == NULL)
            return error_plain(error, E_NO_MEMORY);
        q->conn = c;
        mysql_owner_set(c, q);
    }
    struct slice user = slice_first(login->user, USER_NAME_MAX);
    memcpy(q->user, user.at, user.len);
    q->user[user.len] = '\0';
    app_set(q, app);
    q->has_database = false;
    q->is_authenticated = login->is_password_right;
    return login->database.len == 0 ? OK : cometql_database(q, login->database, error);
}

static enum status exec_on_database(struct mysql_conn *c, struct slice name, struct error *error)
{
    return cometql_database(mysql_owner(c), name, error);
}

static void exec_on_gone(struct mysql_conn *c)
{
    struct cometql *q = mysql_owner(c);
    cometql_forget(q);
    if (q->is_counted)
        app_backend_add(q->app, -1);
    buf_clear(&q->doomed);
    free(q);
}

/* --- statements --------------------------------------------------------------------------------------------------- */

/* Another node speaks for an app: "cometqlcluster_v1 set dev_id=15;" before its statement. */
static enum status take_cluster_prefix(struct cometql *q, struct slice *sql, struct error *error)
{
    if (!slice_starts(*sql, CLUSTER_PREFIX))
        return OK;
    struct slice rest = slice_skip(*sql, sizeof CLUSTER_PREFIX - 1);
    struct slice digits = slice_cut(&rest, ';');
    uint32_t     app;
    if (!app_parse(digits, &app))
        return error_set(error, E_AUTH, "Invalid dev_id value");
    app_set(q, app);
    *sql = rest;
    return OK;
}

/* What is to be understood: a query, or a statement that was prepared, with the values for it. */
struct request {
    struct slice        sql;
    bool                is_prepared;
    const struct slice *values;
    size_t              value_count;
};

static enum status check_values(const struct request *r, struct error *error)
{
    for (size_t i = 0; i < r->value_count; i++)
        if (!utf8_is_valid(r->values[i]))
            return error_set(error, E_INVALID, "Parameter %zu is not valid UTF-8", i + 1);
    return OK;
}

static enum status parse_request(struct cometql *q, const struct request *r, struct slice sql, struct error *error)
{
    if (q->is_preparing)
        return statement_parse_prepared(&q->st, sql, error);
    if (!r->is_prepared)
        return statement_parse(&q->st, sql, error);
    return statement_parse_bound(&q->st, sql, r->values, r->value_count, error);
}

/* Several statements: the first of them, and the others when it has been answered. Who has not asked for that gets the
 * parser's error, so that nothing smuggled behind a statement is ever run. */
static void take_first(struct cometql *q, struct slice *sql)
{
    if (!mysql_takes_many(q->conn) || memchr(sql->at, ';', sql->len) == NULL)
        return;
    struct slice rest = statement_cut(sql);
    if (rest.len > 0)
        mysql_more(q->conn, rest);
}

/* As CppComet has it (spec section 1.8), but in any case. */
static bool is_unlogged(struct slice sql)
{
    return slice_is_nocase(slice_first(sql, 4), "set ") || slice_is_nocase(slice_first(sql, 5), "show ");
}

static enum status understand(struct cometql *q, const struct request *r, struct error *error)
{
    struct slice sql = r->sql;
    while (sql.len > 0 && sql.at[sql.len - 1] == '\0') /* some clients send the end of their C string */
        sql.len--;
    enum status status = check_values(r, error);
    if (status == OK)
        status = take_cluster_prefix(q, &sql, error);
    if (status != OK)
        return status;
    if (sql.len < STATEMENT_BYTES_MIN)
        return error_set(error, E_TOO_SHORT, "Data is too short");
    if (!r->is_prepared)
        take_first(q, &sql);
    if (!utf8_is_valid(sql))
        return error_set(error, E_INVALID, "The statement is not valid UTF-8");
    if (cometql_own_settings->logs_statements && !q->is_preparing && !is_unlogged(sql))
        hub_log_statement(q->app, sql);
    return parse_request(q, r, sql, error);
}

static void run_use(struct cometql *q)
{
    struct error error;
    if (q->is_preparing || cometql_database(q, q->st.database, &error) == OK)
        cometql_ok(q, 0, 0);
    else
        cometql_fail(q, &error);
}

static void run_nothing(struct cometql *q)
{
    cometql_ok(q, 0, 0);
}

static void (*const runs[STATEMENT_KIND_COUNT])(struct cometql *q) = {
    [STATEMENT_EMPTY] = run_nothing,
    [STATEMENT_NOTHING] = run_nothing,
    [STATEMENT_USE] = run_use,
    [STATEMENT_SELECT] = cometql_select,
    [STATEMENT_SELECT_ITEMS] = cometql_items,
    [STATEMENT_INSERT] = cometql_insert,
    [STATEMENT_DELETE] = cometql_delete,
    [STATEMENT_SHOW_STATUS] = cometql_status,
    [STATEMENT_SHOW_VARIABLES] = cometql_variables,
    [STATEMENT_SHOW_PROCESSLIST] = cometql_processlist,
};

static void run(struct cometql *q)
{
    if (runs[q->st.kind] != NULL)
        runs[q->st.kind](q);
    else
        cometql_show(q);
}

static void execute(struct cometql *q, const struct request *r)
{
    struct error error;
    counter_add(COUNTER_QUERIES, 1);
    if (understand(q, r, &error) != OK)
        cometql_fail(q, &error);
    else
        run(q);
}

static void exec_on_query(struct mysql_conn *c, struct slice sql)
{
    execute(mysql_owner(c), &(struct request){ .sql = sql });
}

static void exec_on_execute(struct mysql_conn *c, struct slice sql, const struct slice *values, size_t count)
{
    execute(mysql_owner(c), &(struct request){ sql, true, values, count });
}

/* What only reads runs as always, and its rows go nowhere; tables are not asked and not changed (begin_walk). */
static void exec_on_prepare(struct mysql_conn *c, struct slice sql)
{
    struct cometql *q = mysql_owner(c);
    struct error    error;
    q->is_preparing = true;
    if (understand(q, &(struct request){ .sql = sql, .is_prepared = true }, &error) != OK) {
        cometql_fail(q, &error);
    } else if (q->st.parameter_count > MYSQL_PARAMETERS_MAX) {
        error_set(&error, E_MANY_VALUES, "Too many values: at most %u may be parameters", MYSQL_PARAMETERS_MAX);
        cometql_fail(q, &error);
    } else {
        mysql_parameters(c, q->st.parameter_count);
        run(q);
    }
}

static void exec_on_field_list(struct mysql_conn *c, struct slice name, struct slice pattern)
{
    const struct table *t = table_find(name);
    struct slice        names[TABLE_COLUMNS_MAX];
    size_t              count = 0;
    if (t == NULL) {
        struct error error;
        error_set(&error, E_NOT_FOUND, "Unknown table name `%.*s`", SLICE_ARG(slice_first(name, USER_NAME_MAX)));
        mysql_fail(c, &error);
        return;
    }
    for (unsigned i = 0; i < table_star(t); i++) {
        names[count] = slice_str(t->columns[i].name);
        if (pattern.len == 0 || like_is_met(pattern, names[count]))
            count++;
    }
    mysql_field_list(c, names, count);
}

static void exec_on_statistics(struct mysql_conn *c, struct buf *out)
{
    (void)c;
    cometql_statistics(out);
}

static void exec_on_drain(struct mysql_conn *c)
{
    struct cometql *q = mysql_owner(c);
    if (q->walk == WALK_SELECT || q->walk == WALK_RESULT)
        cometql_walk(q);
}

const struct mysql_ops cometql_mysql_ops = {
    .on_login = exec_on_login,
    .on_database = exec_on_database,
    .on_query = exec_on_query,
    .on_prepare = exec_on_prepare,
    .on_execute = exec_on_execute,
    .on_field_list = exec_on_field_list,
    .on_statistics = exec_on_statistics,
    .on_drain = exec_on_drain,
    .on_gone = exec_on_gone,
};
