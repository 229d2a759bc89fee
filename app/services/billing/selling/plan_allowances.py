"""What plans allow: given when a subscription begins to entitle, anew with each period, and taken when it ends.

An allowance is for a period, and whole however late in it somebody comes to the plan: it is never prorated. What was
used in the period counts against it, so changing plans to and fro gains nothing, and neither does a pause.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from bson import ObjectId
from pydantic import AfterValidator, Field

from app.core.actor import Actor
from app.core.commands import Command, Ref
from app.core.errors import NotFound
from app.core.money import Minor
from app.core.rows import codec
from app.core.words import words
from app.models import ENTITLED, Entitlement, EntitlementKind, Meter, Plan, PlanAllowance, Subscription
from app.services.billing.buyers import buyer_of
from app.services.billing.metering import entitlements
from app.services.billing.metering.entitlements import Given
from app.services.billing.metering.meters import Key
from app.services.billing.metering.usage import LARGEST

MOST = 50
LATE = timedelta(days=1)
"""For how long an allowance goes on after the days of grace, should the clock be late to renew or to end it."""
BEGINNINGS = frozenset({"begin_trial", "activate", "continue", "renew", "begin_anew"})
"""Transitions with which a period begins."""
CHANGES = frozenset({"change", "change_in_trial", "resume"})
"""Those within a period after which other things are allowed, or again."""


class NewAllowance(Command):
    """So much of what a meter measures, for each period of a subscription to the plan."""

    feature: Key
    meter_id: Annotated[ObjectId, Ref("Meter")]
    amount: Annotated[Minor | None, Field(ge=0, le=LARGEST, description="Null for any amount.")] = None
    by_seat: Annotated[bool, Field(description="Whether each seat has so much.")] = False
    overage: Annotated[bool, Field(description="Whether more can be used, which is billed.")] = False

    @property
    def stored(self) -> PlanAllowance:
        return PlanAllowance(self.feature, self.meter_id, self.amount, self.by_seat, self.overage)


def _each_once(given: list[NewAllowance]) -> list[NewAllowance]:
    if len({one.feature for one in given}) < len(given):
        raise ValueError(words("Each feature is allowed once."))
    return given


NewAllowances = Annotated[
    list[NewAllowance],
    Field(max_length=MOST, description="What a subscription allows in each period; anew when one begins."),
    AfterValidator(_each_once),
]
_ENCODED = codec(PlanAllowance)[0]


def plain(given: Iterable[NewAllowance]) -> list[Any]:
    """Allowances as MongoDB holds them."""
    return [_ENCODED(one.stored) for one in given]


async def must_be_measured(seller: Actor, given: Sequence[NewAllowance]) -> None:
    """Raises NotFound unless the seller has all the meters."""
    meters = await Meter.by_ids(seller, {one.meter_id for one in given}) if given else {}
    if any(one.meter_id not in meters for one in given):
        raise NotFound("There is no such {kind}.", kind="Meter", path=["input", "allowances"])


def reference(subscription: Subscription) -> str:
    """What entitlements name a subscription by that has given them."""
    return f"PlanSubscription_{subscription.id}"


async def follow(before: Subscription, row: Subscription, plan: Plan, step: str) -> None:
    """Let the customer have what a subscription allows after a step, in its scope: anew, as before, or no more."""
    seller = Actor.platform(row.organization_id)
    if row.state not in ENTITLED:
        if before.state in ENTITLED:
            await entitlements.end_of(seller, reference(row))
    elif step in BEGINNINGS | CHANGES:
        await _allow(seller, row, plan, None if step in BEGINNINGS else before.ends_at)


async def _allow(seller: Actor, row: Subscription, plan: Plan, period_ends: datetime | None) -> None:
    """`period_ends` is when the period was to end that goes on: what was given for it counts from when it did."""
    mine = {one.feature: one for one in await Entitlement.select(seller, {"reference": reference(row)})}
    for allowance in plan.allowances:
        held = mine.get(allowance.feature)
        goes_on = held is not None and period_ends is not None and held.renews_at == period_ends
        starts_at = held.starts_at if held and goes_on else row.starts_at
        await entitlements.give(seller, buyer_of(row), replace(_given(row, plan, allowance), starts_at=starts_at))
    left = {one.feature for one in plan.allowances}
    await entitlements.end_all(seller, [one for one in mine.values() if one.feature not in left])


def _given(row: Subscription, plan: Plan, allowance: PlanAllowance) -> Given:
    amount = allowance.amount
    return Given(
        feature=allowance.feature,
        kind=EntitlementKind.METERED,
        meter_id=allowance.meter_id,
        allowance=amount if amount is None else min(amount * row.seats if allowance.by_seat else amount, LARGEST),
        overage=allowance.overage,
        ends_at=row.ends_at + timedelta(days=plan.grace_days) + LATE,
        renews_at=row.ends_at,
        reference=reference(row),
    )
