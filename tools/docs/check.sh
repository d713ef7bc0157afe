#!/bin/sh
# Compares docs/reference with what the tables say; with --write makes it so.
#   tools/docs/check.sh PROGRAM DIRECTORY [--write]
set -eu
program=$1 directory=$2 differs=0
made=$(mktemp)
trap 'rm -f "$made"' EXIT
for page in settings errors counters; do
    "$program" "$page" >"$made"
    if [ "${3:-}" = --write ]; then
        cmp -s "$made" "$directory/$page.md" || { cp "$made" "$directory/$page.md"; chmod 644 "$directory/$page.md"; echo "wrote $directory/$page.md"; }
    else
        diff -u "$directory/$page.md" "$made" || differs=1
    fi
done
[ "$differs" -eq 0 ] || { echo "the pages above differ from the tables they come from: run make docs"; exit 1; }
