// go run . CHANNEL TEXT: publishes with a prepared statement, then prints what the channel remembers.
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"log"
	"os"

	_ "github.com/go-sql-driver/mysql"
)

func setting(name, fallback string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return fallback
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go run . CHANNEL TEXT")
	}
	channel, text := os.Args[1], os.Args[2]
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s:%s)/CometQL_v1",
		setting("ENCKE_APP", "0"), setting("ENCKE_PASSWORD", ""), setting("ENCKE_HOST", "127.0.0.1"), setting("ENCKE_SQL_PORT", "3307")))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	message, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO pipes_settings (name, length) VALUES (?, ?)", channel, 10); err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)", channel, "note", string(message)); err != nil {
		log.Fatal(err)
	}
	rows, err := db.Query("SELECT event, message FROM pipes_messages WHERE name = ?", channel)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var event, remembered string
		if err := rows.Scan(&event, &remembered); err != nil {
			log.Fatal(err)
		}
		fmt.Println(event, remembered)
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
}
