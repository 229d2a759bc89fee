"""Payments as their providers see them: how each moves, and what is told and booked when it does.

How a payment is at its provider is asked for when something may have happened to it, and applied here: an end for ever,
and what is on its way only if it was asked for later than what is known. So it does not matter in which order, or how
often, a provider tells of things.
"""

from datetime import datetime

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.ledger.turns import turn
from app.core.machines import Machine, Transition, needs, only_platform
from app.integrations.payments import Labels, PageSeen, PaymentSeen, Stage
from app.models import OPEN_PAYMENTS, Payment, PaymentState, PaymentWay, Permission
from app.models import PaymentDifferenceKind as Kind
from app.models.billing.payment_events import PaymentEvent, PaymentFailed, PaymentMoved, PaymentSucceeded
from app.services.billing.paying import bookings, differences
from app.services.billing.paying.differences import Differs, Whose

CREATED, PROCESSING, REQUIRES_ACTION = OPEN_PAYMENTS
_OPEN = frozenset(OPEN_PAYMENTS)
PAYMENT = Machine(
    Transition("process", frozenset({CREATED, REQUIRES_ACTION}), PROCESSING, only_platform),
    Transition("wait_for_customer", frozenset({CREATED, PROCESSING}), REQUIRES_ACTION, only_platform),
    Transition("succeed", _OPEN, PaymentState.SUCCEEDED, only_platform),
    Transition("fail", _OPEN, PaymentState.FAILED, only_platform),
    Transition("cancel", _OPEN, PaymentState.CANCELLED, needs(Permission.BILLING_MANAGE)),
)
_STEPS = {
    Stage.PROCESSING: "process",
    Stage.REQUIRES_ACTION: "wait_for_customer",
    Stage.SUCCEEDED: "succeed",
    Stage.FAILED: "fail",
    Stage.CANCELLED: "cancel",
}


_STATES = {stage: PAYMENT.transitions[step].target for stage, step in _STEPS.items()}


def of_labels(labels: Labels) -> tuple[Actor, ObjectId] | None:
    """The seller and the payment that a thing at a provider is of; None for what is not ours."""
    organization, payment = labels.get("organization", ""), labels.get("payment", "")
    if not (ObjectId.is_valid(organization) and ObjectId.is_valid(payment)):
        return None
    return Actor.platform(ObjectId(organization)), ObjectId(payment)


async def find(labels: Labels) -> Payment | None:
    """The payment that a thing at a provider is of."""
    whose = of_labels(labels)
    return None if whose is None else await Payment.lookup(whose[0], _id=whose[1])


async def observe(payment_id: ObjectId, seller: Actor, seen: PaymentSeen, at: datetime) -> Payment | None:
    """Note how a payment is at its provider, who was asked at this moment; None for what is no payment of ours."""
    row = await Payment.lookup(seller, _id=payment_id)
    if row is None or (row.provider_ref is not None and row.provider_ref != seen.ref):
        return row
    if row.provider_ref is not None and row.state is _STATES.get(seen.stage):
        return row  # as it is told most often: it takes no scope
    whose = Whose(row.organization_id, row.id)
    async with turn(seller.organization_id), differences.noted(row.provider, whose):
        return await _apply(payment_id, seller, seen, at)


@changes.atomic
async def _apply(payment_id: ObjectId, seller: Actor, seen: PaymentSeen, at: datetime) -> Payment | None:
    row = await Payment.lookup(seller, _id=payment_id)
    if row is None or (row.provider_ref is not None and row.provider_ref != seen.ref):
        return row
    if seen.stage is Stage.SUCCEEDED and row.state in (PaymentState.FAILED, PaymentState.CANCELLED):
        what = f"Payment_{row.id} is {row.state.value}, and {seen.ref} has brought its money all the same"
        raise Differs(Kind.PAID_AFTER_END, seen.ref, what)
    step = _STEPS.get(seen.stage)
    if row.way is PaymentWay.CHECKOUT and seen.stage in (Stage.FAILED, Stage.CANCELLED):
        step = None  # one can try again on the page, and only its end is the payment's
    if step is None or row.state not in PAYMENT.transitions[step].sources:
        return await _note(seller, row, seen, at)
    if PAYMENT.transitions[step].target in _OPEN and row.observed_at and at <= row.observed_at:
        return row
    if step == "succeed" and (seen.amount, seen.currency) != (row.amount, row.currency):
        amounts = f"{row.amount} {row.currency}, not {seen.amount} {seen.currency}"
        raise Differs(Kind.OTHER_AMOUNT, seen.ref, f"Payment_{row.id} is of {amounts} as {seen.ref} is")
    moved = await _move(seller, row, step, seen, at)
    if step == "succeed":
        await bookings.came_in(seller, moved)
    return moved


