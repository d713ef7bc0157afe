/* show_foreign: SHOW for what MySQL has and this server has not. No rows, under the headings that clients look for. */
#include <stdio.h>

#include "cometql/internal.h"

#define HEADINGS_MAX 18

static const struct {
    const char *word; /* behind SHOW */
    const char *headings[HEADINGS_MAX + 1];
} foreign[] = {
    { "TRIGGERS",
      { "Trigger", "Event", "Table", "Statement", "Timing", "Created", "sql_mode", "Definer", "character_set_client",
        "collation_connection", "Database Collation" } },
    { "EVENTS",
      { "Db", "Name", "Definer", "Time zone", "Type", "Execute at", "Interval value", "Interval field", "Starts",
        "Ends", "Status", "Originator", "character_set_client", "collation_connection", "Database Collation" } },
    { "PLUGINS", { "Name", "Status", "Type", "Library", "License" } },
    { "PROCEDURE",
      { "Db", "Name", "Type", "Definer", "Modified", "Created", "Security_type", "Comment", "character_set_client",
        "collation_connection", "Database Collation" } },
    { "FUNCTION",
      { "Db", "Name", "Type", "Definer", "Modified", "Created", "Security_type", "Comment", "character_set_client",
        "collation_connection", "Database Collation" } },
    { "PACKAGE",
      { "Db", "Name", "Type", "Definer", "Modified", "Created", "Security_type", "Comment", "character_set_client",
        "collation_connection", "Database Collation" } },
    { "OPEN", { "Database", "Table", "In_use", "Name_locked" } },
    { "PRIVILEGES", { "Privilege", "Context", "Comment" } },
    { "MASTER", { "File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set" } },
    { "BINARY", { "Log_name", "File_size" } },
    { "SLAVE", { "Slave_IO_State" } },
    { "REPLICA", { "Replica_IO_State" } },
};

void show_foreign(struct cometql *q)
{
    size_t which = 0, count = 0;
    while (which + 1 < sizeof foreign / sizeof foreign[0] && !slice_is(q->st.table, foreign[which].word))
        which++;
    while (foreign[which].headings[count] != NULL)
        count++;
    show_columns(q, foreign[which].headings, count);
}

void show_grants(struct cometql *q)
{
    char heading[64], grant[96];
    snprintf(heading, sizeof heading, "Grants for %s@%%", q->user);
    snprintf(grant, sizeof grant, "GRANT SELECT, INSERT, DELETE ON `" COMETQL_DATABASE "`.* TO '%s'@'%%'", q->user);
    SHOW_HEADINGS(heading);
    SHOW_ROW(grant);
}

void show_create_database(struct cometql *q)
{
    SHOW_HEADINGS("Database", "Create Database");
    SHOW_ROW(COMETQL_DATABASE, "CREATE DATABASE `" COMETQL_DATABASE "` /*!40100 DEFAULT CHARACTER SET utf8mb4 */");
}
