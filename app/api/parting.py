"""The last words to a client that is still sending."""

import asyncio
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MAX_SECONDS = 5.0
MAX_BYTES = 16_777_216
"""How much is read on, and thrown away, before the connection ends."""


class PartingResponse(Response):
    """Answers at once, then reads on for a while.

    A connection that is closed while its client writes is reset, and the answer goes with it, unread.
    """

    reads_on = MAX_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_SECONDS):
                await _read_on(receive, self.reads_on)
        await send({"type": "http.response.body", "body": b""})


class PartingFromFiles(PartingResponse):
    """The same to a client that is sending files, which are larger."""

    reads_on = 4 * MAX_BYTES


async def _read_on(receive: Receive, left: int) -> None:
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        left -= len(message["body"])
