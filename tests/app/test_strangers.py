"""S22: whatever strangers send, nothing fails on our side: random operations, and bytes that are no requests.

`make fuzz` draws more of each.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests import documents
from tests.app import hostile
from tests.app.scenes import Scene, scene
from tests.equivalence.fuzz.operations import Drawn, Grammar
from tests.world import Person

OPERATIONS = int(os.environ.get("FUZZ_OPERATIONS", "400"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
PATIENCE = 60 + OPERATIONS // 2
AVOIDED = {"register", "signIn", "signOut", "leaveOrganization", "deleteOrganization", "revokeApiKey"}
"""What takes a password's hash to compute, or away what the operations are about."""
OURS = {"INTERNAL"}


@pytest.fixture(scope="module")
async def stage(people: list[Person]) -> Scene:
    return await scene(people)


def _operations(stage: Scene) -> Iterator[Drawn]:
    strings = (*random.Random(SEED).sample([*hostile.NOSQL, *hostile.STRINGS], 30), stage.email, stage.slug, stage.text)
    scalars = {
        "ID": (*stage.ids.values(), "User_0123456789abcdef01234567", "none"),
        "String": tuple(text for text in strings if text.isprintable()),
        "DateTime": tuple(hostile.MOMENTS),
        "JSON": ({"a": [1]}, "x"),
    }
    scalars |= dict.fromkeys(documents.scalars() - {*scalars, "Int", "Float", "Boolean"}, ("x",))
    grammar = Grammar(documents.graph, scalars, {"first": (1, 3, 0, 101), "after": ("none of ours",)})
    seed = SEED * 1_000_003
    for _ in range(OPERATIONS):
        while True:
            seed += 1
            drawn = grammar.draw(seed, depth=3, fields=25)
            if not any(name in drawn.text for name in AVOIDED):
                break
        yield drawn


@pytest.mark.timeout(PATIENCE)
async def test_no_operation_fails_on_our_side(stage: Scene) -> None:
    callers = [stage.owner, stage.owner.world.staff, Person(stage.owner.world, "Nobody", "")]
    seen = Counter[str]()
    for number, drawn in enumerate(_operations(stage)):
        caller = callers[number % 2 if number % 10 else 2]
        assert caller
        codes = await _codes(caller, drawn)
        assert not codes & OURS, (codes, drawn.text, drawn.variables)
        seen.update(codes or {"answered"})
    assert seen["answered"] > OPERATIONS // 20, seen


async def _codes(caller: Person, drawn: Drawn) -> set[str]:
    if drawn.text.startswith("subscription"):
        return await _heard(caller, drawn)
    response = await caller.post(drawn.text, drawn.variables)
    assert response.status_code in (200, 400, 401, 503), (response.text, drawn.text)
    return {error["extensions"]["code"] for error in response.json().get("errors", ())}


async def _heard(caller: Person, drawn: Drawn) -> set[str]:
    """The codes of what a subscription says before the answer to a query that was sent after it."""
    if not caller.token:
        return set()
    async with caller.live() as socket:
        await socket.subscribe(drawn.text, **drawn.variables)
        last = await socket.subscribe("{ me { id } }")
        codes = set[str]()
        while (message := await socket.receive())["id"] != last:
            payload = message.get("payload", {})
            errors = payload if message["type"] == "error" else payload.get("errors", [])
            codes |= {error["extensions"]["code"] for error in errors}
        return codes


@pytest.mark.timeout(PATIENCE)
async def test_no_body_fails_on_our_side(stage: Scene) -> None:
    chance = random.Random(SEED)
    url, http = stage.owner.world.graphql, stage.owner.world.http
    statuses = Counter[int]()
    for _ in range(OPERATIONS):
        headers = {"Content-Type": chance.choice((*["application/json"] * 3, "text/plain", "application/graphql"))}
        headers |= {"Accept": chance.choice(("*/*", "application/graphql-response+json", "text/event-stream", ";q=,"))}
        response = await http.post(url, content=_spoilt(chance, _BODY), headers=headers)
        assert response.status_code < 500, response.text
        statuses[response.status_code] += 1
    assert len(statuses) > 1, statuses
    assert (await stage.owner.call("me"))["id"] == stage.owner.id


@pytest.mark.timeout(PATIENCE)
async def test_no_frame_ends_the_server(stage: Scene) -> None:
    chance = random.Random(SEED)
    world, codes = stage.owner.world, Counter[int]()
    url = world.graphql.replace("http", "ws", 1)
    for _ in range(OPERATIONS // 8):
        async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            with suppress(ConnectionClosed):
                await socket.send(orjson.dumps({"type": "connection_init"}).decode())
                await socket.recv()
                for _ in range(8):
                    frame = _spoilt(chance, chance.choice(_FRAMES))
                    await socket.send(frame if chance.random() < 0.2 else frame.decode("utf-8", "replace"))
                await socket.close()
            await socket.wait_closed()
            codes[socket.close_code or 0] += 1
    assert not {1011, 4500} & set(codes), codes  # what the server closes with when it is to blame
    async with stage.owner.live() as live:
        await live.subscribe("{ me { id } }")
        assert (await live.next())["me"]["id"] == stage.owner.id


_BODY = orjson.dumps({"query": "query A($n: Int) { me { id name } }", "operationName": "A", "variables": {"n": 1}})
_FRAMES = [
    orjson.dumps({"id": "1", "type": "subscribe", "payload": {"query": "{ me { id } }", "variables": {}}}),
    orjson.dumps({"id": "1", "type": "complete"}),
    orjson.dumps({"type": "ping", "payload": {"a": 1}}),
    orjson.dumps({"type": "connection_init", "payload": {"Authorization": "Bearer x"}}),
]


def _spoilt(chance: random.Random, good: bytes) -> bytes:
    """Bytes like these, with some changed, gone, doubled or put between; sometimes bytes like nothing."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(300))
    spoilt = bytearray(good)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(spoilt) or 1)
        match chance.randrange(4):
            case 0:
                spoilt[place : place + 1] = chance.randbytes(1)
            case 1:
                del spoilt[place : place + chance.randrange(1, 8)]
            case 2:
                spoilt[place:place] = spoilt[place : place + chance.randrange(1, 20)]
            case _:
                spoilt[place:place] = chance.choice(_TOKENS)
    return bytes(spoilt)


_TOKENS: list[Any] = [b"{", b"}", b"[" * 50, b'"', b"null", b"\\u0000", b"\xff\xfe", b"1e999", b"query", b"\\", b"\x00"]
