"""R70: a thousand wallet operations at once, a fifth of them sent twice, while MongoDB loses its primary."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from beanie import init_beanie
from bson import ObjectId
from pymongo.errors import PyMongoError

from app.core import changes, database, ledger
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import AppError, Unavailable
from app.core.ledger import Leg, Phase, Transferring
from app.models import LedgerAccount, LedgerAccountDocument, LedgerTransfer, LedgerTransferDocument
from tests.chaos.failover.strikes import STRIKES
from tests.faults.deployment import DATABASE, deployed
from tests.faults.storms import chance

ACCOUNTS = 50
BALANCE = 1_000
IN_FLIGHT = 64
TWICE = 0.2
TRIES = 20
"""How often an operation whose fate is not known is asked for again, with the same key."""


@dataclass
class Round:
    """One run: what became of the operations, and what is wrong with the book."""

    seed: int
    hot: bool
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Of each operation, its repetitions included."""
    repeated: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] if self.seconds else 0.0


async def run(seeds: Sequence[int], operations: int, directory: Path, *, nodes: int = 3) -> list[Round]:
    """Every seed twice: with one account that half of the operations concern, and without."""
    rounds = []
    async with deployed(directory, nodes=nodes) as deployment:
        database.connect(deployment.mongo.uri, DATABASE)
        try:
            await init_beanie(database.database(), document_models=[LedgerAccountDocument, LedgerTransferDocument])
            await changes.prepare()
            for seed in seeds:
                for hot in (False, True):
                    one = Round(seed, hot)
                    async with asyncio.TaskGroup() as group:
                        work = group.create_task(_work(one, operations))
                        await asyncio.sleep(chance(seed, "strike").uniform(0.2, 1.0))
                        if not work.done():
                            former, struck = await deployment.mongo.elected(), await deployment.primary()
                            if nodes > 1:
                                await STRIKES["kill -9"].do(deployment, struck, former, 0)
                            else:
                                await struck.restart()
                    rounds.append(one)
        finally:
            await database.close()
    return rounds


async def _work(one: Round, operations: int) -> None:
    actor = Actor.platform(new_id())
    bank = await ledger.open_account(actor, "bank", "EUR")
    opened = [ledger.open_account(actor, f"wallet-{n}", "EUR", bound=ledger.Bound.CREDIT) for n in range(ACCOUNTS)]
    ids = [account.id for account in await asyncio.gather(*opened)]
    for id in ids:
        legs = [Leg(bank.id, -BALANCE), Leg(id, BALANCE)]
        await ledger.transfer(actor, Transferring(key=f"fill-{id}", kind="fill", legs=legs))
    turns = asyncio.Semaphore(IN_FLIGHT)

    async def operate(number: int) -> None:
        async with turns:
            await _operation(one, actor, ids, number)

    await asyncio.gather(*(operate(number) for number in range(operations)))
    one.problems += await _problems(actor, ids)


async def _operation(one: Round, actor: Actor, ids: Sequence[ObjectId], number: int) -> None:
    dice = chance(one.seed, f"operation {number}")
    payer, payee = dice.sample(ids, 2)
    if one.hot and dice.random() < 0.5:
        payee = ids[0] if payer != ids[0] else payee
    amount = dice.randrange(1, 300)
    wanted = Transferring(key=f"op-{number}", kind="move", legs=[Leg(payer, -amount), Leg(payee, amount)])
    begun = time.monotonic()
    one.outcomes[await _until_known(one, actor, wanted, dice)] += 1
    one.seconds.append(time.monotonic() - begun)


async def _until_known(one: Round, actor: Actor, wanted: Transferring, dice: Random) -> str:
    """Ask until it is known what became of it, some of those that succeed once more."""
    kind = dice.choice(["transfer", "settle", "void", "reverse"])
    again = dice.random() < TWICE
    for _ in range(TRIES):
        try:
            await _once(actor, wanted, kind)
        except (Unavailable, PyMongoError):  # the same key finds out
            one.repeated += 1
        except AppError as error:
            return error.code
        else:
            if not again:
                return kind
            again = False
            one.repeated += 1
        await asyncio.sleep(dice.uniform(0.05, 0.3))
    return "UNKNOWN"


async def _once(actor: Actor, wanted: Transferring, kind: str) -> None:
    if kind in ("transfer", "reverse"):
        written = await ledger.transfer(actor, wanted)
        if kind == "reverse":
            await ledger.reverse(actor, written.id, key=f"{wanted.key}-back")
        return
    held = await ledger.hold(actor, wanted)
    end = ledger.settle if kind == "settle" else ledger.void
    await end(actor, held.id, key=f"{wanted.key}-end")


async def _problems(actor: Actor, ids: Sequence[ObjectId]) -> list[str]:
    assert actor.organization_id
    found = [f"{fault.what}: {fault.id}" for fault in await ledger.faults(actor.organization_id)]
    accounts = {row.id: row for row in await LedgerAccount.select(actor)}
    sums: Counter[ObjectId] = Counter()
    for transfer in await LedgerTransfer.select(actor):
        if sum(posting.amount for posting in transfer.postings):
            found.append(f"{transfer.key} does not balance")
        if transfer.phase in (Phase.POSTED, Phase.SETTLED):
            for posting in transfer.postings:
                sums[posting.account_id] += posting.amount
    if sum(accounts[id].posted for id in ids) != ACCOUNTS * BALANCE:
        found.append("money was lost or made")
    for id in ids:
        if accounts[id].posted != sums[id]:
            found.append(f"{accounts[id].code} has {accounts[id].posted}, its entries come to {sums[id]}")
        if accounts[id].available < 0:
            found.append(f"{accounts[id].code} has less than nothing")
    return found
