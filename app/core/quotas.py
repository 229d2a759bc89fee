"""Quotas: how much of something an organization, or a customer of it, may have. It is taken before it is used, so that
nothing overruns.

    held = await quotas.reserve(actor, SEATS, until=...)      something is meant to be used
    await quotas.settle(actor, SEATS, held)                   it is used
    await quotas.release(actor, SEATS, held)                  or it is not, after all

Where something else counts what is used, such as a meter, `level` says how much that is, whatever the limit; what is
reserved is given back (`release`) in the scope that counts it.

What is reserved counts as used until it is settled, released, or its time is over. All of it is one document for each
organization and quota, changed by conditional updates: whatever happens at once, `used + held` never passes the limit.
In a scope (`@atomic`) these take part in it. An account is opened when it is first needed, with what is there by then:
so take before you write what is counted.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from app.core import changes, database, queries
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import LimitReached
from app.core.rows import Row, Value

MOST_HELD = 10_000
"""Reservations of one account that nobody has settled or released."""


@dataclass(slots=True)
class Reservation(Value):
    """What is meant to be used, until when."""

    id: ObjectId
    amount: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Count:
    """What an organization uses of something, and what it has reserved."""

    used: int
    reservations: Sequence[Reservation] = ()


class Account(Row):
    """What an organization has used and reserved of one quota; `limit` is its own, if it is not the default."""

    collection = "quotas"

    organization_id: ObjectId
    name: str
    used: int = 0
    held: int = 0
    limit: int | None = None
    reservations: list[Reservation] = []


@dataclass(frozen=True, slots=True)
class Quota:
    """Something of which there may be so much; `count` counts what is there, to open an account with.

    People read the `name`; the account is kept under `key`, where an organization has several of that name.
    """

    name: str
    default: Callable[[], int]
    count: Callable[[Actor], Awaitable[Count]]
    key: str = ""


@dataclass(slots=True)
class Usage(Value):
    """How much is used, reservations included, of how much."""

    used: int
    limit: int


class QuotaReached(LimitReached):
    """There is no more of it to be had."""

    code = "QUOTA_REACHED"


class TooManyReservations(LimitReached):
    """So much was reserved at once that nobody has settled yet."""

    code = "TOO_MANY_RESERVATIONS"


async def reserve(
    actor: Actor, quota: Quota, *, until: datetime, amount: int = 1, id: ObjectId | None = None
) -> ObjectId:
    """Hold so much until then, and answer by which id; of one id once. Raises QuotaReached and TooManyReservations."""
    held = Reservation(id or new_id(), amount, until)
    taken = {"$inc": {"held": amount}, "$push": {"reservations": asdict(held)}}
    few = {f"reservations.{MOST_HELD - 1}": {"$exists": False}, "reservations.id": {"$ne": held.id}}
    await _take(actor, quota, amount, taken, few, held.id)
    return held.id


async def must_fit(actor: Actor, quota: Quota, amount: int) -> None:
    """Raises QuotaReached when there is no room for so much: in the scope that lets it be used."""
    id = await reserve(actor, quota, until=now(), amount=amount)
    await _drop(actor, quota, id, used=False)


async def spend(actor: Actor, quota: Quota, amount: int = 1) -> None:
    """Use so much at once. Raises QuotaReached."""
    await _take(actor, quota, amount, {"$inc": {"used": amount}})


async def settle(actor: Actor, quota: Quota, id: ObjectId) -> None:
    """Use what was reserved; if its time was over meanwhile, as much anew. Raises QuotaReached."""
    held = await _drop(actor, quota, id, used=True)
    if held is None:
        await spend(actor, quota)


async def release(actor: Actor, quota: Quota, id: ObjectId) -> Reservation | None:
    """Give back what was reserved, and answer what that was; None, and nothing happens, when its time was over."""
    return await _drop(actor, quota, id, used=False)


async def level(actor: Actor, quota: Quota, used: int) -> None:
    """Let so much be used, as is counted elsewhere, whatever the limit: in the scope that counts it."""
    await open(actor, quota)
    await _change(actor, quota, {}, {"$set": {"used": used}})


async def opened(actor: Actor, quota: Quota) -> bool:
    """Whether there is an account."""
    return await _find(actor, quota) is not None


async def free(actor: Actor, quota: Quota, amount: int = 1) -> None:
    """Give back what was used."""
    await open(actor, quota)
    await _change(actor, quota, {"used": {"$gte": amount}}, {"$inc": {"used": -amount}})


async def usage(actor: Actor, quota: Quota) -> Usage:
    """How much is used of how much; an account that is not open yet stays so."""
    account = await _find(actor, quota)
    if account is None:
        count = await quota.count(actor)
        return Usage(count.used + sum(held.amount for held in count.reservations), quota.default())
    moment = now()
    held = sum(one.amount for one in account.reservations if one.until > moment)
    return Usage(account.used + held, quota.default() if account.limit is None else account.limit)


async def set_limit(actor: Actor, quota: Quota, limit: int | None) -> None:
    """Let the organization have so much, or the default; who has more keeps it, and gets no more."""
    await open(actor, quota)
    await _change(actor, quota, {}, {"$set": {"limit": limit}})


async def _take(
    actor: Actor,
    quota: Quota,
    amount: int,
    modifiers: dict[str, Any],
    where: Mapping[str, Any] = MappingProxyType({}),
    id: ObjectId | None = None,
) -> None:
    await open(actor, quota)
    sum = {"$add": ["$used", "$held", amount]}
    room = {**where, "$expr": {"$lte": [sum, {"$ifNull": ["$limit", quota.default()]}]}}
    if await _change(actor, quota, room, modifiers):
        return
    await _reclaim(actor, quota)
    if not await _change(actor, quota, room, modifiers):
        account, found = await _find(actor, quota), await usage(actor, quota)
        held = account.reservations if account else []
        if id and any(one.id == id for one in held):
            return
        if id and len(held) >= MOST_HELD:
            raise TooManyReservations("Too much is reserved at once: settle or release some of it.", most=MOST_HELD)
        raise QuotaReached(
            "{used} of {limit} {quota} are used: there is no room for more.",
            used=found.used,
            limit=found.limit,
            quota=quota.name,
        )


async def _reclaim(actor: Actor, quota: Quota) -> None:
    """Give back what was reserved and never settled."""
    account, moment = await _find(actor, quota), now()
    for one in account.reservations if account else ():
        if one.until <= moment:
            await _drop(actor, quota, one.id, used=False)


async def _drop(actor: Actor, quota: Quota, id: ObjectId, *, used: bool) -> Reservation | None:
    """Take a reservation off the account, used or not; None when it is not there."""
    await open(actor, quota)
    account = await _find(actor, quota)
    held = next((one for one in account.reservations if one.id == id), None) if account else None
    if held is None:
        return None
    counted = {"held": -held.amount, **({"used": held.amount} if used else {})}
    modifiers = {"$inc": counted, "$pull": {"reservations": {"id": id}}}
    return held if await _change(actor, quota, {"reservations.id": id}, modifiers) else None


async def open(actor: Actor, quota: Quota) -> None:
    """Let there be an account, with what is there."""
    if await _find(actor, quota) is not None:
        return
    count = await quota.count(actor)
    held = sum(one.amount for one in count.reservations)
    first = {"used": count.used, "held": held, "limit": None, "reservations": [asdict(o) for o in count.reservations]}
    with suppress(DuplicateKeyError):  # somebody else was faster; in a scope it is a conflict, and the scope runs again
        await database.collection(Account.collection).update_one(
            _which(actor, quota), {"$setOnInsert": first}, upsert=True, session=changes.session()
        )


async def _find(actor: Actor, quota: Quota) -> Account | None:
    projection, decode = Account.plan()
    stored = database.collection(Account.collection)
    found = await queries.find_one(stored, _which(actor, quota), projection, session=changes.session())
    return None if found is None else decode(found)


async def _change(actor: Actor, quota: Quota, where: dict[str, Any], modifiers: dict[str, Any]) -> bool:
    which = {**_which(actor, quota), **where}
    stored = database.collection(Account.collection)
    return bool((await stored.update_one(which, modifiers, session=changes.session())).modified_count)


def _which(actor: Actor, quota: Quota) -> dict[str, Any]:
    return {"organization_id": actor.organization_id, "name": quota.key or quota.name}
