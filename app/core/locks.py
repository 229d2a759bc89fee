"""Distributed locks with fencing tokens: one holder at a time, and a holder who overslept is refused.

    locks  {_id: name, owner, until, since, token}

    async with locks.hold("payouts", wait=5) as lock:
        where, fence = lock.guard()
        paid = await changes.change(Account, {"_id": id, **where}, {"$inc": {"balance": -10}, **fence}, Paid(...))

A process can be stopped at any instruction for longer than its lease, so no lock alone keeps two from writing. What
must not be is guarded: the document keeps the highest token that wrote it, and refuses a lower one.

Rows stay, for a token must never come again; so name locks after kinds of work, not after requests.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.core import leases
from app.core.changes import scoped
from app.core.errors import Unavailable
from app.core.metrics import LOCKS_HELD, LOCKS_LOST
from app.core.tasks import cancelled

LOCKS = "locks"
FIRST_PAUSE, MAX_PAUSE = 0.01, 0.25
"""Seconds between two tries to take a lock that somebody else holds."""


class LockTaken(Unavailable):
    """Somebody else held the lock for as long as it was waited for."""

    code = "LOCKED"


class LockLost(Unavailable):
    """The lock ended while it was held: its lease could not be renewed in time. Another may have begun the work."""

    code = "LOCKED"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held. `token` is larger than that of every holder before."""

    name: str
    token: int
    _ending: asyncio.Timeout

    @property
    def lost(self) -> bool:
        """Whether it has ended, so that somebody else may hold it."""
        return self._ending.expired()

    def guard(self, field: str = "fence") -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """A condition and a modifier for a write to a document that only holders of this lock may change.

        The condition fails where a later holder has written, so the write changes nothing; the modifier notes in
        `field` who wrote. Neither uses `$or` or `$set`.
        """
        return {field: {"$not": {"$gt": self.token}}}, {"$max": {field: self.token}}


@asynccontextmanager
async def hold(name: str, *, wait: float = 10.0) -> AsyncIterator[Lock]:
    """Hold a lock while the body runs; others wait, tasks of this process too.

    Raises LockTaken when nobody let it go within `wait` seconds, and LockLost when it ends early: then the body is
    cancelled, at the latest when somebody else may have it. Around a transaction, never inside one: RuntimeError.
    """
    if scoped():
        raise RuntimeError("a lock must outlast the transaction: hold it around the @atomic call, not inside")
    owner = leases.new_owner()
    try:
        token, since = await _taken(name, owner, wait)
        with LOCKS_HELD.track_inprogress():
            async with leases.kept(LOCKS, name, owner, since) as ending:
                yield Lock(name, token, ending)
    except leases.Lost:
        LOCKS_LOST.inc()
        raise LockLost("The lock {name} was lost before its work was done. Try again.", name=name) from None
    finally:
        await leases.give_back(LOCKS, name, owner)


async def _taken(name: str, owner: str, wait: float) -> tuple[int, float]:
    """Take it as soon as it is free; answers the token, and the loop's time just before it was taken."""
    clock = asyncio.get_running_loop().time
    ends, pause = clock() + wait, FIRST_PAUSE
    while not cancelled():
        asked = clock()
        if row := await leases.take(LOCKS, name, owner):
            return row["token"], asked
        if asked >= ends:
            raise LockTaken("Somebody else holds the lock {name}. Try again in a moment.", name=name)
        await asyncio.sleep(min(pause * (0.5 + random.random()), max(0.0, ends - clock())))  # noqa: S311 - jitter
        pause = min(pause * 2, MAX_PAUSE)
    raise asyncio.CancelledError
