#!/usr/bin/env python3
"""publish.py CHANNEL TEXT: to everybody who listens to the channel.
publish.py --user 5 TEXT: to every page of one user, or to the next one he opens."""

import json
import sys

from encke import connect

if len(sys.argv) == 4 and sys.argv[1] == "--user":
    statement, values = "INSERT INTO users_messages (id, event, message) VALUES (%s, %s, %s)", (int(sys.argv[2]), "note")
elif len(sys.argv) == 3:
    statement, values = "INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)", (sys.argv[1], "note")
else:
    sys.exit(__doc__)

with connect() as sql, sql.cursor() as cursor:
    # PyMySQL writes the values into the statement, escaped; JSON finds its way back in the page.
    cursor.execute(statement, (*values, json.dumps({"text": sys.argv[-1]})))
print("published")
