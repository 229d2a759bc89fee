"""BIL-10: Razorpay by its own client, against a server that follows its reference."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core import clock
from app.integrations import razorpay, razorpay_webhooks
from app.integrations.payments import About, Labels, MethodKind, NoAnswer, Order, Refused, SetupSeen, Stage, Unknown
from app.integrations.razorpay_amounts import checked
from tests.integrations.vendor import Fault, standing_in
from tests.razorpay.server import Razorpay
from tests.world import until

KINDS = {kind.value: kind for kind in MethodKind}
URL = "http://127.0.0.1/paid"
CHARGE = "/v1/payments/create/recurring"
SELLER = "6750000000000000000000aa"
BUYER: Labels = {"organization": SELLER, "customer_kind": "person", "customer": "6750000000000000000000bb"}


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Razorpay]:
    async with standing_in(razorpay, Razorpay, monkeypatch) as server:
        yield server


def labels(payment: int) -> Labels:
    return {"organization": SELLER, "payment": f"{payment:024x}"}


async def order(payment: int = 1, amount: int = 49_900, currency: str = "INR") -> Order:
    ref = await razorpay.customer(BUYER, "1")
    return Order(amount=amount, currency=currency, description="Course", labels=labels(payment), customer_ref=ref)


async def saved(server: Razorpay, customer_ref: str, means: str = "upi") -> str:
    """What a method is called that a customer has saved."""
    begun = await razorpay.setup(customer_ref, KINDS[means.partition("_")[0]], BUYER, f"setup:{clock.new_id()}")
    server.payments.pay(begun.ref, means)
    seen = await razorpay.setup_seen(begun.ref)
    assert (seen.stage, seen.labels) == (Stage.SUCCEEDED, BUYER)
    assert seen.method_ref
    return seen.method_ref


async def test_a_page_is_paid_on_and_its_order_is_the_payment(server: Razorpay) -> None:
    made = await razorpay.page(await order(), URL, URL, save=False, key="1")
    assert (made.stage, made.labels, made.payment_ref) == (Stage.OPEN, labels(1), None)
    assert made.url
    server.links.decline(made.ref, "insufficient_funds")
    tried = await razorpay.page_seen(made.ref)
    assert tried.stage is Stage.OPEN
    assert tried.payment_ref
    failed = await razorpay.payment(tried.payment_ref)
    assert (failed.stage, failed.code, failed.hard) == (Stage.FAILED, "insufficient_funds", False)
    server.links.pay(made.ref)
    assert (await razorpay.page_seen(made.ref)).stage is Stage.SUCCEEDED
    seen = await razorpay.payment(tried.payment_ref)
    assert (seen.stage, seen.amount, seen.currency, seen.labels) == (Stage.SUCCEEDED, 49_900, "INR", labels(1))
    assert (await razorpay.close_page(made.ref)).stage is Stage.SUCCEEDED


async def test_what_was_never_captured_and_goes_back_by_itself_is_not_paid(server: Razorpay) -> None:
    wanted = await order()
    prepared = await razorpay.prepare(wanted, await saved(server, wanted.customer_ref), "1")
    server.payments.lapse(prepared.ref)
    assert (await razorpay.payment(prepared.ref)).stage is Stage.FAILED
    with pytest.raises(Refused):
        await razorpay.refund(prepared.ref, 100, "INR", {**labels(1), "refund": "f" * 24}, "f" * 24)


async def test_there_is_one_page_for_a_payment_though_its_answer_was_lost(server: Razorpay) -> None:
    server.faults.append(Fault("POST", "/v1/payment_links", "error"))
    with pytest.raises(NoAnswer):
        await razorpay.page(await order(), URL, URL, save=False, key="1")
    again = await razorpay.page(await order(), URL, URL, save=False, key="1:other")
    [link] = server.state.all("payment_link")
    assert again.ref == link["id"]
    assert (await razorpay.close_page(again.ref)).stage is Stage.CANCELLED
    assert (await razorpay.close_page(again.ref)).stage is Stage.CANCELLED


async def test_what_a_page_cannot_do_is_refused(server: Razorpay) -> None:
    with pytest.raises(Refused):
        await razorpay.page(await order(), URL, URL, save=True, key="1")
    with pytest.raises(Refused):
        await razorpay.page(await order(amount=99_991, currency="KWD"), URL, URL, save=False, key="1")
    assert server.state.all("payment_link") == []


async def test_a_method_is_saved_by_a_rupee_that_is_given_back_once(server: Razorpay) -> None:
    ref = await razorpay.customer(BUYER, "1")
    begun = await razorpay.setup(ref, MethodKind.UPI, BUYER, "setup:1")
    assert begun.secret == f"{begun.ref}/{ref}"
    assert (await razorpay.setup_seen(begun.ref)).stage is Stage.OPEN
    paid = server.payments.pay(begun.ref)
    [seen, again] = [await razorpay.setup_seen(begun.ref) for _ in range(2)]
    assert seen == again
    assert [one["amount"] for one in server.state.all("refund", payment_id=paid["id"])] == [razorpay.RUPEE]
    assert seen.method_ref
    method = await razorpay.method(seen.method_ref)
    assert (method.brand, method.last4, method.attached, method.labels) == ("UPI", "@okbank", True, BUYER)
    await razorpay.forget_method(seen.method_ref)
    await razorpay.forget_method(seen.method_ref)
    assert not (await razorpay.method(seen.method_ref)).attached


async def test_a_method_is_saved_though_its_rupee_cannot_be_given_back_yet(server: Razorpay) -> None:
    server.payments.poor = True
    await saved(server, await razorpay.customer(BUYER, "1"))
    assert server.state.all("refund") == []


async def test_what_is_paid_for_something_is_no_setup_and_stays_paid(server: Razorpay) -> None:
    made = await razorpay.page(await order(), URL, URL, save=False, key="1")
    paid = server.links.pay(made.ref)
    seen = await razorpay.setup_seen(paid["order_id"])
    assert seen == SetupSeen(ref=paid["order_id"], stage=Stage.OPEN, labels={})
    assert server.state.all("refund") == []


async def test_a_card_that_is_saved_is_a_method_too_and_is_forgotten(server: Razorpay) -> None:
    ref = await saved(server, await razorpay.customer(BUYER, "1"), "card")
    method = await razorpay.method(ref)
    assert (method.brand, method.last4, method.expires_month, method.expires_year) == ("Visa", "8950", 12, 2034)
    await razorpay.forget_method(ref)
    assert not (await razorpay.method(ref)).attached


@pytest.mark.parametrize(
    ("means", "stage", "code", "hard"),
    [
        ("upi", Stage.SUCCEEDED, None, False),
        ("card", Stage.SUCCEEDED, None, False),
        ("upi_late", Stage.PROCESSING, None, False),
        ("upi_poor", Stage.FAILED, "insufficient_funds", False),
        ("upi_revoked", Stage.FAILED, "mandate_not_active", True),
    ],
)
async def test_a_mandate_is_charged(server: Razorpay, means: str, stage: Stage, code: str | None, hard: bool) -> None:
    wanted = await order()
    ref = await saved(server, wanted.customer_ref, means)
    prepared = await razorpay.prepare(wanted, ref, "1")
    assert (prepared.stage, prepared.labels) == (Stage.OPEN, labels(1))
    assert (await razorpay.prepare(wanted, ref, "1:again")).ref == prepared.ref
    seen = await razorpay.confirm(prepared.ref, "1")
    assert (seen.stage, seen.code, seen.hard) == (stage, code, hard)
    assert await razorpay.payment(prepared.ref) == seen
    assert (await razorpay.cancel(prepared.ref)).stage is stage
    assert await razorpay.confirm(prepared.ref, "1") == seen
    assert len(server.state.all("payment", order_id=prepared.ref)) == 1


async def test_a_charge_that_is_refused_before_it_is_one_has_failed_for_good(server: Razorpay) -> None:
    wanted = await order()
    ref = await saved(server, wanted.customer_ref)
    server.customers.end(ref.partition("/")[0])
    prepared = await razorpay.prepare(wanted, ref, "1")
    seen = await razorpay.confirm(prepared.ref, "1")
    assert (seen.stage, seen.code, seen.hard) == (Stage.FAILED, "mandate_not_active", True)
    assert server.state.all("payment", order_id=prepared.ref) == []
    assert (await razorpay.cancel(prepared.ref)).stage is Stage.CANCELLED


@pytest.mark.parametrize("kind", ["error", "drop", "down"])
async def test_an_answer_that_is_lost_is_no_refusal(server: Razorpay, kind: str) -> None:
    wanted = await order()
    prepared = await razorpay.prepare(wanted, await saved(server, wanted.customer_ref), "1")
    server.faults.append(Fault("POST", CHARGE, kind))
    with pytest.raises(NoAnswer):
        await razorpay.confirm(prepared.ref, "1")
    done = Stage.OPEN if kind == "down" else Stage.SUCCEEDED
    assert (await razorpay.payment(prepared.ref)).stage is done


async def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_a_call(
    server: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = await order()
    prepared = await razorpay.prepare(wanted, await saved(server, wanted.customer_ref), "1")
    monkeypatch.setattr(razorpay.SERVER, "timeout", 0.5)
    server.faults.append(Fault("POST", CHARGE, "timeout"))
    with pytest.raises(TimeoutError):
        await razorpay.confirm(prepared.ref, "1")
    assert (await razorpay.payment(prepared.ref)).stage is Stage.SUCCEEDED
    server.hanging.set()


async def test_a_refund_is_made_once_for_its_key(server: Razorpay) -> None:
    made = await razorpay.page(await order(), URL, URL, save=False, key="1")
    paid = server.links.pay(made.ref, "card_slow_refunds")
    ref, of = paid["order_id"], {**labels(1), "refund": "f" * 24}
    [first, again] = [await razorpay.refund(ref, 10_000, "INR", of, f"{'f' * 24}:3") for _ in range(2)]
    assert first == again
    assert (first.stage, first.amount, first.payment_ref, first.labels) == (Stage.PROCESSING, 10_000, ref, of)
    with pytest.raises(Refused):
        await razorpay.refund(ref, 39_901, "INR", of, "e" * 24)
    server.payments.settle_refund(first.ref)
    assert await razorpay.refunds(ref) == [replace(first, stage=Stage.SUCCEEDED)]
    assert (await razorpay.refund_seen(first.ref)).stage is Stage.SUCCEEDED
    whole = await razorpay.refund(ref, 39_900, "INR", {**labels(1), "refund": "d" * 24}, "d" * 24)
    server.payments.settle_refund(whole.ref, failed=True)
    assert (await razorpay.refund_seen(whole.ref)).stage is Stage.FAILED
    assert (await razorpay.payment(ref)).stage is Stage.SUCCEEDED


@pytest.mark.parametrize(("won", "stage"), [(True, Stage.SUCCEEDED), (False, Stage.FAILED)])
async def test_a_dispute_is_decided(server: Razorpay, won: bool, stage: Stage) -> None:
    made = await razorpay.page(await order(), URL, URL, save=False, key="1")
    paid = server.links.pay(made.ref)
    id = server.payments.dispute(paid["id"])["id"]
    seen = await razorpay.dispute(id)
    assert (seen.stage, seen.payment_ref, seen.amount, seen.reason) == (
        Stage.OPEN,
        paid["order_id"],
        49_900,
        "chargeback",
    )
    server.payments.decide(id, won=won)
    assert (await razorpay.dispute(id)).stage is stage


async def test_what_is_not_there_is_unknown_and_what_is_wrong_is_refused(server: Razorpay) -> None:
    for look in (razorpay.payment, razorpay.page_seen, razorpay.setup_seen, razorpay.refund_seen, razorpay.dispute):
        with pytest.raises(Unknown):
            await look("order_00000000000000")
    with pytest.raises(Unknown):
        await razorpay.method("token_1")
    with pytest.raises(Refused) as refused:
        await razorpay.page(await order(amount=1, currency="XAU"), URL, URL, save=False, key="1")
    assert refused.value.code == "amount_not_representable"


async def test_lists_tell_what_webhooks_do_by_the_same_names(server: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a part of a list holds, and each thing as it went last."""
    monkeypatch.setattr(razorpay, "PAGE", 3)
    start, made = clock.now() - timedelta(minutes=1), 7
    for n in range(made):
        page = await razorpay.page(await order(n), URL, URL, save=False, key=str(n))
        paid = server.links.pay(page.ref)
    server.payments.dispute(paid["id"])
    await razorpay.refund(paid["order_id"], 100, "INR", {"refund": "1"}, "0123456789")
    ref = await saved(server, await razorpay.customer(BUYER, "1"))
    told = {razorpay_webhooks.told(*server.letter(event)).ref for event in server.events}
    found = await razorpay.notices(start)
    assert {one.ref for one in found} <= told
    counts = {about: sum(razorpay.about(one.type) is about for one in found) for about in About}
    assert counts[About.PAYMENT] == made + 1
    assert (counts[About.REFUND], counts[About.DISPUTE], counts[About.SETUP]) == (2, 1, 1)
    [setup] = [one for one in found if razorpay.about(one.type) is About.SETUP]
    assert (await razorpay.setup_seen(setup.object_ref)).method_ref == ref


