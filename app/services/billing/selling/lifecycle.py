"""The states of subscriptions, and when the clock has to look at one again."""

import copy
from datetime import datetime, timedelta
from typing import Any

from app.core import changes
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.machines import Machine, Transition, only_platform
from app.models import (
    ENTITLED,
    PLATFORM_ID,
    CustomerKind,
    Plan,
    Subscription,
    SubscriptionState,
    Tier,
)
from app.models.billing.events import SubscriptionChanged
from app.services.billing import parties
from app.services.billing.selling import plan_allowances
from app.services.billing.selling.periods import Span
from app.services.organizations import tiers

PLATFORM = Actor.platform()
INCOMPLETE, TRIALING, ACTIVE = SubscriptionState.INCOMPLETE, SubscriptionState.TRIALING, SubscriptionState.ACTIVE
PAST_DUE, GRACE, PAUSED = SubscriptionState.PAST_DUE, SubscriptionState.GRACE, SubscriptionState.PAUSED
CANCELLED, EXPIRED = SubscriptionState.CANCELLED, SubscriptionState.EXPIRED
NOTICES = (7, 3, 1)
"""Days before the end of a trial, or of a period that none follows, at which the customer is told."""
DAY = timedelta(days=1)

SUBSCRIPTION = Machine(
    Transition("begin_trial", frozenset({INCOMPLETE}), TRIALING, only_platform),
    Transition("activate", frozenset({INCOMPLETE, TRIALING}), ACTIVE, only_platform),
    Transition("change", frozenset({ACTIVE}), ACTIVE, parties.concerned),
    Transition("change_in_trial", frozenset({TRIALING}), TRIALING, parties.concerned),
    Transition("continue", frozenset({ACTIVE}), ACTIVE, only_platform),
    Transition("pause", frozenset({ACTIVE}), PAUSED, parties.concerned),
    Transition("resume", frozenset({PAUSED}), ACTIVE, parties.concerned),
    Transition("renew", frozenset({ACTIVE, GRACE}), ACTIVE, parties.concerned),
    Transition("fall_behind", frozenset({ACTIVE}), PAST_DUE, only_platform),
    Transition("recover", frozenset({PAST_DUE, GRACE}), ACTIVE, only_platform),
    Transition("end", frozenset({ACTIVE, PAST_DUE}), GRACE, only_platform),
    Transition("expire", frozenset({INCOMPLETE, GRACE}), EXPIRED, only_platform),
    Transition(
        "cancel",
        frozenset({INCOMPLETE, TRIALING, ACTIVE, PAST_DUE, GRACE, PAUSED}),
        CANCELLED,
        parties.concerned,
    ),
)


def told_until(period: Span) -> int | None:
    """Of which notice it is too early to speak: the days of the last that would be due as a period begins."""
    return min((days for days in NOTICES if period.ends_at - days * DAY <= period.starts_at), default=None)


def ends_by_itself(row: Subscription) -> bool:
    """Whether nothing follows the present period, or nothing that is free: the customer is told in time."""
    return row.state is TRIALING or (row.state is ACTIVE and (not row.renews or row.cancels))


def notice_due(row: Subscription, moment: datetime) -> int | None:
    """How many days before the end the customer is to be told now; of several that are due, the last."""
    left = [days for days in NOTICES if row.notified is None or days < row.notified]
    due = [days for days in left if row.ends_at - days * DAY <= moment]
    return min(due, default=None) if ends_by_itself(row) else None


def next_at(row: Subscription) -> datetime | None:
    """When the clock has to look at a subscription; None when it need not."""
    if row.state in (INCOMPLETE, GRACE):
        return row.grace_ends_at
    if row.state is PAUSED:
        return row.resumes_at
    if row.state in (CANCELLED, EXPIRED):
        return None
    left = [days for days in NOTICES if row.notified is None or days < row.notified] if ends_by_itself(row) else []
    return min([row.ends_at, *(row.ends_at - days * DAY for days in left)])


async def move(actor: Actor, row: Subscription, name: str, moment: datetime, **set: Any) -> Subscription:
    """Take a transition, which the actor was admitted to, and tell it. Raises IllegalTransition or Conflict."""
    target = SubscriptionState(SUBSCRIPTION.transitions[name].target)
    seller = Actor.platform(row.organization_id)
    moved = await SUBSCRIPTION.move(
        seller,
        row,
        name,
        _told(actor, row, target),
        where=Subscription.within(seller, _id=row.id, version=row.version),
        next_at=next_at(_after(row, state=target, **set)),
        version=row.version + 1,
        changed_at=moment,
        **set,
    )
    plan = await Plan.lookup(seller, _id=moved.plan_id)
    if plan is not None:
        await _follow(moved, plan)
        begins = name == "change" and "anchor_at" in set
        await plan_allowances.follow(row, moved, plan, "begin_anew" if begins else name)
    return moved


async def edit(actor: Actor, row: Subscription, moment: datetime, *events: Any, **set: Any) -> Subscription:
    """Change a subscription within its state, and tell it. Raises Conflict."""
    seller = Actor.platform(row.organization_id)
    after = _after(row, **set)
    set |= {"next_at": next_at(after), "changed_at": moment, "version": row.version + 1}
    where = Subscription.within(seller, _id=row.id, version=row.version, state=row.state.value)
    told = events or (_told(actor, row, row.state),)
    changed = await changes.change(Subscription, where, {"$set": set}, *told)
    if changed is None:
        raise Conflict("Somebody else changed it first: look again.")
    return changed


def _told(actor: Actor, row: Subscription, state: SubscriptionState) -> SubscriptionChanged:
    who = parties.acting(actor, row)
    return SubscriptionChanged(who, subscription=row.id, customer=row.customer_id, state=state.value)


def _after(row: Subscription, **set: Any) -> Subscription:
    after = copy.copy(row)
    for name, value in set.items():
        setattr(after, name, value)
    return after


async def _follow(row: Subscription, plan: Plan) -> None:
    """Let an organization that subscribes to the platform have the tier of its plan, as long as it is entitled."""
    if row.customer_kind is not CustomerKind.ORGANIZATION or row.organization_id != PLATFORM_ID:
        return
    if plan.tier is None or row.state is INCOMPLETE:
        return
    await tiers.follow(row.customer_id, Tier(plan.tier) if row.state in ENTITLED else Tier.FREE)
