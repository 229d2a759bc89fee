"""A seller with customers and meters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.actor import Actor
from app.core.money import Minor
from app.models import Aggregation, Buyer, CustomerKind, Meter
from app.services.billing.metering import meters, usage
from app.services.billing.metering.meters import NewMeter
from app.services.billing.metering.usage import PropertyGiven, UsageBatch, UsageGiven, UsageTaken
from tests.factories.organizations import make_member, make_owner

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Shop:
    """A seller, a customer of theirs, and the meter that they have of each aggregation."""

    seller: Actor
    customer: Buyer
    meters: dict[Aggregation, Meter]


async def open_shop() -> Shop:
    seller = await make_owner()
    assert seller.organization_id
    buyer = await make_member(seller.organization_id)
    assert buyer.user_id
    made = {kind: await make_meter(seller, kind) for kind in Aggregation}
    return Shop(seller, Buyer(CustomerKind.PERSON, buyer.user_id), made)


async def make_meter(seller: Actor, aggregation: Aggregation) -> Meter:
    unique = "who" if aggregation is Aggregation.UNIQUE else None
    new = NewMeter(
        key=aggregation.value, name=aggregation.value, unit="thing", aggregation=aggregation, property=unique
    )
    return await meters.create(seller, new)


def used(shop: Shop, id: str, meter: Aggregation = Aggregation.SUM, **more: Any) -> UsageGiven:
    """An event; `who` is what a property says."""
    who = more.pop("who", "somebody")
    known = {"quantity": Minor(1), "at": BEGIN + HOUR} | more
    return UsageGiven(
        transaction_id=f"{meter.value}:{id}",
        meter=meter.value,
        customer_id=shop.customer,
        properties=[PropertyGiven(name="who", value=who)],
        **known,
    )


async def record(shop: Shop, *events: UsageGiven) -> Sequence[UsageTaken]:
    return (await usage.record(shop.seller, UsageBatch(events=list(events)))).events
