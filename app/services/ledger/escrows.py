"""Escrows: a buyer's money waits in an account of its own until the work is done. State and money move in one step.

    awaiting_funding -> funded -> in_progress -> submitted -> released
                   '-> closed      (each) '-> disputed -> released | refunded | split
                                   (each) '-> refunded

Milestones are released in their order. What was submitted is released by itself when the buyer says nothing for the
days of review. The platform's fee is taken of what is released: of several releases together as of one, so that no
rounding adds up. What goes back is in the buyer's wallet, or on its way to what they have paid by (`escrow_refunds`);
what is released is among the seller's earnings.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now, reached
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ledger import Move
from app.core.ledger.turns import in_turn
from app.core.machines import Machine, Transition, lacks
from app.core.money import MOST, WHOLE, Minor, Money, fitting, rounded
from app.core.paging import Order, Page, PageArgs
from app.core.regions import Currency
from app.core.rows import Value
from app.core.words import Words, words
from app.models import Escrow, EscrowDocument, EscrowState, Milestone, Permission
from app.models.backlogs import work_off
from app.models.ledger.events import EscrowMoved
from app.services.ledger import books, escrow_refunds, pay_rules
from app.services.organizations import members

PLATFORM = Actor.platform()
AWAITING, FUNDED, IN_PROGRESS = EscrowState.AWAITING_FUNDING, EscrowState.FUNDED, EscrowState.IN_PROGRESS
SUBMITTED, DISPUTED, RELEASED = EscrowState.SUBMITTED, EscrowState.DISPUTED, EscrowState.RELEASED
REFUNDED, SPLIT, CLOSED = EscrowState.REFUNDED, EscrowState.SPLIT, EscrowState.CLOSED
OPEN = frozenset({FUNDED, IN_PROGRESS, SUBMITTED})
MOST_MILESTONES = 20
DUE = Order(("release_at", "_id"), descending=False)

AnAmount = Annotated[Minor, Field(gt=0, le=MOST, description="In minor units, such as cents.")]

ToPaymentMethod = Annotated[
    bool,
    Field(
        description="Whether what the buyer gets goes back to what they have paid by, as far as it was paid so; the"
        " rest is in their wallet, and so is what the provider refuses."
    ),
]


class MoreThanFunded(Conflict):
    """There is not so much left in the escrow."""

    code = "MORE_THAN_FUNDED"


class MilestonePlan(Command):
    """A part of the work, and what it is worth."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    amount: AnAmount


class NewEscrow(Command):
    """What a buyer wants of a seller, and what for."""

    seller_id: Annotated[ObjectId, Ref("User")]
    title: Annotated[str, Field(min_length=1, max_length=120)]
    currency: Currency
    milestones: Annotated[list[MilestonePlan], Field(min_length=1, max_length=MOST_MILESTONES)]
    reference: Annotated[str, Field(max_length=100, description="Of the order that it is for.")] = ""


class EscrowAction(Command):
    """An escrow."""

    escrow_id: Annotated[ObjectId, Ref("Escrow")]


class EscrowRelease(EscrowAction):
    """An escrow, and how much of it the seller gets: all that is left, if nothing is said."""

    amount: Annotated[Minor | None, Field(gt=0, le=MOST, description="In minor units, such as cents.")] = None
    milestone: Annotated[
        int | None, Field(ge=1, le=MOST_MILESTONES, description="Up to which the work is paid; 1 is the first.")
    ] = None


class EscrowDispute(EscrowAction):
    """An escrow, and what is wrong."""

    about: Annotated[str, Field(min_length=1, max_length=2_000)]


class EscrowRefund(EscrowAction):
    """An escrow, and where the buyer gets it back."""

    to_payment_method: ToPaymentMethod = False


class EscrowRuling(EscrowRefund):
    """An escrow, and how much of what is left the seller gets; the buyer gets the rest."""

    seller_amount: Annotated[Minor, Field(ge=0, le=MOST, description="In minor units, such as cents.")]


