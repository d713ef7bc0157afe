import java.sql.*;
import java.util.*;

/** JDBC: MariaDB Connector/J or MySQL Connector/J, whichever the address asks for. */
public class Jdbc {
    static final String[] TEXTS = {
        "plain", "\u043f\u0440\u0438\u0432\u0435\u0442 \uD83D\uDE00", "it's \"quoted\"", "back\\slash \\' \\n \\\\",
        "'); DELETE FROM pipes_messages WHERE name = 'x'; --", "two\nlines", "100% _ ? ; {\"json\":\"\\u0416\"}" };

    interface Attempt {
        void run() throws SQLException;
    }

    static int refusal(Attempt attempt) {
        try {
            attempt.run();
            return 0;
        } catch (SQLException e) {
            return e.getErrorCode();
        }
    }

    static void check(boolean right, String what) {
        if (!right) {
            throw new AssertionError(what);
        }
    }

    static List<String> column(ResultSet rows, String name) throws SQLException {
        List<String> all = new ArrayList<>();
        while (rows.next()) {
            all.add(rows.getString(name));
        }
        return all;
    }

    static Connection open(String scheme, String options, String password) throws SQLException {
        String address = "jdbc:" + scheme + "://127.0.0.1:" + System.getenv("ENCKE_TEST_SQL_PORT") + "/CometQL_v1?" + options;
        return DriverManager.getConnection(address, "root", password);
    }

    static void publish(Connection db, String channel) throws SQLException {
        try (PreparedStatement s = db.prepareStatement("INSERT INTO pipes_settings (name, length) VALUES (?, ?)")) {
            s.setString(1, channel);
            s.setInt(2, 50);
            s.executeUpdate();
        }
        try (PreparedStatement s = db.prepareStatement("INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)")) {
            for (String text : TEXTS) {
                s.setString(1, channel);
                s.setString(2, "e");
                s.setString(3, text);
                s.executeUpdate();
            }
        }
        try (PreparedStatement s = db.prepareStatement("SELECT event, message FROM pipes_messages WHERE name = ?")) {
            s.setString(1, channel);
            List<String> got = column(s.executeQuery(), "message");
            check(got.equals(Arrays.asList(TEXTS)), "history " + got);
        }
    }

    static void look(Connection db) throws SQLException {
        try (Statement s = db.createStatement()) {
            check(refusal(() -> s.executeQuery("SELECT * FROM pipes")) == 13, "error 13");
        }
        List<String> tables = column(db.getMetaData().getTables("CometQL_v1", null, "%", new String[] { "TABLE" }), "TABLE_NAME");
        check(tables.contains("pipes_messages"), "tables " + tables);
        List<String> columns = column(db.getMetaData().getColumns("CometQL_v1", null, "pipes", "%"), "COLUMN_NAME");
        check(columns.equals(List.of("name", "users")), "columns " + columns);
        check(db.isValid(5), "isValid");
    }

    static void several(Connection db) throws SQLException {
        try (Statement s = db.createStatement()) {
            boolean hasRows = s.execute("SELECT 1; SELECT 'a;b'; SET a = 1; SELECT 3");
            List<String> all = new ArrayList<>();
            while (hasRows || s.getUpdateCount() != -1) {
                if (hasRows) {
                    ResultSet rows = s.getResultSet();
                    rows.next();
                    all.add(rows.getString(1));
                }
                hasRows = s.getMoreResults();
            }
            check(all.equals(List.of("1", "a;b", "3")), "results " + all);
        }
    }

    public static void main(String[] arguments) throws SQLException {
        String scheme = arguments[0];
        String prepare = arguments[1]; // the option that makes the driver prepare on the server
        String many = arguments[2];
        String password = System.getenv("ENCKE_TEST_PASSWORD");
        String title;
        try (Connection db = open(scheme, prepare, password)) {
            title = db.getMetaData().getDriverName() + " " + db.getMetaData().getDriverVersion().split(" ")[0];
            publish(db, "java_" + scheme + "_" + System.nanoTime());
            System.out.println("ok - " + title + ": published with parameters and read");
            look(db);
            System.out.println("ok - " + title + ": tables, columns, errors");
        }
        try (Connection db = open(scheme, many, password)) {
            several(db);
            System.out.println("ok - " + title + ": several statements");
        }
        check(refusal(() -> open(scheme, prepare, "wrong").close()) == 16, "a wrong password");
        System.out.println("ok - " + title + ": a wrong password");
    }
}
