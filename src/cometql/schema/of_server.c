/* of_server: the tables of information_schema that speak of the server: variables, character sets, privileges. */
#include <stdio.h>

#include "cometql/query/run.h"
#include "cometql/schema/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SCHEMA_TABLE(id, title, fill_rows)                                                                             \
    static const struct schema_table id = { title, id##_columns, COUNT(id##_columns), fill_rows }

/* --- engines and character sets ----------------------------------------------------------------------------------- */

static const char *const engines_columns[] = { "ENGINE", "SUPPORT", "COMMENT", "TRANSACTIONS", "XA", "SAVEPOINTS" };

static void fill_engines(struct schema_rows *out)
{
    SCHEMA_ROW(out, "Encke", "DEFAULT", "Channels and users", "NO", "NO", "NO");
}

SCHEMA_TABLE(engines, "ENGINES", fill_engines);

static const char *const character_sets_columns[] = { "CHARACTER_SET_NAME", "DEFAULT_COLLATE_NAME", "DESCRIPTION",
                                                      "MAXLEN" };

static void fill_character_sets(struct schema_rows *out)
{
    SCHEMA_ROW(out, "utf8", "utf8_general_ci", "UTF-8 Unicode", "3");
    SCHEMA_ROW(out, "utf8mb4", "utf8mb4_general_ci", "UTF-8 Unicode", "4");
}

SCHEMA_TABLE(character_sets, "CHARACTER_SETS", fill_character_sets);

static const char *const collations_columns[] = { "COLLATION_NAME", "CHARACTER_SET_NAME", "ID",
                                                  "IS_DEFAULT",     "IS_COMPILED",        "SORTLEN" };

static void fill_collations(struct schema_rows *out)
{
    SCHEMA_ROW(out, "utf8_general_ci", "utf8", "33", "Yes", "Yes", "1");
    SCHEMA_ROW(out, "utf8mb4_general_ci", "utf8mb4", "45", "Yes", "Yes", "1");
}

SCHEMA_TABLE(collations, "COLLATIONS", fill_collations);

static const char *const applicability_columns[] = { "COLLATION_NAME", "CHARACTER_SET_NAME" };

static void fill_applicability(struct schema_rows *out)
{
    SCHEMA_ROW(out, "utf8_general_ci", "utf8");
    SCHEMA_ROW(out, "utf8mb4_general_ci", "utf8mb4");
}

SCHEMA_TABLE(applicability, "COLLATION_CHARACTER_SET_APPLICABILITY", fill_applicability);

/* --- who is connected: the one who asks --------------------------------------------------------------------------- */

static const char *const processlist_columns[] = { "ID", "USER", "HOST", "DB", "COMMAND", "TIME", "STATE", "INFO" };

static void fill_processlist(struct schema_rows *out)
{
    char id[16], peer[64];
    snprintf(id, sizeof id, "%u", mysql_connection_id(out->q->conn));
    stream_peer(mysql_stream(out->q->conn), peer, sizeof peer);
    SCHEMA_ROW(out, id, out->q->user, peer, out->q->has_database ? COMETQL_DATABASE : NULL, "Query", "0", "executing",
               NULL);
}

SCHEMA_TABLE(processlist, "PROCESSLIST", fill_processlist);

/* --- privileges --------------------------------------------------------------------------------------------------- */

static const char *const schema_privileges_columns[] = { "GRANTEE", "TABLE_CATALOG", "TABLE_SCHEMA", "PRIVILEGE_TYPE",
                                                         "IS_GRANTABLE" };

static void fill_schema_privileges(struct schema_rows *out)
{
    static const char *const privileges[] = { "SELECT", "INSERT", "DELETE" };
    char                     grantee[USER_NAME_MAX + 8];
    snprintf(grantee, sizeof grantee, "'%s'@'%%'", out->q->user);
    for (size_t i = 0; i < COUNT(privileges); i++)
        SCHEMA_ROW(out, grantee, "def", COMETQL_DATABASE, privileges[i], "NO");
}

SCHEMA_TABLE(schema_privileges, "SCHEMA_PRIVILEGES", fill_schema_privileges);

static const char *const user_privileges_columns[] = { "GRANTEE", "TABLE_CATALOG", "PRIVILEGE_TYPE", "IS_GRANTABLE" };

static void fill_user_privileges(struct schema_rows *out)
{
    char grantee[USER_NAME_MAX + 8];
    snprintf(grantee, sizeof grantee, "'%s'@'%%'", out->q->user);
    SCHEMA_ROW(out, grantee, "def", "USAGE", "NO");
}

SCHEMA_TABLE(user_privileges, "USER_PRIVILEGES", fill_user_privileges);

/* --- variables ---------------------------------------------------------------------------------------------------- */

static const char *const global_variables_columns[] = { "VARIABLE_NAME", "VARIABLE_VALUE" };
#define session_variables_columns global_variables_columns

static void fill_variables(struct schema_rows *out)
{
    const char *name;
    char        value[GREETING_BYTES];
    for (size_t i = 0; (name = greeting_variable_at(i)) != NULL; i++)
        if (greeting_variable(out->q, slice_str(name), value))
            SCHEMA_ROW(out, name, value);
}

SCHEMA_TABLE(global_variables, "GLOBAL_VARIABLES", fill_variables);
SCHEMA_TABLE(session_variables, "SESSION_VARIABLES", fill_variables);

const struct schema_table *const schema_of_server[] = {
    &engines,           &character_sets,  &collations,       &applicability,     &processlist,
    &schema_privileges, &user_privileges, &global_variables, &session_variables, NULL,
};
