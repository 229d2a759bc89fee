"""BIL-10: payments by PayPal, where the customer agrees on a page and we take it, once and unless it was given up."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import AppError
from app.core.money import Money
from app.integrations import paypal
from app.integrations.payments import BadSignature, NotVerified, PaymentSeen
from app.models import Dispute, Payment, PaymentMethod, PaymentState, Provider, ProviderEvent, Refund
from app.services.billing.collecting import charging
from app.services.billing.paying import payment_methods, payments, portals, provider_events, settlement
from app.services.billing.paying.payment_methods import PaymentMethodAction, PaymentSetupBeginning
from app.services.billing.paying.payments import PaymentAction
from app.services.billing.paying.portals import PageReturn
from tests.integrations.vendor import Fault
from tests.jobs.billing.kiosk import PRICE, Kiosk
from tests.jobs.billing.shop import PATIENCE, URL
from tests.paypal import certificates
from tests.paypal.server import CERTIFICATES, written
from tests.world import until

CAPTURE = "/v2/checkout/orders/{id}/capture"
SUCCEEDED, FAILED, CANCELLED = PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.CANCELLED
CREATED, PROCESSING = PaymentState.CREATED, PaymentState.PROCESSING


async def tell(kiosk: Kiosk, rng: random.Random | None = None) -> None:
    """All that there is to tell, and what follows from it."""
    while events := kiosk.held():
        await kiosk.deliver(events, rng)
        await kiosk.worker.settled()


async def test_what_is_agreed_to_on_a_page_is_taken_once_however_often_it_is_told(kiosk: Kiosk) -> None:
    payment = await kiosk.checkout(kiosk.customer())
    kiosk.approve(payment)
    await tell(kiosk, random.Random(1))
    assert (await kiosk.row(payment)).state is SUCCEEDED
    assert len(kiosk.taken(payment)) == 1
    assert kiosk.paypal.asked.count(("POST", CAPTURE)) == 1
    await kiosk.check_book({"USD": PRICE.amount})
    assert not any((await kiosk.reconcile()).values())


@pytest.mark.parametrize(
    ("money", "value"),
    [(Money(1_050, "JPY"), "1050"), (Money(105_000, "HUF"), "1050"), (Money(5, "EUR"), "0.05")],
)
async def test_money_is_written_with_the_digits_that_paypal_takes(kiosk: Kiosk, money: Money, value: str) -> None:
    payment = await kiosk.paid(kiosk.customer(), amount=money)
    [taken] = kiosk.taken(payment)
    assert taken["amount"] == {"currency_code": money.currency, "value": value}
    await payments.refund(kiosk.seller, payment.id, None, "all", "")
    await kiosk.worker.settled()
    await tell(kiosk)
    await kiosk.check_book({money.currency: 0})


@pytest.mark.parametrize("money", [Money(1_050, "KWD"), Money(105_050, "HUF")])
async def test_what_paypal_cannot_move_is_refused(kiosk: Kiosk, money: Money) -> None:
    with pytest.raises(AppError) as refused:
        await kiosk.checkout(kiosk.customer(), amount=money)
    assert refused.value.code == "PAYMENT_REFUSED"
    assert kiosk.paypal.state.all("order") == []


async def test_a_method_that_was_kept_on_a_page_is_charged(kiosk: Kiosk) -> None:
    customer = kiosk.customer()
    method = await kiosk.save(customer)
    assert (method.provider, method.brand, method.default) == (Provider.PAYPAL, "PAYPAL", True)
    payment = await kiosk.reaches(await kiosk.charge(customer), SUCCEEDED)
    assert len(kiosk.taken(payment)) == 1
    await tell(kiosk, random.Random(2))
    await kiosk.check_book({"USD": 2 * PRICE.amount})
    assert not any((await kiosk.reconcile()).values())


@pytest.mark.parametrize(
    ("means", "code", "hard"),
    [("poor", "instrument_declined", False), ("locked", "payer_account_locked_or_closed", True)],
)
async def test_a_charge_that_is_declined_has_failed(kiosk: Kiosk, means: str, code: str, hard: bool) -> None:
    customer = kiosk.customer()
    kiosk.paypal.orders.spoil((await kiosk.save(customer)).provider_ref, means)
    failed = await kiosk.reaches(await kiosk.charge(customer), FAILED)
    assert (failed.failure_code, failed.hard_decline) == (code, hard)
    assert kiosk.taken(failed) == []


async def test_who_is_declined_on_a_page_can_choose_something_else_there(kiosk: Kiosk) -> None:
    payment = await kiosk.checkout(kiosk.customer())
    kiosk.approve(payment, "poor")
    await tell(kiosk)
    row = await kiosk.row(payment)
    assert (row.state, row.asked_at) == (CREATED, None)
    kiosk.approve(payment)
    await tell(kiosk)
    assert (await kiosk.row(payment)).state is SUCCEEDED


async def test_what_is_pending_is_processing_until_it_is_told_of(kiosk: Kiosk) -> None:
    good, bad = [await kiosk.checkout(kiosk.customer()) for _ in range(2)]
    for one in (good, bad):
        kiosk.approve(one, "echeck")
    await tell(kiosk)
    for one, status in ((good, "COMPLETED"), (bad, "DECLINED")):
        assert (await kiosk.row(one)).state is PROCESSING
        kiosk.paypal.orders.settle(one.page_ref or "", status)
    await tell(kiosk)
    assert [(await kiosk.row(one)).state for one in (good, bad)] == [SUCCEEDED, FAILED]
    assert (await kiosk.row(bad)).failure_code == "declined"
    await kiosk.check_book({"USD": PRICE.amount})


async def test_a_page_is_over_when_it_is_forgotten_or_given_up(kiosk: Kiosk) -> None:
    """What is given up is not taken, though the customer agrees to it afterwards."""
    lapsed, given_up, too_late = [await kiosk.checkout(kiosk.customer()) for _ in range(3)]
    kiosk.paypal.orders.expire(lapsed.page_ref or "")
    kiosk.approve(too_late)
    for one in (given_up, too_late):
        await payments.cancel(kiosk.seller, PaymentAction(payment_id=one.id))
    await kiosk.worker.settled()
    kiosk.approve(given_up)
    await tell(kiosk)
    await kiosk.reconcile()
    for one in (lapsed, given_up, too_late):
        assert (await kiosk.row(one)).state is CANCELLED
        assert kiosk.taken(one) == []
    assert kiosk.paypal.asked.count(("POST", CAPTURE)) == 0


async def test_what_is_being_taken_is_not_given_up(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = await kiosk.checkout(kiosk.customer())
    kiosk.approve(payment)
    confirm = paypal.confirm

    async def meanwhile(ref: str, key: str) -> PaymentSeen:
        await settlement.give_up(kiosk.seller, payment.id)
        return await confirm(ref, key)

    monkeypatch.setattr(paypal, "confirm", meanwhile)
    await tell(kiosk)
    assert (await kiosk.row(payment)).state is SUCCEEDED
    await kiosk.check_book({"USD": PRICE.amount})


@pytest.mark.parametrize("kind", ["error", "drop", "down", "twice", "timeout"])
async def test_what_is_taken_and_whose_answer_is_lost_is_taken_once(
    kiosk: Kiosk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paypal.SERVER, "timeout", 1.5)
    payment = await kiosk.checkout(kiosk.customer())
    kiosk.approve(payment)
    kiosk.paypal.faults.append(Fault("POST", CAPTURE, kind))
    await tell(kiosk)
    assert (await kiosk.reaches(payment, SUCCEEDED)).asked_at
    assert len(kiosk.taken(payment)) == 1
    await kiosk.check_book({"USD": PRICE.amount})
    assert not any((await kiosk.reconcile()).values())


@pytest.mark.parametrize("kind", ["error", "drop", "down", "twice", "timeout"])
async def test_a_charge_whose_answer_is_lost_is_made_once(
    kiosk: Kiosk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up and never asked for again: what was declined without our hearing of it leaves nothing to see."""
    monkeypatch.setattr(paypal.SERVER, "timeout", 1.5)
    customer = kiosk.customer()
    await kiosk.save(customer)
    asked = kiosk.paypal.asked.count(("POST", CAPTURE))
    kiosk.paypal.faults.append(Fault("POST", CAPTURE, kind))
    payment = await kiosk.charge(customer)
    made = 0 if kind == "down" else 1
    await kiosk.reaches(payment, SUCCEEDED if made else PROCESSING)
    await asyncio.gather(*(kiosk.reconcile() for _ in range(3)))
    assert len(kiosk.taken(payment)) == made
    assert kiosk.paypal.asked.count(("POST", CAPTURE)) == asked + 1
    monkeypatch.setattr(charging, "LOST", timedelta(0))
    await kiosk.reconcile()
    row = await kiosk.row(payment)
    assert (row.state, row.failure_code) == ((SUCCEEDED, None) if made else (FAILED, "no_answer"))


