"""Subscriptions, as customers and sellers change them. Every change answers what is invoiced, rehearsed or not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Moment, Ref
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.feeds import Feed
from app.core.machines import lacks
from app.core.paging import Page, PageArgs
from app.core.rows import Names, Value
from app.models import (
    OPEN,
    PLATFORM_ID,
    Collection,
    CustomerKind,
    Invoice,
    InvoiceCause,
    Organization,
    Permission,
    Plan,
    PlanState,
    Price,
    Subscription,
    SubscriptionDocument,
    SubscriptionState,
)
from app.services.billing import parties
from app.services.billing.invoicing import invoices, items
from app.services.billing.selling import lifecycle, plans, standing
from app.services.billing.selling.lifecycle import ACTIVE, DAY, INCOMPLETE, SUBSCRIPTION, TRIALING
from app.services.billing.selling.periods import Cycle, Span
from app.services.billing.subscribing import expiry, upcoming
from app.services.billing.subscribing.upcoming import Upcoming
from app.services.organizations import members

PLATFORM = Actor.platform()
INCOMPLETE_FOR = timedelta(hours=23)
MOST_SEATS = 1_000_000
LONGEST_PAUSE = timedelta(days=730)


class When(StrEnum):
    """From when on a change holds."""

    NOW = "now"
    PERIOD_END = "period_end"


class NotForSale(Conflict):
    """The plan or the price was archived, or another took its place."""

    code = "NOT_FOR_SALE"


class AlreadySubscribed(Conflict):
    code = "ALREADY_SUBSCRIBED"


class OtherCurrency(Conflict):
    """A subscription stays in its currency."""

    code = "OTHER_CURRENCY"


class PaymentNeeded(Conflict):
    """Something is still to be paid."""

    code = "PAYMENT_NEEDED"


class NothingToChange(Conflict):
    code = "NOTHING_TO_CHANGE"


Seats = Annotated[int, Field(ge=1, le=MOST_SEATS)]


class NewSubscription(Command):
    """That one subscribes to a plan at a price: for oneself, or to the platform's for one's organization."""

    price_id: Annotated[ObjectId, Ref("Price")]
    seats: Seats = 1
    renews: Annotated[bool, Field(description="Whether a period follows by itself.")] = True
    collection: Collection = Collection.AUTOMATIC


class SubscriptionAction(Command):
    """A subscription."""

    subscription_id: Annotated[ObjectId, Ref("PlanSubscription")]


class SubscriptionRevision(SubscriptionAction):
    """Another price of the same seller, of the same plan or of another, or another number of seats."""

    price_id: Annotated[ObjectId | None, Ref("Price")] = None
    seats: Seats | None = None
    when: When = When.NOW


class Pause(SubscriptionAction):
    """A subscription that is not used for some time; when it goes on by itself, if it is known."""

    resumes_at: Moment | None = None


class Cancellation(SubscriptionAction):
    """From when on a subscription is over."""

    when: When = When.PERIOD_END


@dataclass(slots=True)
class Change(Value):
    """A subscription as it has become, the invoice that was made for it, if one was, and the one that will follow."""

    subscription: Subscription
    invoice: Invoice | None = None
    upcoming: Upcoming | None = None


@dataclass(frozen=True)
class SubscriptionFeed(Feed):
    """What happens to a subscription, for its customer and its seller."""

    subscription_id: ObjectId = PLATFORM_ID

    async def admit(self, actor: Actor) -> None:
        await require(actor, self.subscription_id)


def feed(subscription_id: ObjectId) -> SubscriptionFeed:
    return SubscriptionFeed((f"b:{subscription_id}",), subscription_id)


async def find(actor: Actor, id: ObjectId) -> Subscription | None:
    """One that the actor may see: their own, their organization's, or one that they sell."""
    row = await Subscription.lookup(PLATFORM, _id=id)
    return row if row is not None and parties.sees(actor, row) else None


