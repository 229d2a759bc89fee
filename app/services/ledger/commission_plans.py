"""Plans of commissions: what marketers get of an order that they have brought, and why it is so much."""

from typing import Annotated, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import NotFound
from app.core.money import MOST, WHOLE, Minor, Money
from app.core.paging import Page, PageArgs
from app.core.regions import Currency
from app.core.words import words
from app.models import (
    CommissionBasis,
    CommissionPlan,
    CommissionPlanDocument,
    CommissionReason,
    CommissionTerm,
    CommissionTier,
)

MOST_TIERS = 10
Rate = Annotated[int, Field(ge=0, le=WHOLE, description="In basis points.")]
Some = Annotated[Minor, Field(ge=0, le=MOST, description="In minor units, such as cents.")]


class TierPlan(Command):
    """From how much sold in a month on which rate holds."""

    threshold: Some
    rate: Rate


class NewCommissionPlan(Command):
    """What marketers get of an order, all of them together."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    currency: Currency
    basis: CommissionBasis
    rate: Rate = 0
    fixed: Some = Minor(0)
    tiers: Annotated[list[TierPlan] | None, Field(max_length=MOST_TIERS)] = None
    term: CommissionTerm = CommissionTerm.FIRST
    months: Annotated[int, Field(ge=0, le=120, description="Of a recurring one, after the first order.")] = 0
    cap: Annotated[Minor | None, Field(ge=0, le=MOST, description="What an order brings at most.")] = None
    minimum: Annotated[Minor, Field(ge=0, le=MOST, description="What it brings at least.")] = Minor(0)
    hold_days: Annotated[int, Field(ge=0, le=180, description="Before it can be paid out.")] = 30

    @model_validator(mode="after")
    def _whole(self) -> Self:
        basis = self.basis
        if (basis is CommissionBasis.PERCENT and not self.rate) or (basis is CommissionBasis.FIXED and not self.fixed):
            raise ValueError(words("Say how much it is."))
        if bool(self.tiers) is not (basis is CommissionBasis.TIERED):
            raise ValueError(words("A plan that is tiered has tiers, and no other has."))
        if bool(self.months) is not (self.term is CommissionTerm.RECURRING):
            raise ValueError(words("A plan that recurs has months, and no other has."))
        if self.cap is not None and self.cap < self.minimum:
            raise ValueError(words("The most is no less than the least."))
        return self


class CommissionPlanAction(Command):
    """A plan of commissions."""

    plan_id: Annotated[ObjectId, Ref("CommissionPlan")]


async def find(actor: Actor, id: ObjectId) -> CommissionPlan | None:
    return await CommissionPlan.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[CommissionPlan]:
    """The organization's plans, those too that are retired."""
    return await CommissionPlan.page(actor, page)


async def create(actor: Actor, given: NewCommissionPlan) -> CommissionPlan:
    assert actor.organization_id
    moment = now()
    made = CommissionPlanDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        name=given.name,
        currency=given.currency,
        basis=given.basis,
        rate=given.rate,
        fixed=given.fixed,
        tiers=sorted((CommissionTier(t.threshold, t.rate) for t in given.tiers or ()), key=lambda t: t.threshold),
        term=given.term,
        months=given.months,
        cap=given.cap,
        minimum=given.minimum,
        hold_days=given.hold_days,
        created_at=moment,
        changed_at=moment,
    )
    return await changes.insert(made)


async def retire(actor: Actor, given: CommissionPlanAction) -> CommissionPlan:
    """Let orders bring nothing by it any more; what they have brought stays. Raises NotFound."""
    where = CommissionPlan.within(actor, _id=given.plan_id)
    retired = await changes.change(CommissionPlan, where, {"$set": {"retired": True, "changed_at": now()}})
    if retired is None:
        raise NotFound("There is no such {kind}.", kind="CommissionPlan", path=["input", "planId"])
    return retired


def worth(plan: CommissionPlan, sold: Money, volume: int) -> tuple[int, CommissionReason]:
    """What an order brings by a plan, and why so much; `volume` is what the month has come to with it.

    No more than the order itself.
    """
    if plan.basis is CommissionBasis.FIXED:
        plain = plan.fixed
    elif plan.basis is CommissionBasis.PERCENT:
        plain = sold.share(plan.rate).amount
    else:
        reached = [tier.rate for tier in plan.tiers if tier.threshold <= volume]
        plain = sold.share(reached[-1]).amount if reached else 0
    raised = max(plain, plan.minimum)
    capped = min(raised, sold.amount, raised if plan.cap is None else plan.cap)
    if capped < raised:
        return capped, CommissionReason.CAPPED
    return capped, CommissionReason.EARNED if raised == plain else CommissionReason.RAISED_TO_MINIMUM