async def test_a_charge_that_paypal_has_forgotten_has_failed(kiosk: Kiosk) -> None:
    customer = kiosk.customer()
    await kiosk.save(customer)
    kiosk.paypal.faults.append(Fault("POST", CAPTURE, "down"))
    payment = await kiosk.reaches(await kiosk.charge(customer), PROCESSING)
    kiosk.paypal.orders.expire(payment.provider_ref or "")
    await kiosk.reconcile()
    row = await kiosk.row(payment)
    assert (row.state, row.failure_code, row.hard_decline) == (FAILED, "order_expired", False)


async def test_money_is_given_back_in_part_and_whole_and_never_more(kiosk: Kiosk) -> None:
    part, whole = [await kiosk.paid(kiosk.customer()) for _ in range(2)]
    for _ in range(2):
        await payments.refund(kiosk.seller, part.id, Money(599, "USD"), "part", "They were late.")
    await payments.refund(kiosk.seller, whole.id, None, "whole", "")
    with pytest.raises(AppError) as refused:
        await payments.refund(kiosk.seller, part.id, Money(2_001, "USD"), "more", "")
    assert refused.value.code == "REFUND_ABOVE_PAYMENT"
    await kiosk.worker.settled()
    await tell(kiosk, random.Random(3))
    assert [(await kiosk.row(one)).refunded for one in (part, whole)] == [599, PRICE.amount]
    assert {row.state.value for row in await Refund.select(kiosk.seller)} == {"succeeded"}
    assert len(kiosk.paypal.state.all("refund")) == 2
    await kiosk.check_book({"USD": PRICE.amount - 599})


