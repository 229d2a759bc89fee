"""Commissions: what marketers get of orders that they have brought. Every decision is kept, with its reason.

    pending -> approved -> available
          '-> rejected  (each) '-> clawed_back

An order brings something once. Of what is given back to the customer the marketers' part is taken back, also from those
who have been paid: they owe it. Nobody gets anything for an order of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from bson import ObjectId
from dateutil.relativedelta import relativedelta
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import NotFound
from app.core.ledger import Move
from app.core.ledger.turns import in_turn
from app.core.machines import Machine, Transition, needs, only_platform
from app.core.money import Amount, CurrencyMismatch, Money, rounded, split
from app.core.paging import OLDEST, Order, Page, PageArgs
from app.core.rows import Value
from app.models import (
    Commission,
    CommissionDocument,
    CommissionPlan,
    CommissionReason,
    CommissionState,
    CommissionTerm,
    Permission,
)
from app.models.backlogs import work_off
from app.models.ledger.events import CommissionMoved
from app.services.ledger import books, commission_plans
from app.services.organizations import members

PLATFORM = Actor.platform()
PENDING, APPROVED, AVAILABLE = CommissionState.PENDING, CommissionState.APPROVED, CommissionState.AVAILABLE
REJECTED, CLAWED_BACK = CommissionState.REJECTED, CommissionState.CLAWED_BACK
MOST_SHARES = 20
DUE = Order(("available_at", "_id"), descending=False)

_managing = needs(Permission.MONEY_MANAGE)

COMMISSION = Machine(
    Transition("approve", frozenset({PENDING}), APPROVED, _managing),
    Transition("reject", frozenset({PENDING, APPROVED}), REJECTED, _managing),
    Transition("release", frozenset({APPROVED}), AVAILABLE, only_platform),
    Transition("claw_back", frozenset({PENDING, APPROVED, AVAILABLE}), CLAWED_BACK),
)


class ReferralShare(Command):
    """Somebody who has brought an order, and their weight among those who have."""

    user_id: Annotated[ObjectId, Ref("User")]
    weight: Annotated[int, Field(ge=1, le=10_000)] = 1


class Referral(Amount):
    """An order that marketers have brought, and what it comes to."""

    reference: Annotated[str, Field(min_length=1, max_length=100, description="Of the order.")]
    plan_id: Annotated[ObjectId, Ref("CommissionPlan")]
    customer_id: Annotated[ObjectId, Ref("User")]
    shares: Annotated[list[ReferralShare], Field(min_length=1, max_length=MOST_SHARES)]


class CommissionAction(Command):
    """A commission."""

    commission_id: Annotated[ObjectId, Ref("Commission")]


class CommissionRejection(CommissionAction):
    """A commission, and why there is none."""

    note: Annotated[str, Field(min_length=1, max_length=500)]


@dataclass(slots=True)
class Recorded(Value):
    """What an order has brought, to each who has brought it."""

    commissions: list[Commission]


async def find(actor: Actor, id: ObjectId) -> Commission | None:
    return await Commission.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Commission]:
    """The actor's, or all for who may see them."""
    return await Commission.page(actor, page)


@in_turn
async def record(actor: Actor, given: Referral) -> Recorded:
    """Let marketers have what an order brings, once for an order. Raises NotFound or CurrencyMismatch."""
    inside = Actor.platform(actor.organization_id)
    plan = await CommissionPlan.lookup(actor, _id=given.plan_id)
    if plan is None:
        raise NotFound("There is no such {kind}.", kind="CommissionPlan", path=["input", "planId"])
    if plan.currency != given.currency:
        raise CurrencyMismatch("These are amounts in {one} and in {other}.", one=plan.currency, other=given.currency)
    if known := await Commission.select(inside, {"reference": given.reference}, order=OLDEST):
        return Recorded(known)
    shares = {one.user_id: one.weight for one in given.shares}  # of two of a person the last
    if set(shares) - await members.active_ids(actor, list(shares)):
        raise NotFound("There is no such {kind}.", kind="User", path=["input", "shares"])
    refused = await _refused(inside, plan, given)
    volume = given.amount + await _volume(inside, plan, list(shares))
    whole, reason = commission_plans.worth(plan, given.money, volume)
    made: list[Commission] = []
    for (person, weight), part in zip(shares.items(), split(whole, list(shares.values())), strict=True):
        own = refused or (CommissionReason.SELF_REFERRAL if person == given.customer_id else None)
        if own is None and not part:
            own = CommissionReason.NOTHING_TO_SHARE
        made.append(await _make(actor, plan, given, person, weight, 0 if own else part, own or reason))
    moves = [Move(books.PENDING_COMMISSIONS, one.user_id, one.amount, one.currency) for one in made]
    moves.append(Move(books.REVENUE, None, -sum(one.amount for one in made), given.currency))
    await books.move(actor, f"commissions:{given.reference}", "commissions", given.reference, moves)
    return Recorded(made)


@changes.atomic
async def approve(actor: Actor, given: CommissionAction) -> Commission:
    """Say that a commission is due. Raises NotFound, Forbidden or IllegalTransition."""
    return await _move(actor, await _there(actor, given), "approve")


@in_turn
async def reject(actor: Actor, given: CommissionRejection) -> Commission:
    """Say that there is none, and why. Raises as `approve`."""
    row = await _there(actor, given)
    moved = await _move(actor, row, "reject", reason=CommissionReason.DECIDED, note=given.note)
    moves = [
        Move(books.PENDING_COMMISSIONS, row.user_id, -row.amount, row.currency),
        Move(books.REVENUE, None, row.amount, row.currency),
    ]
    await books.move(actor, f"commission:{row.id}:rejected", "commissions.rejected", row.reference, moves)
    return moved


