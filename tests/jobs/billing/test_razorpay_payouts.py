"""BIL-10: money that is sent by RazorpayX, to where its holder has said: once, or it is where it was."""

import random
from collections.abc import AsyncIterator

import pytest

from app.core.circuits import Breaker
from app.core.clock import new_id
from app.core.errors import AppError
from app.core.money import Money
from app.core.outside import Outside
from app.core.settings import settings
from app.integrations import razorpay_payouts
from app.integrations.payments import Refused
from app.models import PayoutAccount, Provider, Remittance, RemittanceState
from app.services.billing.paying import payments, payout_accounts, portals
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.payout_accounts import PayoutDestinationGiven
from app.services.billing.paying.portals import PageReturn
from tests.integrations.vendor import Fault, Thing
from tests.jobs.billing.bazaar import PRICE, Bazaar
from tests.jobs.billing.shop import PATIENCE, URL
from tests.jobs.billing.stage import Stage
from tests.world import until

BANK = PayoutDestinationGiven(name="Ada Lovelace", account_number="765432123456789", ifsc="HDFC0000053")
UPI = PayoutDestinationGiven(name="Ada Lovelace", vpa="ada@okbank", provider=Provider.RAZORPAY)
PAYOUTS = "/v1/payouts"


@pytest.fixture(autouse=True)
async def unbroken(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Faults are many here, and each is to be met."""
    met = Outside("another", timeout=20, concurrency=32, breaker=Breaker(failures=10_000), refusals=(Refused,))
    monkeypatch.setattr(razorpay_payouts, "SERVER", met)
    yield


async def chosen(bazaar: Bazaar, holder: Customer, given: PayoutDestinationGiven = BANK) -> PayoutAccount:
    found = (await payout_accounts.choose(bazaar.buyer(holder), given)).account
    assert found
    return found


async def send(bazaar: Bazaar, account: PayoutAccount, amount: Money = PRICE) -> Remittance:
    key = str(new_id())
    return await payments.pay_out(bazaar.seller, key, account.id, amount, f"Payout_{key}")


async def there(bazaar: Bazaar, sent: Remittance) -> Thing:
    """The payout at Razorpay, as soon as it is known here."""

    async def begun() -> str | None:
        return (await Remittance.require(bazaar.seller, sent.id)).provider_ref

    found: Thing = bazaar.razorpay.state.get("payout", await until(begun, PATIENCE))
    return found


async def came_to(bazaar: Bazaar, sent: Remittance, state: RemittanceState) -> Remittance:
    async def reached() -> Remittance | None:
        found = await Remittance.require(bazaar.seller, sent.id)
        return found if found.state is state else None

    found: Remittance = await until(reached, PATIENCE)
    return found


@pytest.mark.parametrize("given", [BANK, UPI], ids=["bank", "upi"])
async def test_money_arrives_or_comes_back_as_it_is_told_often_and_out_of_order(
    bazaar: Bazaar, given: PayoutDestinationGiven
) -> None:
    account = await chosen(bazaar, bazaar.customer(), given)
    assert (account.provider, account.state.value) == (Provider.RAZORPAY, "enabled")
    ends = {"processed": "succeeded", "reversed": "failed", "failed": "failed", "rejected": "failed"}
    sent = {status: await send(bazaar, account) for status in [*ends, "cancelled"]}
    for status, one in sent.items():
        at = await there(bazaar, one)
        assert (at["fund_account_id"], at["reference_id"]) == (account.provider_ref, str(one.id))
        bazaar.razorpay.payouts.settle(at["id"], status, f"it_was_{status}")
    await bazaar.deliver(bazaar.held(), random.Random(3))
    await bazaar.worker.settled()
    for status, one in sent.items():
        found = await Remittance.require(bazaar.seller, one.id)
        assert found.state.value == ends.get(status, "failed")
        assert found.transfer_ref is None, "nothing is moved before"
        assert found.failure_code == (None if status == "processed" else f"it_was_{status}")
    assert not any((await bazaar.reconcile()).values())


@pytest.mark.parametrize("kind", ["timeout", "error", "drop", "twice", "down"])
async def test_money_is_sent_once_whatever_becomes_of_the_answer(
    bazaar: Bazaar, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await chosen(bazaar, bazaar.customer())
    monkeypatch.setattr(razorpay_payouts.SERVER, "timeout", 1.0)
    bazaar.razorpay.faults += [Fault("POST", PAYOUTS, kind), Fault("GET", PAYOUTS, "down")]
    sent = await send(bazaar, account)
    await there(bazaar, sent)
    await bazaar.worker.settled()
    assert bazaar.razorpay.faults == []
    [made] = bazaar.razorpay.state.all("payout")
    bazaar.razorpay.payouts.settle(made["id"])
    bazaar.held()  # is never told
    await bazaar.reconcile()
    assert (await came_to(bazaar, sent, RemittanceState.SUCCEEDED)).provider_ref == made["id"]
    await bazaar.worker.settled()
    assert not any((await bazaar.reconcile()).values())


async def test_what_is_on_its_way_goes_where_it_was_to(bazaar: Bazaar) -> None:
    """A holder who moves to another bank while an answer is lost is not sent the money twice, and not sent it there."""
    holder = bazaar.customer()
    account = await chosen(bazaar, holder)
    bazaar.razorpay.faults += [Fault("GET", PAYOUTS, "down") for _ in range(5)]
    sent = await send(bazaar, account)
    moved = await chosen(bazaar, holder, UPI)
    assert (moved.id, moved.state.value) == (account.id, "enabled")
    assert moved.provider_ref != account.provider_ref
    assert (await there(bazaar, sent))["fund_account_id"] == account.provider_ref
    assert (await there(bazaar, await send(bazaar, moved)))["fund_account_id"] == moved.provider_ref


async def test_what_is_refused_has_failed_and_says_why(bazaar: Bazaar) -> None:
    account = await chosen(bazaar, bazaar.customer(), UPI)
    for amount, code in (
        (Money(100, "EUR"), "currency_not_supported"),
        (Money(20_000_000, "INR"), "amount_limit_exceeded"),
    ):
        sent = await send(bazaar, account, amount)
        assert (await came_to(bazaar, sent, RemittanceState.FAILED)).failure_code == code
    assert bazaar.razorpay.state.all("payout") == []


async def test_what_waits_for_a_balance_or_an_approval_is_on_its_way(bazaar: Bazaar) -> None:
    account = await chosen(bazaar, bazaar.customer())
    bazaar.razorpay.payouts.poor = True
    waiting = await send(bazaar, account)
    assert (await there(bazaar, waiting))["status"] == "queued"
    bazaar.razorpay.payouts.poor, bazaar.razorpay.payouts.approved = False, False
    pending = await send(bazaar, account)
    assert (await there(bazaar, pending))["status"] == "pending"
    await bazaar.deliver(bazaar.held())
    await bazaar.worker.settled()
    assert {one.state for one in await Remittance.select(bazaar.seller)} == {RemittanceState.PROCESSING}


async def test_a_place_that_is_refused_leaves_the_one_before(bazaar: Bazaar) -> None:
    holder = bazaar.customer()
    account = await chosen(bazaar, holder)
    with pytest.raises(AppError) as refused:
        await chosen(bazaar, holder, BANK.model_copy(update={"name": "Ada #1 # "}))
    assert refused.value.code == "DESTINATION_REFUSED"
    found = await payout_accounts.of(holder)
    assert found
    assert found.provider_ref == account.provider_ref
    bazaar.razorpay.state.things[account.provider_ref]["active"] = False
    assert (await chosen(bazaar, holder)).state.value == "restricted"
    with pytest.raises(AppError) as refused:
        await send(bazaar, account)
    assert refused.value.code == "PAYOUT_ACCOUNT_NOT_READY"
    assert (await chosen(bazaar, holder, UPI)).state.value == "enabled"


async def test_each_provider_is_asked_for_what_it_has(
    both: tuple[Stage, Bazaar], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, bazaar = both
    holder = stage.customer()
    actor = stage.buyer(holder)
    page = PageReturn(return_url=URL, provider=Provider.RAZORPAY)
    to_stripe = BANK.model_copy(update={"provider": Provider.STRIPE})
    for asked in (lambda: portals.onboarding(actor, page), lambda: payout_accounts.choose(actor, to_stripe)):
        with pytest.raises(AppError) as refused:
            await asked()
        assert refused.value.code == "NOT_SUPPORTED_BY_PROVIDER"
    by_stripe = await payout_accounts.opened(holder)
    assert by_stripe.provider is Provider.STRIPE
    by_razorpay = await chosen(bazaar, holder)
    found = await payout_accounts.of(holder)
    assert found
    assert found.id == by_razorpay.id, "by which money can be sent now"
    stage.stripe.connect.submit(by_stripe.provider_ref)
    await stage.deliver(stage.held())
    await stage.worker.settled()
    found = await payout_accounts.of(holder)
    assert found
    assert found.id == by_stripe.id, "the first of those that are set up"
    monkeypatch.setenv("RAZORPAY_PAYOUT_ACCOUNT", "")
    settings.cache_clear()
    with pytest.raises(AppError) as refused:
        await chosen(bazaar, holder)
    assert refused.value.code == "PROVIDER_NOT_OFFERED"
