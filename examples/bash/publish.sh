#!/bin/bash
# publish.sh CHANNEL TEXT: publishes with the mariadb command line, then prints the subscribers and the history.
# Texts are quoted for SQL here: \ and ' get a backslash, which the page takes off again when it reads the JSON.
set -euo pipefail
[ $# = 2 ] || { echo "usage: publish.sh CHANNEL TEXT" >&2; exit 2; }

sql() {
    MYSQL_PWD=${ENCKE_PASSWORD:-} mariadb --no-defaults --skip-column-names -h"${ENCKE_HOST:-127.0.0.1}" -P"${ENCKE_SQL_PORT:-3307}" \
        -u"${ENCKE_APP:-0}" --default-character-set=utf8mb4 CometQL_v1 -e "$1"
}

quoted() {
    local text=${1//\\/\\\\}
    printf "'%s'" "${text//\'/\\\'}"
}

sql "INSERT INTO pipes_messages (name, event, message) VALUES ($(quoted "$1"), 'note', $(quoted "$2"))"
echo "subscribers: $(sql "SELECT users FROM pipes WHERE name = $(quoted "$1")")"
sql "SELECT event, message FROM pipes_messages WHERE name = $(quoted "$1")"
