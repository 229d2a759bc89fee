"""The table of bad input, over real HTTP: each row a clear error or one effect, never a failure of the server."""

import asyncio
import http.client
import json
from contextlib import closing, suppress
from typing import Any

import httpx
import pytest

from tests.app.scenes import Scene, scene
from tests.world import Person

SEND = """mutation($input: SendMessageInput!) { sendMessage(input: $input) {
  ... on Message { id text } ... on UserError { code path } } }"""
CONVERSATION = "query($id: ID!) { conversation(id: $id) { id } }"
PAGE = "query($first: Int!, $after: String) { conversations(first: $first, after: $after) { nodes { id } } }"
TOO_DEEP = "{ conversations { nodes { messages { nodes { " + "thread { nodes { " * 4 + "id" + " } }" * 6 + " }"
TEN_MEGABYTES = b"x" * 10 * 1024 * 1024


def _asking(variables: bytes) -> bytes:
    return b'{"query": "{ __typename }", "variables": {"a": ' + variables + b"}}"


@pytest.fixture(scope="module")
async def stage(people: list[Person]) -> Scene:
    return await scene(people)


@pytest.fixture(scope="module")
async def theirs(strangers: list[Person]) -> str:
    """A conversation of another tenant."""
    return await strangers[0].start(strangers[1])


def _post(person: Person, content: bytes) -> tuple[int, Any]:
    """Status and JSON of an answer that may come before all has been sent."""
    url = httpx.URL(person.world.graphql)
    connection = http.client.HTTPConnection(url.host, url.port, timeout=30)
    connection.putrequest("POST", url.path)
    for name, value in (("Content-Type", "application/json"), ("Authorization", f"Bearer {person.token}")):
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(content)))
    with suppress(ConnectionError):
        connection.endheaders(content)
    with closing(connection), connection.getresponse() as response:
        return response.status, json.loads(response.read())


