"""mysql-connector-python: the client library of MySQL 9 (caching_sha2_password only) and the driver written in Python."""
import json
import os
import time

import mysql.connector

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = json.load(open(os.path.join(HERE, "texts.json"), encoding="utf-8"))
PUBLISH = "INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)"


def connect(**extra):
    return mysql.connector.connect(**{
        "host": "127.0.0.1", "port": int(os.environ["ENCKE_TEST_SQL_PORT"]), "user": "root",
        "password": os.environ["ENCKE_TEST_PASSWORD"], "database": "CometQL_v1", "ssl_disabled": True, **extra})


def refusal(call):
    try:
        call()
    except mysql.connector.Error as error:
        return error.errno
    return 0


def rows(cursor, sql, values=()):
    cursor.execute(sql, values)
    return [tuple(str(cell) for cell in row) for row in cursor.fetchall()]


def prepared(use_pure):
    name = f"python_{int(use_pure)}_{time.time_ns()}"
    db = connect(use_pure=use_pure)
    cursor = db.cursor(prepared=True)
    cursor.execute("INSERT INTO pipes_settings (name, length) VALUES (%s, %s)", (name, 50))
    for text in TEXTS:
        cursor.execute(PUBLISH, (name, "e", text))
    got = rows(cursor, "SELECT message FROM pipes_messages WHERE name = %s", (name,))
    assert got == [(text,) for text in TEXTS], got
    plain = db.cursor()
    assert ("pipes_messages",) in rows(plain, "SHOW TABLES")
    assert rows(plain, "SELECT users FROM pipes WHERE name = %s", (name,)) == [("0",)]
    assert refusal(lambda: plain.execute("SELECT * FROM pipes")) == 13
    db.close()


def several_statements():
    db = connect(use_pure=True)
    cursor = db.cursor()
    try:
        results = [result.fetchall() for result in cursor.execute("SELECT 1; SELECT 'a;b'; SELECT 3", multi=True)]
    except TypeError:  # later versions have no `multi`
        cursor.execute("SELECT 1; SELECT 'a;b'; SELECT 3")
        results = [cursor.fetchall()]
        while cursor.nextset():
            results.append(cursor.fetchall())
    assert [str(result[0][0]) for result in results] == ["1", "a;b", "3"], results
    db.close()


def sessions(use_pure):
    db = connect(use_pure=use_pure)
    assert db.is_connected()
    db.cmd_change_user("15", os.environ["ENCKE_TEST_PASSWORD"], "CometQL_v1")
    cursor = db.cursor()
    status = dict(rows(cursor, "SHOW STATUS"))
    assert status["id"] == "15", status
    db.cmd_reset_connection()
    assert rows(cursor, "SELECT 1") == [("1",)]
    db.close()


def plugins():
    for plugin in ("caching_sha2_password", "mysql_native_password"):
        connect(use_pure=True, auth_plugin=plugin).close()
        assert refusal(lambda: connect(use_pure=True, auth_plugin=plugin, password="wrong")) == 16
    if mysql.connector.HAVE_CEXT:
        assert refusal(lambda: connect(use_pure=False, password="wrong")) == 16


TESTS = [("published with parameters, in Python", lambda: prepared(True)), ("several statements", several_statements),
         ("change of user and reset, in Python", lambda: sessions(True)), ("both plugins", plugins)]
if mysql.connector.HAVE_CEXT:
    TESTS += [("published with parameters, client library of MySQL 9", lambda: prepared(False)),
              ("change of user and reset, client library of MySQL 9", lambda: sessions(False))]
for title, test in TESTS:
    test()
    print(f"ok - mysql-connector-python {mysql.connector.__version__}: {title}")
