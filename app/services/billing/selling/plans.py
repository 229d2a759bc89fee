"""Plans and their prices. A price is never edited: a newer one takes its place, and who has subscribed keeps theirs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.machines import Machine, Transition
from app.core.money import Minor
from app.core.paging import Order, Page, PageArgs
from app.core.regions import Currency
from app.core.rows import Names
from app.core.words import words
from app.models import (
    PLATFORM_ID,
    Interval,
    Meter,
    MeteredComponent,
    Plan,
    PlanDocument,
    PlanState,
    Price,
    PriceDocument,
    PriceTier,
    PricingModel,
    Proration,
    Rate,
    Tier,
)
from app.models.billing.events import PlanChanged
from app.services.billing import parties
from app.services.billing.selling import plan_allowances
from app.services.billing.selling.plan_allowances import NewAllowances

PLATFORM = Actor.platform()
MOST_TIERS, MOST_COMPONENTS, MOST_UNITS = 50, 20, 10**12
LARGEST = 10**12
"""Minor units in a price: times a quantity it still has to fit."""
TIERED = (PricingModel.GRADUATED, PricingModel.VOLUME)
LIMITS = {Interval.DAY: 366, Interval.MONTH: 36, Interval.YEAR: 3}
NEWEST_VERSION = Order(("version", "_id"))

Cost = Annotated[Minor, Field(ge=0, le=LARGEST)]
Units = Annotated[Minor, Field(ge=1, le=MOST_UNITS)]


class KeyTaken(Conflict):
    """Another plan has this key."""

    code = "KEY_TAKEN"


class NewTier(Command):
    """Units up to a number, or all further ones."""

    up_to: Annotated[Units | None, Field(description="Null for all further ones: of the last tier.")] = None
    unit_amount: Annotated[Cost, Field(description="For each unit, in minor units.")]
    flat_amount: Annotated[Cost, Field(description="Once for the tier.")] = Minor(0)


class NewRate(Command):
    """How an amount follows from a quantity."""

    model: PricingModel
    amount: Annotated[Cost, Field(description="For all, a unit or a package, in minor units.")] = Minor(0)
    package_size: Units = Minor(1)
    tiers: Annotated[list[NewTier], Field(max_length=MOST_TIERS)] = []

    @model_validator(mode="after")
    def _tiered(self) -> Self:
        if (self.model in TIERED) != bool(self.tiers):
            raise ValueError(words("Graduated and volume prices have tiers, and no others."))
        tops = [tier.up_to for tier in self.tiers]
        if self.tiers and (tops[-1] is not None or None in tops[:-1] or tops[:-1] != sorted({*tops[:-1]})):  # type: ignore[type-var]
            raise ValueError(words("Each tier reaches further than the one before, and the last has no end."))
        return self

    @property
    def stored(self) -> Rate:
        tiers = [PriceTier(one.up_to, one.unit_amount, one.flat_amount) for one in self.tiers]
        return Rate(self.model, self.amount, self.package_size, tiers)


class NewComponent(Command):
    """What is used of a meter: so many units are in the fee, further ones are billed when the period ends."""

    meter_id: Annotated[ObjectId, Ref("Meter")]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    rate: NewRate
    included: Annotated[Minor, Field(ge=0, le=MOST_UNITS)] = Minor(0)


Name = Annotated[str, Field(min_length=1, max_length=80)]
Description = Annotated[str, Field(max_length=2_000)]
Days = Annotated[int, Field(ge=0, le=365)]


class NewPlan(Command):
    """Something to subscribe to. It is sold once it has a price."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$", description="Small letters, digits.")]
    name: Name
    description: Description = ""
    trial_days: Days = 0
    payment_days: Annotated[Days, Field(description="Within which an invoice is to be paid.")] = 14
    grace_days: Annotated[Days, Field(description="Before access ends.")] = 7
    proration: Proration = Proration.SECONDS
    allowances: NewAllowances = []


class NewPlatformPlan(NewPlan):
    """A plan of the platform, and the tier that organizations have by it."""

    tier: Tier


