"""What must hold in the end, compared message by message: senders, listeners, the log, the database, the API."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from app.models import Message
from app.models.messaging.events import MessageSent
from tests.chaos.conversations.clients import Listener, Record
from tests.world import Person

PAGE = """query Page($id: ID!, $after: String) {
  conversation(id: $id) { messages(first: 100, after: $after) {
    nodes { id clientMessageId } pageInfo { hasNextPage endCursor } } } }"""
PASSING = {"UNAVAILABLE", "TIMEOUT"}
"""Refusals that say: try again."""
PASSING_CLOSINGS = ("received 1012", "received 1013", "received 4408")
"""The same, of sockets; 4408 comes when the server was frozen while a socket opened."""

Keys = dict[str, list[str]]
"""The ids of the messages by `clientMessageId`."""


async def problems(database: AsyncDatabase[dict[str, Any]], listeners: Iterable[Listener], record: Record) -> list[str]:
    """What does not hold of the database, the log and what the listeners heard."""
    keys: Keys = defaultdict(list)
    stored: dict[str, set[str]] = defaultdict(set)
    async for row in database[Message.collection].find({}, {"client_message_id": 1, "conversation_id": 1}):
        keys[row["client_message_id"]].append(f"Message_{row['_id']}")
        stored[f"Conversation_{row['conversation_id']}"].add(f"Message_{row['_id']}")
    positions, told = await _log(database)
    found = [f"the database holds {problem}" for problem in _kept(keys, record)]
    if positions != list(range(1, len(positions) + 1)):
        found.append("the positions of the log are not dense")
    found += [f"{id}: the log tells {what}" for id in stored if (what := _difference(told[id], sorted(stored[id])))]
    for listener in listeners:
        for id, heard in listener.heard.items():
            if what := _difference(heard, told[id]):
                found.append(f"{listener.name} in {id} heard {what}")
            elif heard != told[id]:
                found.append(f"{listener.name} in {id} heard all, in another order than the log's")
    return found


async def shown(members: dict[str, Person], record: Record) -> list[str]:
    """What does not hold of the conversations as the API pages through them for one of their members."""
    keys: Keys = defaultdict(list)
    for id, member in members.items():
        after, more = None, True
        while more:
            page = (await member.ask(PAGE, id=id, after=after))["conversation"]["messages"]
            for node in page["nodes"]:
                keys[node["clientMessageId"]].append(node["id"])
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return [f"the API shows {problem}" for problem in _kept(keys, record)]


def refused(record: Record) -> list[str]:
    """What a client in good order must never be told, whatever happens to the servers."""
    codes = {code for code in [*record.answers, *record.interruptions] if code.isupper()}
    closings = {what for what in record.interruptions if what.startswith("received")}
    passing = {what for what in closings if what.startswith(PASSING_CLOSINGS)}
    return [f"a client was told: {what}" for what in sorted((codes - PASSING) | (closings - passing))]


async def _log(database: AsyncDatabase[dict[str, Any]]) -> tuple[list[int], dict[str, list[str]]]:
    """All positions, and the ids of the messages of each conversation in the log's order."""
    positions: list[int] = []
    told: dict[str, list[str]] = defaultdict(list)
    async for row in database["log"].find({}, {"t": 1, "s": 1, "d.message": 1}).sort("_id", 1):
        positions.append(row["_id"])
        if row["t"] == MessageSent.type():
            for stream in row["s"]:
                if stream.startswith("c:"):
                    told[f"Conversation_{stream[2:]}"].append(f"Message_{row['d']['message']}")
    return positions, told


def _kept(keys: Keys, record: Record) -> Iterable[str]:
    """Each acknowledged message once, each other at most once, and no message that nobody sent."""
    yield from (f"{key}, which nobody sent" for key in keys.keys() - record.sent.keys())
    for key, sent in record.sent.items():
        ids = keys.get(key, [])
        if len(ids) > 1:
            yield f"{key} {len(ids)} times"
        elif sent.id and not ids:
            yield f"no {key}, which was acknowledged"
        elif sent.id and ids != [sent.id]:
            yield f"{key} by another id than was acknowledged"


def _difference(heard: Sequence[str], told: Sequence[str]) -> str:
    """What is missing, and what is too much; empty when they are the same but for the order."""
    missing, extra = Counter(told) - Counter(heard), Counter(heard) - Counter(told)
    parts = (f"{count.total()} {what}" for count, what in ((missing, "too few"), (extra, "too many")) if count)
    return " and ".join(f"{part} of {len(told)}" for part in parts)
