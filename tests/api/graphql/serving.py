"""The endpoint behind HTTP: in this process for most tests, on a real socket where the connection matters."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from app.api.credentials import Authenticate, Credentials
from app.api.graphql import GraphQLEndpoint
from app.api.headers import middleware
from app.core.actor import ANONYMOUS, Actor
from app.core.clock import new_id
from app.core.errors import Unauthenticated
from app.core.settings import Environment, Settings, settings
from app.dev.children import free_port
from app.execution.engine import Engine
from app.execution.limits import Limits
from tests.api.graphql.schema import schema

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
    endpoint = GraphQLEndpoint(engine, chosen, authenticate, page=_page)
    return Starlette(routes=[Route("/graphql", endpoint)], middleware=middleware(chosen))


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