@dataclass(slots=True)
class EscrowStep(Value):
    """What has become of an escrow, and of the money by the same step."""

    escrow: Escrow
    postings: list[Move]


def _buying(actor: Actor, row: Escrow) -> Words | None:
    if actor.system or actor.user_id == row.buyer_id:
        return None
    return words("Only the buyer does this.")


def _selling(actor: Actor, row: Escrow) -> Words | None:
    return None if actor.user_id == row.seller_id else words("Only the seller does this.")


def _party(actor: Actor, row: Escrow) -> Words | None:
    if actor.user_id in (row.buyer_id, row.seller_id):
        return None
    return words("Only the buyer and the seller do this.")


def _ruling(actor: Actor, row: Escrow) -> Words | None:
    if _party(actor, row) is None:
        return words("Nobody rules on their own dispute.")
    return None if actor.can(Permission.DISPUTES_RULE) else lacks(Permission.DISPUTES_RULE)


ESCROW = Machine(
    Transition("fund", frozenset({AWAITING}), FUNDED, _buying),
    Transition("close", frozenset({AWAITING}), CLOSED, _party),
    Transition("begin", frozenset({FUNDED}), IN_PROGRESS, _selling),
    Transition("submit", frozenset({FUNDED, IN_PROGRESS}), SUBMITTED, _selling),
    Transition("ask_for_changes", frozenset({SUBMITTED}), IN_PROGRESS, _buying),
    Transition("release_part", OPEN, IN_PROGRESS, _buying),
    Transition("release", OPEN, RELEASED, _buying),
    Transition("refund", OPEN, REFUNDED, _selling),
    Transition("dispute", OPEN, DISPUTED, _party),
    Transition("rule_for_seller", frozenset({DISPUTED}), RELEASED, _ruling),
    Transition("rule_for_buyer", frozenset({DISPUTED}), REFUNDED, _ruling),
    Transition("split", frozenset({DISPUTED}), SPLIT, _ruling),
)


async def find(actor: Actor, id: ObjectId) -> Escrow | None:
    return await Escrow.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Escrow]:
    """Those that the actor is a party of, or all for who may see them."""
    return await Escrow.page(actor, page)


@changes.atomic
async def open_escrow(actor: Actor, given: NewEscrow) -> EscrowStep:
    """Offer to pay a seller for work. Raises NotFound, Invalid or OutOfRange."""
    assert actor.user_id
    assert actor.organization_id
    if given.seller_id == actor.user_id:
        raise Invalid("Buyer and seller are two people.", path=["input", "sellerId"])
    if not await members.active_ids(actor, [given.seller_id]):
        raise NotFound("There is no such {kind}.", kind="User", path=["input", "sellerId"])
    rules, moment, id = await pay_rules.of(actor), now(), new_id()
    account = await books.account(actor, books.ESCROW, given.currency, id)
    made = EscrowDocument(
        id=id,
        organization_id=actor.organization_id,
        buyer_id=actor.user_id,
        seller_id=given.seller_id,
        title=given.title,
        reference=given.reference,
        currency=given.currency,
        amount=fitting(sum(one.amount for one in given.milestones)),
        milestones=[Milestone(one.title, one.amount) for one in given.milestones],
        fee_rate=rules.escrow_fee_rate,
        review_days=rules.review_days,
        account_id=account.id,
        created_at=moment,
        changed_at=moment,
    )
    return EscrowStep(await changes.insert(made, _told(actor, made, AWAITING)), [])


@in_turn
async def fund(actor: Actor, given: EscrowAction) -> EscrowStep:
    """Put the buyer's money into it, out of their wallet. Raises as `begin`, or TooLittle."""
    row = await _there(actor, given)
    moved = await _step(actor, row, "fund")
    paid = Move(books.WALLET, row.buyer_id, -row.amount, row.currency)
    return EscrowStep(moved, await _fill(actor, moved, paid))


