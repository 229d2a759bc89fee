"""Payouts: money of people on its way out. It is held in the book from the moment it is asked for until it has arrived.

    pending -> processing -> in_transit -> paid -> returned
          '-> cancelled  '-> failed <-'

What does not arrive goes back to where it came from, once. The provider is asked by a job, by a key that is the
payout's, so that a repetition is no second payment.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now, reached
from app.core.commands import Command, Ref, open_id
from app.core.errors import Conflict, NotFound
from app.core.ledger import Move
from app.core.ledger.turns import in_turn
from app.core.machines import Machine, Transition, only_platform
from app.core.money import Amount, Money
from app.core.paging import Order, Page, PageArgs
from app.core.words import Words, words
from app.models import (
    CustomerKind,
    LedgerAccount,
    Organization,
    Payout,
    PayoutAccount,
    PayoutAccountState,
    PayoutDocument,
    PayoutPlan,
    PayoutPlanDocument,
    PayoutSchedule,
    PayoutState,
    Purse,
)
from app.models.backlogs import work_off
from app.models.billing.payment_events import PayoutFailed, PayoutSettled
from app.models.ledger.events import PayoutMoved
from app.services.billing.paying import payments, payout_accounts
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.remittances import PayoutAccountNotReady
from app.services.ledger import books, pay_rules

PLATFORM = Actor.platform()
PENDING, PROCESSING, IN_TRANSIT = PayoutState.PENDING, PayoutState.PROCESSING, PayoutState.IN_TRANSIT
PAID, FAILED, CANCELLED, RETURNED = PayoutState.PAID, PayoutState.FAILED, PayoutState.CANCELLED, PayoutState.RETURNED
HOUR = 6
"""Of the organization's clock at which what is paid by itself is asked for."""
DUE = Order(("due_at", "_id"), descending=False)


class BelowMinimum(Conflict):
    """So little is not paid out."""

    code = "BELOW_MINIMUM"


class NoDestination(Conflict):
    """The person has not said where to."""

    code = "NO_DESTINATION"


class PayoutRequest(Amount):
    """How much one wants to be paid, and from what."""

    purse: Purse


class PayoutAction(Command):
    """A payout."""

    payout_id: Annotated[ObjectId, Ref("Payout")]


class PayoutChoice(Command):
    """How often one is paid without asking, and from what."""

    schedule: PayoutSchedule
    purses: Annotated[list[Purse], Field(max_length=len(Purse))]


def _oneself(actor: Actor, row: Payout) -> Words | None:
    return None if actor.user_id == row.user_id else words("Only the person decides this.")


PAYOUT = Machine(
    Transition("cancel", frozenset({PENDING}), CANCELLED, _oneself),
    Transition("begin", frozenset({PENDING}), PROCESSING, only_platform),
    Transition("send", frozenset({PROCESSING}), IN_TRANSIT, only_platform),
    Transition("settle", frozenset({PROCESSING, IN_TRANSIT}), PAID, only_platform),
    Transition("fail", frozenset({PROCESSING, IN_TRANSIT}), FAILED, only_platform),
    Transition("return", frozenset({PAID}), RETURNED, only_platform),
)


async def find(actor: Actor, id: ObjectId) -> Payout | None:
    return await Payout.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Payout]:
    """The actor's, or all for who reads the ledger."""
    return await Payout.page(actor, page)


async def plan(actor: Actor) -> PayoutPlan | None:
    """How often the actor is paid without asking; None where they have said nothing."""
    return await PayoutPlan.lookup(actor, user_id=actor.user_id) if actor.user_id else None


@changes.atomic
async def choose(actor: Actor, given: PayoutChoice) -> PayoutPlan:
    """Say how often one is paid without asking."""
    assert actor.user_id
    assert actor.organization_id
    moment, purses = now(), list(dict.fromkeys(given.purses))
    due_at = await _next(actor, given.schedule, moment)
    made = PayoutPlanDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        schedule=given.schedule,
        purses=purses,
        due_at=due_at,
        changed_at=moment,
    )
    mine = PayoutPlan.within(actor, user_id=actor.user_id)
    stored, created = await changes.insert_once(made, mine)
    if created:
        return stored
    set = {"schedule": given.schedule.value, "purses": [one.value for one in purses], "due_at": due_at}
    changed = await changes.change(PayoutPlan, mine, {"$set": {**set, "changed_at": moment}})
    assert changed, "the scope read it in the same snapshot"
    return changed


