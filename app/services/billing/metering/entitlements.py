"""What customers may use: yes or no, what a text says, or so much of what a meter measures.

    await entitlements.reserve(actor, Reserving(...))      it is meant to be used, and out of everybody else's reach
    await entitlements.settle(actor, Settling(...))        it was used, or a part of it: it is measured, and billed
    await entitlements.release(actor, Releasing(...))      or it was not, after all

An allowance is not overrun by what is reserved first, whatever happens at once: quotas keep it. Who measures afterwards
only (`usage.record`) cannot be held up; what is reserved after that sees it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes, quotas
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Moment, Ref
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.money import Minor
from app.core.paging import Page, PageArgs
from app.core.quotas import Usage
from app.core.rows import Value
from app.core.words import words
from app.models import (
    Buyer,
    Entitlement,
    EntitlementDocument,
    EntitlementKind,
    Meter,
    Renewal,
)
from app.models.billing.metering_events import EntitlementEnded, EntitlementGranted
from app.services.billing import buyers
from app.services.billing.buyers import BuyerId, buyer_of
from app.services.billing.metering import allowances, usage
from app.services.billing.metering.allowances import Stretch
from app.services.billing.metering.meters import Key
from app.services.billing.metering.usage import LARGEST, UsageBatch, UsageGiven, UsageTaken

HELD = 900
"""Seconds for which something is reserved where nobody says."""
MOST_OF_ONE = 1_000
"""Features that one customer is shown."""


class NotEntitled(Forbidden):
    """The customer may not use it."""

    code = "NOT_ENTITLED"


class MoreThanReserved(Invalid):
    """Less was reserved than was used."""

    code = "MORE_THAN_RESERVED"


class NotMetered(Conflict):
    """Nothing of it can be reserved."""

    code = "NOT_METERED"


class AlreadySettled(Conflict):
    """What the key has reserved was used, and is measured."""

    code = "ALREADY_SETTLED"


class Grant(Command):
    """What a customer may use. Whatever they might of the same feature before is over."""

    customer_id: BuyerId
    feature: Key
    kind: EntitlementKind
    value: Annotated[
        str | None, Field(min_length=1, max_length=2_000, description="What a static one says, such as JSON.")
    ] = None
    meter_id: Annotated[ObjectId | None, Ref("Meter"), Field(description="Of a metered one.")] = None
    allowance: Annotated[
        Minor | None, Field(ge=0, le=LARGEST, description="How much a metered one is; null for any amount.")
    ] = None
    renewal: Annotated[Renewal | None, Field(description="How often an allowance begins anew; null for never.")] = None
    overage: Annotated[bool, Field(description="Whether more can be used, which is billed.")] = False
    starts_at: Annotated[Moment | None, Field(description="From when on; now, or as before, if left out.")] = None
    ends_at: Annotated[Moment | None, Field(description="Until when; null for as long as nobody ends it.")] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.value is not None) is not (self.kind is EntitlementKind.STATIC):
            raise ValueError(words("A static entitlement has a value, and no other has."))
        metered = self.kind is EntitlementKind.METERED
        if (self.meter_id is not None) is not metered or (not metered and (self.allowance or self.renewal)):
            raise ValueError(words("A metered entitlement names a meter, and no other has an allowance."))
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError(words("It ends after it begins."))
        return self


class EntitlementAction(Command):
    """Something that a customer may use."""

    entitlement_id: Annotated[ObjectId, Ref("Entitlement")]


class Releasing(Command):
    """What was reserved, by the key that was chosen for it."""

    customer_id: BuyerId
    feature: Key
    key: Annotated[str, Field(min_length=1, max_length=80, description="The same key is the same reservation.")]


class Reserving(Releasing):
    """So much of what a customer may use, which they are about to."""

    quantity: Annotated[Minor, Field(gt=0, le=LARGEST)] = Minor(1)
    seconds: Annotated[int, Field(ge=1, le=86_400, description="For how long it is kept.")] = HELD


class Settling(Releasing):
    """How much was used of what was reserved."""

    quantity: Annotated[Minor, Field(ge=0, le=LARGEST)] = Minor(1)


@dataclass(slots=True)
class Entitled(Value):
    """What a customer may use now; of what is metered, how much of how much is used, what is reserved included."""

    feature: str
    kind: EntitlementKind
    value: str | None
    used: int | None
    allowance: int | None
    remaining: int | None
    overage: bool
    renews_at: datetime | None


@dataclass(slots=True)
class Reserved(Value):
    """That so much is kept for a customer, until when; `remaining` is what is left besides."""

    key: str
    quantity: int
    until: datetime
    remaining: int | None


@dataclass(slots=True)
class Released(Value):
    """Whether something was reserved that is free again."""

    released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a customer may use, as it was decided; `renews_at` says when it is given anew by who gives it."""

    feature: str
    kind: EntitlementKind
    value: str | None = None
    meter_id: ObjectId | None = None
    allowance: int | None = None
    renewal: Renewal | None = None
    overage: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    renews_at: datetime | None = None
    reference: str = ""