async def require(actor: Actor, id: ObjectId) -> Subscription:
    """Raises NotFound, for what the actor may not see too."""
    row = await find(actor, id)
    if row is None:
        raise NotFound("There is no such {kind}.", kind="PlanSubscription", path=["input", "subscriptionId"])
    return row


async def newest(actor: Actor, page: PageArgs, state: SubscriptionState | None = None) -> Page[Subscription]:
    """Those to plans of the organization, the newest first."""
    return await Subscription.page(actor, page, {"state": state.value} if state else None)


async def of_platform(page: PageArgs, state: SubscriptionState | None = None) -> Page[Subscription]:
    """Those to the platform's plans, the newest first."""
    return await newest(Actor.platform(PLATFORM_ID), page, state)


async def mine(actor: Actor, page: PageArgs) -> Page[Subscription]:
    """The actor's own and those of their organization, whoever sells."""
    return await Subscription.page(PLATFORM, page, parties.own(actor))


async def seen(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Subscription]:
    """Those of them that the actor may see."""
    rows = await Subscription.select(PLATFORM, {"_id": {"$in": list(ids)}})
    return {row.id: row for row in rows if parties.sees(actor, row)}


@changes.atomic
async def subscribe(actor: Actor, given: NewSubscription) -> Change:
    """Subscribe: to a trial, or with an invoice at once. Raises NotFound, Forbidden, Invalid, NotForSale,
    AlreadySubscribed.
    """
    plan, price = await _on_sale(actor, given.price_id)
    kind, customer = await _customer(actor, plan)
    seller, moment = Actor.platform(plan.organization_id), now()
    known = {"customer_id": customer, "plan_id": plan.id}
    before = await Subscription.select(seller, known)
    if any(row.state in OPEN for row in before):
        raise AlreadySubscribed("There is a subscription to this plan: change that.", path=["input", "priceId"])
    zone = await _zone(plan.organization_id)
    trial = bool(plan.trial_days) and not before
    cycle = Cycle(moment, zone, price.interval, price.interval_count)
    period = Span(moment, moment + plan.trial_days * DAY) if trial else cycle.period(0)
    waits = INCOMPLETE_FOR if given.collection is Collection.AUTOMATIC else plan.payment_days * DAY
    made = SubscriptionDocument(
        id=new_id(),
        organization_id=plan.organization_id,
        customer_kind=kind,
        customer_id=customer,
        plan_id=plan.id,
        price_id=price.id,
        seats=given.seats,
        collection_method=given.collection,
        time_zone=zone,
        anchor_at=period.ends_at if trial else moment,
        period=-1 if trial else 0,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        metered_from=period.starts_at,
        renews=given.renews,
        notified=lifecycle.told_until(period),
        grace_ends_at=moment + waits,
        next_at=moment + waits,
        created_at=moment,
        changed_at=moment,
    )
    await changes.insert(made)
    if trial:
        return await _told(await lifecycle.move(actor, made, "begin_trial", moment, grace_ends_at=None))
    billed = [items.fee(plan, price, given.seats, period)]
    row = await lifecycle.edit(actor, made, moment)
    invoice = await invoices.make(actor, row, plan, price, billed, InvoiceCause.FIRST, moment)
    if invoice is None:  # it costs nothing
        return await _told(await lifecycle.move(actor, row, "activate", moment, grace_ends_at=None))
    return await _told(await Subscription.require(seller, made.id), invoice)


@changes.atomic
async def change(actor: Actor, given: SubscriptionRevision) -> Change:
    """Change the price, the plan or the seats: now, with what that costs or credits, or at the end of the period.

    In a trial it costs nothing yet. Raises NotFound, Forbidden, IllegalTransition, NotForSale, OtherCurrency or
    NothingToChange.
    """
    row = await require(actor, given.subscription_id)
    SUBSCRIPTION.check(actor, row, "change_in_trial" if row.state is TRIALING else "change")
    seller, moment = Actor.platform(row.organization_id), now()
    old = await Price.require(seller, row.price_id)
    old_plan = await Plan.require(seller, old.plan_id)
    plan, price = (old_plan, old) if given.price_id in (None, old.id) else await _offered(seller, given.price_id)
    seats = given.seats or row.seats
    if (price.id, seats) == (row.price_id, row.seats):
        raise NothingToChange("It is so already.")
    if price.currency != old.currency:
        raise OtherCurrency("A subscription stays in its currency, {currency}.", currency=old.currency)
    if plan.id != old_plan.id:
        await _free(seller, row, plan)
    if given.when is When.PERIOD_END:
        later = {"next_price_id": price.id, "next_seats": seats}
        return await _told(await lifecycle.edit(actor, row, moment, **later))
    set = {"plan_id": plan.id, "price_id": price.id, "seats": seats, "next_price_id": None, "next_seats": None}
    if row.state is TRIALING:
        return await _told(await lifecycle.move(actor, row, "change_in_trial", moment, **set))
    if (old.interval, old.interval_count) == (price.interval, price.interval_count):
        billed = items.changed(row, (old_plan, old), (plan, price), seats, moment)
        changed = await lifecycle.move(actor, row, "change", moment, **set)
    else:
        period = Cycle(moment, row.time_zone, price.interval, price.interval_count).period(0)
        billed = items.begun_anew(row, (old_plan, old), (plan, price), seats, period)
        anew = {"anchor_at": moment, "period": 0, "starts_at": moment, "ends_at": period.ends_at}
        anew |= {"metered_from": moment, "notified": lifecycle.told_until(period)}
        changed = await lifecycle.move(actor, row, "change", moment, **set, **anew)
    invoice = await invoices.make(actor, changed, old_plan, price, billed, InvoiceCause.CHANGE, moment)
    return await _told(await Subscription.require(seller, row.id), invoice)


@changes.atomic
async def pause(actor: Actor, given: Pause) -> Change:
    """Stop a subscription for a while: what is left of its period is kept for afterwards. Raises NotFound, Forbidden,
    IllegalTransition or Invalid.
    """
    row, moment = await require(actor, given.subscription_id), now()
    SUBSCRIPTION.check(actor, row, "pause")
    if given.resumes_at and not moment < given.resumes_at <= moment + LONGEST_PAUSE:
        raise Invalid("A pause ends later than now, and within two years.", path=["input", "resumesAt"])
    set = {"paused_at": moment, "resumes_at": given.resumes_at}
    return await _told(await lifecycle.move(actor, row, "pause", moment, **set))


@changes.atomic
async def resume(actor: Actor, given: SubscriptionAction) -> Change:
    """Go on after a pause. Raises NotFound, Forbidden or IllegalTransition."""
    row = await require(actor, given.subscription_id)
    SUBSCRIPTION.check(actor, row, "resume")
    return await _told(await expiry.resume(actor, row, now()))


@changes.atomic
async def renew(actor: Actor, given: SubscriptionAction) -> Change:
    """Let another period follow one that ends or has ended, at once. Raises NotFound, Forbidden or IllegalTransition,
    NothingToChange for one that is renewed by itself.
    """
    row, moment = await require(actor, given.subscription_id), now()
    SUBSCRIPTION.check(actor, row, "renew")
    if row.state is ACTIVE and row.renews and not row.cancels:
        raise NothingToChange("It is renewed by itself.")
    if row.state is ACTIVE:  # what ends is to go on
        return await _told(await lifecycle.edit(actor, row, moment, renews=True, cancels=False))
    seller = Actor.platform(row.organization_id)
    if row.ends_at > moment or await standing.owes(seller, row):
        raise PaymentNeeded("Pay what is due first.")
    invoice = await expiry.renew(actor, row, "renew", InvoiceCause.FIRST, moment)
    return await _told(await Subscription.require(Actor.platform(row.organization_id), row.id), invoice)


