"""PyMySQL over TLS: publishes, and reads back the history."""
import json
import os

import pymysql

channel = os.environ["ENCKE_TEST_CHANNEL"]
db = pymysql.connect(host="127.0.0.1", port=int(os.environ["ENCKE_TEST_SQL_PORT"]), user="root", password=os.environ["ENCKE_TEST_PASSWORD"],
                     database="CometQL_v1", charset="utf8mb4", connect_timeout=10, read_timeout=10,
                     ssl={"ca": os.environ["ENCKE_TEST_CA"], "check_hostname": True})
with db.cursor() as cursor:
    cursor.execute("INSERT INTO pipes_settings (name, length) VALUES (%s, %s)", (channel, 10))
    cursor.execute("INSERT INTO pipes_messages (name, event, message) VALUES (%s, 'hello', %s)", (channel, "plain text, привет, 😀"))
    cursor.execute("SELECT message FROM pipes_messages WHERE name = %s", (channel,))
    print(json.dumps([row[0] for row in cursor.fetchall()]))
db.close()