@in_turn
async def fund_by_payment(actor: Actor, id: ObjectId, paid: Money, payment: ObjectId) -> None:
    """Put into it what a payment for it has brought. What it does not need is put into the buyer's wallet.

    That is all of it once the escrow is funded, closed or over, or when it is another amount: nobody's money is lost.
    """
    row = await Escrow.require(actor, id)
    if row.state is AWAITING and paid == Money(row.amount, row.currency):
        moved = await _step(actor, row, "fund", payment_id=payment)
        source = Move(books.CLEARING, None, -row.amount, row.currency)
        await _fill(actor, moved, source, key=f"applied:{payment}")
    else:
        given = await books.giving(actor, books.WALLET, row.buyer_id, paid)
        moves = [Move(books.CLEARING, None, -paid.amount, paid.currency), *given]
        await books.move(actor, f"applied:{payment}", "escrow.overpaid", f"Escrow_{row.id}", moves)


@changes.atomic
async def close(actor: Actor, given: EscrowAction) -> EscrowStep:
    """Let nothing come of it. Raises NotFound, Forbidden or IllegalTransition."""
    return EscrowStep(await _step(actor, await _there(actor, given), "close"), [])


@changes.atomic
async def begin(actor: Actor, given: EscrowAction) -> EscrowStep:
    """Begin the work. Raises NotFound, Forbidden or IllegalTransition."""
    return EscrowStep(await _step(actor, await _there(actor, given), "begin"), [])


@changes.atomic
async def submit(actor: Actor, given: EscrowAction) -> EscrowStep:
    """Say that the next milestone is done: the time of review begins. Raises as `begin`."""
    row = await _there(actor, given)
    release_at = now() + timedelta(days=row.review_days)
    return EscrowStep(await _step(actor, row, "submit", release_at=release_at), [])


@changes.atomic
async def ask_for_changes(actor: Actor, given: EscrowAction) -> EscrowStep:
    """Say that what was submitted is not what was agreed on. Raises as `begin`."""
    return EscrowStep(await _step(actor, await _there(actor, given), "ask_for_changes"), [])


@changes.atomic
async def dispute(actor: Actor, given: EscrowDispute) -> EscrowStep:
    """Let somebody else rule on it: until then nothing moves. Raises as `begin`."""
    return EscrowStep(await _step(actor, await _there(actor, given), "dispute", dispute=given.about), [])


@in_turn
async def release(actor: Actor, given: EscrowRelease) -> EscrowStep:
    """Let the seller have it, or a part of it. Raises as `begin`, Invalid or MoreThanFunded."""
    row = await _there(actor, given)
    if given.amount is not None and given.milestone is not None:
        raise Invalid("Say an amount or a milestone, not both.", path=["input", "milestone"])
    if given.milestone is None:
        return await _release(actor, row, row.left if given.amount is None else given.amount)
    if given.milestone > len(row.milestones):
        raise Invalid("It has {count} milestones.", path=["input", "milestone"], count=len(row.milestones))
    amount = sum(one.amount for one in row.milestones[: given.milestone]) - row.released
    if amount <= 0 and row.state in OPEN:
        raise MoreThanFunded("This milestone has been released.", path=["input", "milestone"])
    return await _release(actor, row, amount)


@in_turn
async def refund(actor: Actor, given: EscrowRefund) -> EscrowStep:
    """Give the buyer back what is left. Raises as `begin`, or NoPaymentToRefund."""
    row = await _there(actor, given)
    return await _pay(actor, row, "refund", to_buyer=row.left, to_payment_method=given.to_payment_method)


@in_turn
async def rule(actor: Actor, given: EscrowRuling) -> EscrowStep:
    """Decide a dispute: who gets how much of what is left. Raises as `begin`, MoreThanFunded or NoPaymentToRefund."""
    row = await _there(actor, given)
    names = {row.left: "rule_for_seller", 0: "rule_for_buyer"}
    to_seller, to_buyer = given.seller_amount, row.left - given.seller_amount
    back = given.to_payment_method and to_buyer > 0
    name = names.get(to_seller, "split")
    return await _pay(actor, row, name, to_seller=to_seller, to_buyer=to_buyer, to_payment_method=back)


