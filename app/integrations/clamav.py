"""ClamAV: whether there is anything bad in some content, asked of clamd by INSTREAM (man 8 clamd).

clamd hangs up on what is above its StreamMaxLength, as it does when it is stopped: nobody knows then what is in it.
"""

import asyncio
from collections.abc import AsyncIterator

from app.core.outside import Outside
from app.core.settings import settings

SERVER = Outside("clamav", timeout=120, concurrency=4)


def configured() -> bool:
    """Whether there is somebody to ask."""
    return settings().clamav_url is not None


async def scan(content: AsyncIterator[bytes]) -> str | None:
    """The name of what was found; None where there is nothing. Any error may pass."""
    url = settings().clamav_url
    assert url, "whoever asks has seen that there is one"
    async with SERVER.call():
        if url.scheme == "unix":
            reader, writer = await asyncio.open_unix_connection(url.path)
        else:
            reader, writer = await asyncio.open_connection(url.host, url.port or 3310)
        try:
            writer.write(b"zINSTREAM\0")
            async for piece in content:
                writer.write(len(piece).to_bytes(4) + piece)
                await writer.drain()
            writer.write(bytes(4))
            return _verdict((await reader.readuntil(b"\0"))[:-1].decode())
        finally:
            writer.close()


def _verdict(answer: str) -> str | None:
    if answer == "stream: OK":
        return None
    if answer.endswith(" FOUND"):
        return answer.removeprefix("stream: ").removesuffix(" FOUND")
    raise RuntimeError(f"clamd says: {answer}")
