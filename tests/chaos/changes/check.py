"""What must hold after a chaos run, whatever happened in it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from app.core import database
from app.core.changes import Change, log
from tests.chaos.changes.business import (
    BALANCE,
    ORDERS,
    WALLETS,
    ChaosEnded,
    ChaosMessageSent,
    ChaosMoneyMoved,
    ChaosOrderMoved,
)
from tests.chaos.changes.client import Client


@dataclass
class Result:
    """What a run left behind."""

    clients: list[Client]
    acknowledged: dict[str, float] = field(default_factory=dict)
    """When each event was acknowledged, by its id."""
    faults: Counter[str] = field(default_factory=Counter)


async def check(result: Result) -> list[str]:
    """Everything that is wrong, in words; nothing when all is well."""
    whole = await log.read({}, 10**6)
    return [
        *_order(whole),
        *_acknowledged(whole, result),
        *_clients(whole, result),
        *await _state(whole),
    ]


def _order(whole: list[Change]) -> list[str]:
    wrong = []
    if [change.position for change in whole] != list(range(1, len(whole) + 1)):
        wrong.append("the positions have holes")
    if twice := len(whole) - len({change.id for change in whole}):
        wrong.append(f"{twice} events are in the log twice")
    if not whole or whole[-1].type != ChaosEnded.type():
        wrong.append("the log does not end where the run ended")
    return wrong


def _acknowledged(whole: list[Change], result: Result) -> list[str]:
    lost = result.acknowledged.keys() - {str(change.id) for change in whole}
    return [f"{len(lost)} of {len(result.acknowledged)} acknowledged events are not in the log"] if lost else []


def _clients(whole: list[Change], result: Result) -> list[str]:
    wrong = []
    for number, client in enumerate(result.clients):
        expected = [(change.position, str(change.id)) for change in whole if {*change.streams} & {*client.streams}]
        found = [(position, id) for position, id, _ in client.found]
        if found != expected:
            missing, extra = len({*expected} - {*found}), len(found) - len({*found})
            wrong.append(
                f"client {number} has {len(found)} of {len(expected)} changes: {missing} missing, {extra} twice, "
                f"{'in order' if found == sorted(found) else 'out of order'}"
            )
        if client.refusals:
            wrong.append(f"client {number} was refused: {client.refusals}")
    return wrong


async def _state(whole: list[Change]) -> list[str]:
    """Documents and events, one to one."""
    wrong, events = [], [change.event for change in whole]
    sent = Counter(event.message for event in events if isinstance(event, ChaosMessageSent))
    stored = {row["_id"] async for row in database.collection("messages").find({"conversation": {"$gte": 0}})}
    if sent != Counter(stored):
        wrong.append(f"{len(stored)} messages are stored, {len(sent)} were told, {sent.total() - len(sent)} twice")

    steps = defaultdict(list)
    balances = Counter(dict.fromkeys(range(WALLETS), BALANCE))
    for event in events:
        if isinstance(event, ChaosOrderMoved):
            steps[event.order].append(event.step)
        elif isinstance(event, ChaosMoneyMoved):
            balances[event.source] -= event.amount
            balances[event.target] += event.amount
    for order in range(ORDERS):
        row = await database.collection("orders").find_one({"_id": order})
        if not row or steps[order] != list(range(1, row["step"] + 1)):
            wrong.append(f"order {order} stands at {row}, its events tell {steps[order][-5:]}")
    kept = {row["_id"]: row["balance"] async for row in database.collection("wallets").find()}
    if kept != dict(balances):
        wrong.append(f"the wallets hold {kept}, the events say {dict(balances)}")

    done = Counter({row["message"]: 1 async for row in database.collection("jobs").find()})
    count = await database.collection("jobs").count_documents({})
    if done != sent or count != sent.total():
        wrong.append(f"{count} jobs for {len(sent)} messages")
    return wrong
