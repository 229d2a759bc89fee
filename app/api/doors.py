"""Every way in: GraphQL over HTTP and WebSocket, and GraphiQL in development."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from strawberry import Schema

from app.api import graphiql
from app.api.actors import Actors
from app.api.contexts import make_context
from app.api.graphql import GraphQLEndpoint
from app.api.sockets import Hook, SocketEndpoint
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.limits import Limits

PATH = "/graphql"


def graphql_routes(
    schema: Schema, settings: Settings, actors: Actors, *, on_open: Sequence[Hook] = (), on_close: Sequence[Hook] = ()
) -> list[BaseRoute]:
    """The routes of the schema; the hooks hear of every socket that opens and closes."""
    engine = Engine(schema, Limits.of(settings), introspection=settings.open, suggestions=settings.open)

    def page(request: Request) -> Response:
        return graphiql.page(request)

    over_http = GraphQLEndpoint(engine, settings, actors.authenticate, make_context, page=page)
    over_sockets = SocketEndpoint(
        engine, settings, actors.authenticate, make_context, on_open=on_open, on_close=on_close
    )
    routes: list[BaseRoute] = [Route(PATH, over_http), WebSocketRoute(PATH, over_sockets)]
    return [*routes, graphiql.assets()] if settings.open else routes
