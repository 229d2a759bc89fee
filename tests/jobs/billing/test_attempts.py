"""An invoice that could be paid in two ways at once is paid once: by who pays on a page, or by what is charged."""

import asyncio
from datetime import timedelta

import pytest

from app.core import ledger
from app.core.actor import Actor
from app.core.clock import now
from app.core.money import Money
from app.integrations.payments import Order
from app.models import (
    Credit,
    CreditKind,
    CreditNote,
    Invoice,
    InvoiceState,
    Notification,
    NotificationKind,
    Payment,
    PaymentDifference,
    PaymentDifferenceState,
    PaymentState,
    Provider,
)
from app.models import PaymentDifferenceKind as Kind
from app.services.billing.collecting import dunning, waiting
from app.services.billing.collecting.waiting import UnderWay
from app.services.billing.invoicing import invoices
from app.services.billing.paying import customers, payment_methods, payments, refunds
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.payment_methods import PaymentMethodAction
from app.services.billing.paying.payments import NewCharge, NewReceipt, record
from tests.coinbase import server as coinbase
from tests.integrations.routes import Answer
from tests.integrations.vendor import Thing
from tests.jobs.billing.bazaar import Bazaar
from tests.jobs.billing.counter import Counter
from tests.jobs.billing.exchange import Exchange
from tests.jobs.billing.kiosk import Kiosk
from tests.jobs.billing.shop import PATIENCE, Shop
from tests.jobs.billing.stage import Stage
from tests.razorpay import state as razorpay
from tests.world import until

FAILS = "pm_card_chargeCustomerFail"
SUCCEEDED, CANCELLED, CREATED = PaymentState.SUCCEEDED, PaymentState.CANCELLED, PaymentState.CREATED


async def _declined(stage: Stage) -> Counter:
    """The invoice could not be collected, and the customer has saved another card since."""
    counter = await Counter.opened(stage, FAILS)
    await counter.declined()
    good = await stage.save(Customer(stage.seller, counter.invoice.customer_kind, counter.invoice.customer_id))
    await payment_methods.choose(counter.buyer, PaymentMethodAction(method_id=good.id))
    return counter


async def _told(*shops: Shop) -> None:
    """Everything is told, and what follows is done."""
    for _ in range(3):
        for shop in shops:
            await shop.deliver(shop.held())
        await shops[0].worker.settled()


async def _in_cash(counter: Counter) -> None:
    row = counter.invoice
    new = NewReceipt(
        key="cash", provider=Provider.CASH, customer_kind=row.customer_kind, customer_id=row.customer_id,
        amount=Money(row.due, "EUR"), reference=invoices.reference(row.id),
    )  # fmt: skip
    await record(counter.stage.seller, new)


async def _paid_once(counter: Counter) -> None:
    """The invoice is paid, nothing is the customer's balance, and nobody charges again."""
    row = await counter.row()
    assert (row.state, row.paid, row.next_attempt_at) == (InvoiceState.PAID, row.due, None)
    assert (await counter.later(8)).state is InvoiceState.PAID
    assert await Credit.select(counter.stage.seller, {"kind": CreditKind.BALANCE.value}) == []
    paid = [one for one in await counter.payments() if one.state is SUCCEEDED]
    assert len(paid) == 1
    assert {one.state for one in await counter.payments()} <= {SUCCEEDED, CANCELLED, PaymentState.FAILED}
    assert await _differences() == []


async def _differences() -> list[PaymentDifference]:
    return await PaymentDifference.select(Actor.platform(), {"state": PaymentDifferenceState.OPEN.value})


async def test_a_page_that_is_open_is_closed_before_the_charge_is_made_again(stage: Stage) -> None:
    counter = await _declined(stage)
    page = await counter.opens()
    session, as_charged = stage.stripe.state.get("checkout.session", page.page_ref or ""), list[str]()

    def watched(confirm: Answer) -> Answer:
        def answer(params: Thing, id: str) -> Thing:
            as_charged.append(session["status"])
            return confirm(params, id)

        return answer

    stage.stripe.routes.wrap("/v1/payment_intents/{id}/confirm", watched)
    await counter.later(1)
    await _told(stage)
    assert as_charged == ["expired"]
    assert (await stage.row(page)).state is CANCELLED
    assert counter.taken() == counter.invoice.due
    await _paid_once(counter)


async def test_who_has_paid_on_the_page_is_not_charged(stage: Stage) -> None:
    """Though nobody has told of it yet."""
    counter = await _declined(stage)
    page = await counter.opens()
    stage.pay(page)
    before = stage.held()
    row = await counter.later(1)
    assert row.attempts == 1, "what was given up has not failed"
    assert [one.state for one in await counter.charges()] == [PaymentState.FAILED, CANCELLED]
    await stage.deliver(before)
    await _told(stage)
    assert counter.letters("has failed") == 1
    assert counter.taken() == counter.invoice.due
    await _paid_once(counter)