@changes.atomic
async def grant(actor: Actor, given: Grant, reference: str = "") -> Entitlement:
    """Let a customer use something. Raises NotFound.

    `reference` names what gives it, such as `Subscription_<id>`, by which `end_of` ends it.
    """
    await buyers.must_be_known(actor, [given.customer_id], ["input", "customerId"])
    if given.meter_id and await Meter.lookup(actor, _id=given.meter_id) is None:
        raise NotFound("There is no such {kind}.", kind="Meter", path=["input", "meterId"])
    known = {name: getattr(given, name) for name in type(given).model_fields if name != "customer_id"}
    return await give(actor, given.customer_id, Given(**known, reference=reference))


async def give(actor: Actor, customer: Buyer, given: Given) -> Entitlement:
    """Let a customer use something, in a scope: whatever they might of the same feature before is over."""
    assert actor.organization_id
    moment = now()
    said = {name: value for name, value in asdict(given).items() if name not in ("feature", "starts_at")}
    said["changed_at"] = moment
    made = EntitlementDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        customer_kind=customer.kind,
        customer_id=customer.id,
        feature=given.feature,
        starts_at=given.starts_at or moment,
        created_at=moment,
        **said,
    )
    where = Entitlement.within(actor, customer_id=customer.id, feature=given.feature)
    stored, new = await changes.insert_once(made, where, _granted(actor, made.id, given.feature, customer))
    if new:
        return stored
    over = stored.ends_at is not None and stored.ends_at <= moment
    starts_at = given.starts_at or (moment if over else stored.starts_at)
    set = {name: getattr(value, "value", value) for name, value in said.items()}
    event = _granted(actor, stored.id, given.feature, customer)
    return await changes.edit(Entitlement, {**where, "_id": stored.id}, {**set, "starts_at": starts_at}, event)


def _granted(actor: Actor, id: ObjectId, feature: str, customer: Buyer) -> EntitlementGranted:
    kind = customer.kind.value
    return EntitlementGranted(actor, entitlement=id, feature=feature, customer_kind=kind, customer=customer.id)


@changes.atomic
async def end(actor: Actor, given: EntitlementAction) -> Entitlement:
    """Let a customer use something no more; nothing happens to what has ended. Raises NotFound."""
    row, moment = await Entitlement.require(actor, given.entitlement_id), now()
    if row.ends_at is not None and row.ends_at <= moment:
        return row
    told = EntitlementEnded(
        actor,
        entitlement=row.id,
        feature=row.feature,
        customer_kind=row.customer_kind.value,
        customer=row.customer_id,
    )
    set = {"ends_at": max(moment, row.starts_at), "changed_at": moment}
    return await changes.edit(Entitlement, Entitlement.within(actor, _id=row.id), set, told)


@changes.atomic
async def end_of(actor: Actor, reference: str) -> int:
    """End everything that something has given, and answer how much that was."""
    still = {"$or": [{"ends_at": None}, {"ends_at": {"$gt": now()}}]}
    rows = await Entitlement.select(actor, {"reference": reference, **still})
    await end_all(actor, rows)
    return len(rows)


async def end_all(actor: Actor, rows: Iterable[Entitlement]) -> None:
    """End these, in a scope."""
    for row in rows:
        await end(actor, EntitlementAction(entitlement_id=row.id))


async def find(actor: Actor, id: ObjectId) -> Entitlement | None:
    return await Entitlement.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs, customer_id: ObjectId | None = None) -> Page[Entitlement]:
    """What the seller's customers may use, or one of them; those last that were first given first."""
    return await Entitlement.page(actor, page, {"customer_id": customer_id} if customer_id else None)


async def of(actor: Actor, customer: Buyer) -> list[Entitled]:
    """What a customer may use now."""
    moment = now()
    rows = await Entitlement.select(actor, {"customer_id": customer.id}, limit=MOST_OF_ONE)
    found = [(row, allowances.stretch(row, moment)) for row in rows]
    return [await _shown(actor, row, during) for row, during in found if during]


async def allows(actor: Actor, customer: Buyer, feature: str) -> bool:
    """Whether a customer may use a feature now; of what is metered, whether anything is left."""
    row = await Entitlement.lookup(actor, customer_id=customer.id, feature=feature)
    during = allowances.stretch(row, now()) if row else None
    if row is None or during is None:
        return False
    shown = await _shown(actor, row, during)
    return shown.kind is not EntitlementKind.METERED or shown.overage or shown.remaining != 0


