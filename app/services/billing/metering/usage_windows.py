"""Totals of windows, kept as events come in.

Every writer writes the row of the customer's account with the meter in the same transaction, so that those who come at
once come one after the other: a window is made of the events before it, and has each that comes after added to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bson import ObjectId

from app.core import changes, quotas
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import new_id
from app.core.money import fitting
from app.models import (
    Aggregation,
    Buyer,
    Entitlement,
    Meter,
    UsageAccount,
    UsageAccountDocument,
    UsageEvent,
    UsageEventDocument,
    UsageWindow,
    UsageWindowDocument,
)
from app.models.billing.metering_events import AllowanceReached, UsageRecorded
from app.models.billing.usage_windows import Latest
from app.services.billing.metering import allowances
from app.services.billing.metering.allowances import Stretch


async def count(actor: Actor, meter: Meter, customer: Buyer, rows: Sequence[UsageEventDocument]) -> None:
    """Store new events of one meter and customer, and let all that is kept of them be so."""
    account = await account_of(actor, meter.id, customer)
    for row in rows:
        row.counts_at = max(row.at, account.closed_until) if account.closed_until else row.at
    moments = [row.counts_at for row in rows]
    entitlements = await allowances.of(actor, meter.id, customer.id)
    for during in allowances.stretches(entitlements, moments):
        await kept(actor, meter, account, during)
    told = UsageRecorded(
        actor,
        meter=meter.id,
        events=len(rows),
        late=sum(row.late for row in rows),
        customer_kind=customer.kind.value,
        customer=customer.id,
    )
    where = {
        "meter_id": meter.id,
        "customer_id": customer.id,
        "starts_at": {"$lte": max(moments)},
        "ends_at": {"$gt": min(moments)},
    }
    reached: list[AllowanceReached] = []
    for window in await UsageWindow.select(actor, where):
        inside = [row for row in rows if window.holds(row.counts_at)]
        if inside:
            reached += await _add(actor, meter, window, inside, entitlements)
    await changes.insert_all(rows)
    await touch(actor, account, {"$inc": {"events": len(rows)}}, told, *reached)


async def _add(
    actor: Actor,
    meter: Meter,
    window: UsageWindow,
    rows: Sequence[UsageEvent],
    entitlements: Sequence[Entitlement],
) -> list[AllowanceReached]:
    """Let the total of a window have these events too; answers what is to be told of allowances."""
    latest = max((Latest(row.counts_at, row.at, row.transaction_id) for row in rows), key=lambda one: one.place)
    newer = window.latest is None or latest.place > window.latest.place
    if meter.aggregation is Aggregation.COUNT:
        found = window.total + len(rows)
    elif meter.aggregation is Aggregation.SUM:
        found = window.total + sum(row.quantity for row in rows)
    elif meter.aggregation is Aggregation.MAX:
        found = max(window.total, *(row.quantity for row in rows))
    elif meter.aggregation is Aggregation.UNIQUE:
        values = {row.value for row in rows}
        ids = window.meter_id, window.customer_id
        known = await UsageEvent.values(actor, *ids, values, window.starts_at, window.ends_at)
        found = window.total + len(values - known)
    else:
        last = next(row for row in rows if row.transaction_id == latest.transaction_id)
        found = last.quantity if newer else window.total
    reached = list(allowances.reached(actor, entitlements, window, found))
    set = {
        "total": fitting(found),
        "events": window.events + len(rows),
        "latest": asdict(latest if newer or window.latest is None else window.latest),
        "alerts": [asdict(one) for one in window.alerts]
        + [{"entitlement_id": one.entitlement, "percent": one.percent} for one in reached],
    }
    await changes.change(UsageWindow, UsageWindow.within(actor, _id=window.id), {"$set": set})
    during = Stretch(window.starts_at, window.ends_at)
    for one in entitlements:
        if allowances.stretch(one, window.starts_at) == during:
            await quotas.level(actor, allowances.quota(one, during, found), found)
    return reached


async def account_of(actor: Actor, meter_id: ObjectId, customer: Buyer) -> UsageAccount:
    assert actor.organization_id
    made = UsageAccountDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        meter_id=meter_id,
        customer_kind=customer.kind,
        customer_id=customer.id,
    )
    return (await changes.insert_once(made, UsageAccount.within(actor, meter_id=meter_id, customer_id=customer.id)))[0]


async def touch(actor: Actor, account: UsageAccount, modifiers: Mapping[str, Any], *told: Event) -> None:
    """Write the account, which puts whoever else does in order."""
    changed = await changes.change(UsageAccount, UsageAccount.within(actor, _id=account.id), modifiers, *told)
    assert changed, "the scope has read it"


async def find(actor: Actor, meter_id: ObjectId, customer_id: ObjectId, during: Stretch) -> UsageWindow | None:
    where = {"starts_at": during.starts_at, "ends_at": during.ends_at}
    return await UsageWindow.lookup(actor, where, meter_id=meter_id, customer_id=customer_id)


@changes.atomic
async def kept(actor: Actor, meter: Meter, account: UsageAccount, during: Stretch) -> UsageWindow:
    """The window, made of the events there are if it is asked for the first time."""
    seen = await find(actor, meter.id, account.customer_id, during)
    if seen is not None:
        return seen
    of = account.customer_id, during.starts_at, during.ends_at
    found, events = await UsageEvent.measured(actor, meter, *of)
    last = await UsageEvent.last(actor, meter.id, *of) if events else None
    window = UsageWindowDocument(
        id=new_id(),
        organization_id=account.organization_id,
        meter_id=meter.id,
        customer_kind=account.customer_kind,
        customer_id=account.customer_id,
        starts_at=during.starts_at,
        ends_at=during.ends_at,
        total=found,
        events=events,
        latest=Latest(last.counts_at, last.at, last.transaction_id) if last else None,
    )
    where = {"starts_at": during.starts_at, "ends_at": during.ends_at}
    unique = UsageWindow.within(actor, where, meter_id=meter.id, customer_id=account.customer_id)
    stored, _ = await changes.insert_once(window, unique)
    await touch(actor, account, {"$inc": {"windows": 1}})
    return stored
