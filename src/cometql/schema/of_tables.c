/* of_tables: the tables of information_schema that speak of tables: all from the list of tables.c. */
#include <stdio.h>

#include "cometql/query/run.h"
#include "cometql/schema/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CATALOG "def"
#define CHARSET "utf8mb4"
#define COLLATION "utf8mb4_general_ci"
#define NUMBER_BYTES 16

#define SCHEMA_TABLE(id, title, fill_rows)                                                                             \
    static const struct schema_table id = { title, id##_columns, COUNT(id##_columns), fill_rows }

static const char *number_text(char room[NUMBER_BYTES], unsigned number)
{
    snprintf(room, NUMBER_BYTES, "%u", number);
    return room;
}

/* --- SCHEMATA ----------------------------------------------------------------------------------------------------- */

static const char *const schemata_columns[] = { "CATALOG_NAME", "SCHEMA_NAME", "DEFAULT_CHARACTER_SET_NAME",
                                                "DEFAULT_COLLATION_NAME", "SQL_PATH" };

static void fill_schemata(struct schema_rows *out)
{
    SCHEMA_ROW(out, CATALOG, COMETQL_DATABASE, CHARSET, COLLATION);
}

SCHEMA_TABLE(schemata, "SCHEMATA", fill_schemata);

/* --- TABLES ------------------------------------------------------------------------------------------------------- */

static const char *const tables_table_columns[] = {
    "TABLE_CATALOG", "TABLE_SCHEMA",   "TABLE_NAME",     "TABLE_TYPE",  "ENGINE",          "VERSION",
    "ROW_FORMAT",    "TABLE_ROWS",     "AVG_ROW_LENGTH", "DATA_LENGTH", "MAX_DATA_LENGTH", "INDEX_LENGTH",
    "DATA_FREE",     "AUTO_INCREMENT", "CREATE_TIME",    "UPDATE_TIME", "CHECK_TIME",      "TABLE_COLLATION",
    "CHECKSUM",      "CREATE_OPTIONS", "TABLE_COMMENT",
};

static void fill_tables(struct schema_rows *out)
{
    for (unsigned i = 0; i < table_count; i++)
        if (table_is_listed(tables[i]))
            SCHEMA_ROW(out, CATALOG, COMETQL_DATABASE, tables[i]->name, "BASE TABLE", "Encke", "10", "Dynamic", NULL,
                       NULL, "0", "0", "0", "0", NULL, NULL, NULL, NULL, COLLATION, NULL, "", table_comment(tables[i]));
}

SCHEMA_TABLE(tables_table, "TABLES", fill_tables);

/* --- COLUMNS ------------------------------------------------------------------------------------------------------ */

static const char *const columns_columns[] = {
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "COLUMN_NAME",
    "ORDINAL_POSITION",
    "COLUMN_DEFAULT",
    "IS_NULLABLE",
    "DATA_TYPE",
    "CHARACTER_MAXIMUM_LENGTH",
    "CHARACTER_OCTET_LENGTH",
    "NUMERIC_PRECISION",
    "NUMERIC_SCALE",
    "DATETIME_PRECISION",
    "CHARACTER_SET_NAME",
    "COLLATION_NAME",
    "COLUMN_TYPE",
    "COLUMN_KEY",
    "EXTRA",
    "PRIVILEGES",
    "COLUMN_COMMENT",
    "GENERATION_EXPRESSION",
};

static void add_column(struct schema_rows *out, const struct table *t, unsigned i)
{
    char               position[NUMBER_BYTES], length[NUMBER_BYTES], bytes[NUMBER_BYTES], digits[NUMBER_BYTES];
    struct schema_type type = schema_type_of(t->columns[i].type);
    bool               is_text = type.is_text;
    SCHEMA_ROW(out, CATALOG, COMETQL_DATABASE, t->name, t->columns[i].name, number_text(position, i + 1), NULL, "NO",
               type.name, is_text ? number_text(length, type.length) : NULL,
               is_text ? number_text(bytes, 4 * type.length) : NULL, is_text ? NULL : number_text(digits, type.digits),
               is_text ? NULL : "0", NULL, is_text ? CHARSET : NULL, is_text ? COLLATION : NULL, t->columns[i].type,
               table_key_mark(t, (int)i), table_extra(t, (int)i), t->is_read_only ? "select" : "select,insert", "", "");
}

static void fill_columns(struct schema_rows *out)
{
    for (unsigned t = 0; t < table_count; t++)
        for (unsigned i = 0; table_is_listed(tables[t]) && i < tables[t]->column_count; i++)
            add_column(out, tables[t], i);
}

SCHEMA_TABLE(columns, "COLUMNS", fill_columns);

/* --- keys --------------------------------------------------------------------------------------------------------- */

static const char *const statistics_columns[] = {
    "TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "NON_UNIQUE",    "INDEX_SCHEMA", "INDEX_NAME",
    "SEQ_IN_INDEX",  "COLUMN_NAME",  "COLLATION",  "CARDINALITY",   "SUB_PART",     "PACKED",
    "NULLABLE",      "INDEX_TYPE",   "COMMENT",    "INDEX_COMMENT",
};

static void fill_statistics(struct schema_rows *out)
{
    for (unsigned t = 0; t < table_count; t++) {
        for (unsigned i = 0; table_is_listed(tables[t]) && i < tables[t]->column_count; i++) {
            const char *mark = table_key_mark(tables[t], (int)i), *column = tables[t]->columns[i].name;
            bool        is_primary = strcmp(mark, "PRI") == 0;
            if (mark[0] != '\0')
                SCHEMA_ROW(out, CATALOG, COMETQL_DATABASE, tables[t]->name, is_primary ? "0" : "1", COMETQL_DATABASE,
                           is_primary ? "PRIMARY" : column, "1", column, NULL, NULL, NULL, NULL, "", "HASH", "", "");
        }
    }
}

SCHEMA_TABLE(statistics, "STATISTICS", fill_statistics);

/* The tables with a primary key and its column, one after the other. */
static const struct table *primary_at(unsigned *io_index, const char **out_column)
{
    for (; *io_index < table_count; ++*io_index) {
        const struct table *t = tables[*io_index];
        if (!table_is_listed(t) || t->id < 0)
            continue;
        *out_column = t->columns[t->id].name;
        ++*io_index;
        return t;
    }
    return NULL;
}

static const char *const key_column_usage_columns[] = {
    "CONSTRAINT_CATALOG",
    "CONSTRAINT_SCHEMA",
    "CONSTRAINT_NAME",
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "COLUMN_NAME",
    "ORDINAL_POSITION",
    "POSITION_IN_UNIQUE_CONSTRAINT",
    "REFERENCED_TABLE_SCHEMA",
    "REFERENCED_TABLE_NAME",
    "REFERENCED_COLUMN_NAME",
};

static void fill_key_column_usage(struct schema_rows *out)
{
    const char *column;
    unsigned    i = 0;
    for (const struct table *t; (t = primary_at(&i, &column)) != NULL;)
        SCHEMA_ROW(out, CATALOG, COMETQL_DATABASE, "PRIMARY", CATALOG, COMETQL_DATABASE, t->name, column, "1");
}

SCHEMA_TABLE(key_column_usage, "KEY_COLUMN_USAGE", fill_key_column_usage);

static const char *const table_constraints_columns[] = { "CONSTRAINT_CATALOG", "CONSTRAINT_SCHEMA", "CONSTRAINT_NAME",
                                                         "TABLE_SCHEMA",       "TABLE_NAME",        "CONSTRAINT_TYPE" };

static void fill_table_constraints(struct schema_rows *out)
{
    const char *column;
    unsigned    i = 0;
    for (const struct table *t; (t = primary_at(&i, &column)) != NULL;)
        SCHEMA_ROW(out, CATALOG, COMETQL_DATABASE, "PRIMARY", COMETQL_DATABASE, t->name, "PRIMARY KEY");
}

SCHEMA_TABLE(table_constraints, "TABLE_CONSTRAINTS", fill_table_constraints);

const struct schema_table *const schema_of_tables[] = { &schemata,         &tables_table,      &columns, &statistics,
                                                        &key_column_usage, &table_constraints, NULL };
