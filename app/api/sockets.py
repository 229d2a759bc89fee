"""GraphQL over WebSocket: one socket carries many operations, in the protocol graphql-transport-ws and no other."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import structlog
from graphql import GraphQLError
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.api import transport_ws as protocol
from app.api.access import Entry
from app.api.broadcasts import Broadcasts, Subscriber
from app.api.contexts import MakeContext, make_context, speak
from app.api.credentials import Authenticate, Credentials
from app.api.documents import Documents
from app.api.errors import answer_errors
from app.api.frames import Next
from app.api.origins import may_connect
from app.api.rates import EVENTS, Meters, Rates, points
from app.api.results import encode, payload
from app.api.streams import begin, subscribe
from app.api.streams import results as shown
from app.api.transport_ws import CloseCode, Closing
from app.api.wires import EXTENSION, Gone, MessageWire, Wire
from app.core.clock import new_id
from app.core.errors import AppError, LimitReached, Unauthenticated, Unavailable
from app.core.networks import AddressRefused
from app.core.rates import spend
from app.core.settings import Settings
from app.execution.operations import Refused
from app.schema.kit.context import Context
from app.schema.kit.feeds import Following

INITIALISATION_SECONDS = 5.0
MAX_OPERATIONS = 20
_KEPT = (b"user-agent", b"accept-language")
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
        documents: Documents,
        settings: Settings,
        authenticate: Authenticate,
        make_context: MakeContext = make_context,
        *,
        on_open: Sequence[Hook] = (),
        on_close: Sequence[Hook] = (),
        rates: Rates | None = None,
    ) -> None:
        self.documents, self.engine, self.settings = documents, documents.engine, settings
        self.authenticate, self.make_context = authenticate, make_context
        self.on_open, self.on_close, self.rates = on_open, on_close, rates
        self.broadcasts = Broadcasts(documents.engine)
        self.open = 0
        """Sockets that are signed in, or about to be."""

    def figures(self) -> dict[str, float]:
        """For metrics."""
        return {"open": self.open}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        await receive()
        if not may_connect(connection, self.settings):
            log.warning("socket.refused", origin=connection.headers.get("origin"))
            await send({"type": "websocket.close"})  # before the handshake ends: the server answers 403
        elif protocol.SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            closing = Closing(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            await send({"type": "websocket.close", "code": closing.code, "reason": closing.reason})
        else:
            await send({"type": "websocket.accept", "subprotocol": protocol.SUBPROTOCOL})
            own = scope.get("extensions", {}).get(EXTENSION)
            if own is not None:
                own.listen(_Socket(self, connection, own))  # and nothing of the request stays
            else:
                wire = MessageWire(send)
                await wire.serve(_Socket(self, connection, wire), receive)


class _Socket:
    """One connection. It has a task while there is something to do, and none while it waits."""

    __slots__ = (
        "_attending",
        "_authorization",
        "_credentials",
        "_deadline",
        "_door",
        "_heard",
        "_id",
        "_operations",
        "_origin",
        "_over",
        "_wire",
    )

    def __init__(self, door: SocketEndpoint, connection: HTTPConnection, wire: Wire) -> None:
        self._door, self._wire = door, wire
        self._id = str(new_id())
        self._origin = _origin(connection)
        self._authorization = connection.headers.get("authorization")
        self._credentials: Credentials | None = None
        self._operations: dict[str, asyncio.Task[None] | Subscriber] = {}
        self._heard: deque[str | None] | None = None
        self._attending: asyncio.Task[None] | None = None
        self._over = False
        door.open += 1
        timeout = Closing(CloseCode.INITIALISATION_TIMEOUT, "Connection initialisation timeout")
        self._deadline: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(
            INITIALISATION_SECONDS, self._end, timeout
        )

    def hear(self, text: str | None) -> None:
        if self._over:
            return
        if self._heard is None:
            self._heard = deque()
        self._heard.append(text)
        if self._attending is None:
            self._attending = self._wire.spawn(self._attend())

    def gone(self) -> None:
        self._end(None)

    def over(self, id: str, operation: asyncio.Task[None] | Subscriber, last: bytes) -> None:
        """An operation has ended by itself: say its last word and free its id, in one step of the event loop."""
        if self._operations.get(id) is operation:
            del self._operations[id]
            self._wire.say(last)

    @property
    def wire(self) -> Wire:
        return self._wire

    async def _attend(self) -> None:
        """Deal with what was heard, one after another."""
        closing = None
        try:
            while self._heard and not self._over:
                await self._deal_with(protocol.read(self._heard.popleft()))
                await self._wire.drained()
        except Gone:
            pass
        except Closing as reason:
            closing = reason
        except Exception:
            log.exception("socket.failed", socket=self._id)
            closing = Closing(CloseCode.INTERNAL, "Internal server error")
        finally:
            self._attending = self._heard = None
            self._wire.read_on()
        if closing:
            self._end(closing)

    async def _deal_with(self, message: protocol.Message) -> None:
        match message:
            case protocol.ConnectionInit():
                if self._deadline is None:
                    raise Closing(CloseCode.TOO_MANY_INITIALISATIONS, "Too many initialisation requests")
                await self._open(message)
            case protocol.Subscribe():
                if self._credentials is None:
                    raise Closing(CloseCode.UNAUTHORIZED, "Unauthorized")
                self._start(message, self._credentials)
            case protocol.Complete(id=id):
                if operation := self._operations.pop(id, None):
                    operation.cancel()
            case protocol.Ping():
                self._wire.say(protocol.pong(message))

    async def _open(self, init: protocol.ConnectionInit) -> None:
        assert self._deadline
        self._deadline.cancel()
        self._deadline = None
        credentials = await self._sign_in(init.authorization or self._authorization)
        self._authorization = None
        if self._over:
            return
        self._credentials = credentials
        credentials.hold(self._forbid)
        await self._tell(self._door.on_open, credentials)
        if not self._over:
            self._wire.say(protocol.ack())

    async def _sign_in(self, authorization: str | None) -> Credentials:
        try:
            credentials = await self._door.authenticate(authorization)
            client = HTTPConnection(self._origin).client
            credentials.must_admit(client.host if client else "")
        except (Unauthenticated, AddressRefused):
            raise Closing(CloseCode.FORBIDDEN, "Forbidden") from None
        except Exception as error:
            [told] = answer_errors([GraphQLError(str(error), original_error=error)], self._id)
            if told["extensions"]["code"] == Unavailable.code:
                raise Closing(CloseCode.TRY_AGAIN_LATER, "Try again later") from None
            raise Closing(CloseCode.INTERNAL, "Internal server error") from None
        else:
            return credentials

    def _forbid(self) -> None:
        self._end(Closing(CloseCode.FORBIDDEN, "Forbidden"))

    def _start(self, message: protocol.Subscribe, credentials: Credentials) -> None:
        if message.id in self._operations:
            raise Closing(CloseCode.SUBSCRIBER_ALREADY_EXISTS, f"Subscriber for {message.id} already exists")
        if len(self._operations) >= MAX_OPERATIONS:
            refusal = LimitReached("A socket runs at most {limit} operations at once.", limit=MAX_OPERATIONS)
            errors = [GraphQLError(refusal.message, original_error=refusal)]
            self._wire.say(protocol.error(protocol.in_json(message.id), answer_errors(errors, self._id)))
            return
        self._operations[message.id] = self._wire.spawn(self._operate(message, credentials))

    async def _operate(self, message: protocol.Subscribe, credentials: Credentials) -> None:
        connection = HTTPConnection(self._origin)
        speak(connection.headers.get("accept-language", ""))
        context = self._door.make_context(credentials, connection)
        entry, id = Entry("WEBSOCKET", context.request_id, credentials.actor), protocol.in_json(message.id)
        with structlog.contextvars.bound_contextvars(request_id=context.request_id):
            try:
                if await self._run(message, context, entry, credentials):
                    return  # as a subscriber it goes on without a task
            except Gone:
                last = b""
            except Refused as refused:
                entry.status, last = 400, _failure(id, refused.errors, context, entry)
            except Exception as error:
                failed = [GraphQLError(str(error), original_error=error)]
                entry.status, last = 500, _failure(id, failed, context, entry)
            except asyncio.CancelledError:
                entry.write()
                raise
            else:
                entry.status, last = 200, protocol.complete(id)
            entry.write()
            task = asyncio.current_task()
            assert task
            self.over(message.id, task, last)

    async def _run(self, message: protocol.Subscribe, context: Context, entry: Entry, credentials: Credentials) -> bool:
        """Say every result; whether that is left to a subscriber from here on."""
        engine, documents = self._door.engine, self._door.documents
        asked, id = message.payload, protocol.in_json(message.id)
        results: AsyncGenerator[Any, None]
        operation = entry.operation = documents.at_once(asked) or await documents.find(asked)
        seconds, rates = self._door.settings.graphql_timeout_seconds, self._door.rates
        meters = await rates.spend(credentials, context.address, points(operation, asked.variables)) if rates else ()
        if operation.kind == "subscription":
            source = await subscribe(engine, operation, asked.variables, context, seconds)
            if isinstance(source.events, Following):
                subscriber = _SocketSubscriber(self, message.id, context, entry, meters)
                self._operations[message.id] = subscriber
                self._door.broadcasts.join(subscriber, source.events, operation, asked.variables, context)
                return True
            results = shown(source, context)
        else:
            results = await begin(engine, operation, asked.variables, context, seconds)
        number = 0
        async with aclosing(results):
            async for result in results:
                number += 1
                if number % EVENTS == 0 and operation.kind == "subscription":
                    await spend(meters, 1)
                await self._wire.drained()
                content = Next(encode(result if isinstance(result, dict) else payload(result, context)))
                self._wire.say(content.message(id))
                entry.bytes += content.size
        return False

    async def _tell(self, hooks: Sequence[Hook], credentials: Credentials) -> None:
        for hook in hooks:
            try:
                await hook(credentials, self._id)
            except Exception:
                log.exception("socket.hook_failed", socket=self._id)

    def _end(self, closing: Closing | None) -> None:
        """Cancel what runs, then close the socket with this reason; None: it is closed already."""
        if self._over:
            return
        self._over = True
        self._door.open -= 1
        if self._deadline:
            self._deadline.cancel()
        if self._credentials:
            self._credentials.release(self._forbid)
        operations, self._operations = self._operations, {}
        for operation in operations.values():
            operation.cancel()
        tasks = [operation for operation in operations.values() if isinstance(operation, asyncio.Task)]
        if self._attending:
            tasks.append(self._attending)  # which ends by itself, with what it is about
        self._wire.spawn(self._part(closing, tasks))

    async def _part(self, closing: Closing | None, tasks: Sequence[asyncio.Task[None]]) -> None:
        if tasks:
            await asyncio.wait(tasks)
        if closing:
            await self._wire.close(closing.code, closing.reason)
        if self._credentials:
            await self._tell(self._door.on_close, self._credentials)


class _SocketSubscriber(Subscriber):
    """An operation of a socket that hears a broadcast."""

    __slots__ = ("_entry", "_heard", "_id", "_meters", "_name", "_request_id", "_socket", "_wire")

    def __init__(self, socket: _Socket, name: str, context: Context, entry: Entry, meters: Meters) -> None:
        super().__init__(context.actor)
        self._socket, self._wire, self._name, self._id = socket, socket.wire, name, protocol.in_json(name)
        self._request_id, self._entry = context.request_id, entry
        self._meters, self._heard = meters, 0

    def offer(self, message: Next) -> bool:
        sent = self._wire.offer(message, self._id)
        if sent:
            self._entry.bytes += message.size
            self._heard += 1
            if self._heard % EVENTS == 0 and self._meters:
                self._wire.spawn(self._pay())
        return sent

    async def _pay(self) -> None:
        """Pay for the last EVENTS results; who cannot hears no more."""
        try:
            await spend(self._meters, 1)
        except AppError as over:
            if self._broadcast is not None:
                errors = answer_errors([GraphQLError(over.message, original_error=over)], self._request_id)
                super().cancel()
                self.over(Next(encode({"data": None, "errors": errors})))

    async def drained(self) -> None:
        await self._wire.drained()

    def over(self, last: Next | None) -> None:
        self._entry.status = 200
        self._write()
        words = protocol.complete(self._id)
        if last is not None:
            self._wire.say(last.message(self._id))
        self._socket.over(self._name, self, words)

    def cancel(self) -> None:
        super().cancel()
        self._write()

    def _write(self) -> None:
        with structlog.contextvars.bound_contextvars(request_id=self._request_id):
            self._entry.write()


def _origin(connection: HTTPConnection) -> Scope:
    """What contexts are made of for as long as the socket lives: its request's other headers are not kept."""
    headers = [(name, value) for name, value in connection.scope["headers"] if name in _KEPT]
    return {"type": "websocket", "client": connection.scope.get("client"), "headers": headers}


def _failure(id: bytes, errors: Sequence[GraphQLError], context: Context, entry: Entry) -> bytes:
    told = answer_errors(errors, context.request_id)
    entry.errors = [error["extensions"]["code"] for error in told]
    return protocol.error(id, told)