async def release_due(moment: datetime) -> int:
    """Release what was submitted and is due by this moment, and answer how much was looked at."""

    async def one(row: Escrow) -> None:
        await time_out(Actor.platform(row.organization_id), row.id, moment)

    return await work_off(Escrow, PLATFORM, {"release_at": reached(moment)}, DUE, one)


@in_turn
async def time_out(actor: Actor, id: ObjectId, moment: datetime) -> None:
    """Release the milestone that was submitted, if its time of review is over and nobody has said anything."""
    row = await Escrow.lookup(actor, {"release_at": reached(moment)}, _id=id, state=SUBMITTED.value)
    if row is not None:
        await _release(actor, row, row.next_milestone)


async def _there(actor: Actor, given: EscrowAction) -> Escrow:
    row = await Escrow.lookup(actor, _id=given.escrow_id)
    if row is None:
        raise NotFound("There is no such {kind}.", kind="Escrow", path=["input", "escrowId"])
    return row


async def _release(actor: Actor, row: Escrow, amount: int) -> EscrowStep:
    return await _pay(actor, row, "release" if amount == row.left else "release_part", to_seller=amount)


async def _pay(
    actor: Actor, row: Escrow, name: str, *, to_seller: int = 0, to_buyer: int = 0, to_payment_method: bool = False
) -> EscrowStep:
    """Take a transition, and let so much out of the escrow by it."""
    ESCROW.check(actor, row, name)
    if min(to_seller, to_buyer) < 0 or not 0 < to_seller + to_buyer <= row.left:
        raise MoreThanFunded("There is not so much left in the escrow.", left=row.left)
    released, returned = row.released + to_seller, row.returned + to_buyer
    fee = rounded(released * row.fee_rate, WHOLE)
    back = await escrow_refunds.ask(actor, row, to_buyer) if to_payment_method else None
    known = {"refund_id": back.id} if back else {}
    moved = await _step(actor, row, name, released=released, returned=returned, fee=fee, **known)
    taken, currency, on_its_way = fee - row.fee, row.currency, back.amount if back else 0
    moves = [
        Move(books.ESCROW, row.id, -to_seller - to_buyer, currency),
        Move(books.FEES, None, taken, currency),
        *await books.giving(actor, books.EARNINGS, row.seller_id, Money(to_seller - taken, currency)),
        Move(books.REFUNDS, row.buyer_id, on_its_way, currency),
        *await books.giving(actor, books.WALLET, row.buyer_id, Money(to_buyer - on_its_way, currency)),
    ]
    key = f"escrow:{row.id}:{released}:{returned}"  # what has gone rises with every step
    return EscrowStep(moved, await books.move(actor, key, f"escrow.{name}", f"Escrow_{row.id}", moves))


async def _fill(actor: Actor, row: Escrow, source: Move, *, key: str = "") -> list[Move]:
    moves = [source, Move(books.ESCROW, row.id, row.amount, row.currency)]
    return await books.move(actor, key or f"escrow:{row.id}:funded", "escrow.fund", f"Escrow_{row.id}", moves)


async def _step(actor: Actor, row: Escrow, name: str, **set: Any) -> Escrow:
    """Take a transition; what it says nothing of stays, but that nothing is due any more."""
    target = ESCROW.transitions[name].target
    told = EscrowMoved(
        actor,
        escrow=row.id,
        state=target.value,
        released=set.get("released", row.released),
        returned=set.get("returned", row.returned),
        fee=set.get("fee", row.fee),
        currency=row.currency,
    )
    where = {"organization_id": row.organization_id, "released": row.released, "returned": row.returned}
    return await ESCROW.move(actor, row, name, told, where=where, **{"release_at": None, **set})


def _told(actor: Actor, row: Escrow, state: EscrowState) -> EscrowMoved:
    return EscrowMoved(actor, escrow=row.id, state=state.value, released=0, returned=0, fee=0, currency=row.currency)
