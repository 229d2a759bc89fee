"""Automatic persisted queries: texts that clients sent once with their hash, kept in Redis so that the hash is enough.

Anybody may have texts kept, so there is room for so many of them, each of a bounded length: a flood drives out those
that were used least lately, whose clients then send them again. Without Redis none is known.
"""

from redis.asyncio import Redis

from app.core import clock, signals

MAX_BYTES = 20_000
"""Of one text."""
MAX_TEXTS = 5_000

_USED = "persisted"
"""A sorted set: the hashes by when they were last asked for."""


async def find(hash: str, seconds: int) -> str | None:
    """The text with this SHA-256, which is then kept for so many seconds more."""

    async def read(redis: Redis) -> bytes | None:
        pipeline = redis.pipeline(transaction=False)
        pipeline.getex(_key(hash), ex=seconds)
        pipeline.zadd(_USED, {hash: clock.source()}, xx=True)
        found: bytes | None = (await pipeline.execute())[0]
        return found

    text = await signals.attempt(read)
    return None if text is None else text.decode()


async def keep(hash: str, text: str, seconds: int) -> bool:
    """Keep a text by its SHA-256 for so many seconds; answers whether it was kept, which takes Redis."""

    async def write(redis: Redis) -> int:
        pipeline = redis.pipeline(transaction=True)
        pipeline.set(_key(hash), text, ex=seconds)
        pipeline.zadd(_USED, {hash: clock.source()})
        pipeline.expire(_USED, seconds)
        pipeline.zcard(_USED)
        over: int = (await pipeline.execute())[-1] - MAX_TEXTS
        if over > 0:
            oldest = await redis.zpopmin(_USED, over)
            await redis.delete(*(_key(member.decode()) for member, _ in oldest))
        return over

    return await signals.attempt(write) is not None


def _key(hash: str) -> str:
    return f"persisted:{hash}"
