/* show: the SHOW statements whose answer is known at once. */
#include <stdarg.h>
#include <stdio.h>

#include "cometql/internal.h"
#include "cometql/query/query.h"
#include "cometql/schema/schema.h"

#define CELLS_MAX 18

/* What the rows that follow are called, for WHERE; an answer is made in one turn. */
static _Thread_local struct slice headings[CELLS_MAX];
static _Thread_local size_t       heading_count;

void show_columns(struct cometql *q, const char *const *names, size_t count)
{
    bug_if(count > CELLS_MAX);
    for (size_t i = 0; i < count; i++)
        headings[i] = slice_str(names[i]);
    heading_count = count;
    mysql_columns(q->conn, headings, count);
}

/* LIKE looks at the first column. */
static bool is_wanted(struct cometql *q, const struct slice *cells)
{
    if (q->st.query != NULL)
        return query_filter_is_met(q, headings, cells, heading_count);
    for (uint32_t i = 0; i < q->st.value_count; i++)
        if (like_is_met(statement_value(&q->st, i)->text, cells[0]))
            return true;
    return q->st.value_count == 0;
}

static void put_row(struct cometql *q, const struct slice *cells)
{
    if (is_wanted(q, cells))
        mysql_row(q->conn, cells, heading_count);
}

void show_pair(struct cometql *q, const char *name, const char *format, ...)
{
    char    text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_row(q, (struct slice[]){ slice_str(name), slice_str(text) });
}

void show_row(struct cometql *q, const char *const *texts, size_t count)
{
    struct slice cells[CELLS_MAX];
    bug_if(count != heading_count);
    for (size_t i = 0; i < count; i++)
        cells[i] = texts[i] != NULL ? slice_str(texts[i]) : (struct slice){ NULL, 0 };
    put_row(q, cells);
}

static void show_databases(struct cometql *q)
{
    SHOW_HEADINGS("Database");
    SHOW_ROW(COMETQL_DATABASE);
}

static bool is_schema(struct slice database)
{
    return slice_is_nocase(database, SCHEMA_DATABASE);
}

static void show_tables(struct cometql *q)
{
    static const char *const names[] = { "Tables", "Table_type" };
    size_t                   count = q->st.show_full ? 2 : 1;
    const struct schema_table *virtual;
    show_columns(q, names, count);
    for (unsigned i = 0; is_schema(q->st.database) && (virtual = schema_at(i)) != NULL; i++)
        show_row(q, (const char *const[]){ virtual->name, "SYSTEM VIEW" }, count);
    for (unsigned i = 0; !is_schema(q->st.database) && i < table_count; i++)
        if (table_is_listed(tables[i]))
            show_row(q, (const char *const[]){ tables[i]->name, "BASE TABLE" }, count);
}

static void show_table_status(struct cometql *q)
{
    SHOW_HEADINGS("Name", "Engine", "Version", "Row_format", "Rows", "Avg_row_length", "Data_length", "Max_data_length",
                  "Index_length", "Data_free", "Auto_increment", "Create_time", "Update_time", "Check_time",
                  "Collation", "Checksum", "Create_options", "Comment");
    for (unsigned i = 0; !is_schema(q->st.database) && i < table_count; i++)
        if (table_is_listed(tables[i]))
            SHOW_ROW(tables[i]->name, "Encke", "10", "Dynamic", "0", "0", "0", "0", "0", "0", NULL, NULL, NULL, NULL,
                     "utf8mb4_general_ci", NULL, "", table_comment(tables[i]));
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
    SHOW_HEADINGS("Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment");
    for (int i = 0; i < t->column_count; i++)
        SHOW_ROW(t->columns[i].name, t->columns[i].type, "utf8mb4_general_ci", "NO", table_key_mark(t, i), "",
                 table_extra(t, i), t->is_read_only ? "select" : "select,insert", "");
}

/* Of a table of information_schema: texts all. */
static void show_schema_columns(struct cometql *q)
{
    const struct schema_table *t = schema_find(q->st.table);
    if (t == NULL) {
        cometql_fail_plain(q, E_NOT_FOUND);
        return;
    }
    SHOW_HEADINGS("Field", "Type", "Null", "Key", "Default", "Extra");
    for (uint16_t i = 0; i < t->column_count; i++)
        SHOW_ROW(t->columns[i], "varchar(192)", "YES", "", NULL, "");
    cometql_end(q);
}