@in_turn
async def request(actor: Actor, given: PayoutRequest) -> Payout:
    """Ask to be paid. Raises BelowMinimum, NoDestination or TooLittle."""
    assert actor.user_id
    account = await _destination(actor, actor.user_id)
    if account is None:
        raise NoDestination("Let the provider know first who you are, so that you can be paid.")
    least = pay_rules.minimum(await pay_rules.of(actor), given.currency)
    if given.amount < least:
        raise BelowMinimum("So little is not paid out.", path=["input", "amount"], minimum=least)
    return await _ask(actor, actor.user_id, account, given.purse, given.money)


@in_turn
async def cancel(actor: Actor, given: PayoutAction) -> Payout:
    """Take back that one has asked for it, before it is sent. Raises NotFound, Forbidden or IllegalTransition."""
    row = await Payout.lookup(actor, _id=given.payout_id)
    if row is None:
        raise NotFound("There is no such {kind}.", kind="Payout", path=["input", "payoutId"])
    return await _give_back(actor, row, "cancel")


async def run_due(moment: datetime) -> int:
    """Ask for what is paid by itself by this moment, and answer for how many people."""

    async def one(chosen: PayoutPlan) -> None:
        await run(Actor.platform(chosen.organization_id), chosen.id, moment)

    return await work_off(PayoutPlan, PLATFORM, {"due_at": reached(moment)}, DUE, one)


@in_turn
async def run(actor: Actor, plan_id: ObjectId, moment: datetime) -> list[Payout]:
    """Ask for all that is available to somebody and is no less than the minimum, if it is due."""
    chosen = await PayoutPlan.lookup(actor, {"due_at": reached(moment)}, _id=plan_id)
    if chosen is None:
        return []
    due_at = await _next(actor, chosen.schedule, moment)
    await changes.change(PayoutPlan, PayoutPlan.within(actor, _id=plan_id), {"$set": {"due_at": due_at}})
    account = await _destination(actor, chosen.user_id)
    if account is None:
        return []
    rules, batch = await pay_rules.of(actor), f"{moment:%Y-%m-%d}"
    where = {"holder_id": chosen.user_id, "code": {"$in": [one.value for one in chosen.purses]}}
    return [
        await _ask(actor, chosen.user_id, account, Purse(one.code), Money(one.available, one.currency), batch)
        for one in await LedgerAccount.select(actor, where)
        if one.available >= pay_rules.minimum(rules, one.currency)
    ]


@changes.atomic
async def begin(actor: Actor, id: ObjectId) -> Payout | None:
    """The payout, if it is still to be sent; from here on it cannot be cancelled."""
    row = await Payout.require(actor, id)
    if row.state is PENDING:
        return await _move(actor, row, "begin")
    return row if row.state is PROCESSING else None


@changes.atomic
async def send(actor: Actor, id: ObjectId) -> None:
    """Let the provider send it, once; what it tells comes by `settle` and `fail`. Raises PayoutAccountNotReady."""
    row = await Payout.require(actor, id)
    if row.state is PROCESSING:
        amount = Money(row.amount, row.currency)
        await payments.pay_out(actor, f"payout:{row.id}", row.account_id, amount, f"Payout_{row.id}")
        await _move(actor, row, "send")


async def dispatch(actor: Actor, id: ObjectId) -> None:
    """Send a payout that was asked for; where the person can be sent nothing any more, they have it back."""
    if await begin(actor, id) is None:
        return
    try:
        await send(actor, id)
    except PayoutAccountNotReady as error:
        await fail(actor, id, error.code)


@in_turn
async def settle(actor: Actor, id: ObjectId) -> None:
    """Keep that it has arrived, once; one that has failed or come back stays so."""
    row = await Payout.require(actor, id)
    if row.state not in PAYOUT.transitions["settle"].sources:
        return
    await _move(actor, row, "settle")
    moves = [
        Move(books.PAYOUTS, row.user_id, -row.amount, row.currency),
        Move(await _processor(actor, row), None, row.amount, row.currency),
    ]
    await books.move(actor, f"payout:{row.id}:paid", "payout.paid", f"Payout_{row.id}", moves)


