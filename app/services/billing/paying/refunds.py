"""Giving money back: never more than was paid. What is on its way back counts as given, until the provider says no."""

from datetime import datetime
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import derived_id, new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, KeyReused
from app.core.ledger.turns import turn
from app.core.machines import Machine, Transition, only_platform
from app.core.money import Amount, CurrencyMismatch, Money
from app.core.paging import Page, PageArgs
from app.integrations.payments import RefundSeen, Refused, Stage
from app.models import Payment, PaymentState, PaymentWay, Refund, RefundDocument, RefundState
from app.models import PaymentDifferenceKind as Kind
from app.models.billing.payment_events import PaymentRefunded, RefundAsked, RefundFailed
from app.services.billing.paying import bookings, customers, differences, providers
from app.services.billing.paying.differences import Differs, Whose

PENDING = frozenset({RefundState.PENDING})
REFUND = Machine(
    Transition("succeed", PENDING, RefundState.SUCCEEDED, only_platform),
    Transition("fail", PENDING, RefundState.FAILED, only_platform),
)
_STEPS = {Stage.SUCCEEDED: "succeed", Stage.FAILED: "fail", Stage.CANCELLED: "fail"}
FIRM = 2
"""Attempts that use the refund's own id as the key; a provider that has failed repeats its answer for that key."""


class RefundAbovePayment(Conflict):
    """So much is not left of the payment."""

    code = "REFUND_ABOVE_PAYMENT"


class NotRefundable(Conflict):
    """It was not paid."""

    code = "NOT_REFUNDABLE"


class PaymentRefund(Command):
    """A payment to give back."""

    payment_id: Annotated[ObjectId, Ref("Payment")]
    key: Annotated[str, Field(min_length=1, max_length=200, description="The same key is the same refund.")]
    amount: Annotated[Amount | None, Field(description="All that is left of it if left out.")] = None
    reason: Annotated[str, Field(max_length=500)] = ""


async def find(actor: Actor, id: ObjectId) -> Refund | None:
    return await Refund.lookup(actor, _id=id)


async def of(actor: Actor, payment: Payment, page: PageArgs) -> Page[Refund]:
    """What was given back of a payment, the newest first."""
    inside = Actor.platform(payment.organization_id)  # who sees the payment sees what came of it
    return await Refund.page(inside, page, {"payment_id": payment.id})


async def give_back(actor: Actor, given: PaymentRefund) -> Refund:
    """Raises what `refund` does."""
    amount = given.amount.money if given.amount else None
    return await refund(actor, given.payment_id, amount, given.key, given.reason)


@changes.atomic
async def refund(actor: Actor, payment_id: ObjectId, amount: Money | None, key: str, reason: str = "") -> Refund:
    """Give a payment back, or a part of it, once for the key.

    Raises NotFound, NotRefundable, CurrencyMismatch, RefundAbovePayment, KeyReused.
    """
    payment = await Payment.require(actor, payment_id)
    if known := await Refund.lookup(actor, key=key):
        if known.payment_id != payment_id or (amount and (amount.amount, amount.currency) != _worth(known)):
            raise KeyReused("Another refund has the key “{key}”.", key=key)
        return known
    if payment.state is not PaymentState.SUCCEEDED:
        raise NotRefundable("It is {state}, so nothing can be given back.", state=payment.state.value)
    left = payment.amount - payment.refunded
    wanted = left
    if amount is not None:
        one, other = payment.currency, amount.currency
        if one != other:
            raise CurrencyMismatch("These are amounts in {one} and in {other}.", one=one, other=other)
        wanted = amount.amount
    if not 0 < wanted <= left:
        raise RefundAbovePayment("Of this payment {left} is left.", left=left)
    made = _made(actor, payment, new_id(), key, wanted, reason)
    await _take(actor, payment, wanted)
    if payment.way is PaymentWay.RECEIPT:
        made.state = RefundState.SUCCEEDED
        await bookings.went_out(actor, payment, Money(wanted, payment.currency), f"refund:{made.id}", "refund")
        return await changes.insert(made, _refunded(actor, payment, made))
    asked = RefundAsked(actor, payment=payment.id, reference=payment.reference, refund=made.id)
    return await changes.insert(made, asked)