class PlanAction(Command):
    """A plan."""

    plan_id: Annotated[ObjectId, Ref("Plan")]


class PlanChange(PlanAction):
    """What is to be different of a plan; for trials and invoices that begin from now on."""

    name: Name | None = None
    description: Description | None = None
    trial_days: Days | None = None
    payment_days: Days | None = None
    grace_days: Days | None = None
    proration: Proration | None = None
    allowances: NewAllowances | None = None


class NewPrice(PlanAction):
    """What a plan costs in a currency for so many intervals, from now on."""

    currency: Currency
    interval: Interval
    interval_count: Annotated[int, Field(ge=1, le=366)] = 1
    rate: Annotated[NewRate, Field(description="Of the fee, by seats.")]
    components: Annotated[list[NewComponent], Field(max_length=MOST_COMPONENTS)] = []

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.interval_count > LIMITS[self.interval]:
            raise ValueError(words("A period is three years at most, or 366 days."))
        if len({one.meter_id for one in self.components}) < len(self.components):
            raise ValueError(words("Each meter counts once."))
        return self


PLAN = Machine(Transition("archive", frozenset({PlanState.ACTIVE}), PlanState.ARCHIVED))


def offered_to(actor: Actor) -> Mapping[str, Any]:
    """The filter of what may concern the actor: what is sold where they are, and what the platform sells."""
    return {"organization_id": {"$in": [PLATFORM_ID, *([actor.organization_id] if actor.organization_id else [])]}}


async def find(actor: Actor, id: ObjectId) -> Plan | None:
    """One of the organization's, or of the platform's; that is not sold any more, for who sells it."""
    row = await Plan.lookup(PLATFORM, offered_to(actor), _id=id)
    shown = row is not None and (row.state is PlanState.ACTIVE or parties.sells(actor, row.organization_id))
    return row if shown else None


async def find_price(actor: Actor, id: ObjectId) -> Price | None:
    """What is sold, or was and is somebody's still."""
    return await Price.lookup(PLATFORM, offered_to(actor), _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Plan]:
    """The plans of the organization that are sold, or all for who sells them; the newest first."""
    assert actor.organization_id
    return await _of(actor, actor.organization_id, page)


async def of_platform(actor: Actor, page: PageArgs) -> Page[Plan]:
    """The plans of the platform that are sold, or all for who sells them; the newest first."""
    return await _of(actor, PLATFORM_ID, page)


async def _of(actor: Actor, seller_id: ObjectId, page: PageArgs) -> Page[Plan]:
    where = None if parties.sells(actor, seller_id) else {"state": PlanState.ACTIVE.value}
    return await Plan.page(Actor.platform(seller_id), page, where)


async def by_ids(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Plan]:
    """Plans that something refers to, archived or not."""
    return {row.id: row for row in await Plan.select(PLATFORM, {"_id": {"$in": list(ids)}}, fields=fields)}


async def prices_by_ids(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Price]:
    """Prices that something refers to, superseded or not."""
    return {row.id: row for row in await Price.select(PLATFORM, {"_id": {"$in": list(ids)}}, fields=fields)}


async def prices(actor: Actor, plan_ids: Iterable[Any], fields: Names | None) -> Mapping[Any, list[Price]]:
    """What each of these plans costs who subscribes now."""
    where = {"plan_id": {"$in": list(plan_ids)}, "superseded_at": None}
    found: dict[Any, list[Price]] = {}
    for row in await Price.select(PLATFORM, where, order=Order(("_id",), descending=False)):
        found.setdefault(row.plan_id, []).append(row)
    return found


async def create(actor: Actor, given: NewPlan) -> Plan:
    """Make a plan of the actor's organization. Raises KeyTaken, NotFound for a meter."""
    return await _create(actor, given, None)


async def create_for_platform(actor: Actor, given: NewPlatformPlan) -> Plan:
    """Make a plan of the platform. Raises KeyTaken, NotFound for a meter."""
    return await _create(replace(actor, organization_id=PLATFORM_ID), given, given.tier)


