"""PAY-2: what somebody has put aside with an organization, what became of it, and that it is told live."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document
from tests.app.purses import Purses
from tests.world import Person

Store = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def purses(company: list[Person], store: Store, database: AsyncDatabase[Document]) -> AsyncIterator[Purses]:
    """Afterwards the book adds up."""
    purses = Purses(store.name)
    yield purses
    assert await purses.faults(company[0]) == []


async def _pay(person: Person, amount: int | str, reference: str = "Order_1", currency: str = "EUR") -> dict[str, Any]:
    given = {"amount": str(amount), "currency": currency, "reference": reference}
    return dict(await person.call("payFromWallet", depth=3, input=given))


async def test_an_order_is_paid_once_out_of_ones_own_wallet(company: list[Person], purses: Purses) -> None:
    owner, ada, grace = company
    assert await ada.call("wallet", currency="EUR") is None
    assert (await ada.call("openWallet", input={"currency": "EUR"}))["balance"]["amount"] == "0"
    await purses.fill(ada, 5_000)
    paid = await _pay(ada, 1_999)
    assert paid["wallet"]["balance"]["formatted"] == "€30.01"
    assert {one["code"]: one["amount"]["amount"] for one in paid["postings"]} == {"wallet": "-1999", "revenue": "1999"}
    assert (await _pay(ada, 1_999))["wallet"]["balance"]["amount"] == "3001"
    assert (await _pay(ada, 1))["code"] == "KEY_REUSED"
    assert (await _pay(grace, 1_999))["code"] == "INSUFFICIENT_FUNDS"
    assert await purses.balance(owner, code="revenue") == 1_999


async def test_the_history_has_every_entry_once_with_the_balance_after_it(
    company: list[Person], purses: Purses
) -> None:
    _, ada, _ = company
    await purses.fill(ada, 1_000)
    for number in range(6):
        await _pay(ada, 100 + number, f"Order_{number}")
    text = """query($after: String) { wallet(currency: "EUR") { history(first: 3, after: $after) {
      nodes { number kind amount { amount } balance { amount } } pageInfo { endCursor hasNextPage } } } }"""
    seen, after, more = list[dict[str, Any]](), None, True
    while more:
        page = (await ada.ask(text, after=after))["wallet"]["history"]
        seen += page["nodes"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert [one["number"] for one in seen] == [7, 6, 5, 4, 3, 2, 1]
    assert [int(one["balance"]["amount"]) for one in seen] == [385, 490, 594, 697, 799, 900, 1_000]
    for newer, older in pairwise(seen):
        gone = int(newer["balance"]["amount"]) - int(older["balance"]["amount"])
        assert gone == int(newer["amount"]["amount"])
    statement = """query($month: String!) { accountStatement(purse: WALLET, currency: "EUR", month: $month) {
      name entries content } }"""
    month = f"{datetime.now(UTC):%Y-%m}"
    told = (await ada.ask(statement, month=month))["accountStatement"]
    rows = told["content"].splitlines()
    assert (told["entries"], len(rows), rows[1].endswith("10.00,10.00,EUR")) == (7, 8, True)
    assert rows[-1].endswith("Order_5,-1.05,3.85,EUR")


async def test_what_is_booked_is_told_live_to_the_holder_only(company: list[Person], purses: Purses) -> None:
    _, ada, grace = company
    await purses.fill(ada, 1_000)
    async with grace.live() as stranger:
        await stranger.follow("walletChanged", currency="EUR")
        assert await stranger.refusal() == "NOT_FOUND"
    text = """subscription { walletChanged(currency: "EUR") { kind reference cursor wallet { balance { amount } } } }"""
    async with ada.live() as live:
        await live.subscribe(text)
        told = None
        for number in range(20):  # the server may not have taken the subscription up yet
            await _pay(ada, 10, f"Order_{number}")
            try:
                told = (await live.next(0.5))["walletChanged"]
                break
            except TimeoutError:
                continue
        assert told
        assert (told["kind"], told["reference"][:6]) == ("purchase", "Order_")
        assert int(told["wallet"]["balance"]["amount"]) < 1_000


async def test_amounts_that_cannot_be_are_refused(company: list[Person], purses: Purses) -> None:
    _, ada, _ = company
    await purses.fill(ada, 1_000)
    for amount in ("0", "-1", str(2**63), "9" * 19):
        assert (await _pay(ada, amount))["code"] == "INVALID", amount
    assert (await _pay(ada, 1_001))["code"] == "INSUFFICIENT_FUNDS"
    assert (await _pay(ada, 1, currency="USD"))["code"] == "INSUFFICIENT_FUNDS"
    assert (await _pay(ada, 1, currency="???"))["code"] == "INVALID"
    assert await purses.has(ada, "wallet") == 1_000
    assert (await ada.call("accountStatement", purse="WALLET", currency="CHF", month="2026-11")) is None
    assert await ada.refused("accountStatement", purse="WALLET", currency="EUR", month="2026-13")


async def test_many_orders_at_once_are_all_paid_each_once(company: list[Person], purses: Purses) -> None:
    """All of them meet in the organization's revenue, and each opens a scope of its own by its key."""
    owner, ada, _ = company
    await purses.fill(ada, 1_000)

    async def pay(number: int) -> str:
        given = {"amount": "10", "currency": "EUR", "reference": f"Order_{number}"}
        answer = await ada.call("payFromWallet", depth=1, input=given, idempotencyKey=f"key-{number}")
        return str(answer["__typename"])

    assert {*await asyncio.gather(*(pay(number % 40) for number in range(60)))} == {"WalletStep"}
    assert (await purses.has(ada, "wallet"), await purses.balance(owner, code="revenue")) == (600, 400)