UNREADABLE = {
    "nothing": (b"", 400),
    "no JSON": (b"{", 400),
    "no object": (b'"query"', 400),
    "null": (b"null", 400),
    "a batch": (b'[{"query": "{ __typename }"}]', 400),
    "no query": (b"{}", 400),
    "a number as query": (b'{"query": 1}', 400),
    "variables as a list": (b'{"query": "{ __typename }", "variables": []}', 400),
    "variables as text": (b'{"query": "{ __typename }", "variables": "{}"}', 400),
    "Latin-1": ('{"query": "{ __typename } #é"}'.encode("latin-1"), 400),
    "UTF-16": ('{"query": "{ __typename }"}'.encode("utf-16"), 400),
    "a lone surrogate": (_asking(b'"\\ud800"'), 400),
    "a lone surrogate in raw bytes": (b'{"query": "{ __typename } #\xed\xa0\x80"}', 400),
    "NaN": (_asking(b"NaN"), 400),
    "Infinity": (_asking(b"-Infinity"), 400),
    "five thousand brackets": (_asking(b"[" * 5_000 + b"]" * 5_000), 400),
    "the same member twice": (b'{"query": "{ __typename }", "query": "{ me { id } }"}', 400),
    "ten megabytes": (b'{"query": "{ __typename } #' + TEN_MEGABYTES + b'"}', 413),
    "ten megabytes of variables": (_asking(b'"' + TEN_MEGABYTES + b'"'), 413),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_body_that_cannot_be_read_is_refused(stage: Scene, name: str) -> None:
    content, status = UNREADABLE[name]
    answered, body = await asyncio.to_thread(_post, stage.owner, content)
    assert answered == status, body
    assert body["errors"][0]["message"]


ROWS: dict[str, tuple[str, Any, str]] = {
    "no variables": (SEND, None, "BAD_USER_INPUT"),
    "null for an input": (SEND, {"input": None}, "BAD_USER_INPUT"),
    "text for an input": (SEND, {"input": "x"}, "BAD_USER_INPUT"),
    "a list for an input": (SEND, {"input": []}, "BAD_USER_INPUT"),
    "an empty input": (SEND, {"input": {}}, "BAD_USER_INPUT"),
    "a number for a text": (SEND, {"input": {"conversationId": "c", "text": 1}}, "BAD_USER_INPUT"),
    "null for a text": (SEND, {"input": {"conversationId": "c", "text": None}}, "BAD_USER_INPUT"),
    "an object for an id": (CONVERSATION, {"id": {"$ne": None}}, "BAD_USER_INPUT"),
    "a float for an id": (CONVERSATION, {"id": 1.5}, "BAD_USER_INPUT"),
    "a truth for an id": (CONVERSATION, {"id": True}, "BAD_USER_INPUT"),
    "a number for an id": (CONVERSATION, {"id": 7}, "NOT_FOUND"),
    "a huge number for an id": (CONVERSATION, {"id": 10**30}, "BAD_REQUEST BAD_USER_INPUT NOT_FOUND"),
    "an empty id": (CONVERSATION, {"id": ""}, "NOT_FOUND"),
    "an id of another type": (CONVERSATION, {"id": "Message_0123456789abcdef01234567"}, "NOT_FOUND"),
    "an id without a type": (CONVERSATION, {"id": "0123456789abcdef01234567"}, "NOT_FOUND"),
    "an id that is too short": (CONVERSATION, {"id": "Conversation_0123"}, "NOT_FOUND"),
    "an id with NUL": (CONVERSATION, {"id": "Conversation_\u0000"}, "NOT_FOUND"),
    "a page of nothing": (PAGE, {"first": 0}, "INVALID"),
    "a page of less than nothing": (PAGE, {"first": -1}, "INVALID"),
    "a page of 101": (PAGE, {"first": 101}, "INVALID"),
    "a page of 100,000": (PAGE, {"first": 100_000}, "INVALID TOO_COMPLEX"),
    "a page of 2^31": (PAGE, {"first": 2**31}, "BAD_USER_INPUT"),
    "a page of 2^70": (PAGE, {"first": 2**70}, "BAD_REQUEST BAD_USER_INPUT"),
    "a page of one and a half": (PAGE, {"first": 1.5}, "BAD_USER_INPUT"),
    "a page of text": (PAGE, {"first": "1"}, "BAD_USER_INPUT"),
    "a page of null": (PAGE, {"first": None}, "BAD_USER_INPUT"),
    "a cursor of nothing": (PAGE, {"first": 1, "after": ""}, "BAD_CURSOR"),
    "a forged cursor": (PAGE, {"first": 1, "after": "AAAA"}, "BAD_CURSOR"),
    "a syntax error": ("{", None, "GRAPHQL_PARSE_FAILED"),
    "no operation": ("fragment F on Query { __typename }", None, "GRAPHQL_VALIDATION_FAILED BAD_USER_INPUT"),
    "an unknown field": ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
    "an unknown argument": ("{ me(id: 1) { id } }", None, "GRAPHQL_VALIDATION_FAILED"),
    "an unknown type": ("query($a: Nothing) { __typename }", None, "GRAPHQL_VALIDATION_FAILED"),
    "an unknown directive": ("{ __typename @nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
    "a lone surrogate in a literal": ('{ node(id: "\\uD800") { id } }', None, "GRAPHQL_PARSE_FAILED"),
    "a circle of fragments": ("{ ...A } fragment A on Query { ...A }", None, "GRAPHQL_VALIDATION_FAILED"),
    "five thousand brackets": ("{" * 5_000, None, "GRAPHQL_PARSE_FAILED TOO_COMPLEX"),
    "a deep list": (f"{{ node(id: {'[' * 900}1{']' * 900}) {{ id }} }}", None, "GRAPHQL_PARSE_FAILED"),
    "ten thousand tokens": ("{ " + "__typename " * 10_000 + "}", None, "GRAPHQL_PARSE_FAILED TOO_COMPLEX"),
    "fields in depth": (TOO_DEEP, None, "TOO_COMPLEX"),
    "a subscription by POST": ("subscription { presence(userIds: []) { status } }", None, "BAD_REQUEST"),
}


@pytest.mark.parametrize("name", ROWS)
async def test_a_request_that_makes_no_sense_gets_a_clear_error(stage: Scene, name: str) -> None:
    query, variables, codes = ROWS[name]
    response = await stage.owner.post(query, variables)
    assert response.status_code < 500, response.text
    [error] = response.json()["errors"][:1]
    assert error["extensions"]["code"] in codes.split(), error
    assert error["message"]
    assert "Traceback" not in response.text


MESSAGES: dict[str, tuple[Any, str | None]] = {
    "empty": ("", "INVALID"),
    "blank": (" \n\t\u2003", "INVALID"),
    "ten thousand characters": ("x" * 10_000, "INVALID"),
    "five thousand emoji": ("🙂" * 5_000, None),
    "emoji": ("👩‍👩‍👧‍👦", None),
    "right to left": ("שלום \u202eabc", None),
    "NUL": ("a\u0000b", None),
    "every control character": ("".join(map(chr, range(1, 32))) + "x", None),
    "markup": ("<script>alert(1)</script>", None),
    "an operator": ('{"$ne": null}', None),
}


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message_is_sent_as_it_is_or_refused(stage: Scene, name: str) -> None:
    text, code = MESSAGES[name]
    answer = (await stage.owner.ask(SEND, input={"conversationId": stage.group, "text": text}))["sendMessage"]
    assert answer.get("code") == code
    if code is None:
        assert answer["text"] == text.strip()


async def test_ids_of_others_and_of_other_types_look_unknown(stage: Scene, theirs: str) -> None:
    ids = [theirs, f"Conversation_{'0' * 24}", stage.message, stage.message.replace("Message", "Conversation"), "", "x"]
    answers = [await stage.owner.ask(SEND, input={"conversationId": id, "text": "hello"}) for id in ids]
    assert {answer["sendMessage"]["code"] for answer in answers} == {"NOT_FOUND"}


async def test_a_header_that_cannot_be_kept_is_refused(stage: Scene) -> None:
    response = await stage.owner.post("{ __typename }", None, **{"Idempotency-Key": "x" * 256})
    assert response.status_code == 400