async def test_a_customer_who_is_taken_for_another_is_refused(server: Razorpay) -> None:
    ref = await razorpay.customer(BUYER, "1")
    assert await razorpay.customer(BUYER, "1") != ref
    server.customers.taken_for = ref
    assert await razorpay.customer(BUYER, "1") == ref
    with pytest.raises(Refused) as refused:
        await razorpay.customer({**BUYER, "customer": "6750000000000000000000cc"}, "2")
    assert refused.value.code == "customer_of_another"


async def test_one_that_hangs_keeps_nobody_waiting(server: Razorpay) -> None:
    first, *others = [await order(n) for n in range(6)]
    server.faults.append(Fault("POST", "/v1/payment_links", "timeout"))
    late = asyncio.ensure_future(razorpay.page(first, URL, URL, save=False, key="1"))
    await until(lambda: _met(server))
    made = await asyncio.gather(*(razorpay.page(one, URL, URL, save=False, key="1") for one in others))
    assert not late.done()
    server.hanging.set()
    assert len({one.ref for one in (await late, *made)}) == 6


async def _met(server: Razorpay) -> bool:
    """Whether the fault that was asked for has begun."""
    return not server.faults


@pytest.mark.parametrize(
    ("amount", "currency", "moved"),
    [(1, "INR", True), (295, "JPY", True), (99_990, "KWD", True), (99_991, "KWD", False), (100, "CLP", False)],
)
def test_amounts_are_minor_units_where_razorpay_says_how_it_counts(amount: int, currency: str, moved: bool) -> None:
    if moved:
        assert checked(amount, currency) == amount
    else:
        with pytest.raises(Refused):
            checked(amount, currency)
