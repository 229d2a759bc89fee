"""Clients as good ones are: a sender that repeats itself until it is answered, a listener that resumes where it was."""

import asyncio
import json
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from tests.world import Data, Person, World

SEND = """mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) { __typename ... on Message { id } ... on UserError { code } } }"""
FOLLOW = """subscription Follow($id: ID!, $after: String) {
  conversationEvents(conversationId: $id, after: $after) {
    __typename cursor ... on MessageSent { message { id clientMessageId } } } }"""

GIVES_UP = 0.1
"""How often a sender does not ask again after it got no answer."""


@dataclass
class Sent:
    """A message as its sender knows it; it has an id once it was acknowledged."""

    key: str
    conversation: str
    begun: float = field(default_factory=time.monotonic)
    id: str | None = None


@dataclass
class Record:
    """What all clients did and saw."""

    sent: dict[str, Sent] = field(default_factory=dict)
    """By `clientMessageId`."""
    answers: Counter[str] = field(default_factory=Counter)
    """What attempts at sending were answered."""
    interruptions: Counter[str] = field(default_factory=Counter)
    """What ended the listeners' sockets."""
    delays: list[float] = field(default_factory=list)
    """Seconds from the first attempt at sending a message to each of its deliveries."""


class _Interrupted(Exception):
    """The server ended a subscription, or could not bring an event whole."""


class Sender:
    """Says one thing after another, each by the same `clientMessageId` until any of the servers acknowledges it."""

    def __init__(self, person: Person, worlds: Sequence[World], conversations: Sequence[str], record: Record) -> None:
        self._person, self._worlds, self._conversations, self._record = person, worlds, conversations, record
        self._attempt: asyncio.Task[str | None] | None = None

    async def run(self, messages: int, seconds: float, chance: random.Random) -> None:
        """Send so many, spread at random over the time, or later when servers do not keep up."""
        start = time.monotonic()
        for number, due in enumerate(sorted(chance.uniform(0, seconds) for _ in range(messages))):
            await asyncio.sleep(start + due - time.monotonic())
            sent = Sent(f"{self._person.id}/{number}", chance.choice(self._conversations))
            self._record.sent[sent.key] = sent
            while (id := await self._try(sent, chance.choice(self._worlds))) is None and chance.random() > GIVES_UP:
                await asyncio.sleep(chance.uniform(0.05, 0.3))
            sent.id = id

    def cut(self) -> None:
        """Lose the connection of the request under way."""
        if self._attempt:
            self._attempt.cancel()

    async def _try(self, sent: Sent, world: World) -> str | None:
        """The id of the acknowledged message; None when nobody knows what became of it."""
        attempt = self._attempt = asyncio.create_task(self._ask(sent, world))
        try:
            await asyncio.wait([attempt])
        finally:
            attempt.cancel()
        if attempt.cancelled():
            self._record.answers["cut off"] += 1
            return None
        return attempt.result()

    async def _ask(self, sent: Sent, world: World) -> str | None:
        given = {"conversationId": sent.conversation, "text": sent.key, "clientMessageId": sent.key}
        try:
            response = await replace(self._person, world=world).post(SEND, {"input": given})
        except httpx.TransportError as error:
            self._record.answers[type(error).__name__] += 1
            return None
        answer = response.json()
        stored = answer["data"]["sendMessage"] if answer.get("data") else _refusal(answer)
        self._record.answers[stored.get("code") or "acknowledged"] += 1
        return str(stored["id"]) if "id" in stored else None


class Listener:
    """Follows conversations over one socket, and after every interruption goes on from where it was, at any server."""

    def __init__(self, person: Person, worlds: Sequence[World], cursors: dict[str, str], record: Record) -> None:
        self._person, self._worlds, self._cursors, self._record = person, worlds, cursors, record
        self._socket: ClientConnection | None = None
        self.heard: dict[str, list[str]] = {conversation: [] for conversation in cursors}
        """The ids of the messages, as they came, by conversation."""

    @property
    def name(self) -> str:
        return self._person.name

    async def run(self, chance: random.Random) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen(chance.choice(self._worlds))
            except (OSError, WebSocketException, _Interrupted) as error:
                what = type(error).__name__ if isinstance(error, OSError) else str(error)
                self._record.interruptions[what] += 1
            await asyncio.sleep(chance.uniform(0.02, 0.3))

    def cut(self) -> None:
        """Reset the connection: the server hears of it at once, and what was under way in it is lost."""
        if self._socket:
            with suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                self._socket.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._socket.transport.abort()

    async def _listen(self, world: World) -> None:
        async with replace(self._person, world=world).live() as live:
            self._socket = live.socket
            try:
                following = {await live.subscribe(FOLLOW, id=id, after=self._cursors[id]): id for id in self._cursors}
                async for frame in live.socket:
                    self._hear(json.loads(frame), following)
            finally:
                self._socket = None
                live.socket.transport.abort()  # a closing handshake would wait for a frozen server
        raise _Interrupted("closed")

    def _hear(self, frame: Data, following: dict[str, str]) -> None:
        if frame["type"] == "ping":
            return
        if frame["type"] != "next" or "errors" in frame["payload"]:
            raise _Interrupted(_refusal(frame["payload"])["code"] if "payload" in frame else "COMPLETED")
        event, conversation = frame["payload"]["data"]["conversationEvents"], following[frame["id"]]
        if event["__typename"] == "MessageSent":
            message = event["message"]
            self.heard[conversation].append(message["id"])
            self._record.delays.append(time.monotonic() - self._record.sent[message["clientMessageId"]].begun)
        self._cursors[conversation] = event["cursor"] or self._cursors[conversation]


def _refusal(payload: Data | list[Data]) -> Data:
    """What the first error of an answer says for programs."""
    errors = payload if isinstance(payload, list) else payload["errors"]
    return dict(errors[0]["extensions"])
