/* statements: the commands of prepared statements.
 *
 *   PREPARE         text -> the owner says what it is like -> id, definitions
 *   SEND_LONG_DATA  id, parameter, a piece of its value      no answer
 *   EXECUTE         id, values -> the owner answers as to a query, in binary rows
 *   RESET, CLOSE    id
 *   FETCH           there are no cursors
 */
#include "mysql/internal.h"
#include "mysql/prepared.h"
#include "mysql/take.h"

#define ITERATIONS_AND_FLAGS_BYTES 5u

static void fail_plain(struct mysql_conn *c, enum status why)
{
    struct error error;
    error_plain(&error, why);
    mysql_fail(c, &error);
}

void mysql_on_prepare(struct mysql_conn *c, struct slice body)
{
    struct mysql_prepared *p;
    struct error           error;
    if (prepared_add(&c->prepared, body, &p, &error) != OK) {
        mysql_fail(c, &error);
        return;
    }
    c->prepared->current = p;
    c->shape = MYSQL_SHAPE_PREPARE;
    mysql_own_settings->ops->on_prepare(c, buf_slice(&p->sql));
}

/* The statement a command begins with; NULL: there is no such one. */
static struct mysql_prepared *take_statement(const struct mysql_conn *c, struct reader *body)
{
    uint32_t id = (uint32_t)take_little(body, 4);
    return body->is_short ? NULL : prepared_find(c->prepared, id);
}

/* Flags may ask for a cursor: the rows come at once all the same, which the status in the answer says. */
void mysql_on_execute(struct mysql_conn *c, struct slice body)
{
    struct reader          r = { .rest = body };
    struct mysql_prepared *p = take_statement(c, &r);
    struct error           error;
    if (p == NULL) {
        fail_plain(c, E_UNKNOWN_STATEMENT);
        return;
    }
    take_bytes(&r, ITERATIONS_AND_FLAGS_BYTES);
    if (prepared_bind(c->prepared, p, r.rest, &error) != OK) {
        mysql_fail(c, &error);
        return;
    }
    c->shape = MYSQL_SHAPE_BINARY;
    mysql_own_settings->ops->on_execute(c, buf_slice(&p->sql), c->prepared->values.at, p->parameters);
}

void mysql_on_long_data(struct mysql_conn *c, struct slice body)
{
    struct reader          r = { .rest = body };
    struct mysql_prepared *p = take_statement(c, &r);
    unsigned               parameter = (unsigned)take_little(&r, 2);
    if (p != NULL && !r.is_short)
        prepared_long_data(c->prepared, p, parameter, r.rest, mysql_own_settings->max_packet);
}

void mysql_on_statement_close(struct mysql_conn *c, struct slice body)
{
    struct mysql_prepared *p = take_statement(c, &(struct reader){ .rest = body });
    if (p != NULL)
        prepared_drop(&c->prepared, p);
}

void mysql_on_statement_reset(struct mysql_conn *c, struct slice body)
{
    struct mysql_prepared *p = take_statement(c, &(struct reader){ .rest = body });
    if (p == NULL) {
        fail_plain(c, E_UNKNOWN_STATEMENT);
        return;
    }
    prepared_reset(c->prepared, p);
    mysql_ok(c, 0, 0);
}

void mysql_on_fetch(struct mysql_conn *c, struct slice body)
{
    bool is_known = take_statement(c, &(struct reader){ .rest = body }) != NULL;
    fail_plain(c, is_known ? E_NO_CURSOR : E_UNKNOWN_STATEMENT);
}

void mysql_statement_done(struct mysql_conn *c)
{
    c->shape = MYSQL_SHAPE_TEXT;
    prepared_rest(c->prepared);
}

void mysql_parameters(struct mysql_conn *c, unsigned count)
{
    bug_if(c->shape != MYSQL_SHAPE_PREPARE || count > MYSQL_PARAMETERS_MAX);
    c->prepared->current->parameters = (uint16_t)count;
}
