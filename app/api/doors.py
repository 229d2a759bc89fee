"""Every way in: GraphQL over HTTP and WebSocket, and GraphiQL in development."""

from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from strawberry import Schema

from app.api import graphiql, presence
from app.api.actors import Actors
from app.api.contexts import make_context
from app.api.documents import Documents
from app.api.graphiql import Account, PageConfig
from app.api.graphql import GraphQLEndpoint
from app.api.lean import lean
from app.api.rates import Rates
from app.api.sockets import SocketEndpoint
from app.core import metrics
from app.core.answers import Answers
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.attempts import Placement

PATH = "/graphql"


@dataclass(frozen=True, slots=True)
class Doors:
    """The routes, and the middleware that goes before all other."""

    routes: list[BaseRoute]
    middleware: list[Middleware]


def engine(schema: Schema, settings: Settings) -> Engine:
    """The engine as the settings want it: what it lets pass is what the doors run."""
    return Engine(
        schema,
        Limits.of(settings),
        introspection=settings.open,
        suggestions=settings.open,
        rules=[Placement],
        execution=settings.graphql_execution,
    )


def doors(
    schema: Schema, settings: Settings, actors: Actors, answers: Answers, accounts: tuple[Account, ...] = ()
) -> Doors:
    """The ways to the schema, and in development those to the page that explores it, as one of `accounts`."""
    documents = Documents(engine(schema, settings), settings)
    rates = Rates()
    shown = PageConfig(accounts)
    over_http = GraphQLEndpoint(
        documents,
        settings,
        actors.authenticate,
        page=lambda request: graphiql.page(request, shown),
        answers=answers,
        recognise=actors.recognise,
        rates=rates,
    )
    over_sockets = SocketEndpoint(
        documents,
        settings,
        actors.authenticate,
        make_context,
        on_open=[presence.on_open],
        on_close=[presence.on_close],
        rates=rates,
    )
    metrics.follow("sockets", over_sockets.figures)
    metrics.follow("broadcasts", over_sockets.broadcasts.figures)
    routes: list[BaseRoute] = [Route(PATH, over_http), WebSocketRoute(PATH, over_sockets)]
    if settings.open:
        routes.append(graphiql.assets())
    return Doors(routes, [lean(over_http, PATH)])
