"""BIL-10: payments in USDC by Coinbase Business, which saves nothing: on pages, with refunds, each once."""

import random
import time

import pytest

from app.core import database
from app.core.errors import AppError
from app.core.money import Money
from app.integrations import coinbase
from app.integrations.payments import BadSignature
from app.models import Payment, PaymentState, Provider, ProviderEvent, Refund
from app.services.billing.paying import payment_methods, payments, portals, provider_events
from app.services.billing.paying.payment_methods import PaymentSetupBeginning
from app.services.billing.paying.payments import PaymentAction
from app.services.billing.paying.portals import PageReturn
from tests.coinbase.server import PLACE, signed, written
from tests.integrations.vendor import Fault
from tests.jobs.billing.exchange import PRICE, Exchange
from tests.jobs.billing.shop import URL

SUCCEEDED, FAILED, CANCELLED = PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.CANCELLED
REFUND = f"{PLACE}/{{id}}/refund"


async def tell(exchange: Exchange, rng: random.Random | None = None) -> None:
    while events := exchange.held():
        await exchange.deliver(events, rng)
        await exchange.worker.settled()


async def test_a_page_is_paid_on_and_told_of_often(exchange: Exchange) -> None:
    payment = await exchange.checkout(exchange.customer())
    exchange.become(payment)
    await tell(exchange, random.Random(1))
    assert (await exchange.row(payment)).state is SUCCEEDED
    await exchange.check_book({"EUR": PRICE.amount})
    assert not any((await exchange.reconcile()).values())


async def test_what_is_on_its_way_is_processing_until_it_is_done(exchange: Exchange) -> None:
    payment = await exchange.checkout(exchange.customer())
    exchange.become(payment, "PROCESSING")
    await exchange.reconcile()
    assert (await exchange.row(payment)).state is PaymentState.PROCESSING
    await payments.cancel(exchange.seller, PaymentAction(payment_id=payment.id))
    await exchange.worker.settled()
    assert (await exchange.row(payment)).state is PaymentState.PROCESSING, "it cannot be given up any more"
    exchange.become(payment)
    await tell(exchange)
    assert (await exchange.row(payment)).state is SUCCEEDED
    await exchange.check_book({"EUR": PRICE.amount})


async def test_a_page_on_which_nothing_comes_of_it_says_why(exchange: Exchange) -> None:
    failed, expired, given_up = [await exchange.checkout(exchange.customer()) for _ in range(3)]
    exchange.become(failed, "FAILED")
    exchange.become(expired, "EXPIRED")
    await payments.cancel(exchange.seller, PaymentAction(payment_id=given_up.id))
    await tell(exchange)
    await exchange.worker.settled()
    row = await exchange.row(failed)
    assert (row.state, row.failure_code) == (FAILED, "payment_failed")
    for one in (expired, given_up):
        assert (await exchange.row(one)).state is CANCELLED
    assert exchange.coinbase.get(given_up.page_ref or "")["status"] == "DEACTIVATED"
    await exchange.check_book({"EUR": 0})


@pytest.mark.parametrize("why", ["late", "too little", "too much"])
async def test_money_that_should_not_have_come_is_not_booked_and_waits_for_staff(exchange: Exchange, why: str) -> None:
    """Coinbase says that there is nothing of the kind: if there is, it is not lost."""
    payment = await exchange.checkout(exchange.customer())
    checkout = exchange.coinbase.get(payment.page_ref or "")
    if why == "late":
        exchange.become(payment, "EXPIRED")
        await tell(exchange)
        checkout["status"] = "ACTIVE"
    else:
        checkout["fiatAmount"] = {"too little": "25.98", "too much": "26.00"}[why]
    exchange.become(payment)
    await tell(exchange)
    assert (await exchange.row(payment)).state is (CANCELLED if why == "late" else PaymentState.CREATED)
    await exchange.check_book({"EUR": 0})
    [dead] = await database.collection("jobs").find({"state": "dead"}).to_list()
    assert f"Payment_{payment.id}" in str(dead)
    assert checkout["id"] in str(dead)


async def test_what_was_never_told_is_found_by_reconciliation(exchange: Exchange) -> None:
    paid, given_back = [await exchange.checkout(exchange.customer()) for _ in range(2)]
    for one in (paid, given_back):
        exchange.become(one)
    exchange.coinbase._key = None
    by_hand = {"amount": "5.99", "currency": "EUR", "reason": "They were late."}
    exchange.coinbase.refund(by_hand, given_back.page_ref or "")
    exchange.held()
    assert (await exchange.reconcile())["notices"] > 0
    await exchange.worker.settled()
    assert [(await exchange.row(one)).state for one in (paid, given_back)] == [SUCCEEDED, SUCCEEDED]
    assert (await exchange.row(given_back)).refunded == 599
    await exchange.check_book({"EUR": 2 * PRICE.amount - 599})
    assert not any((await exchange.reconcile()).values())


