"""A connection to Encke: everything else is SQL. Debian: python3-pymysql."""

import os

import pymysql


def connect():
    return pymysql.connect(
        host=os.environ.get("ENCKE_HOST", "127.0.0.1"),
        port=int(os.environ.get("ENCKE_SQL_PORT", "3307")),
        user=os.environ.get("ENCKE_APP", "0"),
        password=os.environ.get("ENCKE_PASSWORD", ""),
        database="CometQL_v1",
        charset="utf8mb4",
        autocommit=True,
    )
