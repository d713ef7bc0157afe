#!/usr/bin/env python3
"""make_token.py USER [SECONDS]: a token that lets the user in, for an hour unless told otherwise. No library is needed."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time

if len(sys.argv) < 2:
    sys.exit(__doc__)


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


claims = {"user_id": int(sys.argv[1]), "exp": int(time.time()) + int(sys.argv[2] if len(sys.argv) > 2 else 3600)}
key = (os.environ.get("ENCKE_PASSWORD", "") + os.environ.get("ENCKE_APP", "0")).encode()
body = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
print((body + b"." + part(hmac.new(key, body, hashlib.sha256).digest())).decode())