@in_turn
async def fail(actor: Actor, id: ObjectId, code: str) -> None:
    """Give somebody back what has not arrived, or has come back, once."""
    row = await Payout.require(actor, id)
    if row.state in PAYOUT.transitions["fail"].sources:
        await _give_back(actor, row, "fail", failure=code)
    elif row.state is PAID:
        await _give_back(actor, row, "return", source=await _processor(actor, row), failure=code)


async def settled(event: PayoutSettled) -> None:
    """What the provider tells of money that it was to send, if that was a payout."""
    if (id := _named(event.reference)) is not None:
        await settle(event.actor, id)


async def failed(event: PayoutFailed) -> None:
    """The same, of what has not arrived."""
    if (id := _named(event.reference)) is not None:
        await fail(event.actor, id, event.code)


def _named(reference: str) -> ObjectId | None:
    try:
        return open_id(reference, "Payout")
    except NotFound:
        return None


async def _ask(
    actor: Actor, person: ObjectId, account: PayoutAccount, purse: Purse, amount: Money, batch: str = ""
) -> Payout:
    moment, id = now(), new_id()
    made = PayoutDocument(
        id=id,
        organization_id=account.organization_id,
        user_id=person,
        purse=purse,
        amount=amount.amount,
        currency=amount.currency,
        account_id=account.id,
        batch=batch,
        created_at=moment,
        changed_at=moment,
    )
    moves = [
        Move(purse.value, person, -amount.amount, amount.currency),
        Move(books.PAYOUTS, person, amount.amount, amount.currency),
    ]
    await books.move(actor, f"payout:{id}", "payout", f"Payout_{id}", moves)
    return await changes.insert(made, PayoutMoved(actor, user=made.user_id, payout=id, state=PENDING.value))


async def _give_back(actor: Actor, row: Payout, name: str, *, source: str = books.PAYOUTS, failure: str = "") -> Payout:
    moved = await _move(actor, row, name, failure=failure)
    holder = row.user_id if source == books.PAYOUTS else None
    moves = [
        Move(source, holder, -row.amount, row.currency),
        *await books.giving(actor, row.purse.value, row.user_id, Money(row.amount, row.currency)),
    ]
    await books.move(actor, f"payout:{row.id}:back", f"payout.{moved.state.value}", f"Payout_{row.id}", moves)
    return moved


async def _move(actor: Actor, row: Payout, name: str, **set: Any) -> Payout:
    state = PAYOUT.transitions[name].target.value
    told = PayoutMoved(actor, user=row.user_id, payout=row.id, state=state)
    where: Mapping[str, Any] = {"organization_id": row.organization_id}
    return await PAYOUT.move(actor, row, name, told, where=where, **set)


async def _destination(actor: Actor, person: ObjectId) -> PayoutAccount | None:
    """Where somebody can be sent money now."""
    inside = Actor.platform(actor.organization_id)
    account = await payout_accounts.of(Customer(inside, CustomerKind.PERSON, person))
    return account if account and account.state is PayoutAccountState.ENABLED else None


async def _processor(actor: Actor, row: Payout) -> str:
    """The account of the provider that has sent it."""
    return books.processor((await PayoutAccount.require(actor, row.account_id)).provider)


async def _next(actor: Actor, schedule: PayoutSchedule, moment: datetime) -> datetime | None:
    """When somebody is paid by itself next: on Mondays, or on the first of a month."""
    if schedule is PayoutSchedule.MANUAL:
        return None
    assert actor.organization_id
    inside = Actor.platform(actor.organization_id)
    organization = await Organization.require(inside, actor.organization_id)
    here = moment.astimezone(ZoneInfo(organization.time_zone))
    morning = here.replace(hour=HOUR, minute=0, second=0, microsecond=0, fold=0)
    if schedule is PayoutSchedule.WEEKLY:
        coming = morning - timedelta(days=here.weekday())
        return (coming if coming > here else coming + timedelta(days=7)).astimezone(UTC)
    first = morning.replace(day=1)
    return (first if first > here else (first + timedelta(days=32)).replace(day=1)).astimezone(UTC)
