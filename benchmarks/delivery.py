"""From sending a message to each of 100 people who watch the conversation."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count, zip_longest

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benchmarks.clients import Client
from benchmarks.figures import Contestant, Measurement, Round, WrongAnswer
from benchmarks.processors import spent
from benchmarks.sending import sending
from benchmarks.stage import Stage

SUBSCRIBERS = 100
PER_SECOND = 20
PATIENCE = 15.0
"""Seconds within which every subscriber must listen, and within which the last message must have come."""

SUBSCRIPTION = """subscription Watch($id: ID!) { conversationEvents(conversationId: $id) {
  cursor at ... on MessageSent { message { id text sender { id name } } } } }"""


async def prepare(stage: Stage) -> Measurement:
    """One contestant: it has no limit to stand beside."""
    names = count(1)

    async def turn(seconds: float) -> Round:
        return await _deliver(stage, int(seconds * PER_SECOND), f"round {next(names)},")

    title = f"{PER_SECOND} messages a second to {SUBSCRIBERS} subscribers, a socket each"
    return Measurement(title, "deliveries", [Contestant("conversationEvents, over WebSocket", turn)])


class Subscriber:
    """One socket with one subscription. Frames that have `mark` in them are kept with the moment they came.

    They are read when the round is over, so that reading delays none.
    """

    def __init__(self, socket: ClientConnection, mark: str) -> None:
        self._socket, self._mark = socket, mark
        self.listens = False
        self.frames: list[tuple[float, str]] = []

    @classmethod
    async def open(cls, stack: AsyncExitStack, port: int, token: str, conversation_id: str, mark: str) -> "Subscriber":
        address = f"ws://127.0.0.1:{port}/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        socket = await stack.enter_async_context(connect(address, subprotocols=protocols, compression=None))
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        await socket.send(orjson.dumps(init), text=True)
        if orjson.loads(answer := await socket.recv())["type"] != "connection_ack":
            raise WrongAnswer(f"A socket was answered with {answer!r}")
        payload = {"query": SUBSCRIPTION, "variables": {"id": conversation_id}}
        await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}), text=True)
        return cls(socket, mark)

    async def receive(self) -> None:
        try:
            async for frame in self._socket:
                assert isinstance(frame, str)
                if self._mark in frame:
                    self.frames.append((time.perf_counter(), frame))
                self.listens = True
        except ConnectionClosed:
            return

    def heard(self) -> list[tuple[float, str]]:
        """When each marked message came, and its text."""
        return [(moment, _text(frame)) for moment, frame in self.frames]


async def _deliver(stage: Stage, messages: int, name: str) -> Round:
    room, writer = f"Conversation_{stage.data.rooms[0]}", stage.data.writers[0]
    mark = f"{name} measured"
    sent: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        client = await Client.open(stage.api_port)
        stack.callback(client.close)

        async def send(text: str) -> None:
            sent[text] = time.perf_counter()
            status, body = await client.ask(sending(room, text, text, writer.token))
            if status != 200 or b'"id":"Message_' not in body:
                raise WrongAnswer(f"A message was answered with {body!r}")

        tokens = [person.token for person in stage.data.writers]
        subscribers = [
            await Subscriber.open(stack, stage.api_port, tokens[number % len(tokens)], room, mark)
            for number in range(SUBSCRIBERS)
        ]
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(subscriber.receive()) for subscriber in subscribers]
        await _call_until_all_listen(subscribers, send, name)
        sent.clear()
        start = time.perf_counter()
        with spent(stage.pids(stage.api_pid)) as cpu:
            for number in range(messages):
                await asyncio.sleep(start + number / PER_SECOND - time.perf_counter())
                await send(f"{mark} {number}")
            await _until(lambda: all(len(subscriber.frames) >= messages for subscriber in subscribers))
        elapsed = time.perf_counter() - start
        for task in tasks:
            task.cancel()
    times, errors = _compared(subscribers, sent)
    return Round.of(elapsed, times, errors, cpu)


async def _call_until_all_listen(
    subscribers: list[Subscriber], send: Callable[[str], Awaitable[None]], name: str
) -> None:
    """The protocol does not say when a subscription has begun: only a message that comes shows it."""
    deadline = time.monotonic() + PATIENCE
    for number in count():
        await send(f"{name} listening {number}")
        await asyncio.sleep(0.2)
        if all(subscriber.listens for subscriber in subscribers):
            return
        if time.monotonic() > deadline:
            deaf = sum(not subscriber.listens for subscriber in subscribers)
            raise WrongAnswer(f"{deaf} of {SUBSCRIBERS} subscribers heard nothing within {PATIENCE:.0f} seconds.")


async def _until(holds: Callable[[], bool]) -> None:
    """Wait until it holds; what never comes is counted as errors later."""
    deadline = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)


def _compared(subscribers: list[Subscriber], sent: dict[str, float]) -> tuple[list[float], int]:
    """The seconds of each delivery, and how many were lost, repeated or out of order."""
    times: list[float] = []
    errors = 0
    for subscriber in subscribers:
        heard = subscriber.heard()
        errors += sum(came != text for came, text in zip_longest((text for _, text in heard), sent))
        times += [moment - sent[text] for moment, text in heard if text in sent]
    return times, errors


def _text(frame: str) -> str:
    said = orjson.loads(frame)
    if said["type"] != "next" or "errors" in said["payload"]:
        raise WrongAnswer(f"A subscription answered {frame}")
    text: str = said["payload"]["data"]["conversationEvents"]["message"]["text"]
    return text