async def test_who_pays_while_the_page_is_closed_is_not_charged(stage: Stage) -> None:
    """The last moment: it was open when it was looked at."""
    counter = await _declined(stage)
    page = await counter.opens()

    def paid_first(expire: Answer) -> Answer:
        def answer(params: Thing, id: str) -> Thing:
            stage.stripe.pages.take(id, "pm_card_visa")
            return expire(params, id)

        return answer

    stage.stripe.routes.wrap("/v1/checkout/sessions/{id}/expire", paid_first)
    await counter.later(1)
    await _told(stage)
    assert (await stage.row(page)).state is SUCCEEDED
    assert counter.taken() == counter.invoice.due
    await _paid_once(counter)


@pytest.mark.parametrize("round", range(4))
async def test_the_customer_pays_as_the_clock_strikes(stage: Stage, round: int) -> None:
    counter = await _declined(stage)
    page = await counter.opens()

    async def pay() -> None:
        await asyncio.sleep(round * 0.03)
        if stage.stripe.state.get("checkout.session", page.page_ref or "")["status"] == "open":
            stage.pay(page)

    await asyncio.gather(pay(), counter.later(1))
    await _told(stage)
    assert counter.taken() == counter.invoice.due
    await _paid_once(counter)


@pytest.mark.parametrize("provider", [Provider.RAZORPAY, Provider.PAYPAL, Provider.COINBASE])
@pytest.mark.parametrize("faster", ["customer", "clock"])
async def test_it_is_so_at_every_provider(market: list[Shop], provider: Provider, faster: str) -> None:
    stage, bazaar, kiosk, exchange = market
    assert isinstance(stage, Stage)
    assert isinstance(bazaar, Bazaar)
    assert isinstance(kiosk, Kiosk)
    assert isinstance(exchange, Exchange)
    counter = await _declined(stage)
    page = await counter.opens(provider)
    ways = {Provider.RAZORPAY: bazaar.pay, Provider.PAYPAL: kiosk.approve, Provider.COINBASE: exchange.become}
    if faster == "customer":
        ways[provider](page)
    await counter.later(1)
    ended = SUCCEEDED if faster == "customer" else CANCELLED
    assert (await Payment.require(stage.seller, page.id)).state is ended
    if faster == "clock" and provider is Provider.PAYPAL:
        kiosk.approve(page)  # PayPal's page stays open, and is not taken
    elif faster == "clock":
        with pytest.raises((razorpay.Refusal, coinbase.Refusal)):
            ways[provider](page)
    await _told(*market)
    assert kiosk.taken(page) == [] or faster == "customer"
    assert counter.taken() == (0 if faster == "customer" else counter.invoice.due)
    await _paid_once(counter)


async def test_what_is_on_its_way_is_waited_for(market: list[Shop]) -> None:
    """Nothing else is tried until it has come, or will not."""
    stage, exchange = market[0], market[3]
    assert isinstance(stage, Stage)
    assert isinstance(exchange, Exchange)
    counter = await _declined(stage)
    page = await counter.opens(Provider.COINBASE)
    exchange.become(page, "PROCESSING")
    row = await counter.later(1)
    assert [one.state for one in await counter.charges()] == [PaymentState.FAILED, CANCELLED]
    assert row.next_attempt_at
    assert row.next_attempt_at > now()
    with pytest.raises(UnderWay):
        await counter.opens()
    put_off = row.next_attempt_at + timedelta(minutes=1)
    await dunning.run(put_off, stage.seller)
    row = await counter.row()
    assert (row.attempts, row.next_attempt_at) == (1, put_off + dunning.SETTLING)
    exchange.become(page, "FAILED")
    await _told(*market)
    await dunning.run(put_off + dunning.SETTLING, stage.seller)
    await _told(*market)
    assert counter.taken() == counter.invoice.due
    await _paid_once(counter)


