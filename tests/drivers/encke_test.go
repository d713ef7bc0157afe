// Package drivers holds tests of Encke with MySQL drivers of other languages: see run.sh, which starts the server.
package drivers

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// The server that run.sh has started.
func config(t *testing.T) *mysql.Config {
	t.Helper()
	port := os.Getenv("ENCKE_TEST_SQL_PORT")
	if port == "" {
		t.Skip("ENCKE_TEST_SQL_PORT is not set: run tests/drivers/run.sh")
	}
	c := mysql.NewConfig()
	c.Net = "tcp"
	c.Addr = "127.0.0.1:" + port
	c.User = "root"
	c.Passwd = os.Getenv("ENCKE_TEST_PASSWORD")
	c.DBName = "CometQL_v1"
	c.InterpolateParams = true // the values are put into the text by the driver; the tests of prepared statements switch it off
	c.Timeout = 10 * time.Second
	c.ReadTimeout = 10 * time.Second
	return c
}

func open(t *testing.T, c *mysql.Config) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string, args ...any) sql.Result {
	t.Helper()
	result, err := db.Exec(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return result
}

func wantCode(t *testing.T, err error, code uint16) {
	t.Helper()
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		t.Fatalf("want error %d, got %v", code, err)
	}
	if e.Number != code {
		t.Fatalf("want error %d, got %d (%s)", code, e.Number, e.Message)
	}
}

func TestPing(t *testing.T) {
	if err := open(t, config(t)).Ping(); err != nil {
		t.Fatal(err)
	}
}

func TestThePacketLimitIsAsked(t *testing.T) {
	c := config(t)
	c.MaxAllowedPacket = 0 // the driver sends SELECT @@max_allowed_packet
	if err := open(t, c).Ping(); err != nil {
		t.Fatal(err)
	}
}

func TestWrongPasswordIsRefusedWithError16(t *testing.T) {
	c := config(t)
	c.Passwd = "wrong"
	wantCode(t, open(t, c).Ping(), 16)
}

func TestUnknownDatabaseIsRefusedWithError15(t *testing.T) {
	c := config(t)
	c.DBName = "shop"
	wantCode(t, open(t, c).Ping(), 15)
}

