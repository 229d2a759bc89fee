"""R72: of a release, a refund, a dispute and the end of the review that come at once one happens, and money moves once.

ESCROW_RACES=300 is the long form.
"""

import asyncio
import os
import random
from collections.abc import Awaitable
from contextlib import nullcontext
from datetime import timedelta

import pytest
from bson import ObjectId

from app.core.clock import now
from app.core.errors import Conflict
from app.core.ledger import turns
from app.models import Escrow, EscrowState
from app.services.ledger import escrows, pay_rules
from app.services.ledger.escrows import EscrowAction, EscrowDispute, EscrowRefund, EscrowRelease, EscrowRuling
from app.services.ledger.pay_rules import PayRulesUpdate
from tests.services.ledger.school import School

RACES = int(os.environ.get("ESCROW_RACES", "20"))
PRICE = 1_001
FEE = 100
"""A tenth of the price, rounded."""


async def test_whoever_is_first_decides_and_money_moves_once(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without turns, as between processes."""
    monkeypatch.setattr(turns, "turn", lambda _: nullcontext())
    await pay_rules.update(school.owner, PayRulesUpdate(escrow_fee_rate=1_000))
    await school.fill("wallet", school.buyer, RACES * PRICE)
    won: set[str] = set()
    for number in range(RACES):
        won.add(await _race(school, random.Random(number)))
    assert len(won) >= 3, "the race is not one"
    assert await school.faults() == []


async def _race(school: School, dice: random.Random) -> str:
    """Who has won."""
    before = {code: await school.has(code, who) for code, who in _accounts(school)}
    id = await school.escrow(PRICE)
    action = EscrowAction(escrow_id=id)
    await escrows.submit(school.seller, action)
    later = now() + timedelta(days=4)
    contenders: dict[str, Awaitable[object]] = {
        "release": escrows.release(school.buyer, EscrowRelease(escrow_id=id)),
        "refund": escrows.refund(school.seller, EscrowRefund(escrow_id=id)),
        "dispute": escrows.dispute(school.buyer, EscrowDispute(escrow_id=id, about="It is not what I wanted.")),
        "time_out": escrows.time_out(school.platform, id, later),
    }
    names = list(contenders)
    dice.shuffle(names)
    barrier = asyncio.Barrier(len(names))

    async def run(name: str) -> str | None:
        await barrier.wait()
        try:
            await contenders[name]
        except Conflict:
            return None
        return name

    done = {name for name in await asyncio.gather(*map(run, names)) if name}
    state = (await Escrow.require(school.platform, id)).state
    winner = {
        EscrowState.REFUNDED: {"refund"},
        EscrowState.DISPUTED: {"dispute"},
        EscrowState.RELEASED: {"release", "time_out"},
    }[state]
    # The clock is not refused: it finds that there is nothing to do.
    assert done - {"time_out"} <= winner
    assert state is not EscrowState.RELEASED or done & winner
    if state is EscrowState.DISPUTED:
        await _rule(school, id)
    row = await Escrow.require(school.platform, id)
    assert row.state in (EscrowState.RELEASED, EscrowState.REFUNDED, EscrowState.SPLIT)
    assert row.released + row.returned == PRICE
    fee = {0: 0, PRICE: FEE}.get(row.released, row.fee)
    assert row.fee == fee
    gained = {code: await school.has(code, who) - before[code] for code, who in _accounts(school)}
    assert gained == {"wallet": row.returned - PRICE, "earnings": row.released - row.fee, "fees": row.fee}
    assert await school.has("escrow", id) == 0
    assert len(await school.transfers(f"Escrow_{id}")) == 2, "one has filled it, and one emptied it"
    return "release" if "release" in done else "time_out" if state is EscrowState.RELEASED else winner.pop()


async def _rule(school: School, id: ObjectId) -> None:
    """Two rulings at once: one counts."""
    rulings = [
        escrows.rule(school.owner, EscrowRuling(escrow_id=id, seller_amount=amount)) for amount in (PRICE // 2, 0)
    ]
    answers = await asyncio.gather(*rulings, return_exceptions=True)
    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]


def _accounts(school: School) -> list[tuple[str, ObjectId | None]]:
    return [("wallet", school.buyer.user_id), ("earnings", school.seller.user_id), ("fees", None)]
