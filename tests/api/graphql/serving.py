"""The endpoint behind HTTP: in this process for most tests, on a real socket where the connection matters."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.credentials import Authenticate, Credentials
from app.api.documents import Documents
from app.api.graphql import GraphQLEndpoint
from app.api.headers import middleware
from app.api.lean import lean
from app.core.actor import ANONYMOUS, Actor
from app.core.clock import new_id
from app.core.errors import Unauthenticated
from app.core.settings import Environment, Settings, settings
from app.dev.children import free_port
from app.execution.engine import Engine
from app.execution.limits import Limits
from tests.api.graphql.schema import schema

lean_path = True
"""Whether applications have the lean path before the router, as Atrium has; the tests run both ways."""

ADA = Actor(organization_id=new_id(), user_id=new_id())


async def signed_in(authorization: str | None) -> Credentials:
    """Ada by her token, nobody without one."""
    if authorization is None:
        return Credentials(ANONYMOUS)
    if authorization != "Bearer ada":
        raise Unauthenticated("The token is not one of ours.")
    return Credentials(ADA)


def configured(environment: Environment, **changes: Any) -> Settings:
    return settings().model_copy(update={"atrium_env": environment, **changes})


def application(
    environment: Environment = Environment.DEV, authenticate: Authenticate = signed_in, **changes: Any
) -> Starlette:
    """The endpoint at /graphql with the middleware that it has in Atrium; `changes` are settings."""
    chosen = configured(environment, **changes)
    engine = Engine(schema, Limits.of(chosen), introspection=chosen.open, suggestions=chosen.open)
    documents = Documents(engine, chosen)
    return either_way(GraphQLEndpoint(documents, chosen, authenticate, page=_page), chosen)


def either_way(endpoint: GraphQLEndpoint, settings: Settings) -> Starlette:
    """The endpoint at /graphql, with the lean path or without."""
    routes = [Route("/graphql", endpoint)]
    return Starlette(routes=routes, middleware=[Middleware(_EitherWay, endpoint=endpoint), *middleware(settings)])


class _EitherWay:
    """The lean path, or none; as `lean_path` says when a request comes."""

    def __init__(self, app: ASGIApp, endpoint: GraphQLEndpoint) -> None:
        way = lean(endpoint, "/graphql")
        self._app, self._lean = app, way.cls(app, *way.args, **way.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._lean if lean_path else self._app)(scope, receive, send)


def _page(request: Request) -> HTMLResponse:
    return HTMLResponse("<title>GraphiQL</title>")


def client(app: Starlette, **headers: str) -> httpx.AsyncClient:
    """A client of an application in this process."""
    transport = httpx.ASGITransport(app=app)
    # There is no TLS here, and reading the certificates for it takes longer than most tests.
    verify = False
    return httpx.AsyncClient(transport=transport, base_url="http://atrium.test", headers=headers, verify=verify)


@asynccontextmanager
async def listening(app: Starlette) -> AsyncGenerator[str]:
    """Serve an application on a port of its own; the value is its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving
