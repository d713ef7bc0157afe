#!/usr/bin/env python3
"""listen.py CHANNEL...: prints what is published. Debian: python3-websockets."""

import asyncio
import json
import os
import secrets
import string
import sys

import websockets

UUID = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32))
URL = os.environ.get("ENCKE_URL", "ws://127.0.0.1:8087")
APP = os.environ.get("ENCKE_APP", "0")


async def listen(channels):
    async with websockets.connect(f"{URL}/ws/sesion=&myid=0&devid={APP}&v=4.09&uuid={UUID}&api=py") as socket:
        await socket.send("\n".join(["subscription", *channels]))
        async for frame in socket:
            message = json.loads(frame)
            if message["pipe"] in channels:
                print(message["pipe"], message["event"], message["data"], flush=True)


asyncio.run(listen(sys.argv[1:] or ["news"]))
