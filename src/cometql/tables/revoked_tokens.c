/* revoked_tokens: tokens that hold no longer. To revoke one that is valid also takes its user's hash away and ends his connections. */
#include "base/clock.h"
#include "base/jwt.h"
#include "cometql/internal.h"
#include "store/store.h"

enum { TOKEN, COLUMNS };

#define TOKEN_MAX 4096

/* Whom the token was made for, as it says itself: 0 when it says nothing. That decides where it is kept. */
static struct jwt_claims claims_of(struct slice token)
{
    struct jwt_claims claims;
    struct error      ignored;
    return jwt_peek(token, &claims, &ignored) == OK ? claims : (struct jwt_claims){ 0 };
}

static bool ask(struct cometql *q, enum ask_kind kind, struct slice token)
{
    struct jwt_claims claims = claims_of(token);
    struct ask       *a = ask_user_new(kind, q->app, claims.user_id, SLICE(""), token, SLICE(""));
    if (a != NULL && kind == ASK_TOKEN_PUT) {
        struct error      ignored;
        struct jwt_claims valid;
        a->number = claims.expires_s;
        a->has_token = cometql_own_settings->jwt != NULL &&
                       jwt_verify(cometql_own_settings->jwt, q->app, token, clock_wall_ms() / 1000, &valid, &ignored) == OK;
    }
    cometql_ask_send(q, a);
    return true;
}

static bool fetch(struct cometql *q, struct slice key)
{
    return ask(q, ASK_TOKEN, key);
}

static void fetch_all(struct cometql *q)
{
    cometql_ask_send(q, ask_new(ASK_TOKENS, q->app, SLICE(""), SLICE("")));
}

static void show(struct cometql *q, struct slice token)
{
    struct slice cells[COLUMNS] = { [TOKEN] = token };
    cometql_row(q, cells);
}

static void rows(struct cometql *q, const struct ask *answered)
{
    if (answered->kind == ASK_TOKEN && answered->found)
        show(q, answered->text);
    if (answered->kind == ASK_TOKENS)
        for (const struct store_row *row = answered->rows; row != NULL; row = row->next)
            show(q, row->payload);
}

static bool drop(struct cometql *q, struct slice key)
{
    return ask(q, ASK_TOKEN_DROP, key);
}

static enum status check(const struct cometql *q, uint32_t row, struct error *error)
{
    struct slice token;
    enum status  status = cometql_need_cell(q, row, TOKEN, &token, error);
    if (status == OK && token.len > TOKEN_MAX)
        return error_set(error, E_TOO_LONG, "The token is too long (at most %d bytes)", TOKEN_MAX);
    return status;
}

static void insert(struct cometql *q, uint32_t row)
{
    (void)ask(q, ASK_TOKEN_PUT, cometql_cell(q, row, TOKEN)->text);
}

static uint64_t insert_id(const struct cometql *q)
{
    (void)q;
    return 1;
}

const struct table table_revoked_tokens = {
    .name = "revoked_tokens",
    .columns = { [TOKEN] = { "token", "varchar(4096)" } },
    .column_count = COLUMNS,
    .key = TOKEN,
    .id = TOKEN,
    .key_is_optional = true,
    .is_listed = true,
    .affected = 1,
    .insert_id = insert_id,
    .fetch = fetch,
    .fetch_all = fetch_all,
    .rows = rows,
    .erase = drop,
    .drop = drop,
    .check = check,
    .insert = insert,
};
