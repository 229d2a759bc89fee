"""BIL-10: PayPal by our own client, against a server that follows its reference."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core import clock
from app.core.settings import settings
from app.integrations import paypal
from app.integrations.payments import About, BadSignature, Labels, NoAnswer, Order, Refused, Stage, Unknown
from app.integrations.paypal_amounts import from_paypal, to_paypal
from tests.integrations.vendor import Fault, standing_in
from tests.paypal.server import PayPal

URL = "http://127.0.0.1/paid"
SELLER = "6750000000000000000000aa"
BUYER: Labels = {"organization": SELLER, "customer_kind": "organization", "customer": "6750000000000000000000bb"}


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PayPal]:
    async with standing_in(paypal, PayPal, monkeypatch) as server:
        yield server


def labels(payment: int) -> Labels:
    return {"organization": SELLER, "payment": f"{payment:024x}"}


async def order(payment: int = 1, amount: int = 2_599, currency: str = "USD") -> Order:
    ref = await paypal.customer(BUYER, "1")
    text = "Course of many words " * 10
    return Order(amount=amount, currency=currency, description=text, labels=labels(payment), customer_ref=ref)


async def saved(server: PayPal) -> str:
    """What a method is called that was kept on a page."""
    made = await paypal.page(await order(99), URL, URL, save=True, key="saves")
    server.orders.approve(made.ref)
    assert (await paypal.confirm(made.ref, "taken")).stage is Stage.SUCCEEDED
    [token] = server.state.all("token")
    return str(token["id"])


@pytest.mark.parametrize(
    ("amount", "currency", "value"),
    [
        (1, "USD", "0.01"),
        (10, "EUR", "0.10"),
        (123_456_789_012_345_678, "GBP", "1234567890123456.78"),
        (7, "JPY", "7"),
        (700, "TWD", "7"),
        (700, "HUF", "7"),
    ],
)
def test_money_goes_there_and_back(amount: int, currency: str, value: str) -> None:
    written = to_paypal(amount, currency)
    assert written == {"currency_code": currency, "value": value}
    assert from_paypal(written) == (amount, currency)


@pytest.mark.parametrize(("amount", "currency"), [(1, "KWD"), (100, "INR"), (701, "HUF"), (0, "USD"), (-1, "USD")])
def test_what_cannot_be_written_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(Refused):
        to_paypal(amount, currency)


@pytest.mark.parametrize("value", ["0.001", "much", "NaN", "Infinity"])
def test_what_is_no_number_of_minor_units_is_refused(value: str) -> None:
    with pytest.raises(Refused):
        from_paypal({"currency_code": "USD", "value": value})


async def test_a_page_is_approved_of_and_captured_once(server: PayPal) -> None:
    made = await paypal.page(await order(), URL, URL, save=False, key="1")
    assert (made.stage, made.labels, made.payment_ref) == (Stage.OPEN, labels(1), None)
    assert made.url
    assert made.url.endswith(f"?token={made.ref}")
    assert (await paypal.page(await order(), URL, URL, save=False, key="1")).ref == made.ref
    assert (await paypal.confirm(made.ref, "early")).code == "order_not_approved"
    server.orders.approve(made.ref)
    seen = await paypal.page_seen(made.ref)
    assert (seen.stage, seen.payment_ref) == (Stage.APPROVED, made.ref)
    assert (await paypal.close_page(made.ref)) == seen, "PayPal closes none"
    for key in ("1", "1", "2"):
        taken = await paypal.confirm(made.ref, key)
        assert (taken.stage, taken.amount, taken.currency, taken.labels) == (Stage.SUCCEEDED, 2_599, "USD", labels(1))
    assert len(server.state.all("capture")) == 1
    assert (await paypal.cancel(made.ref)).stage is Stage.SUCCEEDED
    assert (await paypal.page_seen(made.ref)).url is None


async def test_no_two_orders_of_a_payment_are_captured(server: PayPal) -> None:
    ref = await saved(server)
    first, second = [await paypal.prepare(await order(), ref, key) for key in ("1", "2")]
    assert first.ref != second.ref
    assert (await paypal.confirm(first.ref, "3")).stage is Stage.SUCCEEDED
    assert (await paypal.confirm(second.ref, "4")).code == "duplicate_invoice_id"


async def test_a_method_is_charged_and_forgotten(server: PayPal) -> None:
    ref = await saved(server)
    method = await paypal.method(ref)
    assert (method.brand, method.last4, method.attached, method.labels) == ("PAYPAL", "", True, BUYER)
    prepared = await paypal.prepare(await order(), ref, "1")
    assert (prepared.stage, prepared.labels) == (Stage.OPEN, labels(1))
    assert (await paypal.cancel(prepared.ref)).stage is Stage.CANCELLED
    server.orders.spoil(ref, "locked")
    failed = await paypal.confirm(prepared.ref, "2")
    assert (failed.stage, failed.code, failed.hard) == (Stage.FAILED, "payer_account_locked_or_closed", True)
    await paypal.forget_method(ref)
    with pytest.raises(Unknown):
        await paypal.forget_method(ref)
    assert not (await paypal.method(ref)).attached
    gone = await paypal.confirm(prepared.ref, "3")
    assert (gone.code, gone.hard) == ("token_id_not_found", True)


async def test_a_capture_that_is_declined_for_good_ends_its_page(server: PayPal) -> None:
    made = await paypal.page(await order(), URL, URL, save=False, key="1")
    server.orders.approve(made.ref, "refused")
    assert (await paypal.confirm(made.ref, "2")).stage is Stage.FAILED
    over = await paypal.page_seen(made.ref)
    assert (over.stage, over.payment_ref) == (Stage.FAILED, made.ref)


async def test_what_paypal_has_forgotten_is_over(server: PayPal) -> None:
    made = await paypal.page(await order(), URL, URL, save=False, key="1")
    server.orders.expire(made.ref)
    assert (await paypal.page_seen(made.ref)).stage is Stage.CANCELLED
    seen = await paypal.payment(made.ref)
    assert (seen.stage, seen.code, seen.labels) == (Stage.FAILED, "order_expired", {})
    for look in (paypal.refund_seen, paypal.dispute, paypal.refunds):
        with pytest.raises(Unknown):
            await look("../orders")


async def test_what_was_not_paid_is_not_given_back(server: PayPal) -> None:
    made = await paypal.page(await order(), URL, URL, save=False, key="1")
    with pytest.raises(Refused) as refused:
        await paypal.refund(made.ref, 1, "USD", {**labels(1), "refund": "f" * 24}, "1")
    assert refused.value.code == "not_paid"


async def test_a_refund_is_made_once_for_its_key(server: PayPal) -> None:
    made = await paypal.page(await order(), URL, URL, save=False, key="1")
    server.orders.approve(made.ref, "slow_refunds")
    await paypal.confirm(made.ref, "2")
    of = {**labels(1), "refund": "f" * 24}
    [first, again] = [await paypal.refund(made.ref, 599, "USD", of, "f" * 24) for _ in range(2)]
    assert first == again
    assert (first.stage, first.amount, first.payment_ref, first.labels) == (Stage.PROCESSING, 599, made.ref, of)
    with pytest.raises(Refused) as refused:
        await paypal.refund(made.ref, 2_001, "USD", of, "e" * 24)
    assert refused.value.code == "refund_amount_exceeded"
    server.orders.settle_refund(first.ref)
    assert await paypal.refunds(made.ref) == [replace(first, stage=Stage.SUCCEEDED)]
    assert await paypal.refund_seen(first.ref) == replace(first, stage=Stage.SUCCEEDED)
    await paypal.refund(made.ref, 2_000, "USD", of, "d" * 24)
    assert (await paypal.payment(made.ref)).stage is Stage.SUCCEEDED, "what is given back was paid"


async def test_a_token_is_asked_for_once_and_again_when_it_is_taken_back(server: PayPal) -> None:
    made = await paypal.page(await order(), URL, URL, save=False, key="1")
    await paypal.page_seen(made.ref)
    server.tokens.clear()
    assert (await paypal.page_seen(made.ref)).stage is Stage.OPEN
    assert server.asked.count(("POST", "/v1/oauth2/token")) == 2


async def test_no_token_is_no_refusal(server: PayPal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "another")
    settings.cache_clear()
    with pytest.raises(NoAnswer):
        await paypal.page(await order(), URL, URL, save=False, key="1")
    monkeypatch.delenv("PAYPAL_CLIENT_SECRET")
    settings.cache_clear()
    assert not paypal.configured()
    with pytest.raises(Refused):
        await paypal.page_seen("1")


@pytest.mark.parametrize("kind", ["error", "drop", "down"])
async def test_an_answer_that_is_lost_is_no_refusal(server: PayPal, kind: str) -> None:
    prepared = await paypal.prepare(await order(), await saved(server), "1")
    server.faults.append(Fault("POST", "/v2/checkout/orders/{id}/capture", kind))
    with pytest.raises(NoAnswer):
        await paypal.confirm(prepared.ref, "2")
    done = Stage.OPEN if kind == "down" else Stage.SUCCEEDED
    assert (await paypal.payment(prepared.ref)).stage is done


async def test_a_list_tells_what_webhooks_do_by_the_same_names(server: PayPal, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a part of it holds; and whatever the address of the next part says, we ask where we have asked."""
    monkeypatch.setattr(paypal, "PAGE", 3)
    start = clock.now() - timedelta(minutes=1)
    await saved(server)
    made = await paypal.page(await order(), URL, URL, save=False, key="1")
    server.orders.approve(made.ref)
    await paypal.confirm(made.ref, "2")
    await paypal.refund(made.ref, 599, "USD", {**labels(1), "refund": "f" * 24}, "3")
    server.orders.dispute(made.ref)
    told = [await paypal.told(*server.letter(event)) for event in server.events]
    found = await paypal.notices(start)
    assert {one.ref: one for one in found} == {one.ref: one for one in told}
    assert len(found) == len(told) > 2 * paypal.PAGE
    assert {paypal.about(one.type) for one in found} == {About.PAGE, About.METHOD, About.REFUND, About.DISPUTE}
    assert all(one.object_ref for one in found)
    assert await paypal.notices(clock.now() + timedelta(minutes=1)) == []


@pytest.mark.parametrize("type", ["PAYMENT.CAPTURE.REVERSED", "BILLING.PLAN.CREATED"])
def test_what_else_is_told_is_passed_over(type: str) -> None:
    assert paypal.about(type) is About.NOTHING


async def test_nobody_vouches_for_a_stranger_where_everybody_is_trusted(
    server: PayPal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The roots that are there where none are named are read, and know nothing of those of the tests."""
    monkeypatch.delenv("PAYPAL_CERTIFICATE_ROOTS")
    settings.cache_clear()
    with pytest.raises(BadSignature):
        await paypal.told(b"", server.signed(b""))