static void show_table_columns(struct cometql *q)
{
    if (is_schema(q->st.database)) {
        show_schema_columns(q);
        return;
    }
    const struct table *t = need_table(q);
    if (t == NULL)
        return;
    if (q->st.show_full) {
        show_full_columns(q, t);
    } else {
        SHOW_HEADINGS("Field", "Type", "Null", "Key", "Default", "Extra");
        for (int i = 0; i < t->column_count; i++)
            SHOW_ROW(t->columns[i].name, t->columns[i].type, "NO", table_key_mark(t, i), "", table_extra(t, i));
    }
    cometql_end(q);
}

static void show_index(struct cometql *q)
{
    const struct table *t = need_table(q);
    if (t == NULL)
        return;
    SHOW_HEADINGS("Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality",
                  "Sub_part", "Packed", "Null", "Index_type", "Comment", "Index_comment");
    for (int i = 0; i < t->column_count; i++) {
        const char *mark = table_key_mark(t, i), *name = t->columns[i].name;
        bool        is_primary = strcmp(mark, "PRI") == 0;
        if (mark[0] != '\0')
            SHOW_ROW(t->name, is_primary ? "0" : "1", is_primary ? "PRIMARY" : name, "1", name, NULL, NULL, NULL, NULL,
                     "", "HASH", "", "");
    }
    cometql_end(q);
}

static void show_create_table(struct cometql *q)
{
    const struct table *t = need_table(q);
    struct buf          text = { 0 };
    if (t == NULL)
        return;
    buf_printf(&text, "CREATE TABLE `%s` (\n", t->name);
    for (int i = 0; i < t->column_count; i++)
        buf_printf(&text, "%s  `%s` %s NOT NULL", i > 0 ? ",\n" : "", t->columns[i].name, t->columns[i].type);
    for (int i = 0; i < t->column_count; i++)
        if (table_key_mark(t, i)[0] != '\0')
            buf_printf(&text, i == t->id ? ",\n  PRIMARY KEY (`%s`)" : ",\n  KEY (`%s`)", t->columns[i].name);
    buf_text(&text, "\n) ENGINE=Encke DEFAULT CHARSET=utf8mb4");
    buf_byte(&text, '\0');
    SHOW_HEADINGS("Table", "Create Table");
    if (buf_ok(&text))
        SHOW_ROW(t->name, text.at);
    buf_clear(&text);
    cometql_end(q);
}

static void show_warnings(struct cometql *q)
{
    SHOW_HEADINGS("Level", "Code", "Message");
}

static void show_engines(struct cometql *q)
{
    SHOW_HEADINGS("Engine", "Support", "Comment", "Transactions", "XA", "Savepoints");
    SHOW_ROW("Encke", "DEFAULT", "Channels and users", "NO", "NO", "NO");
}

static void show_collation(struct cometql *q)
{
    SHOW_HEADINGS("Collation", "Charset", "Id", "Default", "Compiled", "Sortlen");
    SHOW_ROW("utf8mb4_general_ci", "utf8mb4", "45", "Yes", "Yes", "1");
    SHOW_ROW("utf8_general_ci", "utf8", "33", "Yes", "Yes", "1");
}

static void show_charset(struct cometql *q)
{
    SHOW_HEADINGS("Charset", "Description", "Default collation", "Maxlen");
    SHOW_ROW("utf8mb4", "UTF-8 Unicode", "utf8mb4_general_ci", "4");
    SHOW_ROW("utf8", "UTF-8 Unicode", "utf8_general_ci", "3");
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
    [STATEMENT_SHOW_FOREIGN] = { show_foreign, false },
    [STATEMENT_SHOW_GRANTS] = { show_grants, false },
    [STATEMENT_SHOW_CREATE_DATABASE] = { show_create_database, false },
};

void cometql_show(struct cometql *q)
{
    bug_if(shows[q->st.kind].show == NULL);
    bool ends_itself = shows[q->st.kind].ends_itself;
    shows[q->st.kind].show(q);
    if (!ends_itself)
        cometql_end(q);
}
