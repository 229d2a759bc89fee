"""PAY-2, PAY-6: money comes in through Stripe's page, waits where it is meant to, and goes out again to a bank."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document
from tests.app.purses import Purses
from tests.razorpay.server import Razorpay
from tests.stripe.server import Stripe
from tests.world import Person, until

Store = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def purses(company: list[Person], store: Store, database: AsyncDatabase[Document]) -> AsyncIterator[Purses]:
    """Afterwards the book adds up."""
    purses = Purses(store.name)
    yield purses
    assert await purses.faults(company[0]) == []


async def _page(person: Person, name: str, **given: Any) -> str:
    """The id at Stripe of the page on which one pays."""
    pages = {"successUrl": f"{person.world.url}/paid", "cancelUrl": f"{person.world.url}/not-paid"}
    return str((await person.call(name, input={**pages, **given}))["url"]).rpartition("/")[2]


async def _state(person: Person, id: str) -> str:
    text = "query($id: ID!) { node(id: $id) { ... on Escrow { of: state } ... on Payout { to: state } } }"
    return str(next(iter((await person.ask(text, id=id))["node"].values())))


async def _comes_to(purses: Purses, person: Person, code: str, amount: int) -> None:
    async def has() -> bool:
        return await purses.has(person, code) == amount

    await until(has)


async def test_what_is_paid_in_can_be_spent_and_goes_again_if_it_is_given_back(
    company: list[Person], purses: Purses, stripe: Stripe
) -> None:
    owner, ada, _ = company
    page = await _page(ada, "topUpWallet", amount="5000", currency="EUR")
    assert await purses.has(ada, "wallet") == 0
    stripe.pages.take(page, "pm_card_visa")
    await _comes_to(purses, ada, "wallet", 5_000)
    await ada.call("payFromWallet", input={"amount": "4000", "currency": "EUR", "reference": "Order_1"})
    [payment] = (await owner.call("payments"))["nodes"]
    given = {"paymentId": payment["id"], "key": "all", "amount": {"amount": "5000", "currency": "EUR"}}
    await owner.call("refundPayment", input=given)
    await _comes_to(purses, ada, "wallet:owed", -4_000)
    owed = await ada.ask('{ wallet(currency: "EUR") { balance { amount } owed { amount } } }')
    assert owed["wallet"] == {"balance": {"amount": "0"}, "owed": {"amount": "4000"}}
    stripe.pages.take(await _page(ada, "topUpWallet", amount="4500", currency="EUR"), "pm_card_visa")
    await _comes_to(purses, ada, "wallet", 500)
    assert await purses.has(ada, "wallet:owed") == 0
    assert await purses.balance(owner, code="clearing:payments") == 0
    wrong = await ada.call("topUpWallet", input={"amount": "1", "currency": "EUR", "successUrl": "x", "cancelUrl": "x"})
    assert wrong["code"] == "INVALID"


async def _earn(buyer: Person, seller: Person, stripe: Stripe, currency: str) -> None:
    """Let a seller have 900 of an escrow that was paid for on a page."""
    milestones = [{"title": "a", "amount": "900"}]
    plan = {"sellerId": seller.id, "title": "A film", "currency": currency, "milestones": milestones}
    escrow = (await buyer.call("openEscrow", input=plan))["escrow"]["id"]
    stripe.pages.take(await _page(buyer, "payForEscrow", escrowId=escrow, provider="STRIPE"), "pm_card_visa")

    async def funded() -> bool:
        return await _state(seller, escrow) == "FUNDED"

    await until(funded)
    await buyer.call("releaseEscrow", input={"escrowId": escrow})


async def test_earnings_are_sent_to_a_upi_address_that_was_given(
    company: list[Person], purses: Purses, stripe: Stripe, razorpay: Razorpay
) -> None:
    _, buyer, seller = company
    await _earn(buyer, seller, stripe, "INR")
    asked = {"amount": "600", "currency": "INR", "purse": "EARNINGS"}
    assert (await seller.call("requestPayout", input=asked))["code"] == "NO_DESTINATION"
    for wrong in ({}, {"vpa": "ada"}, {"ifsc": "HDFC0000053"}, {"vpa": "ada@okbank", "ifsc": "HDFC0000053"}):
        refused = await seller.call("choosePayoutDestination", input={"name": "Ada", **wrong})
        assert refused["code"] == "INVALID", wrong
    given = {"name": "Ada", "vpa": "ada@okbank"}
    chosen = await seller.call("choosePayoutDestination", depth=2, input=given)
    assert (chosen["account"]["provider"], chosen["account"]["state"]) == ("RAZORPAY", "ENABLED")
    thief = await seller.again()
    await thief.enter(seller.organization)
    await thief.age(timedelta(days=2))
    stolen = {"name": "Eve", "vpa": "eve@okbank"}
    assert await thief.refused("choosePayoutDestination", input=stolen) == "STEP_UP_REQUIRED"
    for status, state, left in (("reversed", "FAILED", 900), ("processed", "PAID", 300)):
        before = {one["id"] for one in razorpay.state.all("payout")}
        payout = (await seller.call("requestPayout", input=asked))["id"]

        async def begun(before: set[str] = before) -> str | None:
            return next((one["id"] for one in razorpay.state.all("payout") if one["id"] not in before), None)

        razorpay.payouts.settle(await until(begun), status)

        async def came_to(payout: str = payout, state: str = state) -> bool:
            return await _state(seller, payout) == state

        await until(came_to)
        assert await purses.has(seller, "earnings", "INR") == left
        assert await purses.has(seller, "payouts", "INR") == 0


async def test_an_escrow_is_funded_by_a_page_and_its_seller_is_paid_out(
    company: list[Person], purses: Purses, stripe: Stripe
) -> None:
    owner, buyer, seller = company
    await _earn(buyer, seller, stripe, "EUR")
    asked = {"amount": "600", "currency": "EUR", "purse": "EARNINGS"}
    assert (await seller.call("requestPayout", input=asked))["code"] == "NO_DESTINATION"
    begun = await seller.call("beginPayoutOnboarding", input={"returnUrl": f"{seller.world.url}/billing"})
    stripe.connect.submit(begun["url"].rpartition("/")[2])

    async def ready() -> bool:
        return bool((await seller.call("payoutAccount"))["state"] == "ENABLED")

    await until(ready)
    for failed, state in (("account_closed", "FAILED"), (None, "PAID")):
        before = {one["id"] for one in stripe.state.all("payout")}
        payout = (await seller.call("requestPayout", input=asked))["id"]
        assert await purses.has(seller, "earnings") == 300

        async def begun_there(before: set[str] = before) -> str | None:
            return next((one["id"] for one in stripe.state.all("payout") if one["id"] not in before), None)

        stripe.connect.settle(await until(begun_there), failed=failed)

        async def came_to(payout: str = payout, state: str = state) -> bool:
            return await _state(seller, payout) == state

        await until(came_to)
        assert await purses.has(seller, "earnings") == (900 if failed else 300)
        assert await purses.has(seller, "payouts") == 0
    assert (await seller.call("cancelPayout", input={"payoutId": payout}))["code"] == "ILLEGAL_TRANSITION"
    too_much = {**asked, "amount": "301"}
    assert (await seller.call("requestPayout", input=too_much))["code"] == "INSUFFICIENT_FUNDS"
    assert [one["state"] for one in (await seller.call("payouts"))["nodes"]] == ["PAID", "FAILED"]
    assert len((await owner.call("payouts"))["nodes"]) == 2
    assert (await buyer.call("payouts"))["nodes"] == []
