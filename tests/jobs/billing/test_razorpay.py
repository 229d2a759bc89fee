"""BIL-10: payments by Razorpay, which has no keys: what was charged is charged once, whatever becomes of an answer."""

import asyncio
import random
from datetime import timedelta

import pytest
from bson import ObjectId

from app.core import changes, clock
from app.core.errors import AppError
from app.core.money import Money
from app.integrations import stripe
from app.integrations.payments import BadSignature, Order, PageSeen
from app.models import Dispute, Payment, PaymentMethod, PaymentState, Provider, Refund
from app.services.billing.collecting import charging, reconciliation
from app.services.billing.paying import checkouts, claims, payment_methods, payments, portals, provider_events
from app.services.billing.paying.payment_methods import PaymentMethodAction
from app.services.billing.paying.payments import NewCheckout, PaymentAction
from app.services.billing.paying.portals import PageReturn
from tests.integrations.vendor import Fault
from tests.jobs.billing.bazaar import PRICE, Bazaar
from tests.jobs.billing.shop import PATIENCE, URL
from tests.jobs.billing.stage import Stage
from tests.razorpay.server import signed, written
from tests.world import until

CHARGE = "/v1/payments/create/recurring"
SUCCEEDED, FAILED, CANCELLED = PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.CANCELLED


async def test_a_page_is_paid_on_and_told_of_often_and_out_of_order(bazaar: Bazaar) -> None:
    payment = await bazaar.checkout(bazaar.customer())
    bazaar.razorpay.links.decline(payment.page_ref or "", "insufficient_funds")
    bazaar.pay(payment)
    await bazaar.deliver(bazaar.held(), random.Random(1))
    await bazaar.worker.settled()
    assert (await bazaar.row(payment)).state is SUCCEEDED
    await bazaar.check_book({"INR": PRICE.amount})
    assert not any((await bazaar.reconcile()).values())


async def test_a_page_that_nobody_pays_on_is_over(bazaar: Bazaar) -> None:
    lapsed, given_up = await bazaar.checkout(bazaar.customer()), await bazaar.checkout(bazaar.customer())
    bazaar.razorpay.links.expire(lapsed.page_ref or "")
    await bazaar.deliver(bazaar.held())
    await payments.cancel(bazaar.seller, PaymentAction(payment_id=given_up.id))
    for one in (lapsed, given_up):
        await bazaar.reaches(one, CANCELLED)
    assert {one["status"] for one in bazaar.razorpay.state.all("payment_link")} == {"expired", "cancelled"}


@pytest.mark.parametrize("means", ["upi", "card"])
async def test_a_mandate_is_charged_and_a_part_given_back(bazaar: Bazaar, means: str) -> None:
    customer = bazaar.customer()
    method = await bazaar.save(customer, means)
    assert (method.provider, method.default) == (Provider.RAZORPAY, True)
    payment = await bazaar.reaches(await bazaar.charge(customer), SUCCEEDED)
    assert payment.provider is Provider.RAZORPAY
    for _ in range(2):
        await payments.refund(bazaar.seller, payment.id, Money(9_900, "INR"), str(payment.id), "They were late.")
    await bazaar.worker.settled()
    [refund] = await Refund.select(bazaar.seller)
    assert refund.state.value == "succeeded"
    await bazaar.deliver(bazaar.held(), random.Random(2))
    await bazaar.worker.settled()
    assert (await bazaar.row(payment)).refunded == 9_900
    assert len(await Refund.select(bazaar.seller)) == 1, "what Razorpay has given back for trying is none of ours"
    await bazaar.check_book({"INR": PRICE.amount - 9_900})


async def test_a_charge_that_is_late_is_processing_until_it_is_told_of(bazaar: Bazaar) -> None:
    customer = bazaar.customer()
    await bazaar.save(customer, "upi_late")
    good, bad = await bazaar.charge(customer), await bazaar.charge(customer)
    for one, reason in ((good, None), (bad, "insufficient_funds")):
        await bazaar.reaches(one, PaymentState.PROCESSING)
        [tried] = bazaar.tries(one)
        bazaar.razorpay.payments.settle(tried["id"], reason=reason)
    await bazaar.deliver(bazaar.held())
    await bazaar.reaches(good, SUCCEEDED)
    assert not (await bazaar.reaches(bad, FAILED)).hard_decline


async def test_a_mandate_that_is_revoked_is_a_hard_decline_and_gone_once_it_is_told(bazaar: Bazaar) -> None:
    customer = bazaar.customer()
    method = await bazaar.save(customer, "upi_revoked")
    failed = await bazaar.reaches(await bazaar.charge(customer), FAILED)
    assert (failed.failure_code, failed.hard_decline) == ("mandate_not_active", True)
    bazaar.razorpay.customers.end(method.provider_ref.partition("/")[0])
    await bazaar.deliver(bazaar.held("token."))

    async def gone() -> bool:
        return (await PaymentMethod.require(bazaar.seller, method.id)).state.value == "removed"

    await until(gone, PATIENCE)
    assert (await bazaar.reaches(await bazaar.charge(customer), FAILED)).failure_code == "no_payment_method"


