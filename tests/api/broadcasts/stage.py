"""A small server in this process, with a feed to follow and a count of what is executed."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import strawberry
import uvicorn
from bson import ObjectId
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from app.api.broadcasts import Broadcast
from app.api.credentials import Credentials
from app.api.documents import Documents
from app.api.sockets import SocketEndpoint
from app.api.uvicorn_protocol import SERVER_OPTIONS
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound
from app.core.feeds import Feed, Told
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.context import Info
from app.schema.kit.feeds import FeedEvent, Following
from app.schema.kit.fields import computed
from tests.api.sockets.clients import RawSocket
from tests.core.changes.notes import ORGANIZATION, Note, NoteMade, make

ROOM = "n:room"
FOLLOW = "subscription ($after: String) { notes(after: $after) { cursor ... on NoteHeard { key } } }"
PERSONAL = "subscription ($after: String) { notes(after: $after) { ... on NoteHeard { key reader } } }"
SELECTED = """subscription ($after: String, $twice: Boolean!) {
  notes(after: $after) { cursor ... on NoteHeard { key again: key @include(if: $twice) } } }"""

executed: Counter[str] = Counter()
"""How often each note was executed."""


@dataclass(frozen=True)
class Whisper:
    """Something that passes beside the log."""

    text: str
    by: ObjectId
    at: datetime = field(default_factory=now)


@dataclass(frozen=True)
class RoomFeed(Feed):
    """For those who are not out of it; a note `out:<name>`, or `out:<name>.<anything>`, takes somebody out."""

    out: ClassVar[set[ObjectId]] = set()
    whispers: ClassVar[set["asyncio.Queue[Whisper]"]] = set()

    async def admit(self, actor: Actor) -> None:
        await asyncio.sleep(0)
        if actor.user_id in self.out:
            raise NotFound("There is no such room.")

    def passing(self) -> tuple[AsyncGenerator[Any, None], ...]:
        return (self._whispered(),)

    def deaf_to(self, heard: Any) -> ObjectId | None:
        return heard.by if isinstance(heard, Whisper) else None

    def leaver(self, heard: Any) -> ObjectId | None:
        made = isinstance(heard, Told) and isinstance(heard.event, NoteMade) and heard.event.key.startswith("out:")
        return user(heard.event.key[4:].partition(".")[0]) if made else None

    async def _whispered(self) -> AsyncGenerator[Whisper, None]:
        queue: asyncio.Queue[Whisper] = asyncio.Queue()
        self.whispers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.whispers.discard(queue)


def user(name: str) -> ObjectId:
    return ObjectId(name.encode().ljust(12)[:12])


@strawberry.type(description="A note was made.")
class NoteHeard(FeedEvent):
    event = NoteMade

    @computed(description="Its key.", personal=False)
    def key(heard: strawberry.Parent[Told], info: Info) -> str:
        key: str = heard.change.data["key"]
        executed[key] += 1
        return key

    @computed(description="So many characters.", personal=False)
    def padding(heard: strawberry.Parent[Told], size: int) -> str:
        return "x" * size

    @computed(description="Who reads it.")
    def reader(heard: strawberry.Parent[Told], info: Info) -> str:
        return str(info.context.actor.user_id)


@strawberry.type(description="Somebody whispers.")
class Whispered(FeedEvent):
    text: str

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, Whisper)


@strawberry.type
class Query:
    ok: bool = True


@strawberry.type
class Subscription:
    @strawberry.subscription(graphql_type=FeedEvent)  # type: ignore[untyped-decorator]
    def notes(self, info: Info, after: str | None = None) -> Any:
        return Following(info.context, RoomFeed((ROOM,)), after, [NoteHeard, Whispered])


async def authenticate(authorization: str | None) -> Credentials:
    """`<name>` is somebody of the organization, `<name>@<organization>` of another, `None` nobody."""
    name, _, elsewhere = (authorization or "").partition("@")
    organization = user(elsewhere) if elsewhere else ORGANIZATION
    return Credentials(Actor(organization, user(name)) if name else Actor())


class Voice:
    """A client of the stage: a raw protocol of asyncio's, which can stop reading."""

    def __init__(self, raw: RawSocket) -> None:
        self._raw = raw

    async def hear(self) -> dict[str, Any]:
        while True:
            opcode, payload = await asyncio.to_thread(self._raw.hear)
            if opcode == 1:
                return dict(json.loads(payload))
            if opcode == 8:
                raise ConnectionResetError(payload)

    async def keys(self, number: int) -> list[str]:
        """The keys of the next so many notes."""
        return [(await self.result())["key"] for _ in range(number)]

    async def result(self) -> dict[str, Any]:
        message = await self.hear()
        assert message["type"] == "next", message
        return dict(message["payload"]["data"]["notes"])

    async def say(self, type: str, **parts: object) -> None:
        await asyncio.to_thread(self._raw.say, type, **parts)

    async def follow(self, query: str = FOLLOW, id: str = "1", **variables: object) -> None:
        await self.say("subscribe", id=id, payload={"query": query, "variables": variables})


class Stage:
    def __init__(self, endpoint: SocketEndpoint, port: int) -> None:
        self.endpoint, self.port = endpoint, port

    @asynccontextmanager
    async def voice(self, name: str | None = "ada", *, receive_buffer: int = 65_536) -> AsyncIterator[Voice]:
        """A client that is signed in."""
        raw = await asyncio.to_thread(RawSocket, self.port, receive_buffer=receive_buffer)
        with raw:
            voice = Voice(raw)
            await voice.say("connection_init", payload={"authorization": name} if name else None)
            assert await voice.hear() == {"type": "connection_ack"}
            yield voice

    @property
    def broadcasts(self) -> list[Broadcast]:
        return list(self.endpoint.broadcasts._running.values())

    async def live(self, number: int) -> None:
        """Wait until so many subscribers are live."""
        async with asyncio.timeout(20):
            while sum(len(one._live) for one in self.broadcasts) != number:
                await asyncio.sleep(0.01)


async def note(key: str) -> Note:
    return await make(key, ROOM)


def whisper(text: str, by: str) -> None:
    for queue in RoomFeed.whispers:
        queue.put_nowait(Whisper(text, user(by)))


@asynccontextmanager
async def staged(*, own_wire: bool) -> AsyncIterator[Stage]:
    executed.clear()
    RoomFeed.out.clear()
    settings = Settings(_env_file=None)
    schema = strawberry.Schema(Query, subscription=Subscription, types=[NoteHeard, Whispered])
    engine = Engine(schema, Limits.of(settings), introspection=True, suggestions=True)
    endpoint = SocketEndpoint(Documents(engine, settings), settings, authenticate)
    options = SERVER_OPTIONS if own_wire else {**SERVER_OPTIONS, "ws": "websockets-sansio"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Starlette(routes=[WebSocketRoute("/graphql", endpoint)])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", **options))
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        try:
            yield Stage(endpoint, listener.getsockname()[1])
            async with asyncio.timeout(20):
                while endpoint.broadcasts._running:
                    await asyncio.sleep(0.01)
        finally:
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await serving
