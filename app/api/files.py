"""Files, in and out: content that was announced comes by PUT, and is had by links that are good for a while.

What comes is written to a temporary file as it arrives, so it takes no memory, and never more than is allowed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryFile
from typing import BinaryIO, cast
from urllib.parse import quote

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.api.parting import PartingFromFiles
from app.core.errors import AppError, LimitReached, NotFound, Unavailable
from app.core.settings import settings
from app.core.words import said
from app.services.identity.tickets import TicketOver
from app.services.media import files
from app.services.media.files import FileRefused, FileTooLarge

AT_ONCE = 16
"""Files that one process takes in at a time: more would fill its disk."""
SECONDS = 300
"""For which content may arrive."""
_turns = asyncio.Semaphore(AT_ONCE)


class Busy(LimitReached):
    """Too many files arrive at this moment."""

    code = "BUSY"


_PRIVATE = {"cache-control": "no-store"}
_STATUS = {
    TicketOver: 404,
    NotFound: 404,
    FileTooLarge: 413,
    FileRefused: 415,
    Busy: 429,
    Unavailable: 503,
}


def routes() -> list[Route]:
    return [
        Route("/uploads/{token}", _take, methods=["PUT"]),
        Route("/files/{token}", _give, methods=["GET"]),
    ]


async def _take(request: Request) -> Response:
    """204 when the content of a file is taken; it is looked at after that."""
    try:
        length = request.headers.get("content-length", "")
        files.must_fit(int(length) if length.isdecimal() else 0)
        async with _spooled(request.stream(), settings().media_max_bytes) as (content, size):
            await files.receive(await files.announced(request.path_params["token"]), content, size)
    except (ClientDisconnect, TimeoutError):
        return Response(status_code=408)
    except AppError as error:
        return _refused(error)
    return Response(status_code=204, headers=_PRIVATE)


async def _give(request: Request) -> Response:
    """The content, as a file to keep: no browser shows or runs it as a page of ours."""
    try:
        file, content = await files.fetch(request.path_params["token"])
    except AppError as error:
        return _refused(error)
    headers = {
        "cache-control": "private, max-age=3600, immutable",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "content-length": str(file.size),
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "cross-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(content, media_type=file.media_type, headers=headers)


@asynccontextmanager
async def turn() -> AsyncIterator[None]:
    """A place among those whose files arrive now. Raises Busy."""
    if _turns.locked():
        raise Busy("Too many files arrive at once. Try again in a moment.")
    async with _turns:
        yield


@asynccontextmanager
async def _spooled(chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[tuple[BinaryIO, int]]:
    """A temporary file with everything that comes, and how many bytes that is. Raises FileTooLarge and Busy."""
    async with turn():
        with TemporaryFile() as spool:
            size = 0
            async with asyncio.timeout(SECONDS):
                async for chunk in chunks:
                    size += len(chunk)
                    files.must_fit(size)
                    await asyncio.to_thread(spool.write, chunk)
            yield cast("BinaryIO", spool), size


def _refused(error: AppError) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
    body = orjson.dumps({"error": said(error.message), "code": error.code})
    parts = status in (404, 413, 429)  # whose client may still be sending
    headers = {**_PRIVATE, **({"connection": "close"} if parts else {})}
    return (PartingFromFiles if parts else Response)(body, status, headers, "application/json")