async def test_what_is_given_back_at_paypal_itself_is_known_here(kiosk: Kiosk) -> None:
    payment = await kiosk.paid(kiosk.customer())
    [taken] = kiosk.taken(payment)
    kiosk.paypal.orders.headers = {"paypal-request-id": "by hand"}
    kiosk.paypal.orders.refund({"amount": {"currency_code": "USD", "value": "5.99"}}, taken["id"])
    await tell(kiosk)
    assert (await kiosk.row(payment)).refunded == 599
    await kiosk.check_book({"USD": PRICE.amount - 599})


@pytest.mark.parametrize("kind", ["error", "drop", "timeout"])
async def test_a_refund_whose_answer_is_lost_is_made_once(
    kiosk: Kiosk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paypal.SERVER, "timeout", 1.5)
    payment = await kiosk.paid(kiosk.customer())
    kiosk.paypal.faults.append(Fault("POST", "/v2/payments/captures/{id}/refund", kind))
    await payments.refund(kiosk.seller, payment.id, Money(599, "USD"), "part", "")
    await kiosk.worker.settled()
    [refund] = kiosk.paypal.state.all("refund")
    [row] = await Refund.select(kiosk.seller)
    assert (row.state.value, row.provider_ref) == ("succeeded", refund["id"])
    await kiosk.check_book({"USD": PRICE.amount - 599})