func TestSettingsAndHistory(t *testing.T) {
	db := open(t, config(t))
	name := fmt.Sprintf("go_history_%d", time.Now().UnixNano())
	result := mustExec(t, db, "INSERT INTO pipes_settings (name, length) VALUES (?, ?)", name, 2)
	if affected, _ := result.RowsAffected(); affected != 1 {
		t.Errorf("affected %d, want 1", affected)
	}
	var length string
	if err := db.QueryRow("SELECT length FROM pipes_settings WHERE name = ?", name).Scan(&length); err != nil || length != "2" {
		t.Fatalf("length %q, %v", length, err)
	}

	for i := 1; i <= 3; i++ {
		text, _ := json.Marshal(map[string]any{"number": i, "text": "привет 😀"})
		mustExec(t, db, "INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)", name, "count", string(text))
	}
	rows, err := db.Query("SELECT event, message FROM pipes_messages WHERE name = ?", name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var numbers []int
	for rows.Next() {
		var event, message string
		if err := rows.Scan(&event, &message); err != nil {
			t.Fatal(err)
		}
		var decoded struct {
			Number int
			Text   string
		}
		if err := json.Unmarshal([]byte(stripSlashes(message)), &decoded); err != nil {
			t.Fatalf("%q: %v", message, err)
		}
		if event != "count" || decoded.Text != "привет 😀" {
			t.Errorf("event %q, text %q", event, decoded.Text)
		}
		numbers = append(numbers, decoded.Number)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(numbers) != "[2 3]" {
		t.Errorf("the newest two are kept, in order: %v", numbers)
	}

	mustExec(t, db, "DELETE FROM pipes_settings WHERE name = ?", name)
	var left int
	rows2, err := db.Query("SELECT id FROM pipes_messages WHERE name = ?", name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows2.Close()
	for rows2.Next() {
		left++
	}
	if left != 0 {
		t.Errorf("%d messages outlived their setting", left)
	}
}

// The server passes texts on as they were written (no escape is decoded); so does the driver's escaping arrive, and clients
// take one level of backslashes away.
func stripSlashes(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out = append(out, text[i])
	}
	return string(out)
}

func TestPresence(t *testing.T) {
	db := open(t, config(t))
	var name, users string
	if err := db.QueryRow("SELECT name, users FROM pipes WHERE name = ?", "go_nobody").Scan(&name, &users); err != nil {
		t.Fatal(err)
	}
	if name != "go_nobody" || users != "0" {
		t.Errorf("%s has %s users", name, users)
	}
	rows, err := db.Query("SELECT * FROM users_in_pipes WHERE name = ?", "go_nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	if fmt.Sprint(columns) != "[name user_id user_uuid user_agent ip origin language]" {
		t.Errorf("columns %v", columns)
	}
	if rows.Next() {
		t.Error("somebody is in a channel that nobody has subscribed to")
	}
}

func TestErrorsCarryTheirCode(t *testing.T) {
	db := open(t, config(t))
	for query, code := range map[string]uint16{
		"SELECT * FROM pipes":                                13,
		"SELECT * FROM shop WHERE id = 1":                    15,
		"SELECT price FROM pipes WHERE name = 'web_a'":       14,
		"DELETE FROM pipes WHERE name = 'web_a'":             10,
		"UPDATE pipes SET users = 1":                         3,
		"INSERT INTO pipes_messages (name) VALUES ('web_a')": 12,
	} {
		_, err := db.Exec(query)
		wantCode(t, err, code)
	}
	if err := db.Ping(); err != nil {
		t.Errorf("the connection does not survive an error: %v", err)
	}
}

// With values put into the text by the driver, and with prepared statements.
func bothWays(t *testing.T, test func(t *testing.T, db *sql.DB, isPrepared bool)) {
	for _, isPrepared := range []bool{false, true} {
		t.Run(map[bool]string{false: "interpolated", true: "prepared"}[isPrepared], func(t *testing.T) {
			c := config(t)
			c.InterpolateParams = !isPrepared
			test(t, open(t, c), isPrepared)
		})
	}
}

func texts(t *testing.T, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestParametersOfEveryType(t *testing.T) {
	bothWays(t, func(t *testing.T, db *sql.DB, isPrepared bool) {
		name := fmt.Sprintf("go_types_%d", time.Now().UnixNano())
		mustExec(t, db, "INSERT INTO pipes_settings (name, length) VALUES (?, ?)", name, 50)
		when := time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)
		values := []any{"plain", "\u043f\u0440\u0438\u0432\u0435\u0442 \U0001F600", 42, int64(-7), uint64(18446744073709551615), 0.1, true, when}
		wanted := []string{"plain", "\u043f\u0440\u0438\u0432\u0435\u0442 \U0001F600", "42", "-7", "18446744073709551615", "0.1", "1", "2026-11-23 01:02:03"}
		if isPrepared { // what is put into the text is escaped, and that is not decoded
			exact := []string{"it's \"quoted\" \\ \\' ?", "'); DELETE", "two\nlines", strings.Repeat("x", 100000)}
			for _, text := range exact {
				values, wanted = append(values, text), append(wanted, text)
			}
			values, wanted = append(values, []byte("bytes")), append(wanted, "bytes")
		}
		for _, value := range values {
			mustExec(t, db, "INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)", name, "e", value)
		}
		got := texts(t, db, "SELECT message FROM pipes_messages WHERE name = ?", name)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", wanted) {
			t.Errorf("got %q, want %q", got, wanted)
		}
		if got := texts(t, db, "SELECT message FROM pipes_messages WHERE name IN (?, ?) LIMIT ? OFFSET ?", "nobody", name, 2, 1); len(got) != 2 || got[1] != "42" {
			t.Errorf("got %q", got)
		}
	})
}

func TestOneStatementIsPreparedOnce(t *testing.T) {
	c := config(t)
	c.InterpolateParams = false
	db := open(t, c)
	statement, err := db.Prepare("SELECT name FROM pipes WHERE name = ?")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 100; i++ {
		var name string
		if err := statement.QueryRow(fmt.Sprintf("go_%03d", i)).Scan(&name); err != nil || name != fmt.Sprintf("go_%03d", i) {
			t.Fatalf("%q, %v", name, err)
		}
	}
	if err := statement.Close(); err != nil {
		t.Error(err)
	}
	_, err = db.Prepare("SELECT name FROM shop WHERE name = ?")
	wantCode(t, err, 15)
	_, err = db.Exec("INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)", "x", "e", "m")
	wantCode(t, err, 17)
}

func TestManyConnectionsAtOnce(t *testing.T) {
	db := open(t, config(t))
	db.SetMaxOpenConns(16)
	name := fmt.Sprintf("go_many_%d", time.Now().UnixNano())
	mustExec(t, db, "INSERT INTO pipes_settings (name, length) VALUES (?, ?)", name, 1000)
	failures := make(chan error, 16)
	for worker := 0; worker < 16; worker++ {
		go func(worker int) {
			for i := 0; i < 25; i++ {
				text := fmt.Sprintf("w%d-%d", worker, i)
				if _, err := db.Exec("INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)", name, "e", text); err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}(worker)
	}
	for worker := 0; worker < 16; worker++ {
		if err := <-failures; err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Query("SELECT message FROM pipes_messages WHERE name = ?", name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	next := make([]int, 16)
	kept := 0
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		var worker, i int
		fmt.Sscanf(text, "w%d-%d", &worker, &i)
		if i < next[worker] {
			t.Errorf("%s comes after number %d", text, next[worker]-1)
		}
		next[worker] = i + 1
		kept++
	}
	// 99 is what one SELECT returns in the protocol's documentation; a server may return all it keeps.
	if kept != 99 && kept != 400 {
		t.Errorf("%d messages came back", kept)
	}
	for worker, n := range next {
		if kept == 400 && n != 25 {
			t.Errorf("worker %d: %d messages", worker, n)
		}
	}
}
