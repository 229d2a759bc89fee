"""What the writers of a chaos run do: messages, orders that move, money that changes hands."""

import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bson import ObjectId

from app.core import changes, database
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import new_id
from app.core.rows import Row

CONVERSATIONS, ORDERS, WALLETS, BALANCE = 20, 10, 10, 1_000
ACTOR = Actor(ObjectId("0" * 24))


@dataclass(kw_only=True)
class Message(Row):
    collection: ClassVar[str] = "messages"
    id: ObjectId = field(default_factory=new_id)
    conversation: int
    text: str


@dataclass(kw_only=True)
class Order(Row):
    collection: ClassVar[str] = "orders"
    id: int  # type: ignore[assignment]
    step: int = 0


@dataclass(kw_only=True)
class Wallet(Row):
    collection: ClassVar[str] = "wallets"
    id: int  # type: ignore[assignment]
    balance: int = BALANCE


@dataclass(frozen=True, kw_only=True)
class ChaosMessageSent(Event):
    message: ObjectId
    conversation: int

    def feeds(self) -> list[str]:
        return [f"c:{self.conversation}"]


@dataclass(frozen=True, kw_only=True)
class ChaosOrderMoved(Event):
    order: int
    step: int

    def feeds(self) -> list[str]:
        return [f"r:{self.order}"]


@dataclass(frozen=True, kw_only=True)
class ChaosMoneyMoved(Event):
    source: int
    target: int
    amount: int

    def feeds(self) -> list[str]:
        return [f"w:{self.source}", f"w:{self.target}"]


@dataclass(frozen=True, kw_only=True)
class ChaosEnded(Event):
    def feeds(self) -> list[str]:
        return ["end"]


async def prepare() -> None:
    """The log, and something to begin with."""
    await changes.prepare()
    for name in (Message.collection, "jobs"):
        await database.database().create_collection(name)
    for order in range(ORDERS):
        await changes.insert(Order(id=order))
    for wallet in range(WALLETS):
        await changes.insert(Wallet(id=wallet))


async def send(chance: random.Random) -> ObjectId:
    message = Message(conversation=chance.randrange(CONVERSATIONS), text="x" * 200)
    event = ChaosMessageSent(ACTOR, message=message.id, conversation=message.conversation)
    await changes.insert(message, event)
    return event.id


async def move(chance: random.Random) -> ObjectId:
    """Look, then act on what was seen: a step of a state machine."""
    order = chance.randrange(ORDERS)
    while True:
        seen = await database.collection(Order.collection).find_one({"_id": order})
        assert seen is not None
        step = seen["step"] + 1
        event = ChaosOrderMoved(ACTOR, order=order, step=step)
        if await changes.change(Order, {"_id": order, "step": step - 1}, {"$set": {"step": step}}, event):
            return event.id


@changes.atomic
async def transfer(chance: random.Random) -> ObjectId:
    source, target = chance.sample(range(WALLETS), 2)
    amount = chance.randint(1, 9)
    await changes.change(Wallet, {"_id": source}, {"$inc": {"balance": -amount}})
    await changes.change(Wallet, {"_id": target}, {"$inc": {"balance": amount}})
    event = ChaosMoneyMoved(ACTOR, source=source, target=target, amount=amount)
    changes.emit(event)
    return event.id


async def rehearse(chance: random.Random) -> None:
    """A dry run of each, which must leave no trace."""
    await changes.rehearse(lambda: transfer(chance))
    await changes.rehearse(lambda: send(chance))


WRITES: tuple[Callable[[random.Random], Coroutine[Any, Any, ObjectId | None]], ...] = (
    *[send] * 4,
    *[move] * 2,
    transfer,
    rehearse,
)
