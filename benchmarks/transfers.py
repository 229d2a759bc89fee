"""Money moved between accounts: by the ledger, and by a transaction for each transfer as one would write it at first.

Each function runs in the writer's process and ends with it.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession

from app.core import database, ledger
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.ledger import Bound, Leg, Transferring
from app.models import LedgerTransfer
from benchmarks.clients import WARM_UP_SECONDS
from benchmarks.figures import Contestant, Measurement, Round
from benchmarks.inserts import connected, write
from benchmarks.processors import spent
from benchmarks.stage import Stage

IN_FLIGHT, ACCOUNTS = 64, 1_000
PLENTY = 10**12
HISTORIES = (10_000, 1_000_000)
BATCH = 5_000
NAIVE = "naive_accounts", "naive_transfers"

Move = Callable[[int], Awaitable[object]]


async def prepare(stage: Stage) -> Measurement:
    return _measurement(stage, f"Transfers over {ACCOUNTS:,} accounts, {IN_FLIGHT} in flight", hot=False)


async def prepare_hot(stage: Stage) -> Measurement:
    return _measurement(stage, f"Transfers that all concern one account, {IN_FLIGHT} in flight", hot=True)


async def prepare_histories(stage: Stage) -> Measurement:
    """What an account's past costs; the last contestant has the shortest."""
    contestants = []
    for what in (balance, transfer):
        for entries in reversed(HISTORIES):
            title = f"{what.__name__}, with {entries:,} entries behind it"
            contestants.append(Contestant(title, _in_process(stage, with_history, what.__name__, entries)))
    return Measurement("A ledger that grows, one at a time", "operations", contestants, beside="of the\nlast")


def _measurement(stage: Stage, title: str, *, hot: bool) -> Measurement:
    contestants = [
        Contestant("ledger.transfer", _in_process(stage, grouped, hot)),
        Contestant("a transaction each, with the driver's retry", _in_process(stage, naive, hot)),
    ]
    return Measurement(title, "transfers", contestants, beside="of the\nnaive")


def _in_process(stage: Stage, measure: Callable[..., Round], *arguments: Any) -> Callable[[float], Any]:
    def turn(seconds: float) -> Any:
        call = partial(measure, *arguments, seconds, stage.shared_pids)
        return asyncio.get_running_loop().run_in_executor(stage.writer, call)

    return turn


def grouped(hot: bool, seconds: float, pids: Mapping[str, int]) -> Round:
    """`ledger.transfer`, outside any scope."""

    async def measure() -> Round:
        actor = Actor.platform(new_id())
        opened = (ledger.open_account(actor, f"a{n}", "EUR", bound=Bound.CREDIT) for n in range(ACCOUNTS))
        ids = [account.id for account in await asyncio.gather(*opened)]
        bank = await ledger.open_account(actor, "bank", "EUR")
        fill = ([Leg(bank.id, -PLENTY), Leg(id, PLENTY)] for id in ids)
        await asyncio.gather(*(ledger.transfer(actor, Transferring(key=str(new_id()), kind="f", legs=o)) for o in fill))

        async def move(_: int) -> object:
            payer, payee = _pair(ids, hot)
            legs = [Leg(payer, -1), Leg(payee, 1)]
            return await ledger.transfer(actor, Transferring(key=str(new_id()), kind="move", legs=legs))

        found = await _timed(move, IN_FLIGHT, seconds, pids)
        assert actor.organization_id
        if faults := await ledger.faults(actor.organization_id):
            raise AssertionError(faults[:3])
        return found

    return connected(measure)


def naive(hot: bool, seconds: float, pids: Mapping[str, int]) -> Round:
    """Two updates and an insert in one transaction, which the driver repeats when it met another."""

    async def measure() -> Round:
        accounts, transfers = (database.collection(name) for name in NAIVE)
        await accounts.delete_many({})
        ids = [new_id() for _ in range(ACCOUNTS)]
        await accounts.insert_many([{"_id": id, "balance": PLENTY} for id in ids])

        async def move(_: int) -> object:
            payer, payee = _pair(ids, hot)

            async def work(session: AsyncClientSession) -> None:
                enough = {"_id": payer, "balance": {"$gte": 1}}
                taken = await accounts.update_one(enough, {"$inc": {"balance": -1}}, session=session)
                assert taken.modified_count
                await accounts.update_one({"_id": payee}, {"$inc": {"balance": 1}}, session=session)
                row = {"_id": new_id(), "payer": payer, "payee": payee, "amount": 1, "at": now()}
                await transfers.insert_one(row, session=session)

            async with database.client().start_session() as session:
                return await session.with_transaction(work)

        return await _timed(move, IN_FLIGHT, seconds, pids)

    return connected(measure)


def with_history(what: str, entries: int, seconds: float, pids: Mapping[str, int]) -> Round:
    """One operation after another on an account with a long past, which is made when it is needed first."""

    async def measure() -> Round:
        actor = Actor.platform(ObjectId(f"{entries:024d}"))
        bank = await ledger.open_account(actor, "bank", "EUR")
        shop = await ledger.open_account(actor, "shop", "EUR")
        await _fill(actor, bank.id, shop.id, entries)
        operation = {"transfer": transfer, "balance": balance}[what]
        return await _timed(lambda number: operation(actor, bank.id, shop.id), 1, seconds, pids)

    return connected(measure)


async def transfer(actor: Actor, bank: ObjectId, shop: ObjectId) -> object:
    legs = [Leg(bank, -1), Leg(shop, 1)]
    return await ledger.transfer(actor, Transferring(key=str(new_id()), kind="move", legs=legs))


async def balance(actor: Actor, bank: ObjectId, shop: ObjectId) -> object:
    """As it was at some moment of the past, by when it was booked."""
    first = await LedgerTransfer.select(actor, limit=1)
    at = first[0].booked_at + (now() - first[0].booked_at) * random.random()
    return await ledger.balance(actor, shop, known_at=at)


async def _fill(actor: Actor, bank: ObjectId, shop: ObjectId, entries: int) -> None:
    """By the ledger, many at a time."""
    missing = entries - await LedgerTransfer.tally(actor, cap=entries)
    while missing > 0:
        moves = (transfer(actor, bank, shop) for _ in range(min(BATCH, missing)))
        await asyncio.gather(*moves)
        missing -= BATCH


async def _timed(move: Move, in_flight: int, seconds: float, pids: Mapping[str, int]) -> Round:
    await write(move, in_flight, WARM_UP_SECONDS)
    start = time.perf_counter()
    with spent({"server": os.getpid(), **pids}) as cpu:
        times = await write(move, in_flight, seconds)
    return Round.of(time.perf_counter() - start, times, 0, cpu)


def _pair(ids: Sequence[ObjectId], hot: bool) -> tuple[ObjectId, ObjectId]:
    payer, payee = random.sample(ids[1:], 2)
    return (payer, ids[0]) if hot else (payer, payee)