@changes.atomic
async def _create(seller: Actor, given: NewPlan, tier: Tier | None) -> Plan:
    assert seller.organization_id
    await plan_allowances.must_be_measured(seller, given.allowances)
    moment = now()
    made = PlanDocument(
        id=new_id(),
        organization_id=seller.organization_id,
        key=given.key,
        name=given.name,
        description=given.description,
        tier=tier.value if tier else None,
        trial_days=given.trial_days,
        payment_days=given.payment_days,
        grace_days=given.grace_days,
        proration=given.proration,
        allowances=[one.stored for one in given.allowances],
        created_at=moment,
        changed_at=moment,
    )
    told = PlanChanged(seller, plan=made.id)
    row, created = await changes.insert_once(made, Plan.within(seller, key=given.key), told)
    if not created:
        raise KeyTaken("Another plan has this key.", path=["input", "key"])
    return row


async def update(actor: Actor, given: PlanChange) -> Plan:
    """Change what is said of a plan. Raises NotFound or Forbidden."""
    plan = await _own(actor, given.plan_id)
    set = {name: getattr(given, name) for name in given.model_fields_set - {"plan_id"}}
    set = {name: value for name, value in set.items() if value is not None} | {"changed_at": now()}
    seller = replace(actor, organization_id=plan.organization_id)
    if given.allowances is not None:
        await plan_allowances.must_be_measured(seller, given.allowances)
        set["allowances"] = plan_allowances.plain(given.allowances)
    return await changes.edit(Plan, Plan.within(seller, _id=plan.id), set, PlanChanged(seller, plan=plan.id))


async def archive(actor: Actor, given: PlanAction) -> Plan:
    """Sell a plan no more; who has it keeps it. Raises NotFound, Forbidden or IllegalTransition."""
    plan = await _own(actor, given.plan_id)
    seller = replace(actor, organization_id=plan.organization_id)
    where = Plan.within(seller, _id=plan.id)
    return await PLAN.move(seller, plan, "archive", PlanChanged(seller, plan=plan.id), where=where)


@changes.atomic
async def set_price(actor: Actor, given: NewPrice) -> Price:
    """Sell a plan at a price from now on, in place of that for the same currency and intervals. Raises NotFound,
    Forbidden or Invalid.
    """
    plan, moment = await _own(actor, given.plan_id), now()
    if plan.state is PlanState.ARCHIVED:
        raise Invalid("This is not for sale any more.", path=["input", "planId"])
    seller = replace(actor, organization_id=plan.organization_id)
    meters = await Meter.by_ids(seller, {one.meter_id for one in given.components})
    if any(one.meter_id not in meters for one in given.components):
        raise NotFound("There is no such {kind}.", kind="Meter", path=["input", "components"])
    which = {
        "plan_id": plan.id,
        "currency": given.currency,
        "interval": given.interval.value,
        "interval_count": given.interval_count,
    }
    before = await Price.select(seller, which, order=NEWEST_VERSION, limit=1)
    if before:
        superseded = {"$set": {"superseded_at": moment}}
        await changes.change(Price, Price.within(seller, _id=before[0].id, superseded_at=None), superseded)
    made = PriceDocument(
        id=new_id(),
        organization_id=plan.organization_id,
        plan_id=plan.id,
        currency=given.currency,
        interval=given.interval,
        interval_count=given.interval_count,
        rate=given.rate.stored,
        components=[
            MeteredComponent(one.meter_id, one.name, one.rate.stored, one.included) for one in given.components
        ],
        version=before[0].version + 1 if before else 1,
        created_at=moment,
    )
    return await changes.insert(made, PlanChanged(seller, plan=plan.id))


async def _own(actor: Actor, id: ObjectId) -> Plan:
    """A plan that the actor sells. Raises NotFound or Forbidden."""
    plan = await Plan.lookup(PLATFORM, offered_to(actor), _id=id)
    if plan is None:
        raise NotFound("There is no such {kind}.", kind="Plan", path=["input", "planId"])
    if not parties.sells(actor, plan.organization_id):
        raise Forbidden("Only who sells may do this.")
    return plan
