"""Comparing what is kept here with what providers have, hourly: what differs is mended, counted and kept.

What a provider says has happened in 72 hours and never was told here is looked at as if it had been; and what is on its
way here is asked for, however old.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.core import metrics
from app.core.actor import Actor
from app.core.clock import FIRST_ID, now
from app.core.paging import OLDEST
from app.integrations.payments import About
from app.models import (
    OPEN_PAYMENTS,
    Payment,
    PaymentWay,
    Provider,
    Refund,
    RefundState,
    Remittance,
    RemittanceState,
)
from app.models import PaymentDifferenceKind as Kind
from app.models.billing.payment_events import ChargeAsked, PayOutAsked, RefundAsked
from app.services.billing.collecting import charging
from app.services.billing.paying import (
    checkouts,
    differences,
    provider_events,
    providers,
    refunds,
    remittances,
    settlement,
)
from app.services.billing.paying.differences import Whose

REACH = timedelta(hours=72)
SETTLING = timedelta(minutes=5)
"""What is younger is being worked on."""
LAPSED = timedelta(hours=24)
"""After which a provider no longer knows the key of what was asked for: what it has not made by then, it will not."""
PAGE = 200
PLATFORM = Actor.platform()
Look = Callable[[Provider, Actor, Any], Awaitable[None]]

_log = structlog.stdlib.get_logger(__name__)


async def reconcile_all(reach: timedelta = REACH, settling: timedelta = SETTLING) -> Mapping[str, Mapping[str, int]]:
    """The same with every provider that is set up, by its name."""
    return {name.value: await reconcile(name, reach, settling) for name in providers.configured()}


async def reconcile(name: Provider, reach: timedelta = REACH, settling: timedelta = SETTLING) -> Mapping[str, int]:
    """Compare and mend, and answer how many differences of each kind there were. Raises NotOffered."""
    found = Counter[str]()
    moment = now()
    found["notices"] = await _missed(name, reach)
    states = [state.value for state in OPEN_PAYMENTS]
    by, of = moment - settling, {"provider": name.value}
    found["payments"] = await _open(name, Payment, {"state": {"$in": states}, **of}, by, _payment)
    found["refunds"] = await _open(name, Refund, {"state": RefundState.PENDING.value}, by, _refund)
    sent = {"state": RemittanceState.PROCESSING.value, **of}
    found["remittances"] = await _open(name, Remittance, sent, by, _remittance)
    for kind, count in found.items():
        metrics.RECONCILED.labels(name.value, kind).inc(count)
    if differences := {kind: count for kind, count in found.items() if count}:
        _log.warning("billing.differed", provider=name.value, **differences)
    return found


async def _missed(name: Provider, reach: timedelta) -> int:
    """How many notices the provider has given that were never received; they are, now."""
    new = 0
    for notice in reversed(await providers.notices(name, now() - reach)):
        if await provider_events.keep(name, notice):
            new += 1
            what = f"{notice.type} {notice.object_ref}"
            await differences.note(name, Kind.NOTICE, notice.ref, detail=what, healed=True)
    return new


async def _open(name: Provider, model: Any, where: Mapping[str, Any], by: datetime, look: Look) -> int:
    """How many of what was on its way here had gone on at the provider, or not begun there."""
    differed, after = 0, FIRST_ID
    while rows := await model.select(
        PLATFORM, {**where, "created_at": {"$lte": by}, "_id": {"$gt": after}}, order=OLDEST, limit=PAGE
    ):
        for row in rows:
            after, seller = row.id, Actor.platform(row.organization_id)
            try:
                await look(name, seller, row)
            except Exception as error:  # one that cannot be asked for keeps none of the others
                _log.warning("billing.not_compared", id=str(row.id), kind=model.__name__, error=repr(error)[:300])
                continue
            found = await model.lookup(seller, _id=row.id)
            if found is not None and found.state is not row.state:
                differed += 1
                await _healed(name, row, found.state.value)
    return differed


async def _healed(name: Provider, was: Payment | Refund | Remittance, now: str) -> None:
    payment_id = was.id if isinstance(was, Payment) else was.payment_id if isinstance(was, Refund) else None
    kind = Kind.PAYMENT if isinstance(was, Payment) else Kind.REFUND if isinstance(was, Refund) else Kind.REMITTANCE
    subject, whose = f"{type(was).__name__}_{was.id}", Whose(was.organization_id, payment_id)
    await differences.note(name, kind, subject, whose, f"{was.state.value}, then {now}", healed=True)


def _attempt() -> int:
    """A number that no attempt had, so that no answer of one is repeated."""
    return int(now().timestamp())


async def _payment(_: Provider, seller: Actor, row: Payment) -> None:
    if row.way is PaymentWay.CHARGE and row.provider_ref is None and row.created_at < now() - LAPSED:
        await settlement.fail(seller, row, "not_charged", hard=False)
    elif row.way is PaymentWay.CHARGE:
        asked = ChargeAsked(seller, payment=row.id, reference=row.reference)
        await charging.charge(asked, _attempt())
    else:
        await checkouts.look(seller, row)


async def _refund(name: Provider, seller: Actor, row: Refund) -> None:
    if (await Payment.require(seller, row.payment_id)).provider is not name:
        return
    if row.provider_ref is None:
        asked = RefundAsked(seller, payment=row.payment_id, reference="", refund=row.id)
        await refunds.send(asked, _attempt())
    else:
        await provider_events.look(name, About.REFUND, row.provider_ref)


async def _remittance(_: Provider, seller: Actor, row: Remittance) -> None:
    await remittances.send(PayOutAsked(seller, remittance=row.id, reference=row.reference))