async def test_a_method_that_is_removed_here_is_cancelled_there(bazaar: Bazaar) -> None:
    customer = bazaar.customer()
    method = await bazaar.save(customer)
    await payment_methods.remove(bazaar.buyer(customer), PaymentMethodAction(method_id=method.id))
    await bazaar.worker.settled()
    [token] = bazaar.razorpay.state.all("token")
    assert token["recurring_details"]["status"] == "cancelled"


async def test_what_was_never_told_is_found_by_one_reconciliation(bazaar: Bazaar) -> None:
    customer = bazaar.customer()
    await bazaar.save(customer)
    paid, disputed = await bazaar.checkout(customer), await bazaar.checkout(customer)
    bazaar.pay(paid)
    dispute = bazaar.razorpay.payments.dispute(bazaar.pay(disputed)["id"])
    bazaar.razorpay.payments.decide(dispute["id"], won=False)
    bazaar.held()
    assert (await bazaar.reconcile())["notices"] > 0
    await bazaar.worker.settled()
    assert {(await bazaar.row(one)).state for one in (paid, disputed)} == {SUCCEEDED}
    [lost] = await Dispute.select(bazaar.seller)
    assert (lost.state.value, lost.due_at) == ("lost", clock.at(dispute["respond_by"]))
    await bazaar.check_book({"INR": PRICE.amount})
    assert not any((await bazaar.reconcile()).values())


