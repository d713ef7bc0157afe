/* What DBeaver and other tools ask through JDBC: DatabaseMetaData, and the statements they send by themselves. One line for each:
 * name:cell|cell;cell|cell;   or   name:ERROR text */
import java.sql.*;

public class Metadata {
    interface Question {
        ResultSet ask() throws SQLException;
    }

    static void show(String name, Question question, String... columns) {
        StringBuilder line = new StringBuilder(name + ":");
        try (ResultSet rows = question.ask()) {
            while (rows.next()) {
                for (int i = 0; i < columns.length; i++)
                    line.append(i > 0 ? "|" : "").append(rows.getString(columns[i]));
                line.append(columns.length > 0 ? ";" : "");
            }
        } catch (SQLException error) {
            line = new StringBuilder(name + ":ERROR " + error.getMessage().replace('\n', ' '));
        }
        System.out.println(line);
    }

    static final String[] STATEMENTS = {
        "SELECT DATABASE()", "SELECT USER()", "SHOW ENGINES", "SHOW CHARSET", "SHOW COLLATION", "SHOW PLUGINS", "SHOW PRIVILEGES", "SHOW GLOBAL VARIABLES",
        "SHOW VARIABLES LIKE 'lower_case_table_names'", "SHOW VARIABLES WHERE Variable_name LIKE 'char%'", "SHOW DATABASES", "SHOW WARNINGS",
        "SHOW FULL TABLES FROM `CometQL_v1`", "SHOW FULL TABLES FROM `CometQL_v1` WHERE `Tables_in_CometQL_v1`='pipes'",
        "SHOW TABLE STATUS FROM `CometQL_v1`", "SHOW CREATE TABLE `CometQL_v1`.`pipes`", "SHOW KEYS FROM `pipes` FROM `CometQL_v1`",
        "SHOW FULL PROCESSLIST", "SHOW GLOBAL STATUS", "EXPLAIN pipes", "SELECT @@GLOBAL.character_set_server,@@GLOBAL.collation_server",
        "SELECT @@session.tx_isolation", "SELECT * FROM information_schema.schemata ORDER BY SCHEMA_NAME",
        "SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='CometQL_v1' AND TABLE_NAME='pipes' ORDER BY ORDINAL_POSITION",
        "SELECT kc.CONSTRAINT_NAME,kc.TABLE_NAME,kc.COLUMN_NAME,kc.ORDINAL_POSITION\nFROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE kc "
            + "WHERE kc.TABLE_SCHEMA='CometQL_v1' AND kc.REFERENCED_TABLE_NAME IS NULL\nORDER BY kc.CONSTRAINT_NAME,kc.ORDINAL_POSITION",
        "SELECT * FROM INFORMATION_SCHEMA.STATISTICS WHERE TABLE_SCHEMA='CometQL_v1' ORDER BY TABLE_NAME,INDEX_NAME,SEQ_IN_INDEX",
        "SELECT * FROM INFORMATION_SCHEMA.ROUTINES WHERE ROUTINE_SCHEMA='CometQL_v1' AND ROUTINE_TYPE IN ('PROCEDURE','FUNCTION') ORDER BY ROUTINE_NAME",
        "SELECT * FROM INFORMATION_SCHEMA.TRIGGERS WHERE EVENT_OBJECT_SCHEMA='CometQL_v1' ORDER BY TRIGGER_NAME",
        "SELECT * FROM INFORMATION_SCHEMA.EVENTS WHERE EVENT_SCHEMA='CometQL_v1' ORDER BY EVENT_NAME",
        "SELECT * FROM INFORMATION_SCHEMA.PARTITIONS WHERE TABLE_SCHEMA='CometQL_v1' ORDER BY PARTITION_ORDINAL_POSITION",
        "SELECT * FROM INFORMATION_SCHEMA.VIEWS WHERE TABLE_SCHEMA='CometQL_v1'",
        "SELECT count(*) FROM pipes WHERE name='abc'", "SELECT x.* FROM CometQL_v1.pipes x WHERE x.name='abc' LIMIT 0, 200",
    };

    public static void main(String[] arguments) throws Exception {
        try (Connection c = DriverManager.getConnection(arguments[0])) {
            DatabaseMetaData m = c.getMetaData();
            String app = "CometQL_v1";
            show("catalogs", () -> m.getCatalogs(), "TABLE_CAT");
            show("schemas", () -> m.getSchemas(), "TABLE_SCHEM");
            show("types", () -> m.getTableTypes(), "TABLE_TYPE");
            show("tables", () -> m.getTables(app, null, "%", new String[] { "TABLE", "VIEW" }), "TABLE_CAT", "TABLE_NAME", "TABLE_TYPE");
            show("columns", () -> m.getColumns(app, null, "pipes_settings", "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "ORDINAL_POSITION");
            show("primary", () -> m.getPrimaryKeys(app, null, "pipes_settings"), "COLUMN_NAME", "PK_NAME");
            show("indexes", () -> m.getIndexInfo(app, null, "pipes_messages", false, false), "INDEX_NAME", "COLUMN_NAME");
            show("best", () -> m.getBestRowIdentifier(app, null, "pipes_settings", 0, false), "COLUMN_NAME");
            show("imported", () -> m.getImportedKeys(app, null, "pipes"), "FKTABLE_NAME");
            show("exported", () -> m.getExportedKeys(app, null, "pipes"), "FKTABLE_NAME");
            show("crossed", () -> m.getCrossReference(app, null, "pipes", app, null, "pipes_settings"), "FKTABLE_NAME");
            show("procedures", () -> m.getProcedures(app, null, "%"), "PROCEDURE_NAME");
            show("parameters", () -> m.getProcedureColumns(app, null, "%", "%"), "COLUMN_NAME");
            show("functions", () -> m.getFunctions(app, null, "%"), "FUNCTION_NAME");
            show("privileges", () -> m.getTablePrivileges(app, null, "%"), "PRIVILEGE");
            show("column_privileges", () -> m.getColumnPrivileges(app, null, "pipes", "%"), "PRIVILEGE");
            show("versions", () -> m.getVersionColumns(app, null, "pipes"), "COLUMN_NAME");
            show("rows", () -> c.createStatement().executeQuery(
                     "SELECT * FROM `CometQL_v1`.pipes_settings WHERE name IN ('one','two') ORDER BY length DESC"), "name", "length");
            show("prepared", () -> {
                PreparedStatement p = c.prepareStatement("SELECT name, length FROM pipes_settings WHERE name = ? OR name = ? ORDER BY name");
                p.setString(1, "two");
                p.setString(2, "one");
                return p.executeQuery();
            }, "name", "length");
            for (int i = 0; i < STATEMENTS.length; i++) {
                String sql = STATEMENTS[i];
                show("statement " + i, () -> c.createStatement().executeQuery(sql));
            }
        }
    }
}
