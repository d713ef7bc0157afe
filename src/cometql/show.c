/* show: the SHOW statements whose answer is known at once. */
#include <stdarg.h>
#include <stdio.h>

#include "cometql/internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CELLS_MAX 18

void show_columns(struct cometql *q, const char *const *names, size_t count)
{
    struct slice cells[CELLS_MAX];
    bug_if(count > CELLS_MAX);
    for (size_t i = 0; i < count; i++)
        cells[i] = slice_str(names[i]);
    mysql_columns(q->conn, cells, count);
}

bool show_is_wanted(const struct cometql *q, struct slice name)
{
    for (uint32_t i = 0; i < q->st.value_count; i++)
        if (like_is_met(statement_value(&q->st, i)->text, name))
            return true;
    return q->st.value_count == 0;
}

void show_pair(struct cometql *q, const char *name, const char *format, ...)
{
    char    text[256];
    va_list args;
    if (!show_is_wanted(q, slice_str(name)))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mysql_row(q->conn, (struct slice[]){ slice_str(name), slice_str(text) }, 2);
}

/* A row of constant texts; the first is what LIKE looks at. */
static void show_row(struct cometql *q, const char *const *texts, size_t count)
{
    struct slice cells[CELLS_MAX];
    bug_if(count > CELLS_MAX);
    if (!show_is_wanted(q, slice_str(texts[0])))
        return;
    for (size_t i = 0; i < count; i++)
        cells[i] = slice_str(texts[i]);
    mysql_row(q->conn, cells, count);
}

#define ROW(...) show_row(q, (const char *const[]){ __VA_ARGS__ }, COUNT(((const char *const[]){ __VA_ARGS__ })))
#define HEADINGS(...)                                                                                                  \
    show_columns(q, (const char *const[]){ __VA_ARGS__ }, COUNT(((const char *const[]){ __VA_ARGS__ })))

static void show_databases(struct cometql *q)
{
    HEADINGS("Database");
    ROW(COMETQL_DATABASE);
}

static void show_tables(struct cometql *q)
{
    static const char *const names[] = { "Tables", "Table_type" };
    size_t                   count = q->st.show_full ? 2 : 1;
    show_columns(q, names, count);
    for (unsigned i = 0; i < table_count; i++)
        if (tables[i]->is_listed)
            show_row(q, (const char *const[]){ tables[i]->name, "BASE TABLE" }, count);
}

static void show_table_status(struct cometql *q)
{
    HEADINGS("Name", "Engine", "Version", "Row_format", "Rows", "Avg_row_length", "Data_length", "Max_data_length",
             "Index_length", "Data_free", "Auto_increment", "Create_time", "Update_time", "Check_time", "Collation",
             "Checksum", "Create_options", "Comment");
    for (unsigned i = 0; i < table_count; i++)
        if (tables[i]->is_listed)
            ROW(tables[i]->name, "Encke", "1", "Compact", "0", "0", "0", "0", "0", "0", "0", "", "", "",
                "utf8mb4_general_ci", "", "", "");
}

static const char *key_mark(const struct table *t, int column)
{
    return column == t->key ? "PRI" : "";
}

/* The table the statement names, or NULL: answered with error 15. */
static const struct table *need_table(struct cometql *q)
{
    const struct table *t = table_find(q->st.table);
    if (t == NULL)
        cometql_fail_plain(q, E_NOT_FOUND);
    return t;
}

static void show_full_columns(struct cometql *q, const struct table *t)
{
    HEADINGS("Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment");
    for (int i = 0; i < t->column_count; i++)
        ROW(t->columns[i].name, t->columns[i].type, "utf8mb4_general_ci", "NO", key_mark(t, i), "", "",
            t->is_read_only ? "select" : "select,insert", "");
}

static void show_table_columns(struct cometql *q)
{
    const struct table *t = need_table(q);
    if (t == NULL)
        return;
    if (q->st.show_full) {
        show_full_columns(q, t);
    } else {
        HEADINGS("Field", "Type", "Null", "Key", "Default", "Extra");
        for (int i = 0; i < t->column_count; i++)
            ROW(t->columns[i].name, t->columns[i].type, "NO", key_mark(t, i), "", "");
    }
    cometql_end(q);
}

static void show_index(struct cometql *q)
{
    const struct table *t = need_table(q);
    if (t == NULL)
        return;
    HEADINGS("Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality", "Sub_part",
             "Packed", "Null", "Index_type", "Comment", "Index_comment");
    if (t->key >= 0)
        ROW(t->name, "0", "PRIMARY", "1", t->columns[t->key].name, "A", "0", "", "", "", "HASH", "", "");
    cometql_end(q);
}

static void show_create_table(struct cometql *q)
{
    const struct table *t = need_table(q);
    char                text[1024];
    if (t == NULL)
        return;
    int len = snprintf(text, sizeof text, "CREATE TABLE `%s` (\n", t->name);
    for (int i = 0; i < t->column_count; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "  `%s` %s NOT NULL%s\n", t->columns[i].name,
                        t->columns[i].type, i + 1 < t->column_count ? "," : "");
    snprintf(text + len, sizeof text - (size_t)len, ")");
    HEADINGS("Table", "Create Table");
    ROW(t->name, text);
    cometql_end(q);
}

static void show_warnings(struct cometql *q)
{
    HEADINGS("Level", "Code", "Message");
}

static void show_engines(struct cometql *q)
{
    HEADINGS("Engine", "Support", "Comment", "Transactions", "XA", "Savepoints");
    ROW("Encke", "DEFAULT", "Channels in memory", "NO", "NO", "NO");
}

static void show_collation(struct cometql *q)
{
    HEADINGS("Collation", "Charset", "Id", "Default", "Compiled", "Sortlen");
    ROW("utf8mb4_general_ci", "utf8mb4", "45", "Yes", "Yes", "1");
    ROW("utf8_general_ci", "utf8", "33", "Yes", "Yes", "1");
}

static void show_charset(struct cometql *q)
{
    HEADINGS("Charset", "Description", "Default collation", "Maxlen");
    ROW("utf8mb4", "UTF-8 Unicode", "utf8mb4_general_ci", "4");
    ROW("utf8", "UTF-8 Unicode", "utf8_general_ci", "3");
}

static const struct {
    void (*show)(struct cometql *q);
    bool ends_itself; /* it may fail */
} shows[STATEMENT_KIND_COUNT] = {
    [STATEMENT_SHOW_DATABASES] = { show_databases, false },
    [STATEMENT_SHOW_TABLES] = { show_tables, false },
    [STATEMENT_SHOW_TABLE_STATUS] = { show_table_status, false },
    [STATEMENT_SHOW_COLUMNS] = { show_table_columns, true },
    [STATEMENT_SHOW_INDEX] = { show_index, true },
    [STATEMENT_SHOW_CREATE_TABLE] = { show_create_table, true },
    [STATEMENT_SHOW_WARNINGS] = { show_warnings, false },
    [STATEMENT_SHOW_ENGINES] = { show_engines, false },
    [STATEMENT_SHOW_COLLATION] = { show_collation, false },
    [STATEMENT_SHOW_CHARSET] = { show_charset, false },
};

void cometql_show(struct cometql *q)
{
    bug_if(shows[q->st.kind].show == NULL);
    bool ends_itself = shows[q->st.kind].ends_itself;
    shows[q->st.kind].show(q);
    if (!ends_itself)
        cometql_end(q);
}
