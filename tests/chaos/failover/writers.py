"""Who writes during a failover: through the change log's own functions, and through the API as its clients do."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import httpx
from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import new_id
from app.core.errors import Unavailable
from app.core.rows import Row
from tests.chaos.conversations.clients import SEND
from tests.faults.histories import History, Outcome
from tests.world import Person, World

PAUSE = 0.1
"""Seconds between two writes of a writer, on average."""
ACTOR = Actor(ObjectId("0" * 24))


@dataclass(kw_only=True)
class Entry(Row):
    collection: ClassVar[str] = "chaos_entries"
    id: ObjectId = field(default_factory=new_id)
    key: str


@dataclass(frozen=True, kw_only=True)
class ChaosEntryMade(Event):
    key: str

    def feeds(self) -> list[str]:
        return ["chaos"]


Write = Callable[[str, str], Awaitable[Any]]
"""Writes what has a key once, for a client. Raises what `History.run` knows."""


async def insert(client: str, key: str) -> None:
    """The same key again answers the first entry."""
    await changes.insert_once(Entry(key=key), {"key": key}, ChaosEntryMade(ACTOR, key=key))


@dataclass
class Refused:
    """The codes of errors that clients of the API were shown, and those that did not say `retryable`."""

    codes: list[str] = field(default_factory=list)
    final: list[dict[str, Any]] = field(default_factory=list)


def sending(person: Person, conversation: str, worlds: Sequence[World], refused: Refused) -> Write:
    """Messages of a person, through any of the servers."""
    turns = itertools.cycle(worlds)

    async def send(client: str, key: str) -> None:
        given = {"conversationId": conversation, "text": key, "clientMessageId": key}
        try:
            response = await replace(person, world=next(turns)).post(SEND, {"input": given})
        except httpx.TransportError as error:
            raise ConnectionError(repr(error)) from error
        answer = response.json()
        if answer.get("data") and "id" in (answer["data"]["sendMessage"] or {}):
            return
        shown = answer["errors"][0]["extensions"] if answer.get("errors") else answer["data"]["sendMessage"]
        refused.codes.append(shown["code"])
        if not shown.get("retryable"):
            refused.final.append(shown)
        raise Unavailable(shown["code"])

    return send


async def keep_writing(client: str, write: Write, history: History, chance: random.Random, stop: asyncio.Event) -> None:
    """One thing after another, each again until it is acknowledged."""
    for number in itertools.count():
        if stop.is_set():
            return
        key = f"{client}/{number}"
        while True:
            operation = await history.run(client, key, lambda key=key: write(client, key))  # type: ignore[misc]
            if operation.outcome is not Outcome.UNKNOWN:
                break
            await asyncio.sleep(chance.uniform(0.05, 0.3))
        await asyncio.sleep(chance.expovariate(1 / PAUSE))
