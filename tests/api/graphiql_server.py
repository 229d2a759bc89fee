"""A small server with GraphiQL: the names of Atrium's sign-in and messaging over a few lists in memory."""

import asyncio
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Annotated, Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.http.ides import GraphQL_IDE
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from app.api.graphiql import Account, PageConfig, assets, page

PASSWORD = "atrium-demo-password"
NAMES = {"owner@example.com": "Olivia Owner", "ada@example.com": "Ada Lovelace", "grace@example.com": "Grace Hopper"}
CONFIG = PageConfig(accounts=tuple(Account(name.split()[0], email, PASSWORD) for email, name in NAMES.items()))


@dataclass
class World:
    """What the schema answers from, and what it saw."""

    url: str = ""
    token_seconds: float = 600
    tokens: dict[str, str] = field(default_factory=dict)
    """Names by the access and refresh tokens that are good."""
    greetings: SimpleQueue[str | None] = field(default_factory=SimpleQueue)
    """The authorization in every connection_init."""
    listeners: list[asyncio.Queue[str]] = field(default_factory=list)
    serial: Iterator[int] = field(default_factory=itertools.count)

    async def greeting(self) -> str | None:
        """The authorization of the next connection_init."""
        return await asyncio.to_thread(self.greetings.get, timeout=15)

    def sign_in(self, name: str) -> "SignedIn":
        access, refresh = (f"{kind}-{next(self.serial)}" for kind in ("access", "refresh"))
        self.tokens |= {access: name, refresh: name}
        ends = datetime.now(UTC) + timedelta(seconds=self.token_seconds)
        return SignedIn(access_token=access, refresh_token=refresh, expires_at=ends, user=user(name))


@strawberry.type
class Organization:
    id: strawberry.ID
    name: str


@strawberry.type
class User:
    id: strawberry.ID
    name: str


def user(name: str) -> User:
    return User(id=strawberry.ID(name), name=name)


@strawberry.interface
class UserError:
    message: str
    code: str
    path: list[str]


@strawberry.type
class InvalidError(UserError):
    pass


def refusal(message: str) -> InvalidError:
    return InvalidError(message=message, code="INVALID", path=[])


@strawberry.type
class SignedIn:
    access_token: str
    refresh_token: str
    expires_at: datetime
    user: User


@strawberry.type
class Message:
    text: str
    author: str
    id: strawberry.ID = strawberry.ID("1")
    sent_at: str = "2026-01-01T00:00:00Z"


@strawberry.input
class SignInInput:
    email: str
    password: str


@strawberry.input
class RefreshSessionInput:
    refresh_token: str


@strawberry.input
class SendMessageInput:
    conversation_id: strawberry.ID
    text: str
    client_message_id: str


Entry = Annotated[SignedIn | InvalidError, strawberry.union("Entry")]
Sent = Annotated[Message | InvalidError, strawberry.union("Sent")]
Info = strawberry.Info[dict[str, Any], None]


def world(info: Info) -> World:
    found: World = info.context["request"].app.state.world
    return found


def caller(info: Info) -> str | None:
    params = info.context.get("connection_params") or info.context["request"].headers
    return world(info).tokens.get(params.get("authorization", "").removeprefix("Bearer "))


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: Info) -> User | None:
        name = caller(info)
        return user(name) if name else None

    @strawberry.field
    def organization(self, info: Info) -> Organization | None:
        return Organization(id=strawberry.ID("Demo"), name="Demo") if caller(info) else None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def sign_in(self, info: Info, input: SignInInput) -> Entry:
        if input.password != PASSWORD or input.email not in NAMES:
            return refusal("The e-mail or the password is wrong.")
        return world(info).sign_in(NAMES[input.email])

    @strawberry.mutation
    def refresh_session(self, info: Info, input: RefreshSessionInput) -> Entry:
        name = world(info).tokens.pop(input.refresh_token, None)
        return world(info).sign_in(name) if name else refusal("This session was revoked.")

    @strawberry.mutation
    def send_message(self, info: Info, input: SendMessageInput) -> Sent:
        name = caller(info)
        if not name:
            return refusal("Sign in first.")
        for listener in world(info).listeners:
            listener.put_nowait(input.text)
        return Message(text=input.text, author=name)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def conversation_events(self, info: Info, conversation_id: strawberry.ID) -> AsyncIterator[Message]:
        name = caller(info)
        if not name:
            raise PermissionError("Sign in to listen.")
        events: asyncio.Queue[str] = asyncio.Queue()
        listeners = world(info).listeners
        listeners.append(events)
        try:
            yield Message(text="listening", author=name)
            while True:
                yield Message(text=await events.get(), author=name)
        finally:
            listeners.remove(events)


class View(GraphQL[dict[str, Any], None]):
    graphql_ide: GraphQL_IDE | None

    async def on_ws_connect(self, context: dict[str, Any]) -> None:
        params = context["connection_params"] or {}
        context["request"].app.state.world.greetings.put(params.get("authorization"))

    async def render_graphql_ide(self, request: Request) -> Response:
        return page(request, CONFIG)


@contextmanager
def serving() -> Iterator[World]:
    """The server on a free port of this machine, in a thread with a loop of its own."""
    schema = strawberry.Schema(Query, Mutation, Subscription)
    view = View(schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])
    app = Starlette(routes=[Route("/graphql", view), WebSocketRoute("/graphql", view), assets()])
    app.state.world = World()
    server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", log_level="error", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app.state.world.url = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield app.state.world
        finally:
            server.should_exit = True
            thread.join(10)