@changes.atomic
async def cancel(actor: Actor, given: Cancellation) -> Change:
    """End a subscription, at the end of its period or now; then what was used is billed, and nothing given back.

    Raises NotFound, Forbidden or IllegalTransition.
    """
    row, moment = await require(actor, given.subscription_id), now()
    SUBSCRIPTION.check(actor, row, "cancel")
    if given.when is When.PERIOD_END and row.state in (ACTIVE, TRIALING):
        later = {"next_price_id": None, "next_seats": None}
        return await _told(await lifecycle.edit(actor, row, moment, cancels=True, **later))
    if row.state is INCOMPLETE:
        await expiry.void_unpaid(Actor.platform(row.organization_id), row, moment)
    invoice = await expiry.close(actor, row, moment)
    return await _told(await Subscription.require(Actor.platform(row.organization_id), row.id), invoice)


@changes.atomic
async def keep(actor: Actor, given: SubscriptionAction) -> Change:
    """Take back that a subscription is over or changes at the end of its period. Raises NotFound, Forbidden or
    NothingToChange.
    """
    row = await require(actor, given.subscription_id)
    if row.state not in (ACTIVE, TRIALING) or not (row.cancels or row.next_price_id or row.next_seats):
        raise NothingToChange("Nothing is to happen at its end.")
    set = {"cancels": False, "next_price_id": None, "next_seats": None}
    return await _told(await lifecycle.edit(actor, row, now(), **set))


async def _told(row: Subscription, invoice: Invoice | None = None) -> Change:
    """What a change has come to; in a rehearsal too, in which only the scope sees it."""
    return Change(row, invoice, await upcoming.of(row))


async def _on_sale(actor: Actor, price_id: ObjectId) -> tuple[Plan, Price]:
    price = await plans.find_price(actor, price_id)
    if price is None:
        raise NotFound("There is no such {kind}.", kind="Price", path=["input", "priceId"])
    return await _offered(Actor.platform(price.organization_id), price_id)


async def _offered(seller: Actor, price_id: ObjectId | None) -> tuple[Plan, Price]:
    """A price for which somebody can subscribe now, with its plan. Raises NotFound or NotForSale."""
    price = await Price.lookup(seller, _id=price_id)
    if price is None:
        raise NotFound("There is no such {kind}.", kind="Price", path=["input", "priceId"])
    plan = await Plan.require(seller, price.plan_id)
    if plan.state is not PlanState.ACTIVE or price.superseded_at is not None:
        raise NotForSale("This is not for sale any more.", path=["input", "priceId"])
    return plan, price


async def _customer(actor: Actor, plan: Plan) -> tuple[CustomerKind, ObjectId]:
    """For whom it is: organizations buy from the platform, people from an organization that they are in.

    Raises Forbidden or NotFound.
    """
    if plan.organization_id == PLATFORM_ID:
        if actor.organization_id is None or not actor.can(Permission.BILLING_MANAGE):
            raise Forbidden(lacks(Permission.BILLING_MANAGE))
        return CustomerKind.ORGANIZATION, actor.organization_id
    assert actor.user_id
    if not await members.active_ids(Actor.platform(plan.organization_id), [actor.user_id]):
        raise NotFound("There is no such {kind}.", kind="Price", path=["input", "priceId"])
    return CustomerKind.PERSON, actor.user_id


async def _free(seller: Actor, row: Subscription, plan: Plan) -> None:
    """Raises AlreadySubscribed if the customer has the plan by another subscription."""
    if await expiry.has(seller, row.customer_id, plan.id):
        raise AlreadySubscribed("There is a subscription to this plan: change that.", path=["input", "priceId"])


async def _zone(seller_id: ObjectId) -> str:
    seller = await Organization.lookup(PLATFORM, _id=seller_id)
    return seller.time_zone if seller else "UTC"
