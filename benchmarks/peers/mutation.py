"""Storing one document on a majority. Atrium's tells the change log in the same write; the peers' tell nobody."""

import orjson
from bson import ObjectId

from benchmarks.figures import Measurement
from benchmarks.peers.contenders import APOLLO, ATRIUM, BY_HAND, MERCURIUS, YOGA
from benchmarks.peers.pages import asks, contestant
from benchmarks.peers.stage import Stage

CLIENTS = 32
TITLE = "A mutation that stores one document with w=majority"
TEXT = "Good morning, everybody. Shall we begin?"

QUERY = "mutation Post($input: PostMessageInput!) { postMessage(input: $input) { ... on Message { id text } } }"


async def prepare(stage: Stage) -> Measurement:
    """Raises WrongAnswer unless all answer with the message."""
    said = {"room": "elsewhere", "text": TEXT}
    query = asks(QUERY, input=said)
    contestants = [
        await contestant(stage, contender, query, _is_message, clients=CLIENTS)
        for contender in (ATRIUM, APOLLO, YOGA, MERCURIUS)
    ]
    by_hand = await contestant(stage, BY_HAND, orjson.dumps(said), _is_message, clients=CLIENTS, path="/messages")
    return Measurement(TITLE, "messages", [*contestants, by_hand])


def _is_message(body: bytes) -> bool:
    data = orjson.loads(body).get("data") or {}
    shown = data.get("postMessage") or {}
    kind, _, id = str(shown.get("id")).partition("_")
    return kind == "Message" and ObjectId.is_valid(id) and list(shown) == ["id", "text"] and shown["text"] == TEXT