async def test_money_is_given_back_in_part_and_whole_and_never_more(exchange: Exchange) -> None:
    part, whole = [await exchange.paid(exchange.customer()) for _ in range(2)]
    for _ in range(2):
        await payments.refund(exchange.seller, part.id, Money(599, "EUR"), "part", "")
    await payments.refund(exchange.seller, whole.id, None, "whole", "")
    with pytest.raises(AppError) as refused:
        await payments.refund(exchange.seller, part.id, Money(2_001, "EUR"), "more", "")
    assert refused.value.code == "REFUND_ABOVE_PAYMENT"
    await exchange.worker.settled()
    await tell(exchange, random.Random(2))
    assert [(await exchange.row(one)).refunded for one in (part, whole)] == [599, PRICE.amount]
    assert {row.state.value for row in await Refund.select(exchange.seller)} == {"succeeded"}
    await exchange.check_book({"EUR": PRICE.amount - 599})
    assert not any((await exchange.reconcile()).values())


@pytest.mark.parametrize("kind", ["error", "drop", "twice", "timeout"])
async def test_a_refund_whose_answer_is_lost_is_made_once(
    exchange: Exchange, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coinbase.SERVER, "timeout", 1.5)
    payment = await exchange.paid(exchange.customer())
    exchange.coinbase.faults.append(Fault("POST", REFUND, kind))
    await payments.refund(exchange.seller, payment.id, Money(599, "EUR"), "part", "")
    await exchange.worker.settled()
    [made] = exchange.coinbase.get(payment.page_ref or "")["refunds"]
    [row] = await Refund.select(exchange.seller)
    assert (row.state.value, row.provider_ref) == ("succeeded", f"{payment.page_ref}/{made['id']}")
    await exchange.check_book({"EUR": PRICE.amount - 599})


async def test_a_refund_that_is_late_may_fail(exchange: Exchange) -> None:
    payment = await exchange.paid(exchange.customer())
    exchange.coinbase.late = True
    await payments.refund(exchange.seller, payment.id, None, "all", "")
    await exchange.worker.settled()
    exchange.coinbase.settle_refund(payment.page_ref or "", failed=True)
    await tell(exchange)
    [row] = await Refund.select(exchange.seller)
    assert (row.state.value, row.failure_code, (await exchange.row(payment)).refunded) == ("failed", "refund_failed", 0)
    await exchange.check_book({"EUR": PRICE.amount})


FORGED = ["no_headers", "another_secret", "another_body", "old", "future", "no_time", "no_code", "no_event"]


@pytest.mark.parametrize("kind", FORGED)
async def test_what_is_forged_is_not_kept(exchange: Exchange, kind: str) -> None:
    payment = await exchange.checkout(exchange.customer())
    exchange.become(payment)
    [event] = exchange.held()
    body, now = written(event), int(time.time())
    good = signed(body)
    wrong = {
        "no_headers": {},
        "another_secret": signed(body, "another"),
        "another_body": good,
        "old": signed(body, at=now - 305),
        "future": signed(body, at=now + 305),
        "no_time": {"x-hook0-signature": good["x-hook0-signature"].partition(",")[2]},
        "no_code": {"x-hook0-signature": good["x-hook0-signature"].partition(",")[0]},
        "no_event": signed(b"[]"),
    }[kind]
    sent = {"another_body": body.replace(b"EUR", b"USD"), "no_event": b"[]"}.get(kind, body)
    kept = len(await ProviderEvent.select(provider_events.PLATFORM))
    with pytest.raises(BadSignature):
        await provider_events.receive(Provider.COINBASE, sent, wrong)
    assert len(await ProviderEvent.select(provider_events.PLATFORM)) == kept
    assert (await exchange.row(payment)).state is PaymentState.CREATED
    assert await provider_events.receive(Provider.COINBASE, body, signed(body, kinds="v1"))
    assert not await provider_events.receive(Provider.COINBASE, body, signed(body, kinds="v0")), "the same, once more"


async def test_what_coinbase_does_not_have_is_refused(exchange: Exchange) -> None:
    customer = exchange.customer()
    buyer = exchange.buyer(customer)
    for page in (portals.billing, portals.onboarding):
        with pytest.raises(AppError) as refused:
            await page(buyer, PageReturn(return_url=URL, provider=Provider.COINBASE))
        assert refused.value.code == "NOT_SUPPORTED_BY_PROVIDER"
    with pytest.raises(AppError) as refused:
        await payment_methods.begin_setup(buyer, PaymentSetupBeginning(provider=Provider.COINBASE))
    assert refused.value.code == "NOT_SUPPORTED_BY_PROVIDER"
    with pytest.raises(AppError) as refused:
        await exchange.checkout(customer, save=True)
    assert refused.value.code == "NOT_SUPPORTED_BY_PROVIDER"
    with pytest.raises(AppError) as refused:
        await exchange.checkout(customer, amount=Money(1_050, "JPY"))
    assert refused.value.code == "PAYMENT_REFUSED"
    assert exchange.coinbase.checkouts == {}


async def test_who_is_away_cannot_be_charged_where_nothing_is_saved(exchange: Exchange) -> None:
    row = await exchange.reaches(await exchange.charge(exchange.customer()), FAILED)
    assert (row.provider, row.failure_code, row.hard_decline) == (Provider.COINBASE, "no_payment_method", True)
    assert await Payment.select(exchange.seller, {"state": "succeeded"}) == []
