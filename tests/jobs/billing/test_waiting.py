"""A charge that waits for its customer: they are told, reminded and given up on. Whenever they act, it is paid once."""

import asyncio

import pytest

from app.core.money import Money
from app.models import InvoiceState, Notification, NotificationKind, Payment, PaymentState, Provider, SubscriptionState
from app.services.billing.collecting import dunning, waiting
from app.services.billing.collecting.waiting import UnderWay
from app.services.billing.invoicing import dues, invoices
from app.services.billing.invoicing.dues import InvoiceVoiding
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.payments import NewReceipt, record
from tests.jobs.billing.counter import DAY, Counter
from tests.jobs.billing.stage import Stage

CONFIRM, FAILED = "Confirm your payment", "has failed"


def _intent(payment: Payment, counter: Counter) -> str:
    return str(counter.stage.stripe.state.get("payment_intent", payment.provider_ref or "")["status"])


async def test_who_does_not_act_is_reminded_and_given_up_on(stage: Stage) -> None:
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    await stage.worker.settled()
    assert (counter.letters(CONFIRM), counter.letters(FAILED)) == (1, 0), "at once"
    assert (await counter.row()).failure == waiting.NEEDED
    assert (await counter.reaches(SubscriptionState.PAST_DUE)).state is SubscriptionState.PAST_DUE
    for number, day in enumerate((1, 3, 5), start=2):
        row = await counter.later(day)
        assert (row.attempts, counter.letters(CONFIRM)) == (number, number)
        assert _intent(payment, counter) == "requires_action"
    row = await counter.later(7)
    assert (row.state, row.next_attempt_at, row.attempts) == (InvoiceState.ISSUED, None, 5)
    assert counter.letters(CONFIRM) == 5
    about = {"user_id": counter.person.id, "invoice_id": counter.invoice.id}
    told = [row.kind for row in await Notification.select(stage.seller, about)]
    assert sorted(told) == [NotificationKind.INVOICE, *[NotificationKind.PAYMENT_FAILED] * 5], "and in the app"
    assert (await stage.row(payment)).state is PaymentState.CANCELLED
    assert _intent(payment, counter) == "canceled"
    assert (await counter.reaches(SubscriptionState.GRACE)).grace_ends_at
    assert len(await counter.charges()) == 1, "nothing else was charged beside it"
    assert counter.taken() == 0


@pytest.mark.parametrize("days", [0, 4])
async def test_who_acts_has_paid_once(stage: Stage, days: int) -> None:
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    for day in (1, 3)[: days // 2]:
        await counter.later(day)
    stage.stripe.payments.complete(payment.provider_ref or "")
    await stage.deliver(stage.held())
    await stage.worker.settled()
    assert (await counter.row()).state is InvoiceState.PAID
    await counter.reaches(SubscriptionState.ACTIVE)
    assert (await counter.later(8)).state is InvoiceState.PAID
    assert counter.taken() == counter.invoice.due


async def test_money_that_is_not_applied_yet_is_not_asked_for_again(stage: Stage) -> None:
    """The clock comes between what the provider has said and what follows from it."""
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    await stage.worker.settled()
    await stage.worker.stop()
    stage.stripe.payments.complete(payment.provider_ref or "")
    await stage.reconcile()
    assert (await stage.row(payment)).state is PaymentState.SUCCEEDED
    await dunning.run(counter.began + 2 * DAY, stage.seller)
    row = await counter.row()
    assert (row.attempts, row.next_attempt_at) == (1, counter.began + 2 * DAY + dunning.SETTLING)
    stage.worker.start()
    await stage.worker.settled()
    assert (await counter.row()).state is InvoiceState.PAID
    assert len(await counter.charges()) == 1
    assert counter.taken() == counter.invoice.due


@pytest.mark.parametrize("first", ["customer", "clock", "neither"])
async def test_the_customer_acts_as_they_are_given_up_on(stage: Stage, first: str) -> None:
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    for day in (1, 3, 5):
        await counter.later(day)
    ref = payment.provider_ref or ""

    async def act() -> None:
        if stage.stripe.state.get("payment_intent", ref)["status"] == "requires_action":
            stage.stripe.payments.complete(ref)
            await stage.deliver(stage.held())

    async def give_up() -> None:
        await dunning.run(counter.began + 8 * DAY, stage.seller)

    if first == "neither":
        await asyncio.gather(act(), give_up())
    else:
        for step in (act, give_up) if first == "customer" else (give_up, stage.worker.settled, act):
            await step()
    await stage.worker.settled()
    await stage.deliver(stage.held())
    await stage.worker.settled()
    paid = _intent(payment, counter) == "succeeded"
    assert paid or first != "customer"
    assert (await counter.row()).state is (InvoiceState.PAID if paid else InvoiceState.ISSUED)
    assert counter.taken() == (counter.invoice.due if paid else 0)
    await counter.reaches(SubscriptionState.ACTIVE if paid else SubscriptionState.GRACE)
    assert len(await counter.charges()) == 1
    await stage.check_book({"EUR": 0})


async def test_a_page_to_pay_on_takes_the_place_of_what_waits(stage: Stage) -> None:
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    page = await counter.opens()
    assert _intent(payment, counter) == "canceled", "so nobody can pay twice"
    stage.pay(page)
    await stage.deliver(stage.held())
    await stage.worker.settled()
    assert (await counter.row()).state is InvoiceState.PAID
    assert (await counter.later(8)).state is InvoiceState.PAID
    assert counter.taken() == counter.invoice.due


async def test_there_is_no_page_for_what_was_let_through_meanwhile(stage: Stage) -> None:
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    stage.stripe.payments.complete(payment.provider_ref or "")
    with pytest.raises(UnderWay):
        await counter.opens()
    await stage.worker.settled()
    assert (await counter.row()).state is InvoiceState.PAID
    assert counter.taken() == counter.invoice.due


async def test_what_waits_is_closed_when_the_invoice_is_paid_otherwise(stage: Stage) -> None:
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    row = await counter.row()
    new = NewReceipt(
        key="cash", provider=Provider.CASH, customer_kind=row.customer_kind, customer_id=row.customer_id,
        amount=Money(row.due, "EUR"), reference=invoices.reference(row.id),
    )  # fmt: skip
    await record(stage.seller, new)
    await stage.worker.settled()
    assert (await counter.row()).state is InvoiceState.PAID
    assert (await stage.row(payment)).state is PaymentState.CANCELLED
    assert _intent(payment, counter) == "canceled"


async def test_what_waits_is_closed_when_the_invoice_is_void(stage: Stage) -> None:
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    await dues.void(stage.seller, InvoiceVoiding(invoice_id=counter.invoice.id))
    await stage.worker.settled()
    assert (await stage.row(payment)).state is PaymentState.CANCELLED
    assert _intent(payment, counter) == "canceled"


async def test_who_fails_to_prove_it_is_charged_again_when_it_is_time(stage: Stage) -> None:
    """And what has failed cannot be let through later: another try is another payment."""
    counter = await Counter.opened(stage)
    payment = await counter.waiting()
    stage.stripe.payments.fail_action(payment.provider_ref or "")
    await stage.deliver(stage.held())
    await stage.worker.settled()
    assert (await stage.row(payment)).state is PaymentState.FAILED
    assert _intent(payment, counter) == "canceled"
    assert (await counter.row()).attempts == 1, "it was counted when it began to wait"
    await stage.save(Customer(stage.seller, counter.invoice.customer_kind, counter.invoice.customer_id))
    row = await counter.later(1)
    assert (len(await counter.charges()), row.attempts) == (2, 2)
