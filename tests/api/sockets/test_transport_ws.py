"""The protocol graphql-transport-ws over a real server: what is answered, and which breach closes with which code."""

import asyncio
import json
from typing import Any

import pytest

from tests.api.sockets.clients import Client, Served

SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": "{ echo(text: 1) }"}}

MALFORMED: list[str | bytes] = [
    "",
    "not JSON",
    "[]",
    "[" * 100_000,
    '"connection_init"',
    "null",
    "{}",
    b'{"type": "ping"}',
    json.dumps({"type": 1}),
    json.dumps({"type": "start", "id": "1", "payload": {"query": "{ me }"}}),
    json.dumps({"type": "next", "id": "1", "payload": {}}),
    json.dumps({"type": "connection_ack"}),
    json.dumps({"type": "ping", "payload": "text"}),
    json.dumps({"type": "complete"}),
    json.dumps({"type": "complete", "id": ""}),
    json.dumps({**SUBSCRIBE, "id": ""}),
    json.dumps({**SUBSCRIBE, "id": 1}),
    json.dumps({**SUBSCRIBE, "id": None}),
    json.dumps({**SUBSCRIBE, "id": "x" * 129}),
    json.dumps({"type": "subscribe", "payload": {"query": "{ me }"}}),
    json.dumps({"type": "subscribe", "id": "1"}),
    json.dumps({"type": "subscribe", "id": "1", "payload": []}),
    json.dumps({"type": "subscribe", "id": "1", "payload": {}}),
    json.dumps({"type": "subscribe", "id": "1", "payload": {"query": None}}),
    json.dumps({"type": "subscribe", "id": "1", "payload": {"query": "{ me }", "variables": [1]}}),
    json.dumps({"type": "subscribe", "id": "1", "payload": {"query": "{ me }", "operationName": 1}}),
    '{"type": "ping", "payload": {"text": "\\ud800"}}',
]


@pytest.mark.parametrize("message", MALFORMED, ids=lambda message: str(message[:60]))
async def test_a_malformed_message_closes_with_4400(served: Served, message: str | bytes) -> None:
    async with served.socket() as client:
        await client.connection.send(message)
        code, reason = await client.closed()
        assert code == 4400
        assert reason


@pytest.mark.parametrize("payload", ["text", [], {"authorization": 1}])
async def test_a_malformed_init_closes_with_4400(served: Served, payload: object) -> None:
    async with served.handshake() as client:
        await client.say("connection_init", payload=payload)
        assert (await client.closed())[0] == 4400


@pytest.mark.parametrize("offered", ["graphql-ws", "soap"])
async def test_another_protocol_closes_with_4406(served: Served, offered: str) -> None:
    async with served.handshake(offered) as client:
        assert client.connection.subprotocol is None
        assert await client.closed() == (4406, "Subprotocol not acceptable")


async def test_the_modern_protocol_is_chosen_when_the_legacy_one_is_offered_too(served: Served) -> None:
    async with served.handshake("graphql-ws", "graphql-transport-ws") as client:
        assert client.connection.subprotocol == "graphql-transport-ws"


async def test_silence_after_the_handshake_closes_with_4408(served: Served) -> None:
    async with served.handshake() as client:
        await client.say("ping")
        assert await client.hear() == {"type": "pong"}
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_an_operation_before_the_acknowledgement_closes_with_4401(served: Served) -> None:
    async with served.handshake() as client:
        await client.start("1", "{ me }")
        assert await client.closed() == (4401, "Unauthorized")


async def test_a_second_init_closes_with_4429(served: Served) -> None:
    async with served.socket() as client:
        await client.say("connection_init")
        assert await client.closed() == (4429, "Too many initialisation requests")


async def test_an_id_in_use_closes_with_4409(served: Served) -> None:
    async with served.socket() as client:
        await client.start("first", "subscription { never }")
        await client.start("first", "subscription { never }")
        assert await client.closed() == (4409, "Subscriber for first already exists")


async def test_a_message_beyond_128_kib_closes_with_1009(served: Served) -> None:
    async with served.socket() as client:
        await client.start("1", "{ me }", text="x" * 131_072)
        assert (await client.closed())[0] == 1009


