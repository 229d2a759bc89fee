"""Time and ids, in one place so that a test can hold the clock still."""

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bson import ObjectId

source: Callable[[], float] = time.time
"""Seconds since the epoch; a test replaces it to control the clock."""

FIRST_ID = ObjectId("0" * 24)
"""Below every id. In a partial index `{"$gt": FIRST_ID}` says "has an id"; the planner does not see that in `$type`."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Before every moment that is stored; in a partial index it says "has a moment", as FIRST_ID does of ids."""

_RANDOM_BITS = 44
_last = 0


def now() -> datetime:
    """The present moment in UTC, cut to the millisecond that MongoDB can store."""
    return at(source())


def at(seconds: float) -> datetime:
    """The moment `seconds` after the epoch, in UTC, cut to the millisecond."""
    return datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)


def reached(by: datetime) -> dict[str, datetime]:
    """The filter of moments that have come, which the index `models.base.when_due` serves."""
    return {"$gt": EPOCH, "$lte": by}


def new_id() -> ObjectId:
    """A fresh ObjectId that sorts by time of creation to the microsecond, across processes too.

    The driver's own ids agree only on the second: below it they sort by a number drawn by each process, which would
    show the answer to a message above the message. Layout: 32 bits seconds, 20 bits microseconds, 44 bits random. Ids
    made in one process strictly increase.
    """
    global _last
    _last = max(_last + 1, int(source() * 1_000_000))
    seconds, micros = divmod(_last, 1_000_000)
    tail = (micros << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return ObjectId(seconds.to_bytes(4, "big") + tail.to_bytes(8, "big"))


def time_of(id: ObjectId) -> datetime:
    """The moment at which `new_id` made an id, in UTC, cut to the millisecond."""
    seconds, micros = int.from_bytes(id.binary[:4], "big"), int.from_bytes(id.binary[4:7], "big") >> 4
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=micros // 1000)


def derived_id(id: ObjectId, *names: object) -> ObjectId:
    """The one id that follows from an id of `new_id` and some names; it sorts by the same moment."""
    moment = int.from_bytes(id.binary, "big") >> _RANDOM_BITS
    digest = hashlib.blake2s("\0".join(map(str, (id, *names))).encode(), digest_size=8).digest()
    tail = int.from_bytes(digest, "big") >> (64 - _RANDOM_BITS)
    return ObjectId((moment << _RANDOM_BITS | tail).to_bytes(12, "big"))
