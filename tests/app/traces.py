"""Where a word is to be found: in every document of a database, byte for byte, in Redis, in files."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.database import AsyncDatabase
from redis.asyncio import Redis

Store = AsyncDatabase[dict[str, Any]]


async def in_database(store: Store, words: Iterable[str]) -> list[str]:
    """The collections that hold one of the words, with the word."""
    sought, found = [word.encode() for word in words], set()
    raw: Any = CodecOptions(document_class=RawBSONDocument)
    for name in await store.list_collection_names(filter={"name": {"$not": {"$regex": "^system\\."}}}):
        async for document in store.get_collection(name, raw).find():
            content: bytes = document.raw  # type: ignore[attr-defined]
            found |= {f"{name}: {word.decode()}" for word in sought if word in content}
    return sorted(found)


_READ: dict[str, Callable[[Any, bytes], Awaitable[Any]]] = {
    "string": lambda redis, key: redis.get(key),
    "hash": lambda redis, key: redis.hgetall(key),
    "list": lambda redis, key: redis.lrange(key, 0, -1),
    "set": lambda redis, key: redis.smembers(key),
    "zset": lambda redis, key: redis.zrange(key, 0, -1),
}


async def in_redis(url: str, words: Iterable[str]) -> list[str]:
    """The keys that hold one of the words, in their name or value."""
    sought, found = [word.encode() for word in words], []
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter():
            kind = (await redis.type(key)).decode()
            value = repr([key, await _READ[kind](redis, key)]).encode()
            found += [repr(key) for word in sought if word in value]
    return found


def in_files(folder: Path, words: Iterable[str]) -> list[str]:
    """The files that hold one of the words."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name}: {word}" for path in files for word in words if word.encode() in path.read_bytes()]
