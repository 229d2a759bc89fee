"""Payments that were asked for before they were revenue: what they have brought and what has gone is moved once."""

import pytest

from app.core import changes, ledger
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.database import database
from app.core.money import Amount, Money
from app.migrations import m0003_requested_payments as migration
from app.models import DisputeDocument, DisputeState, Payment, Provider
from app.services.billing.paying import bookings, receipts, refunds
from app.services.billing.paying.receipts import PaymentReceipt
from tests.factories.organizations import make_member, make_owner

pytestmark = pytest.mark.usefixtures("documents")


async def _paid(owner: Actor, reference: str) -> Payment:
    assert owner.organization_id
    member = await make_member(owner.organization_id)
    assert member.user_id
    price = Amount(amount=1_000, currency="EUR")
    new = PaymentReceipt(
        key=str(new_id()), provider=Provider.CASH, user_id=member.user_id, amount=price, reference=reference
    )
    return await receipts.note(owner, new)


async def _lost(seller: Actor, payment: Payment) -> None:
    made = DisputeDocument(
        id=new_id(), organization_id=payment.organization_id, payment_id=payment.id, amount=300, currency="EUR",
        provider_ref="dp_1", state=DisputeState.LOST, observed_at=now(), created_at=now(), changed_at=now(),
    )  # fmt: skip
    await changes.insert(made)

    @changes.atomic
    async def book() -> None:
        await bookings.went_out(seller, payment, Money(300, "EUR"), f"dispute:{made.id}", "dispute")

    await book()


async def test_they_are_moved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await make_owner()
    seller, apply = Actor.platform(owner.organization_id), bookings.apply_request

    async def not_yet(*given: object) -> None:
        """As before."""

    monkeypatch.setattr(bookings, "apply_request", not_yet)
    asked, other = await _paid(owner, f"Payment_{new_id()}"), await _paid(owner, "Order_1")
    await refunds.refund(owner, asked.id, Money(100, "EUR"), "some")
    await _lost(seller, asked)
    monkeypatch.setattr(bookings, "apply_request", apply)
    for _ in range(2):
        await migration.up(database())
        sums = [(await ledger.open_account(seller, code, "EUR")).posted for code in ("revenue", "clearing:payments")]
        assert sums == [600, other.amount]
    assert owner.organization_id
    assert await ledger.faults(owner.organization_id) == []
