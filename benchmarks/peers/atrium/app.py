"""The bench schema behind Atrium's doors: bare as the peers are, or with all that production has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from beanie import init_beanie
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import startup
from app.api import headers
from app.api.actors import Actors
from app.api.doors import doors
from app.core import changes
from app.core.actor import ANONYMOUS
from app.core.answers import Answers
from app.core.database import database
from app.core.settings import Settings
from app.models import DOCUMENTS
from app.startup import spare_the_collector
from benchmarks.peers import data
from benchmarks.peers.atrium import models, services
from benchmarks.peers.atrium.schema import schema

NOTHING_KEPT = 0
"""Bytes of answers: each is computed, as the peers compute theirs."""


def create_app(settings: Settings, *, full: bool) -> Starlette:
    """The ASGI application, as `app.main` makes the real one. Who sends no token is nobody, and may ask all the same.

    `full` adds the middleware of production; what is logged and counted is the process's affair.
    """
    actors = Actors()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        startup.connect(settings)
        await changes.prepare()
        await init_beanie(database=database(), document_models=[*DOCUMENTS, *models.DOCUMENTS], skip_indexes=True)
        actors.watch(await changes.start_hub())
        spare_the_collector()
        yield
        await changes.stop_hub()
        await startup.close()

    graphql = doors(schema, settings, actors, Answers(NOTHING_KEPT))
    routes = [*graphql.routes, Route("/publish", _publish, methods=["POST"])]
    middleware = [*graphql.middleware, *(headers.middleware(settings) if full else [])]
    return Starlette(routes=routes, middleware=middleware, lifespan=lifespan)


async def _publish(request: Request) -> Response:
    """Say the body in the room."""
    text = (await request.body()).decode()
    await services.post(ANONYMOUS, services.PostMessage(room=data.ROOM, text=text))
    return Response(status_code=204)
