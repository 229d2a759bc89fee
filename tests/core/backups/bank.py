"""Writers that never rest, whose books must agree at every moment, and who keep notes of their own."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import database
from app.core.actor import Actor
from app.core.changes import Event, atomic, change, emit, insert
from app.core.clock import new_id
from app.core.database import Document
from app.core.rows import Row

ACTOR = Actor(ObjectId("5" * 24))
ACCOUNTS, START = 1_000, 100
COUNTERS = 4


@dataclass(kw_only=True)
class Account(Row):
    collection = "accounts"
    id: int  # type: ignore[assignment]
    balance: int


@dataclass(kw_only=True)
class Transfer(Row):
    collection = "transfers"
    id: ObjectId = field(default_factory=new_id)
    source: int
    target: int
    amount: int


@dataclass(kw_only=True)
class Counter(Row):
    collection = "counters"
    id: int  # type: ignore[assignment]
    steps: list[int]
    deep: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class BankMoneyMoved(Event):
    transfer: ObjectId


@dataclass(frozen=True, kw_only=True)
class BankStepMade(Event):
    counter: int
    step: int


@dataclass
class Notes:
    """What the writers saw: each step of a counter, with the clock before it was sent and after it was acknowledged."""

    steps: list[list[tuple[float, float]]] = field(default_factory=lambda: [[] for _ in range(COUNTERS)])
    transfers: int = 0

    def steps_until(self, counter: int, moment: float) -> tuple[int, int]:
        """How many steps must have been made by then, and how many may have been, by a clock of milliseconds."""
        steps = self.steps[counter]
        return sum(after < moment for _, after in steps), sum(before <= moment + 0.001 for before, _ in steps)


async def open_bank() -> None:
    for number in range(ACCOUNTS):
        await insert(Account(id=number, balance=START))
    for number in range(COUNTERS):
        await insert(Counter(id=number, steps=[], deep={"a": {"b": 0}}))
    await database.collection("transfers").create_index([("source", 1), ("_id", -1)])


@atomic
async def move(source: int, target: int, amount: int) -> None:
    transfer = Transfer(source=source, target=target, amount=amount)
    await change(Account, {"_id": source}, {"$inc": {"balance": -amount}})
    await change(Account, {"_id": target}, {"$inc": {"balance": amount}})
    await insert(transfer)
    emit(BankMoneyMoved(ACTOR, transfer=transfer.id))


@asynccontextmanager
async def busy(seed: int) -> AsyncIterator[Notes]:
    """The bank works while the body runs."""
    notes, ended = Notes(), asyncio.Event()

    async def count(counter: int) -> None:
        step = 0
        while not ended.is_set():
            before = datetime.now(UTC).timestamp()
            modifiers = {"$push": {"steps": step}, "$inc": {"deep.a.b": 1}, "$set": {f"deep.n{step % 5}": step}}
            await change(Counter, {"_id": counter}, modifiers, BankStepMade(ACTOR, counter=counter, step=step))
            notes.steps[counter].append((before, datetime.now(UTC).timestamp()))
            step += 1

    async def transfer(chance: random.Random) -> None:
        while not ended.is_set():
            source, target = chance.sample(range(ACCOUNTS), 2)
            await move(source, target, chance.randint(1, 50))
            notes.transfers += 1

    work = [count(number) for number in range(COUNTERS)] + [transfer(random.Random(seed + n)) for n in range(4)]
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.sleep(0.2)
        yield notes
    finally:
        ended.set()
        await asyncio.gather(*tasks)


async def disagreements(books: AsyncDatabase[Document]) -> list[str]:
    """What is wrong with the books: nothing, at any one moment."""
    meant = dict.fromkeys(range(ACCOUNTS), START)
    async for row in books.transfers.find():
        meant[row["source"]] -= row["amount"]
        meant[row["target"]] += row["amount"]
    found = {row["_id"]: row["balance"] async for row in books.accounts.find()}
    wrong = [f"account {n}: {found.get(n)}, its history says {meant[n]}" for n in meant if found.get(n) != meant[n]]
    if sum(found.values()) != ACCOUNTS * START:
        wrong.append(f"all accounts hold {sum(found.values())}")
    async for row in books.counters.find():
        count = len(row["steps"])
        if row["steps"] != list(range(count)) or row["deep"]["a"]["b"] != count:
            wrong.append(f"counter {row['_id']} skipped")
    return wrong


async def hashes(books: AsyncDatabase[Document]) -> dict[str, str]:
    """Of the collections of the bank."""
    names = [Account.collection, Transfer.collection, Counter.collection]
    answer = await books.command("dbHash", collections=names)
    return dict(answer["collections"])


async def indexes(books: AsyncDatabase[Document]) -> dict[str, Any]:
    names = sorted(await books.list_collection_names())
    return {name: await books[name].index_information() for name in names}
