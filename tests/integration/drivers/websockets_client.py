"""Python websockets as a browser: subscribes to a channel and prints what it receives, until so many have come."""
import asyncio
import os
import sys

import websockets


async def main():
    url = os.environ["ENCKE_TEST_URL"]
    channel = os.environ["ENCKE_TEST_CHANNEL"]
    left = int(os.environ["ENCKE_TEST_COUNT"])
    async with websockets.connect(url, open_timeout=10, close_timeout=2) as socket:
        print(await socket.recv(), flush=True)
        await socket.send("subscription\n" + channel)
        pong = await socket.ping()
        await asyncio.wait_for(pong, 10)
        while left > 0:
            print(await asyncio.wait_for(socket.recv(), 20), flush=True)
            left -= 1


try:
    asyncio.run(main())
except websockets.ConnectionClosed:
    # The classic protocol ends a connection without a Close frame; that is no fault here.
    sys.exit(0)
