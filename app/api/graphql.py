"""The GraphQL endpoint over HTTP.

Sources: GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/); graphql-sse for streams. A request that
cannot be run answers 400 to a client that asked for `application/graphql-response+json` and 200 to one that asked for
`application/json`, as the specification has it; a result always answers 200.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api import incremental, multipart, replies, signatures, sse
from app.api.access import Entry
from app.api.answers import answered, computing
from app.api.body import Asked, asked_in, content, from_address
from app.api.connections import while_connected
from app.api.contexts import MakeContext, catch_up, make_context, request_id, speak
from app.api.credentials import Authenticate, Credentials, Recognise
from app.api.documents import Documents
from app.api.forms import POINTS, asked_with_files, is_form
from app.api.headers import Headers
from app.api.incremental import Payload
from app.api.negotiation import EVENTS, GRAPHQL, HTML, JSON, Format, names, parts, preferred
from app.api.parting import PartingFromFiles, PartingResponse
from app.api.rates import COST, Meters, Rates, limits, points, told
from app.api.rejections import ClientGone, Rejected
from app.api.replies import Reply
from app.api.results import payload
from app.api.runs import run
from app.core.answers import Answers
from app.core.rates import spend
from app.core.settings import Settings
from app.execution.operations import Operation
from app.schema.kit.context import Context
from app.schema.kit.settling import HEADER

Page = Callable[[Request], Response]


class GraphQLEndpoint:
    """The ASGI application behind HTTP requests to /graphql.

    Who asks is told by the `Authorization` header or a signature alone, so no page can borrow a browser's sign-in.
    `page` answers browsers that navigate here, in development only. Queries by GET are for caches: offered there, and
    where the settings say so. `answers` are those that may be kept; without it none are. `recognise` knows who signs;
    `rates` who pays.
    """

    def __init__(
        self,
        documents: Documents,
        settings: Settings,
        authenticate: Authenticate,
        make_context: MakeContext = make_context,
        *,
        page: Page | None = None,
        answers: Answers | None = None,
        recognise: Recognise | None = None,
        rates: Rates | None = None,
    ) -> None:
        self.documents, self.engine, self.settings = documents, documents.engine, settings
        self.authenticate, self.make_context = authenticate, make_context
        self.page = page if settings.open else None
        self.answers, self.recognise, self.rates = answers, recognise, rates
        self.methods = ("GET", "POST") if settings.open or settings.graphql_get else ("POST",)

    async def reply(
        self,
        operation: Operation,
        asked: Asked,
        context: Context,
        credentials: Credentials,
        scope: Scope,
        receive: Receive,
        accept_encoding: str,
        if_none_match: str | None = None,
        costs: bool = False,
    ) -> Reply:
        """What a client that was let in is answered by a query or a mutation; with `costs`, what that costs, too.

        Raises ClientGone, Refused, TimeoutError, RateLimited, and what the rules of answers that are kept say.
        """
        meters, price = await self.pay(operation, asked, credentials, context)
        seconds = self.settings.graphql_timeout_seconds
        if operation.kind == "mutation":
            result = await run(self.engine, operation, asked.variables, context, seconds)
            if costs:
                context.extensions["cost"] = told(meters, price, result.data)
            reply = replies.result(payload(result, context), accept_encoding, secret=True)
        elif operation.policy is None or costs:
            with while_connected(scope, receive):
                result = await run(self.engine, operation, asked.variables, context, seconds)
            if costs:
                context.extensions["cost"] = told(meters, price, result.data)
            reply = replies.result(payload(result, context), accept_encoding)
        else:
            compute = computing(self.engine, operation, asked, credentials, context, seconds)
            answer = await answered(
                self.answers, operation.policy, credentials, asked.variables, compute, scope, receive
            )
            reply = replies.kept(operation.policy, answer, accept_encoding, if_none_match)
        if meters and if_none_match is None:  # by GET caches on the way would tell it to others
            reply.limits = limits(meters)
        return reply

    async def pay(
        self, operation: Operation, asked: Asked, credentials: Credentials, context: Context
    ) -> tuple[Meters, int]:
        """Let whoever asks pay for an operation; who did, and how many points. Raises RateLimited and Unavailable."""
        price = points(operation, asked.variables)
        if self.rates is None:
            return (), price
        return await self.rates.spend(credentials, context.address, price), price

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
        # An answer in one part is JSON, for those as well who take nothing but parts.
        self._media = preferred(self._accept, JSON, GRAPHQL, EVENTS) or (JSON if parts(self._accept) else None)
        self.id = request_id(request)
        self.entry = Entry(request.method, self.id)
        self._body: bytes | None = None
        self._limits: Headers = []
        speak(request.headers.get("accept-language", ""))

    async def response(self) -> Response | None:
        """The response; None when it was streamed, or when nobody waits for it."""
        try:
            return await self._serve()
        except (ClientGone, ClientDisconnect):
            return None
        except Exception as error:
            return self._written(replies.refusal(error, self._media, self.id))

    async def _serve(self) -> Response | None:
        door, request = self._door, self._request
        if request.method not in door.methods:
            raise Rejected(405, f"Use {' or '.join(door.methods)}.", {"Allow": ", ".join(door.methods)})
        if door.page and request.method == "GET" and preferred(self._accept, JSON, GRAPHQL, EVENTS, HTML) == HTML:
            self.entry.status = 200
            return door.page(request)
        if self._media is None:
            raise Rejected(406, f"Accept {GRAPHQL}, {JSON} or {EVENTS}.")
        await catch_up(request.headers.get(HEADER))  # first, for what is known of the caller is heard as well
        credentials = await self._credentials()
        self.entry.actor = credentials.actor
        credentials.must_admit(request.client.host if request.client else "")
        asked = await self._asked(credentials)
        operation = self.entry.operation = door.documents.at_once(asked) or await door.documents.find(asked)
        if request.method == "GET" and operation.kind == "mutation":
            raise Rejected(405, "Send a mutation by POST.", {"Allow": "POST"})
        context = door.make_context(credentials, request)
        seconds = door.settings.graphql_timeout_seconds
        if operation.incremental and (format := self._format(operation)):
            self._limits = limits((await door.pay(operation, asked, credentials, context))[0])
            begun = incremental.begin(door.engine, operation, asked.variables, context, seconds)
            return await self._in_parts(begun, format)
        if not self._streams(operation):
            reply = await door.reply(
                operation,
                asked,
                context,
                credentials,
                request.scope,
                request.receive,
                request.headers.get("accept-encoding", ""),
                request.headers.get("if-none-match", "") if request.method == "GET" else None,
                COST in request.headers,
            )
            return self._written(reply)
        meters, _ = await door.pay(operation, asked, credentials, context)
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
            headers=[(b"x-request-id", self.id.encode()), *limits(meters)],
            pay=partial(spend, meters, 1),
        )
        return None

    async def _credentials(self) -> Credentials:
        door, request = self._door, self._request
        if door.recognise is None or signatures.INPUT not in request.headers:
            return await door.authenticate(request.headers.get("authorization"))
        return await door.recognise(signatures.signature(request, await self._content()))

    async def _content(self) -> bytes:
        """The body of the request, read once."""
        if self._body is None:
            reads = self._request.method == "POST"
            self._body = await content(self._request, self._door.settings.graphql_max_body_bytes) if reads else b""
        return self._body

    async def _asked(self, credentials: Credentials) -> Asked:
        door, request = self._door, self._request
        if request.method == "GET":
            return from_address(request)
        if not is_form(request):
            return asked_in(await self._content())
        if door.rates:
            await door.rates.spend(credentials, request.client.host if request.client else "", POINTS)
        return await asked_with_files(request, door.settings, credentials.actor)

    def _format(self, operation: Operation) -> Format | None:
        """How to write an answer in parts; None for what is streamed as events, and for clients of whole answers."""
        return None if operation.kind == "subscription" or self._media == EVENTS else parts(self._accept)

    def _streams(self, operation: Operation) -> bool:
        if operation.kind != "subscription":
            return self._media == EVENTS
        if not names(self._accept, EVENTS):
            raise Rejected(400, f"A subscription needs a WebSocket, or `Accept: {EVENTS}`.")
        return True

    async def _in_parts(self, begun: Awaitable[AsyncGenerator[Payload, None]], format: Format) -> Response | None:
        self.entry.status = 200
        headers = [(b"x-request-id", self.id.encode()), *self._limits]
        request = self._request
        whole = await multipart.respond(request.scope, request.receive, self._send, begun, format, headers)
        if whole is None:
            return None
        return self._written(replies.result(whole, request.headers.get("accept-encoding", "")))

    def _written(self, reply: Reply) -> Response:
        self.entry.told(reply)
        kind: type[Response] = Response
        if (b"connection", b"close") in reply.headers:  # the client is still sending
            kind = PartingFromFiles if is_form(self._request) else PartingResponse
        response = kind(reply.body, reply.status)
        response.raw_headers += [(b"x-request-id", self.id.encode()), *reply.headers, *reply.limits]
        if reply.status != 304:
            media = GRAPHQL if self._media == GRAPHQL else JSON
            response.raw_headers.append((b"content-type", f"{media}; charset=utf-8".encode()))
        return response