@pytest.mark.parametrize("kind", ["error", "drop", "down"])
async def test_a_charge_whose_answer_is_lost_is_never_made_again(
    bazaar: Bazaar, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up, by whoever comes next; and has failed when an hour later there is still nothing."""
    customer = bazaar.customer()
    await bazaar.save(customer, "upi_late")
    bazaar.razorpay.faults.append(Fault("POST", CHARGE, kind))
    payment = await bazaar.charge(customer)
    await bazaar.worker.settled()
    for _ in range(3):
        await bazaar.reconcile()
    made = 0 if kind == "down" else 1
    assert len(bazaar.tries(payment)) == made
    assert (await bazaar.row(payment)).state is PaymentState.PROCESSING
    assert bazaar.razorpay.asked.count(("POST", CHARGE)) == 1
    monkeypatch.setattr(charging, "LOST", timedelta(0))
    await bazaar.reconcile()
    row = await bazaar.row(payment)
    assert (row.state, row.failure_code) == (
        (FAILED, "no_answer") if kind == "down" else (PaymentState.PROCESSING, None)
    )
    assert bazaar.razorpay.asked.count(("POST", CHARGE)) == 1


async def test_many_who_want_to_charge_it_charge_it_once(bazaar: Bazaar) -> None:
    customer = bazaar.customer()
    await bazaar.save(customer, "upi_late")
    payment = await bazaar.charge(customer)
    await asyncio.gather(*(bazaar.reconcile() for _ in range(4)))
    await bazaar.worker.settled()
    assert len(bazaar.tries(payment)) == 1


async def test_a_charge_is_given_up_only_while_nobody_has_asked_for_it(bazaar: Bazaar) -> None:
    """What was asked for may still be made; what was given up is not asked for any more."""
    customer = bazaar.customer()
    await bazaar.save(customer)
    bazaar.razorpay.faults.append(Fault("POST", CHARGE, "down"))
    payment = await bazaar.charge(customer)
    row = await bazaar.reaches(payment, PaymentState.PROCESSING)
    assert row.asked_at
    await payments.cancel(bazaar.seller, PaymentAction(payment_id=payment.id))
    await bazaar.worker.settled()
    assert (await bazaar.row(payment)).state is PaymentState.PROCESSING
    where = Payment.within(bazaar.seller, _id=payment.id)
    await changes.change(Payment, where, {"$set": {"asked_at": None}})
    await payments.cancel(bazaar.seller, PaymentAction(payment_id=payment.id))
    row = await bazaar.reaches(payment, CANCELLED)
    assert not await claims.claim(bazaar.seller, row)
    assert bazaar.razorpay.asked.count(("POST", CHARGE)) == 1


async def test_what_is_forged_is_not_kept_and_what_is_replayed_is_nothing_new(bazaar: Bazaar) -> None:
    payment = await bazaar.checkout(bazaar.customer())
    bazaar.pay(payment)
    [event] = bazaar.held("payment_link.paid")
    body, headers = bazaar.razorpay.letter(event)
    for forged in (
        signed(body, "another"),
        {},
        {**headers, "x-razorpay-signature": headers["x-razorpay-signature"][1:]},
    ):
        with pytest.raises(BadSignature):
            await provider_events.receive(Provider.RAZORPAY, body, forged)
    with pytest.raises(BadSignature):
        await provider_events.receive(Provider.RAZORPAY, body.replace(b"paid", b"Paid"), headers)
    with pytest.raises(BadSignature):
        await provider_events.receive(Provider.RAZORPAY, b"[]", signed(b"[]"))
    assert (await bazaar.row(payment)).state is PaymentState.CREATED
    assert await bazaar.receive(event)
    assert not await bazaar.receive(event)
    assert not await provider_events.receive(Provider.RAZORPAY, body, {**headers, "x-razorpay-event-id": "another"})
    old = written({**event, "created_at": event["created_at"] - 1})
    assert not await provider_events.receive(Provider.RAZORPAY, old, signed(old)), "signed, and of the same"
    await bazaar.reaches(payment, SUCCEEDED)


async def test_what_razorpay_does_not_have_is_refused(bazaar: Bazaar) -> None:
    buyer = bazaar.buyer(bazaar.customer())
    for page in (portals.billing, portals.onboarding):
        with pytest.raises(AppError) as refused:
            await page(buyer, PageReturn(return_url=URL, provider=Provider.RAZORPAY))
        assert refused.value.code == "NOT_SUPPORTED_BY_PROVIDER"
        with pytest.raises(AppError) as refused:
            await page(buyer, PageReturn(return_url=URL))
        assert refused.value.code == "PROVIDER_NOT_OFFERED"
    with pytest.raises(AppError) as refused:
        await bazaar.checkout(bazaar.customer(), save=True)
    assert refused.value.code == "NOT_SUPPORTED_BY_PROVIDER"
    assert await Payment.select(bazaar.seller) == []


async def test_the_only_one_that_is_set_up_is_meant_where_none_is_named(bazaar: Bazaar) -> None:
    customer = bazaar.customer()
    new = NewCheckout(
        key="1", customer_kind=customer.kind, customer_id=customer.id, amount=PRICE, reference="Order_1",
        success_url=URL, cancel_url=URL,
    )  # fmt: skip
    assert (await payments.begin_checkout(bazaar.seller, new)).payment.provider is Provider.RAZORPAY
    for name in (Provider.STRIPE, Provider.CASH, Provider.PAYPAL):
        with pytest.raises(AppError) as refused:
            await payments.begin_checkout(bazaar.seller, new.model_copy(update={"key": name.value, "provider": name}))
        assert refused.value.code == "PROVIDER_NOT_OFFERED"
    assert set(await reconciliation.reconcile_all()) == {"razorpay"}


@pytest.mark.parametrize("opened", [True, False])
async def test_two_who_choose_another_provider_at_once_get_one_page(
    both: tuple[Stage, Bazaar], monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    """While Stripe makes a page, the payment goes to Razorpay, and has its page there or is about to."""
    stage, bazaar = both
    customer, make = stage.customer(), stripe.page

    async def late(order: Order, *urls: str, save: bool, key: str) -> PageSeen:
        made = await make(order, *urls, save=save, key=key)
        row = await Payment.require(stage.seller, ObjectId(order.labels["payment"]))
        moved = await checkouts._moved(stage.seller, row, Provider.RAZORPAY)
        if opened:
            await checkouts.open_page(customer, moved, URL, URL)
        return made

    monkeypatch.setattr(stripe, "page", late)
    payment = await stage.checkout(customer)
    [link] = bazaar.razorpay.state.all("payment_link")
    assert (payment.provider, payment.page_ref) == (Provider.RAZORPAY, link["id"])
    [page] = stage.stripe.state.all("checkout.session")
    assert page["status"] == "expired"


async def test_who_is_away_is_charged_where_they_have_saved_a_method(both: tuple[Stage, Bazaar]) -> None:
    stage, bazaar = both
    customer = stage.customer()
    await bazaar.save(customer)
    first = await bazaar.reaches(await bazaar.charge(customer), SUCCEEDED)
    await stage.save(customer)
    then = await stage.reaches(await stage.charge(customer), SUCCEEDED)
    assert (first.provider, then.provider) == (Provider.RAZORPAY, Provider.STRIPE)
    for shop, payment in ((bazaar, first), (stage, then)):
        await payments.refund(shop.seller, payment.id, None, str(payment.id), "")
    await bazaar.worker.settled()
    for shop in both:
        await shop.deliver(shop.held())
    await bazaar.worker.settled()
    for counts in (await reconciliation.reconcile_all(settling=timedelta(0))).values():
        assert not any(counts.values())
    await bazaar.check_book({"INR": 0, "EUR": 0})
