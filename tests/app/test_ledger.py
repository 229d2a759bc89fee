"""PAY-1: who may look into the book of an organization, and that it is found out when it does not add up."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import database as connection
from app.core import ledger
from app.core.actor import Actor
from app.core.clock import now
from app.core.ledger import Bound
from tests.core.ledger.books import Book
from tests.world import Person, Processes

Store = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def book(company: list[Person], store: Store, mongodb_uri: str) -> AsyncIterator[Book]:
    """The book of the company's organization, through this process."""
    connection.connect(mongodb_uri, store.name)
    yield Book(Actor.platform(ObjectId(company[0].organization.partition("_")[2])))
    await connection.close()


async def test_the_owner_sees_what_was_moved_and_members_do_not(company: list[Person], book: Book) -> None:
    owner, ada, _ = company
    await book.open("ada", "fees")
    await book.fill("ada", 123_456)
    moved = await book.move(ada=-1_000, fees=1_000)
    accounts = {one["code"]: one for one in (await owner.call("ledgerAccounts", first=10, depth=3))["nodes"]}
    shown = {"__typename": "Money", "amount": "122456", "currency": "EUR", "formatted": "€1,224.56"}
    assert accounts["ada"]["balance"] == shown
    assert accounts["bank"]["balance"]["amount"] == "-123456"
    transfer = await owner.call("ledgerTransfer", id=f"LedgerTransfer_{moved.id}", depth=3)
    assert [one["amount"]["amount"] for one in transfer["postings"]] == ["-1000", "1000"]
    assert await ada.refused("ledgerAccounts") == "FORBIDDEN"
    text = """query($id: ID!, $at: DateTime!) { ledgerAccount(id: $id) {
      then: balanceAt(knownAt: $at) { amount } now: balanceAt { amount } available { amount }
      transfers(first: 1) { nodes { kind postings { account { code } balance { amount } } }
        pageInfo { hasNextPage } } } }"""
    asked = await owner.ask(text, id=accounts["ada"]["id"], at=moved.booked_at.isoformat().replace("+00:00", "Z"))
    assert (asked["ledgerAccount"]["then"], asked["ledgerAccount"]["now"]) == ({"amount": "122456"},) * 2
    [last] = asked["ledgerAccount"]["transfers"]["nodes"]
    assert [one["account"]["code"] for one in last["postings"]] == ["ada", "fees"]


async def test_what_comes_in_goes_out_and_is_kept_is_summed(company: list[Person], book: Book) -> None:
    owner, ada, _ = company
    staff = owner.world.staff
    assert staff
    await book.open("processor:stripe", "processor:cash", "clearing:payments", bound=Bound.NONE)
    await book.open("escrow", "wallet")
    for processor, amount in (("stripe", 5_000), ("cash", 700), ("stripe", -1_200)):
        move = {f"processor:{processor}": -amount, "clearing:payments": amount}
        await ledger.transfer(book.actor, book.wanted(None, move))
    await ledger.transfer(
        book.actor, book.wanted(None, {"clearing:payments": -4_000, "escrow": 3_000, "wallet": 1_000})
    )
    await ledger.hold(book.actor, book.wanted(None, {"wallet": -400, "escrow": 400}))
    week = {"since": (now() - timedelta(days=7)).isoformat(), "by": "MONTH"}
    [flow] = await owner.call("moneyFlows", depth=3, **week)
    assert (flow["cameIn"]["amount"], flow["wentOut"]["formatted"]) == ("5700", "€12.00")
    held = {
        one["code"]: (one["amount"]["amount"], one["held"]["amount"]) for one in await owner.call("moneyHeld", depth=3)
    }
    assert held == {"clearing:payments": ("500", "0"), "escrow": ("3000", "0"), "wallet": ("1000", "400")}
    assert await staff.call("organizationMoneyFlows", depth=3, organizationId=owner.organization, **week) == [flow]
    assert len(await staff.call("organizationMoneyHeld", depth=3, organizationId=owner.organization)) == 3
    assert await ada.refused("moneyHeld") == await owner.refused(
        "organizationMoneyHeld", organizationId=ada.organization
    )
    assert await owner.refused("moneyFlows", since="2016-01-01T00:00:00Z", by="DAY") == "INVALID"
    assert await owner.call("moneyFlows", since="2016-01-01", until="2016-02-01T00:00:00Z", by="DAY") == []
    assert await owner.refused("moneyFlows", since="0001-01-01T00:00:00+14:00") == "INVALID"


async def test_a_book_that_does_not_add_up_is_named(
    company: list[Person], book: Book, processes: Processes, store: Store
) -> None:
    await book.open("ada")
    await book.fill("ada", 100)
    organization = company[0].organization
    assert "Books that add up: 1 of 1." in processes.run("ledger", "verify", "--organization", organization)
    await store["ledger_accounts"].update_one({"_id": book.ids["ada"]}, {"$inc": {"posted": 1}})
    told = processes.run("ledger", "verify", "--organization", organization, status=1)
    assert "says something else than its entries" in " ".join(told.split())
    await store["ledger_accounts"].update_one({"_id": book.ids["ada"]}, {"$inc": {"posted": -1}})
