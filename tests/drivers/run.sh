#!/bin/sh
# Drivers that bring a language of their own: starts a server, runs their tests against it, stops it.
#   tests/drivers/run.sh [path of encke]        (default: ENCKE_BIN, or build/encke)
# What is not a package of Debian, scripts/deps has put into build/drivers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
encke=${1:-${ENCKE_BIN:-$here/../../build/encke}}
case $encke in /*) ;; *) encke=$PWD/$encke ;; esac
state=$(mktemp -d)
server=
finish() {
    status=$?
    trap - EXIT
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" || { echo "the server did not end cleanly"; cat "$state/err"; status=1; }
    rm -rf "$state"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

packages=$here/../../${BUILD:-build}/drivers
for program in go java javac ruby; do
    command -v "$program" >/dev/null || { echo "$program is missing: scripts/deps drivers"; exit 1; }
done
[ -e "$packages/mysql-connector-j.jar" ] || { echo "drivers are missing: scripts/deps drivers"; exit 1; }

ENCKE_TEST_PASSWORD=driver-test-password
"$encke" --ws.port=0 --cometql.port=0 --main.state_dir="$state/state" --main.password="$ENCKE_TEST_PASSWORD" --quiet \
    >"$state/out" 2>"$state/err" &
server=$!

tries=0
until grep -q '^encke: ready ' "$state/out" 2>/dev/null; do
    tries=$((tries + 1))
    kill -0 "$server" 2>/dev/null || { server=; echo "the server ended at once:"; cat "$state/out" "$state/err"; exit 1; }
    [ "$tries" -lt 200 ] || { echo "the server does not get ready"; cat "$state/out" "$state/err"; exit 1; }
    sleep 0.05
done
ENCKE_TEST_SQL_PORT=$(sed -n 's/^encke: ready .*cometql=[^ ]*:\([0-9]*\).*$/\1/p' "$state/out")
export ENCKE_TEST_SQL_PORT ENCKE_TEST_PASSWORD

cd "$here"
go test -count=1 ./...
/usr/bin/python3 python_mysqldb.py
"$packages/python/bin/python" python_connector.py
ruby ruby_mysql2.rb
javac -d "$state/java" Jdbc.java
java -cp "$state/java:/usr/share/java/mariadb-java-client.jar" Jdbc mariadb useServerPrepStmts=true allowMultiQueries=true
java -cp "$state/java:$packages/mysql-connector-j.jar" Jdbc mysql 'useServerPrepStmts=true&sslMode=DISABLED' \
    'allowMultiQueries=true&sslMode=DISABLED&disabledAuthenticationPlugins=mysql_native_password'

# The examples in these languages (the others are run by the integration tests).
export ENCKE_SQL_PORT="$ENCKE_TEST_SQL_PORT" ENCKE_PASSWORD="$ENCKE_TEST_PASSWORD"
said() { grep -Fqx "$2" "$1" || { echo "an example did not say \"$2\":"; cat "$1"; exit 1; }; }
(cd "$here/../../examples/go" && go run . example_go "it's \"quoted\" 😀") >"$state/go"
said "$state/go" 'note {"text":"it'"'"'s \"quoted\" 😀"}'
ruby "$here/../../examples/ruby/publish.rb" example_ruby hello >"$state/ruby"
said "$state/ruby" 'published to 0'

# phpMyAdmin in Chromium, and JDBC: they start servers of their own.
cd "$here/../integration"
ENCKE_BIN=$encke node --test --test-reporter=spec drivers/tools.js
