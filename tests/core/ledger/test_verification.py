"""R76: whatever was done to a book past the ledger is found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import ledger
from app.core.clock import new_id
from app.core.database import Document
from app.core.ledger import Transfer
from app.core.ledger.transfers import digest
from tests.core.ledger.books import Book


@dataclass
class Stored:
    """A book with some history, and its documents."""

    book: Book
    database: AsyncDatabase[Document]
    moved: Transfer
    held: Transfer
    settled: Transfer
    open: Transfer

    async def sign(self, id: ObjectId) -> None:
        found = Transfer.decode((await self.database.ledger_transfers.find_one({"_id": id})) or {})
        await self.database.ledger_transfers.update_one({"_id": id}, {"$set": {"digest": digest(found)}})

    async def copy(self, one: Transfer, **other: Any) -> None:
        """Write a transfer again, as another."""
        row = await self.database.ledger_transfers.find_one({"_id": one.id})
        assert row
        made = new_id()
        await self.database.ledger_transfers.insert_one({**row, "_id": made, "key": str(made), **other})
        await self.sign(made)

    async def account(self, name: str, **changes: Any) -> None:
        await self.database.ledger_accounts.update_one({"_id": self.book.ids[name]}, {"$inc": changes})

    async def set(self, name: str, **changes: Any) -> None:
        await self.database.ledger_accounts.update_one({"_id": self.book.ids[name]}, {"$set": changes})


@pytest.fixture
async def stored(book: Book, documents: AsyncDatabase[Document]) -> Stored:
    await book.open("ada", "bob")
    await book.fill("ada", 100)
    moved = await book.move(ada=-10, bob=10)
    held = await book.hold(ada=-20, bob=20)
    settled = await ledger.settle(book.actor, held.id, key="settled")
    freed = await book.hold(ada=-20, bob=20)
    await ledger.void(book.actor, freed.id, key="freed")
    open = await book.hold(ada=-5, bob=5)
    return Stored(book, documents, moved, held, settled, open)


async def _missing_leg(one: Stored) -> None:
    await one.database.ledger_transfers.update_one({"_id": one.moved.id}, {"$pop": {"postings": 1}})
    await one.sign(one.moved.id)


async def _set(one: Stored, id: ObjectId, **values: Any) -> None:
    await one.database.ledger_transfers.update_one(
        {"_id": id}, {"$set": {name.replace("__", "."): value for name, value in values.items()}}
    )


async def _wrong_currency(one: Stored) -> None:
    await _set(one, one.moved.id, postings__0__currency="USD", postings__1__currency="USD")
    await one.sign(one.moved.id)


async def _other_amounts(one: Stored) -> None:
    await _set(one, one.moved.id, postings__0__amount=-11, postings__1__amount=11)
    await one.sign(one.moved.id)


async def _other_amounts_and_balances(one: Stored) -> None:
    """Two accounts agree with a transfer that was altered; its digest does not."""
    await _set(one, one.open.id, postings__0__amount=-6, postings__1__amount=6)
    await one.account("ada", held=1)
    await one.account("bob", coming=1)


async def _lost_transfer(one: Stored) -> None:
    await one.database.ledger_transfers.delete_one({"_id": one.moved.id})


async def _lost_last_transfer(one: Stored) -> None:
    await one.database.ledger_transfers.delete_one({"_id": one.open.id})


async def _posted_twice(one: Stored) -> None:
    postings = [
        {"account_id": p.account_id, "amount": p.amount, "currency": p.currency, "entry": 90, "balance": 0}
        for p in one.moved.postings
    ]
    await one.copy(one.moved, postings=postings)


async def _settled_too_much(one: Stored) -> None:
    await _set(one, one.settled.id, postings__0__amount=-21, postings__1__amount=21)
    await one.sign(one.settled.id)


async def _settled_nothing(one: Stored) -> None:
    await _set(one, one.settled.id, settles_id=new_id())
    await one.sign(one.settled.id)


async def _another_reason(one: Stored) -> None:
    await _set(one, one.moved.id, memo="Another.")


async def _another_time(one: Stored) -> None:
    await _set(one, one.moved.id, value_at=one.held.booked_at)


CORRUPTIONS: list[Callable[[Stored], Awaitable[object]]] = [
    _missing_leg,
    _wrong_currency,
    _other_amounts,
    _other_amounts_and_balances,
    _lost_transfer,
    _lost_last_transfer,
    _posted_twice,
    _settled_too_much,
    _settled_nothing,
    _another_reason,
    _another_time,
    lambda one: one.account("ada", posted=1),
    lambda one: one.account("ada", held=1),
    lambda one: one.account("bob", coming=-1),
    lambda one: one.account("ada", entries=1),
    lambda one: one.set("ada", currency="USD"),
    lambda one: one.set("bank", bound="credit"),
    lambda one: one.database.ledger_accounts.delete_one({"_id": one.book.ids["bob"]}),
]


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=[str(n) for n in range(len(CORRUPTIONS))])
async def test_what_was_corrupted_is_found(stored: Stored, corrupt: Callable[[Stored], Awaitable[object]]) -> None:
    assert await stored.book.faults() == []
    await corrupt(stored)
    assert await stored.book.faults() != []


async def test_what_came_before_what_it_settles_is_no_fault(stored: Stored) -> None:
    """Clocks of processes differ: an id may sort before that of an earlier transfer."""
    row = await stored.database.ledger_transfers.find_one_and_delete({"_id": stored.settled.id})
    assert row
    early = ObjectId("0" * 24)
    await stored.database.ledger_transfers.insert_one({**row, "_id": early})
    await stored.sign(early)
    assert await stored.book.faults() == []
    await stored.database.ledger_transfers.delete_one({"_id": early})
