"""Rates: so many points in a bucket that refills evenly, for all processes in Redis, leased to each in chunks.

A process takes a chunk of a bucket with one atomic script and spends it by itself, so most requests ask nobody. Chunks
shrink as a bucket empties: no more than its points are ever given out, and at most one chunk lies idle elsewhere. What
a process has not spent within LEASE seconds it hands back with its next call.

A level seen here is that of the last call, refilled since: others may have taken some meanwhile. Without Redis a
process goes on from there by itself, so an overload that keeps Redis from answering in time opens no gate.
"""

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import structlog
from redis.asyncio import Redis

from app.core import clock, metrics, signals
from app.core.errors import LimitReached, Unavailable
from app.core.settings import settings

LEASE = 60.0
"""Seconds for which points that were leased may be spent."""
MOST, PART = 1_000, 20
"""The largest chunk in points, and in parts of a full bucket."""
PAUSE = 1.0
"""Seconds for which a bucket that was empty is not asked again, at most; without Redis, nothing is."""
REFUSALS_KEPT = 2 * 86_400
"""Seconds for which it is known who was refused."""

_LEASE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local points, seconds, needed, chunk, back = unpack(ARGV)
local left, row = points + 0, redis.call('HMGET', KEYS[1], 'left', 'at')
if row[1] then
  left = math.min(left, row[1] + back + math.max(0, now - row[2]) * points / seconds)
