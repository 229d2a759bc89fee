"""Named documents on every transport of a running Atrium, and one that runs registered operations only."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.world import Person, Processes, World, free_port, ready, until

EVENTS = {"Accept": "text/event-stream"}


def made() -> tuple[str, str]:
    """A query unlike any other, and its SHA-256."""
    text = f"query Q{secrets.token_hex(6)} {{ me {{ name }} }}"
    return text, hashlib.sha256(text.encode()).hexdigest()


def named(hash: str, **more: Any) -> dict[str, Any]:
    return {**more, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}}


async def post(person: Person, body: dict[str, Any], **headers: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {person.token}", **headers}
    return await person.world.http.post(person.world.graphql, json=body, headers=headers)


async def over_socket(person: Person, *payloads: dict[str, Any]) -> list[dict[str, Any]]:
    """The first answers to operations, in order."""
    answers = []
    async with person.live() as live:
        for number, payload in enumerate(payloads):
            await live.socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
            answer = await live.receive()
            while answer["type"] == "complete":
                answer = await live.receive()
            answers.append(answer)
    return answers


def code(errors: list[dict[str, Any]]) -> str:
    [error] = errors
    return str(error["extensions"]["code"])


@pytest.fixture(scope="module")
async def strict(world: World, processes: Processes) -> AsyncIterator[World]:
    """An API process of the same Atrium that runs registered operations only."""
    port = free_port()
    own = Processes(processes.directory, "", **{**processes.environment, "GRAPHQL_DOCUMENTS": "trusted"})
    child = own.start("strict", "serve", "--port", str(port))
    await ready(f"http://127.0.0.1:{port}", seconds=90)
    async with httpx.AsyncClient(timeout=30) as http:
        yield World(f"http://127.0.0.1:{port}", http)
    child.stop()


async def test_a_socket_and_a_stream_know_what_was_stored_over_the_other(company: list[Person], twin: World) -> None:
    owner = company[0]
    there = Person(twin, owner.name, owner.email, token=owner.token)
    text, hash = made()
    unknown, stored, known = await over_socket(owner, named(hash), named(hash, query=text), named(hash))
    assert (unknown["type"], code(unknown["payload"])) == ("error", "PERSISTED_QUERY_NOT_FOUND")
    assert [answer["payload"]["data"] for answer in (stored, known)] == [{"me": {"name": owner.name}}] * 2
    stream = await post(there, named(hash), **EVENTS)
    assert stream.text.startswith('event: next\ndata: {"data":{"me":{"name"')

    text, hash = made()
    unknown_stream = await post(there, named(hash), **EVENTS)
    assert (unknown_stream.status_code, code(unknown_stream.json()["errors"])) == (200, "PERSISTED_QUERY_NOT_FOUND")
    await post(there, named(hash, query=text), **EVENTS)
    answer = {"data": {"me": {"name": owner.name}}}

    async def heard_of() -> bool:  # who cannot ask Redis in time says that it does not know
        [heard] = await over_socket(owner, named(hash))
        return bool(heard["payload"] == answer)

    await until(heard_of)
    assert (await post(owner, named(hash))).json() == answer


async def test_a_hash_that_is_not_the_texts_is_refused_over_a_socket(company: list[Person]) -> None:
    [refused] = await over_socket(company[0], named(made()[1], query=made()[0]))
    assert (refused["type"], code(refused["payload"])) == ("error", "PERSISTED_QUERY_HASH_MISMATCH")


async def test_only_registered_operations_run_and_forgotten_ones_leave_no_copy(
    company: list[Person], strict: World, processes: Processes
) -> None:
    owner = company[0]
    there = Person(strict, owner.name, owner.email, token=owner.token)
    (text, hash), id = made(), f"x-app:{secrets.token_hex(6)}"
    assert code((await post(there, {"query": text})).json()["errors"]) == "PERSISTED_QUERY_ONLY"
    manifest = processes.directory / "manifest.json"
    manifest.write_text(json.dumps({id: text}))
    processes.run("operations", "push", str(manifest))
    data = {"data": {"me": {"name": owner.name}}}
    for request in ({"documentId": id}, {"doc_id": id}, named(hash), {"query": text}):
        assert (await post(there, request)).json() == data
        assert [answer["payload"] for answer in await over_socket(there, request)] == [data]
        assert (await post(there, request, **EVENTS)).text.startswith("event: next")
    [refused] = await over_socket(there, {"query": "{ __typename }"})
    assert code(refused["payload"]) == "PERSISTED_QUERY_ONLY"

    processes.run("operations", "forget", id)

    async def gone() -> bool:
        """At a process that had not asked for it: the job has dropped the copy that Redis had."""
        answer = (await post(owner, {"documentId": id})).json()
        return "errors" in answer and code(answer["errors"]) == "PERSISTED_QUERY_NOT_FOUND"

    assert await until(gone, 90)
