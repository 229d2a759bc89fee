"""Saying something: over HTTP, by the service alone, and as the bare insert that is under it."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import orjson

from benchmarks import inserts
from benchmarks.clients import Target, ask, hammer, post
from benchmarks.figures import Contestant, Measurement, Round, WrongAnswer
from benchmarks.stage import Stage

IN_FLIGHT = 32

MUTATION = """mutation Send($input: SendMessageInput!) { sendMessage(input: $input) {
  ... on Message { id sentAt version } ... on UserError { code message } } }"""


async def prepare(stage: Stage) -> Measurement:
    """Raises WrongAnswer unless a message is taken."""
    over_http = Target(stage.api_port, requests(stage), _sent, stage.pids(stage.api_pid))
    if not _sent(answer := await ask(over_http)):
        raise WrongAnswer(f"This is no message: {answer!r}")

    async def http(seconds: float) -> Round:
        return await hammer(over_http, IN_FLIGHT, seconds)

    actors = [writer.actor for writer in stage.data.writers]

    def in_process(measure: Callable[..., Round]) -> Callable[[float], Any]:
        def turn(seconds: float) -> Any:
            arguments = actors, stage.data.rooms, IN_FLIGHT, seconds, stage.shared_pids
            return asyncio.get_running_loop().run_in_executor(stage.writer, measure, *arguments)

        return turn

    return Measurement(
        f"Messages, {IN_FLIGHT} in flight",
        "messages",
        [
            Contestant("sendMessage, over HTTP", http),
            Contestant("messages.send in process, committed and numbered", in_process(inserts.numbered)),
            Contestant("PyMongo's insert_one, w=majority", in_process(inserts.bare)),
        ],
    )


def requests(stage: Stage) -> Callable[[], bytes]:
    """A function that makes a request for another message each time, of each writer in each room by turns."""
    numbers = count()

    def request() -> bytes:
        number = next(numbers)
        room = stage.data.rooms[number % len(stage.data.rooms)]
        writer = stage.data.writers[number % len(stage.data.writers)]
        return sending(f"Conversation_{room}", f"Message {number}", f"message-{number}", writer.token)

    return request


def sending(conversation_id: str, text: str, client_message_id: str, token: str) -> bytes:
    """The request that says something."""
    given = {"conversationId": conversation_id, "text": text, "clientMessageId": client_message_id}
    return post("/graphql", orjson.dumps({"query": MUTATION, "variables": {"input": given}}), token)


def _sent(body: bytes) -> bool:
    return body.startswith(b'{"data":{"sendMessage":{"id":"Message_') and b'"errors"' not in body