async def observe_page(seller: Actor, payment: Payment, page: PageSeen, seen: PaymentSeen | None, at: datetime) -> None:
    """Note how a page is on which a payment is made, and what moves the money if there is any."""
    if seen is not None:
        await observe(payment.id, seller, seen, at)
    if page.stage is Stage.FAILED and seen is not None:
        await _end(payment.id, seller, seen, at)
    elif page.stage is Stage.CANCELLED:
        await cancel(seller, payment.id)


@changes.atomic
async def _end(payment_id: ObjectId, seller: Actor, seen: PaymentSeen, at: datetime) -> None:
    """Let a payment fail whose page is over with what was tried on it."""
    row = await Payment.require(seller, payment_id)
    if row.state in OPEN_PAYMENTS and row.provider_ref in (None, seen.ref):
        await _move(seller, row, "fail", seen, at)


@changes.atomic
async def cancel(actor: Actor, payment_id: ObjectId) -> Payment:
    """Let a payment never be made, whose provider says that it will not be. One that has ended stays as it is."""
    row = await Payment.require(actor, payment_id)
    if row.state not in OPEN_PAYMENTS:
        return row
    return await _move(actor, row, "cancel", None, None)


@changes.atomic
async def give_up(seller: Actor, payment_id: ObjectId) -> None:
    """Let a payment never be made that is for us to take, unless somebody is at it (`claims.take`)."""
    row = await Payment.require(seller, payment_id)
    if row.state in OPEN_PAYMENTS and row.asked_at is None:
        await _move(seller, row, "cancel", None, None)


async def fail(seller: Actor, row: Payment, code: str, *, hard: bool) -> Payment:
    """Let a payment fail that its provider was never asked for."""
    told = PaymentFailed(seller, payment=row.id, reference=row.reference, hard=hard, code=code)
    where = {"organization_id": row.organization_id, "provider_ref": None}
    return await PAYMENT.move(seller, row, "fail", told, where=where, failure_code=code, hard_decline=hard)


async def _move(actor: Actor, row: Payment, step: str, seen: PaymentSeen | None, at: datetime | None) -> Payment:
    known: dict[str, object] = {}
    if seen is not None:
        known = {"provider_ref": seen.ref, "observed_at": at}
        if step == "fail":
            known |= {"failure_code": seen.code, "hard_decline": seen.hard}
    where = {"organization_id": row.organization_id}
    return await PAYMENT.move(actor, row, step, _told(actor, row, step, seen), where=where, **known)


def _told(actor: Actor, row: Payment, step: str, seen: PaymentSeen | None) -> PaymentEvent:
    if step == "succeed":
        return PaymentSucceeded(
            actor,
            payment=row.id,
            reference=row.reference,
            customer_kind=row.customer_kind.value,
            customer=row.customer_id,
            amount=row.amount,
            currency=row.currency,
        )
    if step == "fail" and seen is not None:
        code = seen.code or "declined"
        return PaymentFailed(actor, payment=row.id, reference=row.reference, hard=seen.hard, code=code)
    state = PAYMENT.transitions[step].target
    return PaymentMoved(actor, payment=row.id, reference=row.reference, state=state.value)


async def _note(seller: Actor, row: Payment, seen: PaymentSeen, at: datetime) -> Payment:
    """Remember what moves the money, as soon as it is known."""
    if row.provider_ref is not None:
        return row
    set = {"provider_ref": seen.ref, "observed_at": at}
    return await changes.change(Payment, Payment.within(seller, _id=row.id), {"$set": set}) or row
