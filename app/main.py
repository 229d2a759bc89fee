"""The API process: settings, connections, routes."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

import structlog
import uvicorn
from starlette.applications import Starlette

from app import startup
from app.api import downloads, files, headers, health, jwks, mail, oauth, payments, runs
from app.api.actors import Actors
from app.api.doors import doors
from app.api.eventdocuments import EventDocuments
from app.api.graphiql import Account
from app.api.health import Health
from app.api.uvicorn_protocol import SERVER_OPTIONS
from app.core import changes, metrics
from app.core.answers import TOTALS, Answers
from app.core.files import allow_files
from app.core.listening import listen
from app.core.release import release
from app.core.settings import Settings
from app.core.tasks import end
from app.execution.compiled import FIGURES
from app.jobs.roots import JOBS
from app.migrations import runner
from app.resolvers.roots import schema
from app.services.billing.metering import platform_usage
from app.services.messaging import presence
from app.services.platform import schedules
from app.services.webhooks import documents

REQUEST_GRACE_SECONDS = 15
"""How long requests may take to end after the server stopped accepting."""
MUTATION_GRACE_SECONDS = 10
"""How long mutations that nobody waits for may go on after that; orchestrators kill after 30 seconds in all."""

_log = structlog.stdlib.get_logger(__name__)


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. It serves at once, and is ready when its servers are."""
    checks = [*startup.servers(settings), ("migrations", runner.check)]
    state, actors = Health(dict(checks)), Actors()
    answers = Answers(settings.response_cache_bytes, release())
    schedules.declare(JOBS)
    documents.use(lambda: EventDocuments(schema, settings))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        startup.connect(settings)
        background = [
            asyncio.create_task(_prepare(settings, state, actors, answers)),
            asyncio.create_task(presence.beat()),
            asyncio.create_task(platform_usage.beat()),
        ]
        try:
            yield
        finally:
            await end(*background)
            with suppress(TimeoutError):
                async with asyncio.timeout(MUTATION_GRACE_SECONDS):
                    await runs.settled()
            await answers.close()
            await changes.stop_hub()
            await startup.close()

    graphql = doors(schema, settings, actors, answers, _accounts(settings))
    own = [*downloads.routes(), *files.routes(), *jwks.routes(), *mail.routes(), *payments.routes()]
    routes = [*health.routes(state), *own, *oauth.routes(settings), *graphql.routes]
    app = Starlette(routes=routes, middleware=[*graphql.middleware, *headers.middleware(settings)], lifespan=lifespan)
    app.state.health = state
    return app


def _accounts(settings: Settings) -> tuple[Account, ...]:
    """Whom GraphiQL offers to sign in as."""
    if not settings.demo_data:
        return ()
    from app.seeds.people import PASSWORD, SHOWN  # only where the demonstration is

    return tuple(Account(person.first_name, person.email, PASSWORD) for person in SHOWN)


async def _prepare(settings: Settings, state: Health, actors: Actors, answers: Answers) -> None:
    await startup.complete([*startup.servers(settings), *startup.preparation(JOBS), ("hub", changes.start_hub)])
    actors.watch(changes.hub())
    answers.watch(changes.hub())  # after `actors`: who may not ask any more is known before what they may have
    metrics.follow("answers", answers.figures, totals=TOTALS)
    metrics.follow("hub", changes.hub().figures, totals=("resyncs",))
    _show_executions()
    startup.spare_the_collector()
    state.started = True
    metrics.STARTED.set(1)


def _show_executions() -> None:
    metrics.follow("graphql", FIGURES.totals, totals=FIGURES.totals().keys())
    words = "Operations that compiled code did not execute, by the reason."
    metrics.follow_counts("graphql_interpreted", words, "reason", lambda: dict(FIGURES.interpreted))
    words = "Values that were not of the kind which compiled code expects, by field."
    metrics.follow_counts("graphql_deoptimised", words, "field", lambda: dict(FIGURES.deoptimised))
    words = "Fields compiled with a resolver that cannot be called directly."
    metrics.follow_counts("graphql_opaque", words, "field", lambda: dict(FIGURES.opaque))


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then stop in order; returns when all is closed. Raises PortInUse.

    The order: `/readyz` answers 503; after `drain_seconds` no connection is accepted any more; sockets are closed with
    1012; requests end, and mutations that nobody waits for; connections to MongoDB and Redis are closed.
    """
    listener = listen(host, port)
    allow_files()
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        loop="asyncio" if sys.platform == "win32" else "uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=REQUEST_GRACE_SECONDS,
        **SERVER_OPTIONS,
    )
    _log.info("serving", address=f"http://{host}:{port}")
    with metrics.exposed(settings.metrics_host, settings.metrics_port):
        _Server(config, app.state.health, settings.drain_seconds).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's, which stops after a drain, exits with 0 then, and at a second signal stops at once."""

    def __init__(self, config: uvicorn.Config, state: Health, drain_seconds: float) -> None:
        super().__init__(config)
        self._health, self._drain_seconds = state, drain_seconds
        self._stops_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._health.draining:
            self.should_exit = self.force_exit = True
        else:
            self._health.draining = True
            metrics.DRAINING.set(1)
            self._stops_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        if time.monotonic() >= self._stops_at:
            self.should_exit = True
        return await super().on_tick(counter)
