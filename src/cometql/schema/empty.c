/* empty: what a MySQL server may have and this one has not. Tools ask for it, and no rows is the right answer. */
#include "cometql/schema/schema.h"

#define COLUMNS(id) static const char *const id##_columns[]
#define EMPTY(id, title)                                                                                               \
    static const struct schema_table id = { title, id##_columns, sizeof id##_columns / sizeof id##_columns[0], NULL }

COLUMNS(views) = { "TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME",    "VIEW_DEFINITION",      "CHECK_OPTION",
                   "IS_UPDATABLE",  "DEFINER",      "SECURITY_TYPE", "CHARACTER_SET_CLIENT", "COLLATION_CONNECTION" };
EMPTY(views, "VIEWS");

COLUMNS(routines) = {
    "SPECIFIC_NAME",
    "ROUTINE_CATALOG",
    "ROUTINE_SCHEMA",
    "ROUTINE_NAME",
    "ROUTINE_TYPE",
    "DATA_TYPE",
    "CHARACTER_MAXIMUM_LENGTH",
    "CHARACTER_OCTET_LENGTH",
    "NUMERIC_PRECISION",
    "NUMERIC_SCALE",
    "DATETIME_PRECISION",
    "CHARACTER_SET_NAME",
    "COLLATION_NAME",
    "DTD_IDENTIFIER",
    "ROUTINE_BODY",
    "ROUTINE_DEFINITION",
    "EXTERNAL_NAME",
    "EXTERNAL_LANGUAGE",
    "PARAMETER_STYLE",
    "IS_DETERMINISTIC",
    "SQL_DATA_ACCESS",
    "SQL_PATH",
    "SECURITY_TYPE",
    "CREATED",
    "LAST_ALTERED",
    "SQL_MODE",
    "ROUTINE_COMMENT",
    "DEFINER",
    "CHARACTER_SET_CLIENT",
    "COLLATION_CONNECTION",
    "DATABASE_COLLATION",
};
EMPTY(routines, "ROUTINES");

COLUMNS(parameters) = {
    "SPECIFIC_CATALOG",       "SPECIFIC_SCHEMA",   "SPECIFIC_NAME",  "ORDINAL_POSITION",
    "PARAMETER_MODE",         "PARAMETER_NAME",    "DATA_TYPE",      "CHARACTER_MAXIMUM_LENGTH",
    "CHARACTER_OCTET_LENGTH", "NUMERIC_PRECISION", "NUMERIC_SCALE",  "DATETIME_PRECISION",
    "CHARACTER_SET_NAME",     "COLLATION_NAME",    "DTD_IDENTIFIER", "ROUTINE_TYPE",
};
EMPTY(parameters, "PARAMETERS");

COLUMNS(triggers) = {
    "TRIGGER_CATALOG",
    "TRIGGER_SCHEMA",
    "TRIGGER_NAME",
    "EVENT_MANIPULATION",
    "EVENT_OBJECT_CATALOG",
    "EVENT_OBJECT_SCHEMA",
    "EVENT_OBJECT_TABLE",
    "ACTION_ORDER",
    "ACTION_CONDITION",
    "ACTION_STATEMENT",
    "ACTION_ORIENTATION",
    "ACTION_TIMING",
    "ACTION_REFERENCE_OLD_TABLE",
    "ACTION_REFERENCE_NEW_TABLE",
    "ACTION_REFERENCE_OLD_ROW",
    "ACTION_REFERENCE_NEW_ROW",
    "CREATED",
    "SQL_MODE",
    "DEFINER",
    "CHARACTER_SET_CLIENT",
    "COLLATION_CONNECTION",
    "DATABASE_COLLATION",
};
EMPTY(triggers, "TRIGGERS");

COLUMNS(events) = {
    "EVENT_CATALOG",
    "EVENT_SCHEMA",
    "EVENT_NAME",
    "DEFINER",
    "TIME_ZONE",
    "EVENT_BODY",
    "EVENT_DEFINITION",
    "EVENT_TYPE",
    "EXECUTE_AT",
    "INTERVAL_VALUE",
    "INTERVAL_FIELD",
    "SQL_MODE",
    "STARTS",
    "ENDS",
    "STATUS",
    "ON_COMPLETION",
    "CREATED",
    "LAST_ALTERED",
    "LAST_EXECUTED",
    "EVENT_COMMENT",
    "ORIGINATOR",
    "CHARACTER_SET_CLIENT",
    "COLLATION_CONNECTION",
    "DATABASE_COLLATION",
};
EMPTY(events, "EVENTS");

COLUMNS(plugins) = {
    "PLUGIN_NAME",    "PLUGIN_VERSION",         "PLUGIN_STATUS", "PLUGIN_TYPE",        "PLUGIN_TYPE_VERSION",
    "PLUGIN_LIBRARY", "PLUGIN_LIBRARY_VERSION", "PLUGIN_AUTHOR", "PLUGIN_DESCRIPTION", "PLUGIN_LICENSE",
    "LOAD_OPTION"
};
EMPTY(plugins, "PLUGINS");

COLUMNS(referential_constraints) = {
    "CONSTRAINT_CATALOG",
    "CONSTRAINT_SCHEMA",
    "CONSTRAINT_NAME",
    "UNIQUE_CONSTRAINT_CATALOG",
    "UNIQUE_CONSTRAINT_SCHEMA",
    "UNIQUE_CONSTRAINT_NAME",
    "MATCH_OPTION",
    "UPDATE_RULE",
    "DELETE_RULE",
    "TABLE_NAME",
    "REFERENCED_TABLE_NAME",
};
EMPTY(referential_constraints, "REFERENTIAL_CONSTRAINTS");

COLUMNS(check_constraints) = { "CONSTRAINT_CATALOG", "CONSTRAINT_SCHEMA", "TABLE_NAME", "CONSTRAINT_NAME", "LEVEL",
                               "CHECK_CLAUSE" };
EMPTY(check_constraints, "CHECK_CONSTRAINTS");

COLUMNS(partitions) = {
    "TABLE_CATALOG",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    "PARTITION_NAME",
    "SUBPARTITION_NAME",
    "PARTITION_ORDINAL_POSITION",
    "SUBPARTITION_ORDINAL_POSITION",
    "PARTITION_METHOD",
    "SUBPARTITION_METHOD",
    "PARTITION_EXPRESSION",
    "SUBPARTITION_EXPRESSION",
    "PARTITION_DESCRIPTION",
    "TABLE_ROWS",
    "AVG_ROW_LENGTH",
    "DATA_LENGTH",
    "MAX_DATA_LENGTH",
    "INDEX_LENGTH",
    "DATA_FREE",
    "CREATE_TIME",
    "UPDATE_TIME",
    "CHECK_TIME",
    "CHECKSUM",
    "PARTITION_COMMENT",
    "NODEGROUP",
    "TABLESPACE_NAME",
};
EMPTY(partitions, "PARTITIONS");

COLUMNS(table_privileges) = {
    "GRANTEE", "TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "PRIVILEGE_TYPE", "IS_GRANTABLE"
};
EMPTY(table_privileges, "TABLE_PRIVILEGES");

COLUMNS(column_privileges) = { "GRANTEE",     "TABLE_CATALOG",  "TABLE_SCHEMA", "TABLE_NAME",
                               "COLUMN_NAME", "PRIVILEGE_TYPE", "IS_GRANTABLE" };
EMPTY(column_privileges, "COLUMN_PRIVILEGES");

COLUMNS(files) = { "FILE_ID",      "FILE_NAME",  "FILE_TYPE", "TABLESPACE_NAME", "TABLE_CATALOG",
                   "TABLE_SCHEMA", "TABLE_NAME", "ENGINE",    "STATUS",          "EXTRA" };
EMPTY(files, "FILES");

COLUMNS(keywords) = { "WORD", "RESERVED" };
EMPTY(keywords, "KEYWORDS");

const struct schema_table *const schema_empty[] = {
    &views,
    &routines,
    &parameters,
    &triggers,
    &events,
    &plugins,
    &referential_constraints,
    &check_constraints,
    &partitions,
    &table_privileges,
    &column_privileges,
    &files,
    &keywords,
    NULL,
};
