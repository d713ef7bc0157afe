"""Python PyMySQL: autocommit off, as is its default, so that SET AUTOCOMMIT and COMMIT are sent."""
import json
import os

import pymysql

RAW = '{"raw":1}'
PLAIN = "plain text, привет, 😀"
QUOTED = '{"text":"it\'s \\"quoted\\""}'

channel = os.environ["ENCKE_TEST_CHANNEL"]
options = dict(host="127.0.0.1", port=int(os.environ["ENCKE_TEST_SQL_PORT"]), user="root", database="CometQL_v1", charset="utf8mb4",
               connect_timeout=10, read_timeout=10)


def code(call):
    try:
        call()
        return 0
    except pymysql.MySQLError as error:
        return error.args[0]


db = pymysql.connect(password=os.environ["ENCKE_TEST_PASSWORD"], **options)
with db.cursor() as cursor:
    cursor.execute("INSERT INTO pipes_settings (name, length) VALUES (%s, %s)", (channel, 10))
    cursor.execute("INSERT INTO pipes_messages (name, event, message) VALUES ('%s', 'hello', '%s')" % (channel, RAW))
    for text in (PLAIN, QUOTED):
        cursor.execute("INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)", (channel, "hello", text))
db.commit()
with db.cursor(pymysql.cursors.DictCursor) as cursor:
    def rows(sql):
        cursor.execute(sql, (channel,))
        return cursor.fetchall()

    pipe = rows("SELECT name, users FROM pipes WHERE name = %s")[0]
    settings = rows("SELECT name, length FROM pipes_settings WHERE name = %s")
    history = rows("SELECT event, message FROM pipes_messages WHERE name = %s")
    members = rows("SELECT * FROM users_in_pipes WHERE name = %s")
    where_error = code(lambda: cursor.execute("SELECT * FROM pipes"))
db.close()
login_error = code(lambda: pymysql.connect(password="wrong", **options))
print(json.dumps({
    "users": pipe["users"],
    "settings": [[row["name"], row["length"]] for row in settings],
    "history": [[row["event"], row["message"]] for row in history],
    "members": [row["user_uuid"] for row in members],
    "where_error": where_error,
    "login_error": login_error,
}))
