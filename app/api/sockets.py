"""GraphQL over WebSocket: one socket carries many operations, in the protocol graphql-transport-ws and no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress

import structlog
from graphql import GraphQLError
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from app.api import transport_ws as protocol
from app.api.access import Entry
from app.api.contexts import MakeContext, make_context
from app.api.credentials import Authenticate, Credentials
from app.api.errors import answer_errors
from app.api.origins import may_connect
from app.api.results import encode, payload
from app.api.streams import begin, first_of, sign_in_ends
from app.api.transport_ws import CloseCode, Closing
from app.core.clock import new_id
from app.core.errors import LimitReached, Unauthenticated, Unavailable
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.operations import Refused
from app.schema.kit.context import Context

INITIALISATION_SECONDS = 5.0
MAX_OPERATIONS = 20
"""Operations that one socket may have running at once."""

Hook = Callable[[Credentials, str], Awaitable[None]]
"""Told of a socket that was acknowledged, or that is over: whose it is and the socket's id."""

log = structlog.get_logger()


class SocketEndpoint:
    """The ASGI application behind the WebSocket at /graphql.

    A socket belongs to whom its `connection_init` names (`{"authorization": "Bearer ..."}`, else the handshake's
    `Authorization` header), and to nobody when it names no one. It is closed with 4403 when that sign-in ends, and with
    1012 when the server stops. Queries and subscriptions end with their socket; a mutation that began runs to its end.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        authenticate: Authenticate,
        make_context: MakeContext = make_context,
        *,
        on_open: Sequence[Hook] = (),
        on_close: Sequence[Hook] = (),
    ) -> None:
        self.engine, self.settings = engine, settings
        self.authenticate, self.make_context = authenticate, make_context
        self.on_open, self.on_close = on_open, on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        await receive()
        if not may_connect(connection, self.settings):
            log.warning("socket.refused", origin=connection.headers.get("origin"))
            await send({"type": "websocket.close"})  # before the handshake ends: the server answers 403
        elif protocol.SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await send(_frame(Closing(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")))
        else:
            await send({"type": "websocket.accept", "subprotocol": protocol.SUBPROTOCOL})
            await _Socket(self, connection, receive, send).serve()


class _Gone(Exception):
    """The client left, or the server cut it off."""


class _Socket:
    """One connection. Whatever ends it is an exception, which cancels its tasks before the close frame goes out."""

    def __init__(self, door: SocketEndpoint, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        self._door, self._connection, self._asgi_receive, self._asgi_send = door, connection, receive, send
        self._id = str(new_id())
        self._credentials: Credentials | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()

    async def serve(self) -> None:
        try:
            closing = await self._live()
            if closing:
                with suppress(_Gone):
                    await self._send(_frame(closing))
        finally:
            if self._credentials:
                await self._tell(self._door.on_close, self._credentials)

    async def _live(self) -> Closing | None:
        """Serve until the end; why this side has to close the socket, or None when it is closed already."""
        closing = None
        try:
            self._credentials = await self._sign_in()
            await self._tell(self._door.on_open, self._credentials)
            await self._converse(self._credentials)
        except* _Gone:
            pass
        except* Closing as reasons:
            closing = first_of(reasons)
        except* Exception:
            log.exception("socket.failed", socket=self._id)
            closing = Closing(CloseCode.INTERNAL, "Internal server error")
        return closing

    async def _sign_in(self) -> Credentials:
        try:
            async with asyncio.timeout(INITIALISATION_SECONDS):
                init = await self._initialisation()
        except TimeoutError:
            raise Closing(CloseCode.INITIALISATION_TIMEOUT, "Connection initialisation timeout") from None
        try:
            return await self._door.authenticate(init.authorization or self._connection.headers.get("authorization"))
        except Unauthenticated:
            raise Closing(CloseCode.FORBIDDEN, "Forbidden") from None
        except Exception as error:
            [told] = answer_errors([GraphQLError(str(error), original_error=error)], self._id)
            if told["extensions"]["code"] == Unavailable.code:
                raise Closing(CloseCode.TRY_AGAIN_LATER, "Try again later") from None
            raise Closing(CloseCode.INTERNAL, "Internal server error") from None

    async def _initialisation(self) -> protocol.ConnectionInit:
        while True:
            match await self._receive():
                case protocol.ConnectionInit() as init:
                    return init
                case protocol.Ping() as ping:
                    await self._say(protocol.pong(ping))
                case protocol.Subscribe():
                    raise Closing(CloseCode.UNAUTHORIZED, "Unauthorized")

    async def _converse(self, credentials: Credentials) -> None:
        async with self._tasks:
            self._tasks.create_task(self._end_with(credentials))
            await self._say(protocol.ack())
            while True:
                match await self._receive():
                    case protocol.Subscribe() as subscribe:
                        await self._start(subscribe, credentials)
                    case protocol.Complete(id=id):
                        if task := self._operations.pop(id, None):
                            task.cancel()
                    case protocol.Ping() as ping:
                        await self._say(protocol.pong(ping))
                    case protocol.ConnectionInit():
                        raise Closing(CloseCode.TOO_MANY_INITIALISATIONS, "Too many initialisation requests")

    async def _end_with(self, credentials: Credentials) -> None:
        await sign_in_ends(credentials)
        raise Closing(CloseCode.FORBIDDEN, "Forbidden")

    async def _start(self, message: protocol.Subscribe, credentials: Credentials) -> None:
        if message.id in self._operations:
            raise Closing(CloseCode.SUBSCRIBER_ALREADY_EXISTS, f"Subscriber for {message.id} already exists")
        if len(self._operations) >= MAX_OPERATIONS:
            refusal = LimitReached(f"A socket runs at most {MAX_OPERATIONS} operations at once.", limit=MAX_OPERATIONS)
            errors = [GraphQLError(refusal.message, original_error=refusal)]
            await self._say(protocol.error(message.id, answer_errors(errors, self._id)))
            return
        self._operations[message.id] = self._tasks.create_task(self._operate(message, credentials))

    async def _operate(self, message: protocol.Subscribe, credentials: Credentials) -> None:
        context = self._door.make_context(credentials, self._connection)
        entry = Entry("WEBSOCKET", credentials.actor)
        try:
            with structlog.contextvars.bound_contextvars(request_id=context.request_id):
                await self._say(await self._answer(message, context, entry))
        finally:
            entry.write()
            # Saying the last word and freeing its id are one step of the event loop: no client can reuse it too early.
            if self._operations.get(message.id) is asyncio.current_task():
                del self._operations[message.id]

    async def _answer(self, message: protocol.Subscribe, context: Context, entry: Entry) -> str:
        """Say every result of the operation; return its last word."""
        try:
            await self._say_results(message, context, entry)
        except _Gone:
            raise
        except Refused as refused:
            entry.status, errors = 400, refused.errors
        except Exception as error:
            entry.status, errors = 500, [GraphQLError(str(error), original_error=error)]
        else:
            entry.status = 200
            return protocol.complete(message.id)
        told = answer_errors(errors, context.request_id)
        entry.errors = [error["extensions"]["code"] for error in told]
        return protocol.error(message.id, told)

    async def _say_results(self, message: protocol.Subscribe, context: Context, entry: Entry) -> None:
        engine, request = self._door.engine, message.payload
        operation = entry.operation = engine.prepare(request.query, request.operation_name)
        seconds = self._door.settings.graphql_timeout_seconds
        results = await begin(engine, operation, request.variables, context, seconds)
        async with aclosing(results):
            async for result in results:
                content = encode(payload(result, context))
                await self._say(protocol.next_(message.id, content))
                entry.bytes += len(content)

    async def _tell(self, hooks: Sequence[Hook], credentials: Credentials) -> None:
        for hook in hooks:
            try:
                await hook(credentials, self._id)
            except Exception:
                log.exception("socket.hook_failed", socket=self._id)

    async def _receive(self) -> protocol.Message:
        event = await self._asgi_receive()
        if event["type"] == "websocket.disconnect":
            raise _Gone
        return protocol.read(event.get("text"))

    async def _say(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def _send(self, event: Message) -> None:
        """Hand one frame over; waits while the client reads more slowly than is written."""
        try:
            await self._asgi_send(event)
        except OSError:
            raise _Gone from None


def _frame(closing: Closing) -> Message:
    return {"type": "websocket.close", "code": closing.code, "reason": closing.reason}
