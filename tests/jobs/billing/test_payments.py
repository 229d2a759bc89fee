"""BIL-1 to BIL-3, BIL-9: payments by Stripe, however often and in whatever order it tells of things."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable

import pytest

from app.core.errors import AppError
from app.core.money import Money
from app.integrations import stripe
from app.models import Payment, PaymentState, Provider, Remittance
from app.services.billing.paying import payment_methods, payments, payout_accounts
from app.services.billing.paying.payment_methods import PaymentMethodAction
from app.services.billing.paying.payments import NewReceipt, PaymentAction
from tests.integrations.vendor import Fault
from tests.jobs.billing.shop import PATIENCE
from tests.jobs.billing.stage import PRICE, Stage, charges
from tests.stripe.state import Thing
from tests.world import until

SEEDS = range(int(os.environ.get("STRIPE_SEEDS", "1")))
"""Shuffles of all that Stripe tells: twenty with STRIPE_SEEDS=20."""
WITHHELD = int(os.environ.get("STRIPE_WITHHELD", "1"))
"""Which one of all that Stripe tells is withheld: so many of them, one in each run."""
ORDERS = int(os.environ.get("STRIPE_ORDERS", "4"))
"""Charges for each fault: a thousand in all with STRIPE_ORDERS=200."""
TOGETHER = 10
"""So many of them are asked for at once."""
ANSWER = 1.5
"""Seconds for an answer that may not come."""

Scenario = Callable[[Stage], Awaitable[object]]


async def checkout(stage: Stage) -> None:
    stage.pay(await stage.checkout(stage.customer(), save=True))


async def sca(stage: Stage) -> None:
    stage.prove(stage.pay(await stage.checkout(stage.customer()), "pm_card_authenticationRequired"))


async def sca_given_up(stage: Stage) -> None:
    intent = stage.pay(await stage.checkout(stage.customer()), "pm_card_authenticationRequired")
    stage.stripe.payments.fail_action(intent["id"])


async def renewal(stage: Stage) -> None:
    customer = stage.customer()
    await stage.save(customer, "pm_card_authenticationRequiredOnSetup")
    await stage.charge(customer)


async def dunning(stage: Stage) -> None:
    customer = stage.customer()
    await stage.save(customer, "pm_card_chargeCustomerFail")
    failed = await stage.reaches(await stage.charge(customer), PaymentState.FAILED)
    assert failed.failure_code == "generic_decline"
    chosen = await stage.save(stage.customer())  # of somebody else: it must not be taken for theirs
    with pytest.raises(AppError):
        await payment_methods.choose(stage.buyer(customer), PaymentMethodAction(method_id=chosen.id))
    better = await stage.save(customer)
    await payment_methods.choose(stage.buyer(customer), PaymentMethodAction(method_id=better.id))
    await stage.charge(customer)


async def refunds(stage: Stage) -> None:
    customer = stage.customer()
    await stage.save(customer)
    part, whole = await stage.charge(customer), await stage.charge(customer)
    part, whole = [await stage.reaches(one, PaymentState.SUCCEEDED) for one in (part, whole)]
    for key in ("a", "b", "a"):
        await payments.refund(stage.seller, part.id, Money(300, "EUR"), f"{part.id}{key}", "They were late.")
    await payments.refund(stage.seller, whole.id, None, str(whole.id), "")
    for amount, code in (
        (Money(451, "EUR"), "REFUND_ABOVE_PAYMENT"),
        (Money(1, "USD"), "CURRENCY_MISMATCH"),
        (Money(0, "EUR"), "REFUND_ABOVE_PAYMENT"),
    ):
        with pytest.raises(AppError) as refused:
            await payments.refund(stage.seller, part.id, amount, "c", "")
        assert refused.value.code == code
    await until(lambda: _given(stage, part, 2), PATIENCE)
    stage.stripe.payments.refund({"payment_intent": part.provider_ref, "amount": 50})


async def refund_returned(stage: Stage) -> None:
    customer = stage.customer()
    await stage.save(customer, "pm_card_pendingRefund")
    payment = await stage.reaches(await stage.charge(customer), PaymentState.SUCCEEDED)
    await payments.refund(stage.seller, payment.id, None, str(payment.id), "")
    [made] = await until(lambda: _given(stage, payment, 1), PATIENCE)
    stage.stripe.payments.settle_refund(made["id"], failed=True)


async def disputes(stage: Stage) -> None:
    for won in (True, False):
        payment = await stage.checkout(stage.customer())
        intent = stage.pay(payment, "pm_card_createDispute")
        [dispute] = stage.stripe.state.all("dispute", payment_intent=intent["id"])
        stage.stripe.payments.decide(dispute["id"], won=won)


async def payouts(stage: Stage) -> None:
    account = await stage.payout_account()
    for failed in (None, "account_closed"):
        name = f"Payout_{failed}"
        sent = await payments.pay_out(stage.seller, name, account.id, PRICE, name)
        assert (await payments.pay_out(stage.seller, name, account.id, PRICE, name)).id == sent.id

        async def begun(sent: Remittance = sent) -> str | None:
            return (await Remittance.require(stage.seller, sent.id)).provider_ref

        stage.stripe.connect.settle(await until(begun, PATIENCE), failed=failed)


async def onboarding(stage: Stage) -> None:
    holder = stage.customer()
    account = await payout_accounts.opened(holder)
    with pytest.raises(AppError) as refused:
        await payments.pay_out(stage.seller, "early", account.id, PRICE, "Payout_early")
    assert refused.value.code == "PAYOUT_ACCOUNT_NOT_READY"
    stage.stripe.connect.submit(account.provider_ref, enough=False)
    stage.stripe.connect.submit(account.provider_ref)


async def cancelled(stage: Stage) -> None:
    seen, unseen = await stage.checkout(stage.customer()), await stage.checkout(stage.customer())
    stage.stripe.pages.expire({}, unseen.page_ref or "")
    await payments.cancel(stage.seller, PaymentAction(payment_id=seen.id))
    await stage.reaches(seen, PaymentState.CANCELLED)


async def removed(stage: Stage) -> None:
    customer = stage.customer()
    here, there = await stage.save(customer), await stage.save(customer)
    await payment_methods.remove(stage.buyer(customer), PaymentMethodAction(method_id=here.id))
    default = await payment_methods.default(customer, Provider.STRIPE)
    assert default
    assert default.id == there.id
    stage.stripe.customers.detach({}, there.provider_ref)
    assert (await stage.reaches(await stage.charge(customer), PaymentState.FAILED)).hard_decline


SCENARIOS: list[Scenario] = [
    checkout, sca, sca_given_up, renewal, dunning, refunds, refund_returned, disputes, payouts, onboarding, cancelled,
]  # fmt: skip


async def _given(stage: Stage, payment: Payment, count: int) -> list[Thing] | None:
    """The refunds of a payment at Stripe, as soon as there are so many."""
    made = stage.stripe.state.all("refund", payment_intent=payment.provider_ref)
    return made if len(made) == count else None


async def happen(stage: Stage) -> None:
    """Let everything happen, of which Stripe has told nothing yet but what the rest had to wait for."""
    await asyncio.gather(*(scenario(stage) for scenario in SCENARIOS))
    await stage.worker.settled()


@pytest.mark.parametrize("seed", SEEDS)
async def test_r50_whatever_the_order_the_end_is_stripes(stage: Stage, seed: int) -> None:
    """Everything that can happen, told five times each, shuffled, eight at once; again as often after the end."""
    await happen(stage)
    events, rng = stage.stripe.events, random.Random(seed)
    await stage.deliver(events, rng)
    await stage.worker.settled()
    await stage.check()
    await stage.deliver(rng.sample(events, len(events) // 3), rng)
    await stage.worker.settled()
    await stage.check()
    await stage.deliver(stage.held())  # what followed meanwhile, such as transfers that were taken back
    assert not any((await stage.reconcile()).values())


async def test_r51_what_was_never_told_is_found_by_one_reconciliation(stage: Stage) -> None:
    """Half of what Stripe has to tell, and then the other half by asking."""
    await happen(stage)
    events = stage.held()
    await stage.deliver(events[::2])
    # What is heard lets a job go on, and Stripe has something to tell of that as well.
    assert (await stage.reconcile())["notices"] >= len(events[1::2])
    await stage.worker.settled()
    await stage.check()
    await stage.deliver(stage.held())
    assert not any((await stage.reconcile()).values())


@pytest.mark.parametrize("place", [n / WITHHELD for n in range(WITHHELD)])
async def test_r51_any_one_event_that_was_never_told_is_found(stage: Stage, place: float) -> None:
    await happen(stage)
    events = stage.held()
    events.pop(int(place * len(events)))
    await stage.deliver(events)
    await stage.worker.settled()
    assert (await stage.reconcile())["notices"] >= 1
    await stage.worker.settled()
    await stage.check()
    await stage.deliver(stage.held())
    assert not any((await stage.reconcile()).values())


@pytest.mark.parametrize("kind", ["timeout", "error", "drop", "twice", "down"])
async def test_r74_a_charge_is_made_once_whatever_becomes_of_the_answer(
    stage: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = stage.customer()
    await stage.save(customer)
    monkeypatch.setattr(stripe.SERVER, "timeout", ANSWER)
    for first in range(0, ORDERS, TOGETHER):
        amounts = range(100 + first, 100 + min(first + TOGETHER, ORDERS))
        for path in ("/v1/payment_intents", "/v1/payment_intents/pi_"):
            stage.stripe.faults += [Fault("POST", path, kind) for _ in amounts]
        made = [await stage.charge(customer, amount=Money(amount, "EUR")) for amount in amounts]
        await stage.worker.settled()
        for payment in made:
            assert (await stage.row(payment)).state is PaymentState.SUCCEEDED
            assert [one["amount"] for one in charges(stage.stripe, payment.id)] == [payment.amount]
        assert stage.stripe.faults == []


async def test_money_that_was_given_by_hand_is_booked_and_given_back_by_hand(stage: Stage) -> None:
    customer = stage.customer()
    new = NewReceipt(
        key="1", provider=Provider.BANK_TRANSFER, customer_kind=customer.kind, customer_id=customer.id, amount=PRICE,
        reference="Receipt_1", external_reference="SEPA 0815",
    )  # fmt: skip
    payment = await payments.record(stage.seller, new)
    assert (await payments.record(stage.seller, new)).id == payment.id
    with pytest.raises(AppError) as refused:
        await payments.record(stage.seller, new.model_copy(update={"amount": Money(1, "EUR")}))
    assert refused.value.code == "KEY_REUSED"
    back = await payments.refund(stage.seller, payment.id, Money(50, "EUR"), "1", "Too much.")
    assert back.state.value == "succeeded"
    await stage.check_book({"EUR": PRICE.amount - 50})