async def test_a_refund_that_is_late_may_fail(kiosk: Kiosk) -> None:
    payment = await kiosk.paid(kiosk.customer(), "slow_refunds")
    await payments.refund(kiosk.seller, payment.id, None, "all", "")
    await kiosk.worker.settled()
    [made] = kiosk.paypal.state.all("refund")
    kiosk.paypal.orders.settle_refund(made["id"], failed=True)
    await tell(kiosk)
    [row] = await Refund.select(kiosk.seller)
    assert (row.state.value, row.failure_code, (await kiosk.row(payment)).refunded) == ("failed", "failed", 0)
    await kiosk.check_book({"USD": PRICE.amount})


async def test_disputes_are_won_and_lost(kiosk: Kiosk) -> None:
    outcomes = {
        "RESOLVED_SELLER_FAVOUR": "won",
        "CANCELED_BY_BUYER": "won",
        "RESOLVED_WITH_PAYOUT": "won",
        "RESOLVED_BUYER_FAVOUR": "lost",
    }
    for outcome in outcomes:
        payment = await kiosk.paid(kiosk.customer())
        made = kiosk.paypal.orders.dispute(payment.page_ref or "")
        await tell(kiosk)
        [row] = [one for one in await Dispute.select(kiosk.seller) if one.payment_id == payment.id]
        assert (row.state.value, row.reason) == ("open", "merchandise_or_service_not_received")
        assert row.due_at == datetime(2030, 1, 10, tzinfo=UTC)
        kiosk.paypal.orders.decide(made["dispute_id"], outcome)
    await tell(kiosk, random.Random(4))
    states = {row.provider_ref: row.state.value for row in await Dispute.select(kiosk.seller)}
    for dispute in kiosk.paypal.state.all("dispute"):
        assert states[dispute["dispute_id"]] == outcomes[dispute["dispute_outcome"]["outcome_code"]]
    await kiosk.check_book({"USD": 3 * PRICE.amount})


async def test_what_was_never_told_is_found_by_reconciliation(kiosk: Kiosk) -> None:
    customer = kiosk.customer()
    payment = await kiosk.checkout(customer, save=True)
    kiosk.approve(payment)
    kiosk.held()
    assert (await kiosk.reconcile())["notices"] > 0
    assert (await kiosk.row(payment)).state is SUCCEEDED
    dispute = kiosk.paypal.orders.dispute(payment.page_ref or "")
    kiosk.paypal.orders.decide(dispute["dispute_id"], "RESOLVED_BUYER_FAVOUR")
    kiosk.held()
    assert (await kiosk.reconcile())["notices"] > 0
    await kiosk.worker.settled()
    [lost] = await Dispute.select(kiosk.seller)
    assert lost.state.value == "lost"
    assert await PaymentMethod.lookup(kiosk.seller, customer_id=customer.id)
    await kiosk.check_book({"USD": 0})
    assert not any((await kiosk.reconcile()).values())


async def test_a_method_goes_on_either_side(kiosk: Kiosk) -> None:
    here, there = kiosk.customer(), kiosk.customer()
    mine, theirs = await kiosk.save(here), await kiosk.save(there)
    await payment_methods.remove(kiosk.buyer(here), PaymentMethodAction(method_id=mine.id))
    await kiosk.worker.settled()
    assert kiosk.paypal.state.kinds[mine.provider_ref] == "forgotten"
    kiosk.paypal.orders.forget({}, theirs.provider_ref)
    await kiosk.deliver(kiosk.held())

    async def gone() -> bool:
        return (await PaymentMethod.require(kiosk.seller, theirs.id)).state.value == "removed"

    await until(gone, PATIENCE)
    assert (await kiosk.reaches(await kiosk.charge(there), FAILED)).failure_code == "no_payment_method"


FORGED = [
    "no_headers",
    "another_body",
    "another_webhook",
    "another_transmission",
    "another_algorithm",
    "no_base64",
    "old",
    "future",
    "no_time",
    "foreign_certificate",
    "expired_certificate",
    "certificate_of_another_name",
    "certificate_elsewhere",
    "certificate_above",
    "unknown_certificate",
    "no_event",
]


