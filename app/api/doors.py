"""Every way in: GraphQL over HTTP and WebSocket, and GraphiQL in development."""

from starlette.routing import BaseRoute, Route, WebSocketRoute
from strawberry import Schema

from app.api import graphiql, presence
from app.api.actors import Actors
from app.api.contexts import make_context
from app.api.graphiql import Account, PageConfig
from app.api.graphql import GraphQLEndpoint
from app.api.sockets import SocketEndpoint
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.schema.kit.attempts import Placement

PATH = "/graphql"


def graphql_routes(
    schema: Schema, settings: Settings, actors: Actors, accounts: tuple[Account, ...] = ()
) -> list[BaseRoute]:
    """The routes of the schema, and in development those of the page that explores it, as one of `accounts`."""
    engine = Engine(
        schema,
        Limits.of(settings),
        introspection=settings.open,
        suggestions=settings.open,
        rules=[Placement],
    )
    shown = PageConfig(accounts)
    over_http = GraphQLEndpoint(
        engine, settings, actors.authenticate, page=lambda request: graphiql.page(request, shown)
    )
    over_sockets = SocketEndpoint(
        engine,
        settings,
        actors.authenticate,
        make_context,
        on_open=[presence.on_open],
        on_close=[presence.on_close],
    )
    routes: list[BaseRoute] = [Route(PATH, over_http), WebSocketRoute(PATH, over_sockets)]
    return [*routes, graphiql.assets()] if settings.open else routes