@pytest.mark.parametrize(
    ("token", "code"),
    [("nobody", 4403), ("down", 1013), ("bug", 4500)],
)
async def test_a_sign_in_that_fails_closes(served: Served, token: str, code: int) -> None:
    async with served.handshake() as client:
        await client.say("connection_init", payload={"authorization": f"Bearer {token}"})
        assert (await client.closed())[0] == code


async def test_the_token_comes_from_the_init_or_else_from_the_handshake(served: Served) -> None:
    headers = {"Authorization": "Bearer ada"}
    async with served.socket(additional_headers=headers) as client:
        assert (await client.run("{ me }"))[0]["payload"] == {"data": {"me": "ada"}}
    async with served.socket("grace", additional_headers=headers) as client:
        assert (await client.run("{ me }"))[0]["payload"] == {"data": {"me": "grace"}}
    async with served.handshake(additional_headers={"Authorization": "Bearer nobody"}) as client:
        await client.say("connection_init")
        assert await client.closed() == (4403, "Forbidden")


async def test_pings_are_answered_with_their_payload_at_any_time(served: Served) -> None:
    async with served.handshake() as client:
        await client.say("ping", payload={"n": 2**70})
        assert await client.hear() == {"type": "pong", "payload": {"n": 2**70}}
        await client.say("connection_init")
        assert await client.hear() == {"type": "connection_ack"}
        await client.say("pong", payload={"unasked": True})
        await client.say("complete", id="unknown")
        await client.say("ping")
        assert await client.hear() == {"type": "pong"}


async def test_queries_mutations_and_subscriptions_run_over_one_socket(served: Served) -> None:
    async with served.socket("ada") as client:
        assert await client.run("query ($text: String!) { echo(text: $text) }", "q", text="é\u2028🎓") == [
            {"type": "next", "id": "q", "payload": {"data": {"echo": "é\u2028🎓"}}},
            {"type": "complete", "id": "q"},
        ]
        assert [m["type"] for m in await client.run('mutation { note(text: "over a socket") }')] == ["next", "complete"]
        assert "ada: over a socket" in (await served.state())["notes"]
        counted = await client.run("subscription { count(to: 200) }")
        assert [m["payload"]["data"]["count"] for m in counted[:-1]] == list(range(200))
        assert counted[-1] == {"type": "complete", "id": "1"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me } query B { me }", "BAD_USER_INPUT"),
        ("query ($to: Int!) { a: echo(text: $text) }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription ($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
        ("subscription { closed }", "UNAUTHENTICATED"),
        ("{ " + " ".join(f"a{n}: me" for n in range(100)) + " }", "TOO_COMPLEX"),
    ],
)
async def test_an_operation_that_cannot_run_is_an_error_message_and_the_socket_lives(
    served: Served, query: str, code: str
) -> None:
    async with served.socket() as client:
        [message] = await client.run(query)
        assert message["type"] == "error"
        assert message["id"] == "1"
        assert {error["extensions"]["code"] for error in message["payload"]} == {code}
        assert [m["type"] for m in await client.run('{ echo(text: "still here") }')] == ["next", "complete"]


