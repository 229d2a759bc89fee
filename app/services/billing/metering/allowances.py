"""Of which stretch of time an allowance is, how much of it is used, and what is told when it comes to an end."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from dateutil.relativedelta import relativedelta

from app.core.actor import Actor
from app.core.money import MOST
from app.core.quotas import Count, Quota
from app.models import Entitlement, EntitlementKind, Renewal, UsageWindow
from app.models.billing.metering_events import AllowanceReached

ALERTS = (80, 100)
"""Per cent of an allowance at which it is told how much is used."""
FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""When what has no end ends."""
STEPS = {
    Renewal.DAILY: relativedelta(days=1),
    Renewal.MONTHLY: relativedelta(months=1),
    Renewal.YEARLY: relativedelta(years=1),
}
_SHORTEST = {Renewal.DAILY: timedelta(days=1), Renewal.MONTHLY: timedelta(days=28), Renewal.YEARLY: timedelta(days=365)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to before another."""

    starts_at: datetime
    ends_at: datetime


def stretch(entitlement: Entitlement, moment: datetime) -> Stretch | None:
    """The time between two renewals of an allowance that holds a moment; None while there is none.

    Months are counted from the first day, so that an allowance of the 31st is renewed on the last day of shorter ones.
    """
    end = entitlement.ends_at or FAR
    if not entitlement.starts_at <= moment < end:
        return None
    if entitlement.renewal is None:
        return Stretch(entitlement.starts_at, end)
    step = STEPS[entitlement.renewal]
    times = (moment - entitlement.starts_at) // _SHORTEST[entitlement.renewal]
    while entitlement.starts_at + step * times > moment:
        times -= 1
    return Stretch(entitlement.starts_at + step * times, min(end, entitlement.starts_at + step * (times + 1)))


def limit(entitlement: Entitlement, during: Stretch) -> int | None:
    """How much can be used in a stretch of an allowance, with what was bought for it; None for any amount."""
    if entitlement.allowance is None:
        return None
    bought = entitlement.extra if entitlement.extra_for == during.starts_at else 0
    return entitlement.allowance + bought


async def of(actor: Actor, meter_id: ObjectId, customer_id: ObjectId) -> list[Entitlement]:
    """What a customer may use of a meter."""
    where = {"meter_id": meter_id, "customer_id": customer_id, "kind": EntitlementKind.METERED.value}
    return await Entitlement.select(actor, where)


def stretches(entitlements: Sequence[Entitlement], moments: Iterable[datetime]) -> set[Stretch]:
    """Those that hold any of the moments."""
    found = {stretch(one, moment) for moment in set(moments) for one in entitlements}
    return {one for one in found if one is not None}


def reached(
    actor: Actor, entitlements: Sequence[Entitlement], window: UsageWindow, total: int
) -> Iterator[AllowanceReached]:
    """What is to be told now that a window has come to a total, the lowest first; what was told is not told again."""
    for one in entitlements:
        during = Stretch(window.starts_at, window.ends_at)
        most = limit(one, during)
        if most is None or stretch(one, window.starts_at) != during:
            continue
        told = max((alert.percent for alert in window.alerts if alert.entitlement_id == one.id), default=0)
        for percent in ALERTS:
            if percent > told and total > 0 and total * 100 >= most * percent:
                yield AllowanceReached(
                    actor,
                    customer_kind=one.customer_kind.value,
                    customer=one.customer_id,
                    entitlement=one.id,
                    feature=one.feature,
                    percent=percent,
                    window=window.starts_at,
                )


def quota(entitlement: Entitlement, during: Stretch, used: int = 0) -> Quota:
    """What keeps a stretch of an allowance from being overrun; its account opens with so much used."""

    async def count(actor: Actor) -> Count:
        return Count(used)

    most = limit(entitlement, during)
    most = MOST if entitlement.overage or most is None else most
    key = f"entitlement:{entitlement.id}:{during.starts_at:%Y-%m-%dT%H:%M:%S}"
    return Quota(entitlement.feature, lambda: most, count, key=key)
