"""Somebody who asks for something small, again and again: `python -m tests.chaos.crowd.asking URL TOKEN`.

A process of its own, so that it measures the server and not how busy the crowd's clients are. It ends with its input
and prints the seconds that each answer took.
"""

import asyncio
import json
import sys
import time

import httpx

PAUSE_SECONDS = 0.05
"""Between an answer and the next request."""
ASK = {"query": "{ me { id } }"}


async def main(url: str, token: str) -> None:
    delays: list[float] = []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with httpx.AsyncClient(timeout=60, headers={"Authorization": f"Bearer {token}"}) as http:
        while not ended.done():
            begun = time.monotonic()
            response = await http.post(url, json=ASK)
            assert "errors" not in response.json(), response.text
            delays.append(time.monotonic() - begun)
            await asyncio.sleep(PAUSE_SECONDS)
    print(json.dumps(delays))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
