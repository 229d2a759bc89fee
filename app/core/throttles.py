"""Throttles: at most so many times in any stretch of so many seconds, counted for all processes in Redis.

For what may be tried a few times: passwords, codes, messages to a number. Requests are bounded by their cost.

A key keeps the moments of the last spendings that passed, newest first, at most `limit` of them: one more may pass when
the oldest of these is out of the stretch. What is refused is not counted, so who goes on trying is let in again.
"""

import math

import structlog
from redis.asyncio import Redis

from app.core import clock, metrics, seals, signals
from app.core.errors import LimitReached, Unavailable
from app.core.settings import settings

_SPEND = """
local oldest = redis.call('LINDEX', KEYS[1], ARGV[2] - 1)
local left = oldest and oldest + ARGV[3] - ARGV[1] or 0
if left > 0 then return left end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0
"""
"""Milliseconds until one more may pass; 0 if this one did. Arguments: now, the limit, the stretch; in milliseconds."""

_log = structlog.get_logger(__name__)


class Throttled(LimitReached):
    """This was tried too often."""

    code = "TOO_MANY_ATTEMPTS"

    @property
    def retry_after(self) -> int:
        """Seconds until it may be tried again."""
        seconds: int = self.details["retryAfter"]
        return seconds


async def spend(name: str, key: str, limit: int, seconds: int) -> None:
    """Count one attempt at `name` by or on `key`, of which any stretch of `seconds` has `limit` at most.

    `key` may be an address or a number: Redis gets a fingerprint of it. Never inside `@atomic`, which may run twice.
    Raises Throttled, and without Redis Unavailable where the settings say so.
    """
    entry = _entry(name, key)
    arguments = [str(number) for number in (int(clock.source() * 1000), limit, seconds * 1000)]

    async def script(redis: Redis) -> int:
        left: int = await redis.eval(_SPEND, 1, entry, *arguments)  # type: ignore[misc]
        return left

    left = await signals.attempt(script)
    if left is None:
        _without_redis(name)
    elif left > 0:
        metrics.THROTTLED.labels(name, "refused").inc()
        wait = math.ceil(left / 1000)
        raise Throttled("This was tried too often. Try again in {retryAfter} seconds.", retryAfter=wait)
    else:
        metrics.THROTTLED.labels(name, "passed").inc()


async def forgive(name: str, key: str) -> None:
    """Take back the newest spending that passed: it was no attempt after all."""
    entry = _entry(name, key)

    async def pop(redis: Redis) -> None:
        await redis.lpop(entry)  # type: ignore[misc]

    await signals.attempt(pop)


def _entry(name: str, key: str) -> str:
    return "throttle:" + seals.fingerprint("throttle", f"{name}\0{key}".encode()).hex()


def _without_redis(name: str) -> None:
    """Let it pass, or not, as the settings want it."""
    closed = settings().limits_without_redis == "closed"
    metrics.THROTTLED.labels(name, "closed" if closed else "open").inc()
    _log.warning("throttles.without_redis", throttle=name, passed=not closed)
    if closed:
        raise Unavailable("This cannot be counted now, so it has to wait. Try again in a moment.")