@pytest.mark.parametrize("kind", FORGED)
async def test_what_is_forged_is_not_kept(kiosk: Kiosk, kind: str) -> None:
    payment = await kiosk.checkout(kiosk.customer())
    kiosk.approve(payment)
    [event] = kiosk.held()
    paypal, body, now = kiosk.paypal, written(event), datetime.now(UTC)
    foreign = certificates.root("Another root")
    paypal.signers |= {
        "CERT-foreign": certificates.signer(foreign),
        "CERT-expired": certificates.signer(paypal.above, days=-1),
        "CERT-other": certificates.signer(paypal.above, "www.paypal.com"),
    }
    good = paypal.signed(body)
    wrong = {
        "no_headers": {},
        "another_body": good,
        "another_webhook": paypal.signed(body, webhook="1AB23456CD789012E"),
        "another_transmission": {**good, "paypal-transmission-id": "0" * 32},
        "another_algorithm": {**good, "paypal-auth-algo": "SHA1withRSA"},
        "no_base64": {**good, "paypal-transmission-sig": "?"},
        "old": paypal.signed(body, at=now - timedelta(seconds=305)),
        "future": paypal.signed(body, at=now + timedelta(seconds=305)),
        "no_time": {**good, "paypal-transmission-time": "now"},
        "foreign_certificate": paypal.signed(body, by="CERT-foreign"),
        "expired_certificate": paypal.signed(body, by="CERT-expired"),
        "certificate_of_another_name": paypal.signed(body, by="CERT-other"),
        "certificate_elsewhere": {**good, "paypal-cert-url": "https://api.paypal.com.example/v1/notifications/certs/C"},
        "certificate_above": {**good, "paypal-cert-url": f"{paypal.url}{CERTIFICATES}../oauth2/token"},
        "unknown_certificate": {**good, "paypal-cert-url": f"{paypal.url}{CERTIFICATES}CERT-unknown"},
        "no_event": paypal.signed(b"[]"),
    }[kind]
    sent = {"another_body": body.replace(b"APPROVED", b"COMPLETED"), "no_event": b"[]"}.get(kind, body)
    kept = len(await ProviderEvent.select(provider_events.PLATFORM))
    with pytest.raises(BadSignature):
        await provider_events.receive(Provider.PAYPAL, sent, wrong)
    assert len(await ProviderEvent.select(provider_events.PLATFORM)) == kept
    assert (await kiosk.row(payment)).state is CREATED
    assert await provider_events.receive(Provider.PAYPAL, body, good)
    assert not await provider_events.receive(Provider.PAYPAL, body, paypal.signed(body)), "the same, sent again"


async def test_a_certificate_is_asked_for_once_and_its_absence_decides_nothing(kiosk: Kiosk) -> None:
    for _ in range(2):
        await kiosk.checkout(kiosk.customer())
    for order in kiosk.paypal.state.all("order"):
        kiosk.paypal.orders.approve(order["id"])
    first, then = kiosk.held()
    path = CERTIFICATES + kiosk.paypal.signed(b"")["paypal-cert-url"].rsplit("/", 1)[1]
    kiosk.paypal.faults.append(Fault("GET", path, "down"))
    with pytest.raises(NotVerified):
        await kiosk.receive(first)
    for event in (first, then):
        assert await kiosk.receive(event)
    assert kiosk.paypal.asked.count(("GET", path)) == 2


async def test_what_paypal_does_not_have_is_refused(kiosk: Kiosk) -> None:
    buyer = kiosk.buyer(kiosk.customer())
    for page in (portals.billing, portals.onboarding):
        with pytest.raises(AppError) as refused:
            await page(buyer, PageReturn(return_url=URL, provider=Provider.PAYPAL))
        assert refused.value.code == "NOT_SUPPORTED_BY_PROVIDER"
    for named, code in ((Provider.PAYPAL, "NOT_SUPPORTED_BY_PROVIDER"), (None, "PROVIDER_NOT_OFFERED")):
        with pytest.raises(AppError) as refused:
            await payment_methods.begin_setup(buyer, PaymentSetupBeginning(provider=named))
        assert refused.value.code == code
    assert await Payment.select(kiosk.seller) == []
