/* Queries: what is understood is also evaluated, on information_schema and without a table, and stays within its bounds. */
#include "fuzz/fuzz.h"

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "cometql/parser.h"
#include "cometql/query/run.h"

static size_t touched; /* keeps the compiler from leaving the reads out */

static void touch(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        touched += (unsigned char)s.at[i];
}

/* Who asks, and from where: there is nobody on a connection here. */
static bool needs_a_connection(struct slice sql)
{
    static const char *const words[] = { "user", "processlist", "connection_id", "privileges" };
    for (size_t at = 0; at < sql.len; at++)
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (sql.len - at >= strlen(words[i]) && strncasecmp(sql.at + at, words[i], strlen(words[i])) == 0)
                return true;
    return false;
}

static void check(const struct relation *result)
{
    for (size_t i = 0; i < result->row_count; i++)
        for (size_t column = 0; column < result->column_count; column++)
            touch(result->rows[i][column]);
    for (size_t column = 0; column < result->column_count; column++)
        touch(result->names[column]);
}

static void run(struct cometql *q)
{
    struct error error = { 0 };
    if (query_asks_table(&q->st) && q->st.query->select->sources != NULL)
        q->table = table_find(q->st.table);
    if (query_open(q, &error) != OK) {
        assert(error.code != OK);
    } else if (q->table != NULL) {
        static const struct slice cells[TABLE_COLUMNS_MAX];
        struct slice              row[TABLE_COLUMNS_MAX];
        memcpy(row, cells, sizeof row);
        for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
            row[i] = i % 3 ? SLICE("12") : SLICE("a b");
        if (query_find_keys(q, &error) != OK && error.code != E_WHERE)
            return;
        for (int i = 0; i < 3; i++)
            if (query_is_met(q, row))
                (void)query_feed(q, row);
        if (query_run(q, &error) == OK)
            check(&q->st.query->result);
    } else if (query_run(q, &error) == OK) {
        check(&q->st.query->result);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cometql_settings settings = { .version = "5.7.99-fuzz", .app_limit = 10, .max_packet = 1 << 20 };
    struct slice                         sql = slice_of(data, size);
    struct cometql                      *q = calloc(1, sizeof *q);
    struct error                         error = { 0 };
    cometql_setup(&settings);
    bool is_select = q != NULL && !needs_a_connection(sql) && statement_parse(&q->st, sql, &error) == OK &&
                     q->st.kind == STATEMENT_SELECT && q->st.query != NULL;
    if (is_select)
        run(q);
    if (q != NULL)
        statement_clear(&q->st);
    free(q);
    return 0;
}