async def test_errors_of_fields_come_with_the_result_and_hide_what_is_ours(served: Served) -> None:
    async with served.socket() as client:
        [result, complete] = await client.run("{ broken }")
        assert result["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "secret" not in json.dumps(result)
        assert complete["type"] == "complete"
        [result, _] = await client.run("mutation { conflict }")
        assert result["payload"]["errors"][0]["message"] == "Somebody was faster."
        broken = await client.run("subscription { breaks }")
        assert [m["type"] for m in broken] == ["next", "next", "complete"]
        assert broken[1]["payload"]["errors"][0]["extensions"]["code"] == "RESYNC_REQUIRED"


async def test_the_21st_operation_is_refused_until_one_is_over(served: Served) -> None:
    async with served.socket() as client:
        for number in range(20):
            await client.start(f"held {number}", "subscription { never }")
        [refusal] = await client.run('{ echo(text: "one too many") }')
        assert refusal["type"] == "error"
        assert refusal["payload"][0]["extensions"]["code"] == "LIMIT_REACHED"
        await client.say("complete", id="held 7")
        assert [m["type"] for m in await client.run('{ echo(text: "fits again") }')] == ["next", "complete"]


async def test_an_id_is_free_as_soon_as_its_operation_is_complete(served: Served) -> None:
    async with served.socket() as client:
        for number in range(50):
            assert (await client.run("query ($t: String!) { echo(text: $t) }", t=str(number)))[0]["payload"] == {
                "data": {"echo": str(number)}
            }
        for _ in range(50):
            await client.start("again", "subscription { never }")
            await client.say("complete", id="again")
        await client.say("ping")
        assert await client.hear() == {"type": "pong"}


async def test_operations_of_one_socket_do_not_wait_for_each_other(served: Served) -> None:
    async with served.socket() as client:
        await client.start("slow", "{ slow }")
        await client.start("a", "subscription { ticks(every: 0.01) }")
        await client.start("b", "subscription { ticks(every: 0.01) }")
        heard: dict[str, list[int]] = {"a": [], "b": []}
        while min(map(len, heard.values())) < 20:
            message = await client.hear()
            heard[message["id"]].append(int(message["payload"]["data"]["ticks"]))
        assert all(ticks == list(range(len(ticks))) for ticks in heard.values())
        first_twenty = heard["a"][:10], heard["b"][:10]
        assert first_twenty[0] == first_twenty[1]


async def test_nothing_follows_the_complete_of_a_client(served: Served) -> None:
    async with served.socket() as client:
        await client.start("a", "subscription { ticks(every: 0) }")
        for _ in range(10):
            assert (await client.hear())["id"] == "a"
        await client.say("complete", id="a")
        await client.say("ping")
        while (await client.hear())["type"] != "pong":
            pass
        later = await client.run("subscription { count(to: 100) }", "b")
        assert {message["id"] for message in later} == {"b"}
        await served.reaches(lambda state: state.get("ticking", 0) == 0)


async def test_a_query_ends_with_its_complete_or_its_time(served: Served) -> None:
    before = (await served.state()).get("slow cancelled", 0)
    async with served.socket() as client:
        await client.start("given up", "{ slow }")
        await served.reaches(lambda state: state.get("slow", 0) > before)
        await client.say("complete", id="given up")
        await served.reaches(lambda state: state.get("slow cancelled", 0) == before + 1)
        [error] = await client.run("{ slow }", "too slow")
        assert (error["type"], error["id"]) == ("error", "too slow")
        assert error["payload"][0]["extensions"]["code"] == "TIMEOUT"
        await served.reaches(lambda state: state["slow cancelled"] == before + 2)


async def test_a_client_that_leaves_ends_its_operations(served: Served) -> None:
    async with served.socket("ada") as client:
        await served.reaches(lambda state: state["open"] >= 1)
        await client.start("1", "subscription { ticks }")
        await client.start("2", "subscription { ticks }")
        await served.reaches(lambda state: state["ticking"] == 2)
        client.connection.transport.abort()
    await served.reaches(lambda state: state["ticking"] == 0 and state["open"] == 0)


@pytest.mark.parametrize("way", ["leaves", "completes", "waits too long"])
async def test_a_mutation_that_began_runs_to_its_end(served: Served, way: str) -> None:
    seconds = 2.5 if way == "waits too long" else 0.5
    async with served.socket("ada") as client:
        await client.start("1", "mutation ($t: String!, $s: Float!) { note(text: $t, seconds: $s) }", t=way, s=seconds)
        if way != "waits too long":
            await client.say("ping")
            await client.hear()
        match way:
            case "leaves":
                client.connection.transport.abort()
            case "completes":
                await client.say("complete", id="1")
                assert [m["type"] for m in await client.run('{ echo(text: "") }', "2")] == ["next", "complete"]
            case _:
                error = await client.hear()
                assert error["payload"][0]["extensions"]["code"] == "TIMEOUT"
        await served.reaches(lambda state: f"ada: {way}" in state["notes"])


async def test_nothing_is_left_of_sockets_that_are_over(served: Served) -> None:
    before = (await served.reaches(lambda state: state.get("open", 0) == 0))["tasks"]

    async def visit(client: Client) -> Any:
        await client.start("1", "subscription { ticks }")
        return await client.hear()

    for _ in range(5):
        async with asyncio.TaskGroup() as visits:
            for _ in range(10):
                visits.create_task(_visited(served, visit))
    state = await served.reaches(lambda state: state["open"] == 0 and state["ticking"] == 0)
    assert state["tasks"] <= before


async def _visited(served: Served, visit: Any) -> None:
    async with served.socket() as client:
        await visit(client)
