"""Where the content of files is: a folder, or a bucket that speaks S3. Names are paths within it.

A read is made piece by piece, each a call of its own: a slow reader keeps nobody else from the storage.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import cache
from typing import BinaryIO

import obstore
from obstore.store import ObjectStore, S3Store

from app.core import stores
from app.core.outside import Outside
from app.core.settings import settings

PIECE = 1 << 20
"""Bytes."""

SERVER = Outside("storage", timeout=60, concurrency=32, refusals=(FileNotFoundError,))
WRITES = Outside("storage_writes", timeout=60, concurrency=2)
"""Each holds five megabytes in memory, the least that a bucket takes as a part."""


def configured() -> bool:
    """Whether there is a place for files."""
    return settings().media_url is not None


async def put(name: str, content: BinaryIO) -> None:
    """Store a file from its beginning. It is there as a whole or not at all."""
    content.seek(0)
    async with WRITES.call():
        await obstore.put_async(_store(), name, _pieces(content), use_multipart=True, max_concurrency=1)


async def size(name: str) -> int | None:
    """How many bytes are there; None where there is nothing."""
    try:
        async with SERVER.call():
            return (await obstore.head_async(_store(), name))["size"]
    except FileNotFoundError:
        return None


async def read(name: str, size: int) -> AsyncIterator[bytes]:
    """The first `size` bytes, piece by piece. Raises FileNotFoundError."""
    for start in range(0, size, PIECE):
        async with SERVER.call():
            piece = await obstore.get_range_async(_store(), name, start=start, end=min(size, start + PIECE))
        yield bytes(piece)


async def move(name: str, to: str) -> None:
    """Let what is there be elsewhere, in the place of what may be there. Raises FileNotFoundError."""
    async with SERVER.call():
        await obstore.copy_async(_store(), name, to)
        await obstore.delete_async(_store(), name)


async def delete(names: Sequence[str]) -> None:
    """Let nothing be there any more."""
    for name in names:
        try:
            async with SERVER.call():
                await obstore.delete_async(_store(), name)
        except FileNotFoundError:
            continue


async def empty(folder: str) -> None:
    """Let nothing be in a folder any more, however deep."""
    async with SERVER.call():
        async for page in obstore.list(_store(), folder):
            await obstore.delete_async(_store(), [one["path"] for one in page])


async def upload_url(name: str, lifetime: timedelta) -> str | None:
    """Where a client can PUT the content itself, for so long; None where only we can."""
    store = _store()
    if not isinstance(store, S3Store):
        return None
    async with SERVER.call():
        return await obstore.sign_async(store, "PUT", name, lifetime)


def _store() -> ObjectStore:
    url = settings().media_url
    if url is None:
        raise RuntimeError("MEDIA_URL names no place for files")
    return _opened(url)


_opened = cache(stores.opened)


async def _pieces(content: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(content.read, PIECE):
        yield piece
