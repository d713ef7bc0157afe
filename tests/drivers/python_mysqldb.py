"""MySQLdb (mysqlclient): the C client library, values put into the text by the driver."""
import json
import os
import time

import MySQLdb
from MySQLdb.constants import CLIENT

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = json.load(open(os.path.join(HERE, "texts.json"), encoding="utf-8"))
OPTIONS = {"host": "127.0.0.1", "port": int(os.environ["ENCKE_TEST_SQL_PORT"]), "user": "root",
           "passwd": os.environ["ENCKE_TEST_PASSWORD"], "db": "CometQL_v1", "charset": "utf8mb4"}


def refusal(call):
    try:
        call()
    except MySQLdb.Error as error:
        return error.args[0]
    return 0


name = f"mysqldb_{time.time_ns()}"
db = MySQLdb.connect(**OPTIONS)
cursor = db.cursor()
cursor.execute("INSERT INTO pipes_settings (name, length) VALUES (%s, %s)", (name, 50))
cursor.executemany("INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)", [(name, "e", text) for text in TEXTS])
cursor.execute("SELECT message FROM pipes_messages WHERE name = %s", (name,))
got = [row[0] for row in cursor.fetchall()]
# What is put into the text is escaped, and that is passed on as it is (docs/reference/sql.md): the same escapes come back.
assert got == [db.escape_string(text).decode() for text in TEXTS], got
print(f"ok - MySQLdb {MySQLdb.__version__}: published with parameters and read")

cursor.execute("SHOW TABLES")
assert "pipes_messages" in [row[0] for row in cursor.fetchall()]
assert db.stat().startswith("Uptime: "), db.stat()
db.ping()
assert refusal(lambda: cursor.execute("SELECT * FROM pipes")) == 13
print(f"ok - MySQLdb {MySQLdb.__version__}: tables, stat, ping, errors")

assert refusal(lambda: cursor.execute("SELECT 1; SELECT 2")) == 3
db.close()
db = MySQLdb.connect(**OPTIONS, client_flag=CLIENT.MULTI_STATEMENTS)
cursor = db.cursor()
cursor.execute("SELECT 1; SELECT 'a;b'; SET a = 1")
assert str(cursor.fetchall()[0][0]) == "1"
assert cursor.nextset() and cursor.fetchall()[0][0] == "a;b"
assert cursor.nextset() and not cursor.nextset()
db.change_user("15", OPTIONS["passwd"], "CometQL_v1")
db.query("SHOW STATUS LIKE 'id'")
assert db.store_result().fetch_row()[0][1] == "15"
db.close()
assert refusal(lambda: MySQLdb.connect(**{**OPTIONS, "passwd": "wrong"})) == 16
print(f"ok - MySQLdb {MySQLdb.__version__}: several statements, change of user, a wrong password")