async def send(asked: RefundAsked, attempt: int) -> None:
    """Have the provider give back what was asked for; again after a failure, once all the same."""
    seller = Actor.platform(asked.actor.organization_id)
    row = await Refund.lookup(seller, _id=asked.refund)
    if row is None or row.state is not RefundState.PENDING:
        return
    payment = await Payment.require(seller, row.payment_id)
    provider, at = providers.offered(payment.provider), now()
    assert payment.provider_ref
    found = await _sent_before(row, payment) if attempt > 1 else None
    if found is None:
        labels = customers.labels(row.organization_id, payment=payment.id, refund=row.id)
        key = str(row.id) if attempt <= FIRM else f"{row.id}:{attempt}"
        try:
            found = await provider.refund(payment.provider_ref, row.amount, row.currency, labels, key)
        except Refused as error:
            if error.code == "idempotency_key_in_use":
                raise RuntimeError(error.code) from error
            await _fail(seller, row.id, error.code)
            return
    await observe(seller, payment.id, found, at)


async def _sent_before(row: Refund, payment: Payment) -> RefundSeen | None:
    """What an attempt has made whose answer was lost."""
    assert payment.provider_ref
    made = await providers.offered(payment.provider).refunds(payment.provider_ref)
    return next((one for one in made if one.labels.get("refund") == str(row.id)), None)


async def observe(seller: Actor, payment_id: ObjectId, seen: RefundSeen, at: datetime) -> None:
    """Note how a refund is at its provider; one that was made there is new here."""
    payment = await Payment.lookup(seller, _id=payment_id)
    if payment is None:
        return
    row, step = await _known(seller, payment, seen), _STEPS.get(seen.stage)
    if row is None or row.provider_ref is None or (step and row.state is not REFUND.transitions[step].target):
        whose = Whose(payment.organization_id, payment.id)
        async with turn(seller.organization_id), differences.noted(payment.provider, whose):
            await _apply(seller, payment_id, seen, at)


@changes.atomic
async def _apply(seller: Actor, payment_id: ObjectId, seen: RefundSeen, at: datetime) -> None:
    payment = await Payment.require(seller, payment_id)
    row = await _known(seller, payment, seen)
    if row is None:
        if seen.stage in (Stage.FAILED, Stage.CANCELLED):
            return
        if payment.state is not PaymentState.SUCCEEDED:  # what it gives back is not known yet
            raise RuntimeError(f"{seen.ref} is of a payment that is {payment.state.value}")
        if seen.amount > payment.amount - payment.refunded:
            what = f"{seen.ref} gives back {seen.amount} {seen.currency}, more than is left of Payment_{payment.id}"
            raise Differs(Kind.REFUND_ABOVE_PAYMENT, seen.ref, what)
        id = derived_id(payment.id, seen.ref)
        made = _made(seller, payment, id, f"{payment.provider.value}:{seen.ref}", seen.amount, "")
        made.provider_ref = seen.ref
        await _take(seller, payment, seen.amount)
        row = await changes.insert(made)
        whose, what = Whose(payment.organization_id, payment.id), f"{seen.amount} {seen.currency}, Refund_{row.id}"
        await differences.note(payment.provider, Kind.UNASKED_REFUND, seen.ref, whose, what)
    step = _STEPS.get(seen.stage)
    if row.state is RefundState.FAILED and step == "succeed":
        what = f"Refund_{row.id} had failed, and {seen.ref} has succeeded"
        raise Differs(Kind.REFUND_AFTER_FAILURE, seen.ref, what)
    if row.state is RefundState.SUCCEEDED and step == "fail":
        await _return(seller, payment, row, seen.code or "failed")
    elif step and row.state is RefundState.PENDING:
        await _end(seller, payment, row, step, seen.ref, seen.code, at)
    elif row.provider_ref is None:
        await changes.change(Refund, Refund.within(seller, _id=row.id), {"$set": {"provider_ref": seen.ref}})