async def reserve(actor: Actor, given: Reserving) -> Reserved:
    """Keep so much for a customer. Raises NotFound, NotEntitled, NotMetered and quotas.QuotaReached."""
    row, during = await _current(actor, given)
    if await usage.known(actor, _transaction(row, given.key)):
        raise AlreadySettled("What was reserved by this key is settled.", path=["input", "key"])
    quota, until = await _quota(actor, row, during), now() + timedelta(seconds=given.seconds)
    held = await quotas.reserve(actor, quota, until=until, amount=given.quantity, id=_id(row, given.key))
    assert held
    return Reserved(given.key, given.quantity, until, _remaining(row, during, await quotas.usage(actor, quota)))


async def settle(actor: Actor, given: Settling) -> UsageTaken:
    """Measure what was used of what was reserved, and free the rest; again, the same happens once.

    What was kept for too short a time is taken anew. Raises NotFound, NotEntitled, MoreThanReserved and, where nothing
    is left by then, quotas.QuotaReached.
    """
    async with buyers.turn(actor, [given.customer_id]):
        return await _settle(actor, given)


@changes.atomic
async def _settle(actor: Actor, given: Settling) -> UsageTaken:
    row, during = await _current(actor, given)
    meter = await Meter.require(actor, row.meter_id)  # type: ignore[arg-type]
    transaction_id = _transaction(row, given.key)
    event = UsageGiven(
        transaction_id=transaction_id, meter=meter.key, customer_id=given.customer_id, quantity=given.quantity
    )
    if await usage.known(actor, transaction_id) is None:
        quota = await _quota(actor, row, during)
        held = await quotas.release(actor, quota, _id(row, given.key))
        if held is not None and given.quantity > held.amount:
            raise MoreThanReserved("{amount} were reserved.", path=["input", "quantity"], amount=held.amount)
        if held is None and given.quantity:
            await quotas.must_fit(actor, quota, given.quantity)
    return (await usage.record(actor, UsageBatch(events=[event]))).events[0]


async def release(actor: Actor, given: Releasing) -> Released:
    """Keep it no more. Raises NotFound, NotEntitled and NotMetered."""
    row, during = await _current(actor, given)
    held = await quotas.release(actor, await _quota(actor, row, during), _id(row, given.key))
    return Released(held is not None)


async def _current(actor: Actor, given: Releasing) -> tuple[Entitlement, Stretch]:
    """What a customer may use of something that is measured, now."""
    await buyers.must_be_known(actor, [given.customer_id], ["input", "customerId"])
    row = await Entitlement.lookup(actor, customer_id=given.customer_id.id, feature=given.feature)
    during = allowances.stretch(row, now()) if row else None
    if row is None or during is None:
        raise NotEntitled("This customer may not use “{feature}”.", path=["input", "feature"], feature=given.feature)
    if row.kind is not EntitlementKind.METERED:
        raise NotMetered("“{feature}” is not measured.", path=["input", "feature"], feature=given.feature)
    return row, during


async def _quota(actor: Actor, row: Entitlement, during: Stretch) -> quotas.Quota:
    quota = allowances.quota(row, during)
    if not await quotas.opened(actor, quota):
        async with buyers.turn(actor, [buyer_of(row)]):
            if not await quotas.opened(actor, quota):
                await _open(actor, row, during)
    return quota


@changes.atomic
async def _open(actor: Actor, row: Entitlement, during: Stretch) -> None:
    meter = await Meter.require(actor, row.meter_id)  # type: ignore[arg-type]
    used = await usage.settled(actor, meter, buyer_of(row), during)
    await quotas.open(actor, allowances.quota(row, during, used))


async def _shown(actor: Actor, row: Entitlement, during: Stretch) -> Entitled:
    found = None
    if row.kind is EntitlementKind.METERED and row.meter_id:
        quota = allowances.quota(row, during)
        if await quotas.opened(actor, quota):
            found = await quotas.usage(actor, quota)
        else:
            of = row.customer_id, during.starts_at, during.ends_at
            found = Usage(await usage.peeked(actor, row.meter_id, *of), quota.default())
    return Entitled(
        row.feature,
        row.kind,
        row.value,
        found.used if found else None,
        allowances.limit(row, during),
        _remaining(row, during, found) if found else None,
        row.overage,
        during.ends_at if row.renewal else row.renews_at if row.renews_at and row.renews_at > now() else row.ends_at,
    )


def _remaining(row: Entitlement, during: Stretch, found: Usage) -> int | None:
    most = allowances.limit(row, during)
    return None if most is None else max(0, most - found.used)


def _transaction(row: Entitlement, key: str) -> str:
    """The id of the event by which what was reserved is measured."""
    return f"reserved:{row.id}:{_id(row, key)}"


def _id(row: Entitlement, key: str) -> ObjectId:
    return ObjectId(hashlib.blake2s(f"{row.id}\0{key}".encode(), digest_size=12).digest())
