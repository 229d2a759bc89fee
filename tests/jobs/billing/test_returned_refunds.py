"""A refund of an invoice that its bank sends back: the customer was credited for it, and has it as a balance."""

import pytest

from app.core import ledger
from app.core.money import Money
from app.models import Credit, CreditKind, CreditNote, InvoiceState, Notification, NotificationKind, Refund, RefundState
from app.models.billing.payment_events import PaymentRefunded, RefundFailed
from app.services.billing.collecting import collection
from app.services.billing.paying import refunds
from tests.jobs.billing.counter import Counter
from tests.jobs.billing.stage import Stage
from tests.world import until

BACK = 400


@pytest.mark.parametrize("first", ["refund", "failure"])
async def test_it_is_the_customers_balance_and_they_are_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """In whichever order it is heard of."""
    counter = await Counter.opened(stage, "pm_card_chargeCustomerFail")
    await counter.declined()
    page = await counter.opens()
    stage.pay(page, "pm_card_refundFail")
    await _told(stage)
    refunded, failed, known = collection.refunded, collection.refund_failed, list[RefundFailed]()

    async def late(event: PaymentRefunded) -> None:
        if not known:
            raise RuntimeError("the other is first")
        await refunded(event)

    async def early(event: RefundFailed) -> None:
        await failed(event)
        await failed(event)
        known.append(event)

    if first == "failure":
        monkeypatch.setattr(collection, "refunded", late)
        monkeypatch.setattr(collection, "refund_failed", early)
    made = await refunds.refund(stage.seller, page.id, Money(BACK, "EUR"), "some")

    async def sent() -> Refund | None:
        return await Refund.lookup(stage.seller, _id=made.id, state=RefundState.SUCCEEDED.value)

    row: Refund = await until(sent)
    stage.stripe.payments.settle_refund(row.provider_ref or "", failed=True)
    await _told(stage)
    assert (await Refund.require(stage.seller, made.id)).state is RefundState.FAILED
    invoice = await counter.row()
    assert (invoice.state, invoice.credited) == (InvoiceState.PAID, BACK)
    assert [note.amount for note in await CreditNote.select(stage.seller)] == [BACK]
    [kept] = await Credit.select(stage.seller, {"kind": CreditKind.BALANCE.value})
    assert (kept.left, kept.customer_id) == (BACK, counter.person.id)
    balance = await ledger.open_account(stage.seller, "credits:balance", "EUR", holder_id=counter.person.id)
    assert balance.posted == BACK
    told = {"user_id": counter.person.id, "kind": NotificationKind.OVERPAID.value}
    assert len(await Notification.select(stage.seller, told)) == 1
    await stage.check_book({"EUR": 0})


async def _told(stage: Stage) -> None:
    for _ in range(2):
        await stage.deliver(stage.held())
        await stage.worker.settled()
