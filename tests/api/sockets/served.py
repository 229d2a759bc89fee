"""A GraphQL server in a process of its own, small and hard to please: `python -m tests.api.sockets.served OPTIONS`.

OPTIONS is a JSON object: `uvicorn`, options of uvicorn's, and `guards`, constants of modules in app.api. The first
line of its output is the port, the second, at the end, the state. `Bearer <name>` signs anybody in, `Bearer
<name>;<seconds>` for so long. GET /state tells what is going on; POST /revoke/<name> ends sign-ins, and POST
/open/<gate> lets a field go on.
"""

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import strawberry
import structlog
import uvicorn
from bson import ObjectId
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from strawberry.schema.config import StrawberryConfig

from app.api import runs, uvicorn_protocol
from app.api.credentials import Credentials
from app.api.documents import Documents
from app.api.graphql import GraphQLEndpoint
from app.api.sockets import SocketEndpoint
from app.core import clock
from app.core.actor import ANONYMOUS, Actor
from app.core.errors import Conflict, ResyncRequired, Unauthenticated, Unavailable
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.context import Info
from tests.api import gated

counts: Counter[str] = Counter()
notes: list[str] = []
signed_in: dict[str, list[Credentials]] = {}
names: dict[ObjectId, str] = {}


def viewer(info: Info) -> str:
    user = info.context.actor.user_id
    if user is None:
        raise Unauthenticated("Sign in first.")
    return names[user]


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: Info) -> str:
        return viewer(info)

    @strawberry.field
    def echo(self, text: str) -> str:
        return text

    @strawberry.field
    async def slow(self) -> str:
        counts["slow"] += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            counts["slow cancelled"] += 1
            raise
        return "late"

    @strawberry.field
    def article(self) -> gated.Article:
        return gated.Article()

    @strawberry.field
    def broken(self) -> str:
        raise RuntimeError("mongodb://root:secret@db")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def note(self, info: Info, text: str, seconds: float = 0) -> str:
        author = viewer(info)
        await asyncio.sleep(seconds)
        notes.append(f"{author}: {text}")
        return text

    @strawberry.mutation
    def publish(self, info: Info, title: str) -> gated.Article:
        notes.append(f"{viewer(info)}: {title}")
        return gated.Article(title=title)

    @strawberry.mutation
    def conflict(self) -> str:
        raise Conflict("Somebody was faster.", expected=3)


async def numbers(to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        yield number
        await asyncio.sleep(0)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        return numbers(to)

    @strawberry.subscription
    async def ticks(self, info: Info, every: float = 0.01, size: int = 1) -> AsyncGenerator[str, None]:
        """For ever: the number of the tick, filled up to `size` characters."""
        counts["ticking"] += 1
        try:
            number = 0
            while True:
                yield str(number).ljust(size, ".")
                number += 1
                await asyncio.sleep(every)
        finally:
            counts["ticking"] -= 1

    @strawberry.subscription
    async def mine(self, info: Info) -> AsyncGenerator[str, None]:
        name = viewer(info)
        while True:
            yield name
            await asyncio.sleep(0.05)

    @strawberry.subscription
    async def closed(self, info: Info) -> AsyncGenerator[int, None]:
        viewer(info)
        return numbers(3)

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise ResyncRequired("Read the state again.")

    @strawberry.subscription
    async def never(self) -> AsyncGenerator[int, None]:
        await asyncio.sleep(60)
        yield 1


schema = strawberry.Schema(
    Query, Mutation, Subscription, config=StrawberryConfig(enable_experimental_incremental_execution=True)
)


async def authenticate(authorization: str | None) -> Credentials:
    if authorization is None:
        return Credentials(ANONYMOUS)
    scheme, _, token = authorization.partition(" ")
    name, _, seconds = token.partition(";")
    if scheme != "Bearer" or name == "nobody":
        raise Unauthenticated("No such token.")
    if name == "down":
        raise Unavailable("The session store is down.")
    if name == "bug":
        raise KeyError(name)
    user = ObjectId(name.encode().ljust(12)[:12])
    names[user] = name
    credentials = Credentials(Actor(user_id=user), clock.source() + float(seconds) if seconds else None)
    signed_in.setdefault(name, []).append(credentials)
    return credentials


async def opened(credentials: Credentials, socket_id: str) -> None:
    counts["open"] += 1
    raise RuntimeError("a hook that fails must harm nobody")


async def closed(credentials: Credentials, socket_id: str) -> None:
    counts["open"] -= 1


def now() -> dict[str, Any]:
    return {**counts, **gated.counts, "notes": notes, "tasks": len(asyncio.all_tasks())}


async def state(request: Request) -> Response:
    return JSONResponse(now())


async def revoke(request: Request) -> Response:
    for credentials in signed_in.pop(request.path_params["name"], []):
        credentials.ended.set()
    return Response(status_code=204)


async def open_gate(request: Request) -> Response:
    gated.gates[request.path_params["gate"]].set()
    return Response(status_code=204)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await runs.settled()
    print(json.dumps(now()), flush=True)


def application() -> Starlette:
    settings = Settings(_env_file=None, graphql_timeout_seconds=2, allowed_origins=("https://spa.example.com",))
    engine = Engine(schema, Limits.of(settings), introspection=True, suggestions=True)
    documents = Documents(engine, settings)
    sockets = SocketEndpoint(documents, settings, authenticate, on_open=[opened], on_close=[closed])
    return Starlette(
        routes=[
            Route("/state", state),
            Route("/revoke/{name}", revoke, methods=["POST"]),
            Route("/open/{gate}", open_gate, methods=["POST"]),
            Route("/graphql", GraphQLEndpoint(documents, settings, authenticate)),
            WebSocketRoute("/graphql", sockets),
        ],
        lifespan=lifespan,
    )


def main(guards: dict[str, float], options: dict[str, Any]) -> None:
    for place, value in guards.items():
        module, _, name = place.partition(".")
        setattr(import_module(f"app.api.{module}"), name, value)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        structlog.configure(
            processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        )
        print(listener.getsockname()[1], flush=True)
        options = {"timeout_graceful_shutdown": 25, **uvicorn_protocol.SERVER_OPTIONS, **options}
        config = uvicorn.Config(application(), log_level="warning", **options)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    main(given["guards"], given["uvicorn"])
