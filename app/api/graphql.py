"""The GraphQL endpoint over HTTP.

Sources: GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/); graphql-sse for streams. A request that
cannot be run answers 400 to a client that asked for `application/graphql-response+json` and 200 to one that asked for
`application/json`, as the specification has it; a result always answers 200.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api import sse
from app.api.access import Entry
from app.api.body import Asked, from_address, from_body
from app.api.connections import while_connected
from app.api.contexts import MakeContext, catch_up, make_context, request_id
from app.api.credentials import Authenticate
from app.api.errors import answer_errors
from app.api.negotiation import EVENTS, GRAPHQL, HTML, JSON, names, preferred
from app.api.parting import PartingResponse
from app.api.rejections import ClientGone, Rejected
from app.api.results import encode, payload
from app.api.runs import run
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.operations import Operation, Refused

Page = Callable[[Request], Response]

_STATUS = {"UNAUTHENTICATED": 401, "INTERNAL": 500, "UNAVAILABLE": 503}
"""Of failures that are not of one operation."""


class GraphQLEndpoint:
    """The ASGI application behind HTTP requests to /graphql.

    Who asks is told by the `Authorization` header alone, so no page can borrow a browser's sign-in. `page` answers
    browsers that navigate here; it and queries by GET are offered in development only.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        authenticate: Authenticate,
        make_context: MakeContext = make_context,
        *,
        page: Page | None = None,
    ) -> None:
        self.engine, self.settings = engine, settings
        self.authenticate, self.make_context = authenticate, make_context
        self.page = page if settings.open else None
        self.methods = ("GET", "POST") if settings.open else ("POST",)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(self, Request(scope, receive), send)
        with structlog.contextvars.bound_contextvars(request_id=exchange.id):
            try:
                response = await exchange.response()
                if response is not None:
                    await response(scope, receive, send)
            finally:
                exchange.entry.write()


class _Exchange:
    """One request and its answer."""

    def __init__(self, door: GraphQLEndpoint, request: Request, send: Send) -> None:
        self._door, self._request, self._send = door, request, send
        self._accept = request.headers.get("accept", "")
        self._media = preferred(self._accept, JSON, GRAPHQL, EVENTS)
        self.id = request_id(request)
        self.entry = Entry(request.method)

    async def response(self) -> Response | None:
        """The response; None when it was streamed, or when nobody waits for it."""
        try:
            return await self._serve()
        except (ClientGone, ClientDisconnect):
            return None
        except Rejected as rejected:
            error = {"message": rejected.message, "extensions": {"code": "BAD_REQUEST"}}
            return self._json({"errors": [error]}, rejected.status, rejected.headers)
        except Refused as refused:
            status = 200 if self._media == JSON else 400
            return self._json({"errors": answer_errors(refused.errors, self.id)}, status)
        except TimeoutError as error:
            return self._json({"data": None, "errors": self._told(error)}, 200)
        except Exception as error:
            errors = self._told(error)
            status = _STATUS.get(errors[0]["extensions"]["code"], 400)
            return self._json({"errors": errors}, status, {"WWW-Authenticate": "Bearer"} if status == 401 else {})

    async def _serve(self) -> Response | None:
        door, request = self._door, self._request
        if request.method not in door.methods:
            raise Rejected(405, f"Use {' or '.join(door.methods)}.", {"Allow": ", ".join(door.methods)})
        if door.page and request.method == "GET" and preferred(self._accept, JSON, GRAPHQL, EVENTS, HTML) == HTML:
            self.entry.status = 200
            return door.page(request)
        if self._media is None:
            raise Rejected(406, f"Accept {GRAPHQL}, {JSON} or {EVENTS}.")
        await catch_up(request)  # first, for what is known of the caller is heard as well
        credentials = await door.authenticate(request.headers.get("authorization"))
        self.entry.actor = credentials.actor
        asked = await self._asked()
        operation = self.entry.operation = door.engine.prepare(asked.query, asked.operation_name)
        if request.method == "GET" and operation.kind == "mutation":
            raise Rejected(405, "Send a mutation by POST.", {"Allow": "POST"})
        context = door.make_context(credentials, request)
        seconds = door.settings.graphql_timeout_seconds
        if not self._streams(operation):
            return await self._answer(operation, asked, context, seconds)
        self.entry.status = 200
        await sse.respond(
            request.scope,
            request.receive,
            self._send,
            engine=door.engine,
            operation=operation,
            variables=asked.variables,
            context=context,
            credentials=credentials,
            seconds=seconds,
            headers=[(b"x-request-id", self.id.encode())],
        )
        return None

    async def _asked(self) -> Asked:
        if self._request.method == "GET":
            return from_address(self._request)
        return await from_body(self._request, self._door.settings.graphql_max_body_bytes)

    def _streams(self, operation: Operation) -> bool:
        if operation.kind != "subscription":
            return self._media == EVENTS
        if not names(self._accept, EVENTS):
            raise Rejected(400, f"A subscription needs a WebSocket, or `Accept: {EVENTS}`.")
        return True

    async def _answer(self, operation: Operation, asked: Asked, context: Any, seconds: float) -> Response:
        if operation.kind == "mutation":
            result = await run(self._door.engine, operation, asked.variables, context, seconds)
        else:
            async with while_connected(self._request.receive):
                result = await run(self._door.engine, operation, asked.variables, context, seconds)
        return self._json(payload(result, context), 200)

    def _told(self, error: Exception) -> list[dict[str, Any]]:
        return answer_errors([GraphQLError(str(error), original_error=error)], self.id)

    def _json(self, body: dict[str, Any], status: int, headers: Mapping[str, str] | None = None) -> Response:
        content = encode(body)
        self.entry.status, self.entry.bytes = status, len(content)
        self.entry.errors = [error["extensions"]["code"] for error in body.get("errors", ())]
        media = GRAPHQL if self._media == GRAPHQL else JSON
        kind = PartingResponse if status == 413 else Response  # the client is still sending
        own = {"Content-Type": f"{media}; charset=utf-8", "Cache-Control": "no-store", "X-Request-Id": self.id}
        return kind(content, status, {**own, **(headers or {})})
