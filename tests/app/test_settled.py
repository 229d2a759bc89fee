"""Reading one's own writes: what follows a mutation that settled contains it, here and at any other process."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.changes import cursors
from app.core.changes.log import LEASE, LOG, SEQUENCER
from app.core.clock import now
from app.schema.kit.settling import DIRECTIVE, HEADER, SECONDS
from tests import documents
from tests.world import PATIENCE, Data, Person, World, until

Store = AsyncDatabase[dict[str, Any]]
ROUNDS = 10


async def test_what_is_read_next_contains_it(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    for n in range(ROUNDS):
        answer = await settled(ada, conversation, f"{n}")
        assert answer["extensions"]["settled"]["a0"]["ok"]
        snapshot = await ada.call("conversation", id=conversation)
        assert await first_after(ada, conversation, snapshot["cursor"]) == f"after {n}"


async def test_so_does_what_is_read_at_another_process(company: list[Person], twin: World) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    elsewhere = Person(twin, ada.name, ada.email, ada.id, ada.token)
    for n in range(ROUNDS):
        after = (await settled(ada, conversation, f"{n}"))["extensions"]["settled"]["a0"]["after"]
        text, variables = documents.operation("conversation", {"id": conversation}, depth=1)
        response = await elsewhere.post(text, variables, **{HEADER: after})
        cursor = response.json()["data"]["a0"]["cursor"]
        assert await first_after(elsewhere, conversation, cursor) == f"after {n}"


async def test_a_refused_mutation_says_nothing_of_it(company: list[Person]) -> None:
    answer = await settled(company[0], f"Conversation_{0:024}", "Hello")
    assert answer["data"]["a0"]["code"] == "NOT_FOUND"
    assert "extensions" not in answer


async def test_a_repeated_request_is_settled_as_well(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    first, second = [await settled(ada, conversation, "once", idempotencyKey="settled once") for _ in range(2)]
    assert first["data"] == second["data"]
    assert second["extensions"]["settled"]["a0"] == first["extensions"]["settled"]["a0"]


async def test_while_nobody_numbers_it_says_so_in_time(company: list[Person], store: Store) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    await store[SEQUENCER].update_one({"_id": LEASE}, {"$set": {"paused_at": now()}})
    try:

        async def stands() -> bool:
            before = await store[LOG].count_documents({})
            await ada.send(conversation, "is it numbered?")
            await asyncio.sleep(0.5)
            return await store[LOG].count_documents({}) == before

        await until(stands)
        asked = time.monotonic()
        answer = await settled(ada, conversation, "not numbered")
        took = time.monotonic() - asked
    finally:
        await store[SEQUENCER].update_one({"_id": LEASE}, {"$unset": {"paused_at": ""}})
    assert answer["data"]["a0"]["text"] == "not numbered", "the write itself is done"
    assert answer["extensions"]["settled"]["a0"] == {"ok": False, "after": None}
    assert SECONDS <= took < SECONDS + PATIENCE
    assert (await settled(ada, conversation, "later"))["extensions"]["settled"]["a0"]["ok"]


async def test_a_server_that_has_not_heard_it_waits_and_then_refuses(company: list[Person], store: Store) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    answer = await settled(ada, conversation, "now")
    epoch = (await store[SEQUENCER].find_one({"_id": LOG}) or {})["epoch"]
    here = cursors.unseal(answer["extensions"]["settled"]["a0"]["after"], epoch, [DIRECTIVE])
    waiting = asyncio.create_task(reads(ada, cursors.seal(epoch, here + 1, [DIRECTIVE])))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await ada.send(conversation, "what it waits for")
    assert (await waiting).json() == {"data": {"__typename": "Query"}}

    asked = time.monotonic()
    refused = await reads(ada, cursors.seal(epoch, here + 1_000, [DIRECTIVE]))
    assert time.monotonic() - asked >= SECONDS
    assert (refused.status_code, code(refused.json())) == (503, "UNAVAILABLE")


@pytest.mark.parametrize(
    ("after", "refused"),
    [
        ("", "BAD_CURSOR"),
        ("A" * 22, "BAD_CURSOR"),
        (cursors.seal(1, 1, ["o:somebody"]), "BAD_CURSOR"),
        (cursors.seal(1, 1, [DIRECTIVE]), "RESYNC_REQUIRED"),
    ],
)
async def test_a_token_that_is_none_is_refused(world: World, after: str, refused: str) -> None:
    response = await reads(Person(world, "Nobody", ""), after)
    assert (response.status_code, code(response.json())) == (400, refused)


async def test_it_belongs_on_a_mutation(company: list[Person]) -> None:
    assert await company[0].code("{ me @settled { id } }") == "GRAPHQL_VALIDATION_FAILED"


async def settled(person: Person, conversation: str, text: str, **more: Any) -> Data:
    given = {"input": {"conversationId": conversation, "text": text}, **more}
    document, variables = documents.operation("sendMessage", given, directive=f"@{DIRECTIVE}", depth=1)
    return await person.answer(document, **variables)


async def reads(person: Person, after: str) -> httpx.Response:
    return await person.post("{ __typename }", None, **{HEADER: after})


async def first_after(person: Person, conversation: str, cursor: str) -> str:
    """What is told first after a cursor: the message that is sent now, or one before that the cursor left out."""
    number = (await person.call("conversation", id=conversation))["messages"]["nodes"][0]["text"]
    async with person.live() as socket:
        await socket.follow("conversationEvents", conversationId=conversation, after=cursor)
        await person.send(conversation, f"after {number}")
        return str((await socket.event("MessageSent"))["message"]["text"])


def code(answer: Data) -> str:
    return str(answer["errors"][0]["extensions"]["code"])