async def test_who_opens_a_page_is_not_charged_at_that_moment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The charge is prepared and not made yet. When nobody pays on the page it is made later, once."""
    counter, look, opened = await _declined(stage), waiting.alone, asyncio.Event()

    async def slow(charge: Payment) -> bool:
        await opened.wait()
        return await look(charge)

    async def prepared() -> Payment | None:
        charge = (await counter.charges())[-1]
        return charge if charge.state is CREATED and charge.provider_ref else None

    monkeypatch.setattr(waiting, "alone", slow)
    await dunning.run(counter.began + timedelta(days=1, hours=1), stage.seller)
    charge = await until(prepared, PATIENCE)
    page = await counter.opens()
    assert (await stage.row(charge)).state is CANCELLED
    opened.set()
    await stage.worker.settled()
    assert (counter.taken(), (await stage.row(page)).state) == (0, CREATED)
    row = await counter.row()
    assert (row.attempts, row.state) == (1, InvoiceState.ISSUED)
    assert row.next_attempt_at
    assert now() < row.next_attempt_at <= now() + dunning.SETTLING
    await dunning.run(row.next_attempt_at, stage.seller)
    await _told(stage)
    assert (await stage.row(page)).state is CANCELLED
    assert counter.taken() == counter.invoice.due
    await _paid_once(counter)


async def test_a_page_is_shown_to_nobody_whose_charge_is_made_meanwhile(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = await _declined(stage)
    look = waiting.make_way

    async def slow(invoice: Invoice) -> None:
        await look(invoice)
        await counter.later(1)

    monkeypatch.setattr(waiting, "make_way", slow)
    with pytest.raises(UnderWay):
        await counter.opens()
    await _told(stage)
    assert counter.taken() == counter.invoice.due
    await _paid_once(counter)


async def test_another_page_takes_the_place_of_one_that_is_open(stage: Stage) -> None:
    counter = await _declined(stage)
    first, second = await counter.opens(), await counter.opens()
    assert (await stage.row(first)).state is CANCELLED
    stage.pay(second)
    await _told(stage)
    await _paid_once(counter)


async def test_of_pages_that_are_opened_at_once_one_stays(stage: Stage) -> None:
    counter = await _declined(stage)
    tried = await asyncio.gather(*(counter.opens() for _ in range(4)), return_exceptions=True)
    shown = [one for one in tried if isinstance(one, Payment)]
    assert shown
    assert all(isinstance(one, Payment | UnderWay) for one in tried)
    open = [one for one in await counter.payments() if one.state is CREATED]
    assert [one.id for one in open] == [max(one.id for one in shown)]
    stage.pay(open[0])
    await _told(stage)
    await _paid_once(counter)


async def test_a_page_is_not_shown_that_another_has_taken_the_place_of_before_it_was_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, order, shown = await _declined(stage), customers.order, list[Payment]()

    async def slow(customer: Customer, row: Payment) -> Order:
        if not shown:
            shown.append(row)
            shown.append(await counter.opens())
        return await order(customer, row)

    monkeypatch.setattr(customers, "order", slow)
    with pytest.raises(UnderWay):
        await counter.opens()
    first, second = [(await stage.row(one)).state for one in shown]
    assert (first, second) == (CANCELLED, CREATED)


async def test_a_page_is_closed_when_the_invoice_is_paid_otherwise(stage: Stage) -> None:
    counter = await _declined(stage)
    page = await counter.opens()
    await _in_cash(counter)
    await stage.worker.settled()
    assert (await stage.row(page)).state is CANCELLED
    await _paid_once(counter)


async def test_a_charge_is_not_made_beside_money_that_is_not_applied_yet(stage: Stage) -> None:
    """Nor beside another charge that was asked for before."""
    counter = await _declined(stage)
    await stage.worker.stop()
    row = await counter.row()
    known = {"customer_kind": row.customer_kind, "customer_id": row.customer_id}
    asked = [
        await payments.charge(
            stage.seller,
            NewCharge(
                key=f"Invoice:{row.id}:{attempt}", **known,
                amount=Money(row.due, "EUR"), reference=invoices.reference(row.id),
            ),
        )
        for attempt in (2, 3)
    ]  # fmt: skip
    assert [await waiting.alone(one) for one in asked] == [True, False]
    await _in_cash(counter)
    assert not await waiting.alone(asked[0])


@pytest.mark.parametrize("back", ["refund", "dispute"])
async def test_what_is_paid_twice_all_the_same_is_told_and_can_be_given_back(stage: Stage, back: str) -> None:
    """They pay in cash, and on a page of which nobody has told yet."""
    counter = await _declined(stage)
    page = await counter.opens()
    stage.pay(page, "pm_card_createDispute" if back == "dispute" else "pm_card_visa")
    await _in_cash(counter)
    await stage.worker.settled()
    due = counter.invoice.due
    row = await counter.row()
    assert (row.state, row.paid) == (InvoiceState.PAID, due)
    [kept] = await Credit.select(stage.seller, {"kind": CreditKind.BALANCE.value})
    assert (kept.left, kept.customer_id) == (due, counter.person.id)
    [told] = await Notification.select(stage.seller, {"user_id": counter.person.id, "kind": "overpaid"})
    assert told.kind is NotificationKind.OVERPAID
    assert f"{Money(due, 'EUR').said('en')} more than was due" in told.text
    [found] = await _differences()
    assert (found.kind, found.payment_id, found.seller_id) == (Kind.PAID_TWICE, page.id, stage.seller.organization_id)
    if back == "refund":
        await refunds.refund(stage.seller, page.id, None, "twice")
    else:
        [dispute] = stage.stripe.state.all("dispute")
        stage.stripe.payments.decide(dispute["id"], won=False)
    await _told(stage)
    row = await counter.row()
    assert (row.state, row.paid, row.credited) == (InvoiceState.PAID, due, 0), "it is paid by the other payment"
    assert await CreditNote.select(stage.seller) == []
    assert (await Credit.require(stage.seller, kept.id)).left == 0
    balance = await ledger.open_account(stage.seller, "credits:balance", "EUR", holder_id=counter.person.id)
    assert balance.posted == 0
    await stage.check_book({"EUR": 0})