end
local given = 0
if left >= needed + 0 then given = math.max(needed, math.min(chunk, math.floor(left / 4))) end
redis.call('HSET', KEYS[1], 'left', string.format('%.6f', left - given), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], seconds * 1000)
return {given, string.format('%.6f', left - given)}
"""
"""How many points are given, and how many are left. A bucket that was not used for `seconds` is full."""

_log = structlog.get_logger(__name__)


class RateLimited(LimitReached):
    """The points of a bucket are spent."""

    code = "RATE_LIMITED"

    def __init__(self, meter: "Meter", seconds: float) -> None:
        super().__init__("Too many requests. Try again in {retryAfter} seconds.", retryAfter=max(1, math.ceil(seconds)))
        self.meter, self.retry_after = meter, seconds


@dataclass(frozen=True, slots=True)
class Rate:
    """So many points, at once or over so many seconds."""

    points: int
    seconds: int

    @property
    def chunk(self) -> int:
        return max(1, min(MOST, self.points // PART))


class Meter:
    """A bucket, as this process sees it: `kind` and `tier` are for figures, `key` names it for all processes."""

    __slots__ = (
        "__weakref__", "_blocked", "_elsewhere", "_lacking", "_refused", "_seen", "_turn",
        "key", "kind", "left", "open", "rate", "shown", "tier", "until",
    )  # fmt: skip

    def __init__(self, kind: str, key: str, tier: str, rate: Rate) -> None:
        self.kind, self.key, self.tier, self.rate = kind, key, tier, rate
        self.left = 0
        """Points that may be spent here without asking."""
        self.open = False
        """Whether this process counts by itself, since Redis is away."""
        self.until = 0.0
        """When that ends, by the monotonic clock."""
        self._blocked = self._seen = 0.0
        self.shown: Any = None
        """What a door keeps of how it shows the bucket, as long as its rate is this one."""
        self._elsewhere = float(rate.points)
        self._refused = self._lacking = 0
        self._turn = asyncio.Lock()

    def change(self, tier: str, rate: Rate) -> None:
        """Go on with another rate."""
        self.tier, self.rate, self.until, self._blocked = tier, rate, 0.0, 0.0
        self.shown = None

    def has(self, points: int, now: float) -> bool:
        """Whether so many can be spent at once; `now` by the monotonic clock."""
        return self.left >= points and now < self.until

    def level(self, now: float) -> int:
        """The points that are available, as far as is known here."""
        rate = self.rate
        level = int(self._elsewhere + (now - self._seen) * rate.points / rate.seconds) + self.left  # as `_here`
        return level if level < rate.points else rate.points

    async def lease(self, points: int) -> None:
        """Have so many at hand. Raises RateLimited, and Unavailable without Redis where the settings say so."""
        async with self._turn:
            now = time.monotonic()
            if self.has(points, now):
                return
            if now < self._blocked and points >= self._lacking:
                raise self._refusal(points, now)
            rate, own, refused = self.rate, self.left, self._refused
            back, self.left = 0 if self.open else own, 0  # nobody may spend meanwhile what is handed back
            arguments = [str(n) for n in (rate.points, rate.seconds, points, max(points, rate.chunk), back)]

            async def script(redis: Redis) -> tuple[int, bytes]:
                if refused:
                    await _note(redis, f"{self.kind} {self.key}", refused)
                given, left = await redis.eval(_LEASE, 1, f"rate:{self.kind}:{self.key}", *arguments)  # type: ignore[misc]
                return given, left

            found = await signals.attempt(script)
            if found is None:
                self.left = own
                self._without_redis(points, now)
                return
            self.open, self._refused, self._seen = False, self._refused - refused, now
            self.left, self._elsewhere, self.until = found[0], float(found[1]), now + LEASE
            metrics.RATE_LEASES.labels("given" if self.left else "empty").inc()
            if self.left < points:
                self._blocked, self._lacking = now + min(PAUSE, self._wait(points, now)), points
                raise self._refusal(points, now)

    def _wait(self, points: int, now: float) -> float:
        """Seconds until so many will have come in."""
        return max(0.0, (points - self._here(now)) * self.rate.seconds / self.rate.points)

    def _here(self, now: float) -> float:
        """What was left for others at the last call, refilled since."""
        return self._elsewhere + (now - self._seen) * self.rate.points / self.rate.seconds

    def _refusal(self, points: int, now: float) -> RateLimited:
        self._refused += 1
        metrics.RATE_LIMITED.labels(self.tier, self.kind).inc()
        return RateLimited(self, self._wait(points, now))

    def _without_redis(self, points: int, now: float) -> None:
        closed = settings().limits_without_redis == "closed"
        metrics.RATE_LEASES.labels("closed" if closed else "open").inc()
        if closed:
            raise Unavailable("Requests cannot be counted now. Try again in a moment.")
        if not self.open:
            _log.warning("rates.open", kind=self.kind, tier=self.tier)
        here = min(self.rate.points, self._here(now) + self.left)
        self.open, self.left, self._elsewhere, self._seen = True, 0, here, now
        if here < points:
            raise self._refusal(points, now)
        self.left = max(points, min(self.rate.chunk, int(here)))
        self._elsewhere, self.until = here - self.left, now + PAUSE


_meters: WeakValueDictionary[tuple[str, str], Meter] = WeakValueDictionary()


def meter(kind: str, key: str, tier: str, rate: Rate) -> Meter:
    """The meter of a bucket, the same one for all who hold it in this process."""
    found = _meters.get((kind, key))
    if found is None:
        found = _meters[kind, key] = Meter(kind, key, tier, rate)
    elif (found.tier, found.rate) != (tier, rate):
        found.change(tier, rate)
    return found


def spent(meters: tuple[Meter, ...], points: int) -> bool:
    """Spend so many points of every bucket if they are at hand, or of none."""
    now = time.monotonic()
    for one in meters:
        if one.left < points or now >= one.until:
            return False
    for one in meters:
        one.left -= points
    return True


async def spend(meters: tuple[Meter, ...], points: int) -> None:
    """Spend so many points of every bucket, or of none. Raises RateLimited and Unavailable.

    What costs more than a bucket holds needs a full one.
    """
    if spent(meters, points):
        return
    now = time.monotonic()
    # From the last look to the spending nothing is awaited: who waits finds what others have left.
    while short := next((one for one in meters if not one.has(min(points, one.rate.points), now)), None):
        await short.lease(min(points, short.rate.points))
        now = time.monotonic()
    for one in meters:
        one.left -= min(points, one.rate.points)


async def refusals(first: int) -> list[tuple[str, str, int]]:
    """Whose buckets refused most today and yesterday: kind, key and how often, most first; none without Redis."""

    async def read(redis: Redis) -> list[tuple[bytes, float]]:
        days = [_day(clock.source() - ago) for ago in (0, 86_400)]
        found: list[tuple[bytes, float]] = await redis.zunion(days, withscores=True)
        return found

    found = await signals.attempt(read) or []
    ranked = sorted(found, key=lambda one: -one[1])[:first]
    return [(*member.decode().split(" ", 1), int(times)) for member, times in ranked]  # type: ignore[misc]


async def _note(redis: Redis, member: str, times: int) -> None:
    pipeline = redis.pipeline(transaction=False)
    pipeline.zincrby(_day(clock.source()), times, member)
    pipeline.expire(_day(clock.source()), REFUSALS_KEPT)
    await pipeline.execute()


def _day(moment: float) -> str:
    return f"refused:{clock.at(moment):%Y-%m-%d}"