async def _known(seller: Actor, payment: Payment, seen: RefundSeen) -> Refund | None:
    named = seen.labels.get("refund", "")
    if ObjectId.is_valid(named) and (row := await Refund.lookup(seller, _id=ObjectId(named), payment_id=payment.id)):
        return row
    return await Refund.lookup(seller, key=f"{payment.provider.value}:{seen.ref}")


@changes.atomic
async def _fail(seller: Actor, refund_id: ObjectId, code: str) -> None:
    row = await Refund.require(seller, refund_id)
    if row.state is RefundState.PENDING:
        await _end(seller, await Payment.require(seller, row.payment_id), row, "fail", None, code, now())


async def _end(
    seller: Actor, payment: Payment, row: Refund, step: str, ref: str | None, code: str | None, at: datetime
) -> None:
    known = {"provider_ref": ref, "observed_at": at}
    where = {"organization_id": row.organization_id}
    if step == "succeed":
        await REFUND.move(seller, row, step, _refunded(seller, payment, row), where=where, **known)
        await bookings.went_out(seller, payment, Money(row.amount, row.currency), f"refund:{row.id}", "refund")
    else:
        told = _failed(seller, payment, row, code or "failed")
        await REFUND.move(seller, row, step, told, where=where, failure_code=code, **known)
        await _take(seller, payment, -row.amount)


async def _return(seller: Actor, payment: Payment, row: Refund, code: str) -> None:
    """A refund that had succeeded has come back: its bank would not have it."""
    set = {"state": RefundState.FAILED.value, "failure_code": code, "changed_at": now()}
    where = Refund.within(seller, _id=row.id, state=RefundState.SUCCEEDED.value)
    if await changes.change(Refund, where, {"$set": set}, _failed(seller, payment, row, code)):
        await bookings.went_out(seller, payment, -Money(row.amount, row.currency), f"refund:{row.id}:back", "refund")
        await _take(seller, payment, -row.amount)


async def _take(actor: Actor, payment: Payment, amount: int) -> None:
    """Count so much as given back. Raises RefundAbovePayment when somebody else was faster."""
    total = {"$add": ["$refunded", amount]}
    room = {"$expr": {"$and": [{"$lte": [total, "$amount"]}, {"$gte": [total, 0]}]}}
    where = Payment.within(actor, room, _id=payment.id)
    if await changes.change(Payment, where, {"$inc": {"refunded": amount}}) is None:
        raise RefundAbovePayment("Of this payment {left} is left.", left=payment.amount - payment.refunded)


def _made(actor: Actor, payment: Payment, id: ObjectId, key: str, amount: int, reason: str) -> RefundDocument:
    moment = now()
    return RefundDocument(
        id=id,
        organization_id=payment.organization_id,
        key=key,
        payment_id=payment.id,
        amount=amount,
        currency=payment.currency,
        reason=reason,
        made_by_id=actor.user_id,
        created_at=moment,
        changed_at=moment,
    )


def _worth(row: Refund) -> tuple[int, str]:
    return row.amount, row.currency


def _refunded(actor: Actor, payment: Payment, row: Refund) -> PaymentRefunded:
    return PaymentRefunded(
        actor,
        payment=payment.id,
        reference=payment.reference,
        refund=row.id,
        amount=row.amount,
        currency=row.currency,
    )


def _failed(actor: Actor, payment: Payment, row: Refund, code: str) -> RefundFailed:
    return RefundFailed(
        actor,
        payment=payment.id,
        reference=payment.reference,
        refund=row.id,
        amount=row.amount,
        currency=row.currency,
        code=code,
    )
