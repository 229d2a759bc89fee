"""Disputes: a customer's bank takes a payment back, and decides later who gets it. What is lost is booked then."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import derived_id, now
from app.core.ledger.turns import turn
from app.core.machines import Machine, Transition, only_platform
from app.core.money import Money
from app.core.paging import Page, PageArgs
from app.core.rows import Names
from app.integrations.payments import DisputeSeen, Stage
from app.models import Dispute, DisputeDocument, DisputeState, Duty, Payment, PaymentState
from app.models.billing.payment_events import DisputeClosed, PaymentDisputed
from app.services.billing.paying import bookings

OPEN = frozenset({DisputeState.OPEN})
DISPUTE = Machine(
    Transition("win", OPEN, DisputeState.WON, only_platform),
    Transition("lose", OPEN, DisputeState.LOST, only_platform),
)
_STEPS = {Stage.SUCCEEDED: "win", Stage.FAILED: "lose"}


async def newest(actor: Actor, page: PageArgs, state: DisputeState | None = None) -> Page[Dispute]:
    """Those of the organization's payments."""
    return await Dispute.page(actor, page, {"state": state.value} if state else None)


async def everywhere(
    page: PageArgs, state: DisputeState | None = None, organization_id: ObjectId | None = None
) -> Page[Dispute]:
    """Those of the payments to every organization, or to one, the newest first."""
    return await newest(Actor.platform(organization_id), page, state)


async def payments_of(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Payment]:
    """The payments that disputes and differences are about, of every organization for staff."""
    return await Payment.by_ids(Actor.platform() if Duty.MONEY_READ in actor.duties else actor, ids, fields)


async def find(actor: Actor, id: ObjectId) -> Dispute | None:
    return await Dispute.lookup(actor, _id=id)


async def observe(seller: Actor, payment_id: ObjectId, seen: DisputeSeen, at: datetime) -> None:
    """Note how a dispute is at its provider."""
    row, step = await Dispute.lookup(seller, provider_ref=seen.ref), _STEPS.get(seen.stage)
    if row is None or (step and row.state is DisputeState.OPEN):
        async with turn(seller.organization_id):
            await _apply(seller, payment_id, seen, at)


@changes.atomic
async def _apply(seller: Actor, payment_id: ObjectId, seen: DisputeSeen, at: datetime) -> None:
    payment = await Payment.lookup(seller, _id=payment_id)
    if payment is None:
        return
    if payment.state is not PaymentState.SUCCEEDED:
        raise RuntimeError(f"{seen.ref} is about a payment that is {payment.state.value}")
    row = await Dispute.lookup(seller, provider_ref=seen.ref)
    if row is None:
        row = await _open(seller, payment, seen, at)
    step = _STEPS.get(seen.stage)
    if step is None or row.state is not DisputeState.OPEN:
        return
    told = DisputeClosed(
        seller,
        payment=payment.id,
        reference=payment.reference,
        dispute=row.id,
        won=step == "win",
        amount=row.amount,
        currency=row.currency,
    )
    where = {"organization_id": row.organization_id}
    await DISPUTE.move(seller, row, step, told, where=where, observed_at=at)
    if step == "lose":
        await bookings.went_out(seller, payment, Money(row.amount, row.currency), f"dispute:{row.id}", "dispute")


async def _open(seller: Actor, payment: Payment, seen: DisputeSeen, at: datetime) -> Dispute:
    moment = now()
    made = DisputeDocument(
        id=derived_id(payment.id, seen.ref),
        organization_id=payment.organization_id,
        payment_id=payment.id,
        amount=seen.amount,
        currency=seen.currency,
        reason=seen.reason,
        provider_ref=seen.ref,
        due_at=seen.due_at,
        observed_at=at,
        created_at=moment,
        changed_at=moment,
    )
    told = PaymentDisputed(
        seller,
        payment=payment.id,
        reference=payment.reference,
        dispute=made.id,
        amount=made.amount,
        currency=made.currency,
    )
    return await changes.insert(made, told)