async def release_due(moment: datetime) -> int:
    """Let people have what was approved and has waited long enough; answers how many commissions were looked at."""

    async def one(row: Commission) -> None:
        await release(Actor.platform(row.organization_id), row.id)

    where = {"state": APPROVED.value, "available_at": {"$lte": moment}}
    return await work_off(Commission, PLATFORM, where, DUE, one)


@in_turn
async def release(actor: Actor, id: ObjectId) -> None:
    """Let somebody have a commission that was approved and has waited long enough."""
    row = await Commission.lookup(actor, _id=id, state=APPROVED.value)
    if row is None or row.available_at > now():
        return
    await _move(actor, row, "release")
    moves = [
        Move(books.PENDING_COMMISSIONS, row.user_id, -row.amount, row.currency),
        *await books.giving(actor, books.COMMISSIONS, row.user_id, Money(row.amount, row.currency)),
    ]
    await books.move(actor, f"commission:{row.id}:released", "commissions.released", row.reference, moves)


@in_turn
async def claw_back(actor: Actor, reference: str, refunded: int, key: str) -> None:
    """Take back the part of an order's commissions that so much given back is of it, once for a key.

    Of several refunds together as much as of one.
    """
    for row in await Commission.select(Actor.platform(actor.organization_id), {"reference": reference}):
        if row.state in COMMISSION.transitions["claw_back"].sources and key not in row.refund_keys:
            await _claw_back(actor, row, min(row.sold, row.refunded + refunded), key)


async def _claw_back(actor: Actor, row: Commission, refunded: int, key: str) -> None:
    whole = row.amount + row.clawed_back
    clawed_back = rounded(whole * refunded, row.sold)
    taken = clawed_back - row.clawed_back
    set: dict[str, Any] = {"clawed_back": clawed_back, "amount": whole - clawed_back, "refunded": refunded}
    set["refund_keys"], reason = [*row.refund_keys, key], CommissionReason.REFUNDED
    if refunded == row.sold:
        await _move(actor, row, "claw_back", reason=reason, **set)
    else:
        where = Commission.within(Actor.platform(actor.organization_id), _id=row.id, state=row.state.value)
        set |= {"reason": reason.value, "changed_at": now()}
        await changes.change(Commission, where, {"$set": set}, _told(actor, row, row.state, reason))
    if row.state is AVAILABLE:
        moves = await books.taking(actor, books.COMMISSIONS, row.user_id, Money(taken, row.currency))
    else:
        moves = [Move(books.PENDING_COMMISSIONS, row.user_id, -taken, row.currency)]
    moves.append(Move(books.REVENUE, None, taken, row.currency))
    await books.move(actor, f"commission:{row.id}:{clawed_back}", "commissions.clawed_back", row.reference, moves)


async def _refused(actor: Actor, plan: CommissionPlan, given: Referral) -> CommissionReason | None:
    """Why an order brings nothing by a plan, whoever has brought it."""
    if plan.retired:
        return CommissionReason.PLAN_RETIRED
    if plan.term is CommissionTerm.LIFETIME:
        return None
    where = {"plan_id": plan.id, "customer_id": given.customer_id, "state": {"$ne": REJECTED.value}}
    first = await Commission.select(actor, where, order=Order(("created_at", "_id"), descending=False), limit=1)
    if not first:
        return None
    if plan.term is CommissionTerm.FIRST:
        return CommissionReason.NOT_FIRST_ORDER
    over = now() >= first[0].created_at + relativedelta(months=plan.months)
    return CommissionReason.TERM_OVER if over else None


async def _volume(actor: Actor, plan: CommissionPlan, people: Sequence[ObjectId]) -> int:
    """What was sold by a plan this month, in UTC, through any of these people."""
    if not plan.tiers:
        return 0
    since = now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    where = {"plan_id": plan.id, "created_at": {"$gte": since}, "user_id": {"$in": list(people)}}
    rows = await Commission.select(actor, {**where, "state": {"$nin": [REJECTED.value, CLAWED_BACK.value]}})
    return sum({row.reference: row.sold - row.refunded for row in rows}.values())


async def _make(
    actor: Actor,
    plan: CommissionPlan,
    given: Referral,
    person: ObjectId,
    weight: int,
    amount: int,
    reason: CommissionReason,
) -> CommissionDocument:
    moment = now()
    made = CommissionDocument(
        id=new_id(),
        organization_id=plan.organization_id,
        user_id=person,
        plan_id=plan.id,
        customer_id=given.customer_id,
        reference=given.reference,
        sold=given.amount,
        currency=given.currency,
        amount=amount,
        weight=weight,
        state=PENDING if amount else REJECTED,
        reason=reason,
        available_at=moment + timedelta(days=plan.hold_days),
        created_at=moment,
        changed_at=moment,
    )
    return await changes.insert(made, _told(actor, made, made.state, reason))


async def _there(actor: Actor, given: CommissionAction) -> Commission:
    row = await Commission.lookup(actor, _id=given.commission_id)
    if row is None:
        raise NotFound("There is no such {kind}.", kind="Commission", path=["input", "commissionId"])
    return row


async def _move(
    actor: Actor, row: Commission, name: str, *, reason: CommissionReason | None = None, **set: Any
) -> Commission:
    state = CommissionState(COMMISSION.transitions[name].target)
    told = _told(actor, row, state, reason or row.reason)
    where = {"organization_id": row.organization_id}
    return await COMMISSION.move(actor, row, name, told, where=where, reason=(reason or row.reason).value, **set)


def _told(actor: Actor, row: Commission, state: CommissionState, reason: CommissionReason) -> CommissionMoved:
    return CommissionMoved(actor, user=row.user_id, commission=row.id, state=state.value, reason=reason.value)
