"""GraphQL over server-sent events: one response for one operation, the "distinct connections mode" of graphql-sse.

Source: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from graphql import ExecutionResult, GraphQLError
from starlette.types import Message, Receive, Scope, Send

from app.api.credentials import Credentials
from app.api.incremental import Payload
from app.api.rates import EVENTS
from app.api.results import encode, payload
from app.api.streams import begin, first_of, sign_in_ends
from app.core.errors import AppError, Unauthenticated
from app.execution.engine import Engine
from app.execution.operations import Operation, Refused
from app.schema.kit.context import Context

HEARTBEAT_SECONDS = 15.0

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_COMPLETE = b"event: complete\ndata:\n\n"


class _End(Exception):
    """The stream is over; `words` are the last to say, None when nobody is left to hear them."""

    def __init__(self, words: bytes | None) -> None:
        super().__init__(words)
        self.words = words


async def respond(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    engine: Engine,
    operation: Operation,
    variables: Mapping[str, Any] | None,
    context: Context,
    credentials: Credentials,
    seconds: float,
    headers: Iterable[tuple[bytes, bytes]] = (),
    pay: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Answer with a stream: `next` for every result, then `complete`; a comment every 15 s keeps proxies content.

    Nothing is sent before the operation has begun: Refused and TimeoutError are the caller's to answer. When the
    sign-in ends, a last `next` carries the error UNAUTHENTICATED, then `complete`. When the server stops, a
    subscription ends without `complete`, at which clients connect again; anything else goes on to its end, since a
    mutation must not be sent again. A client that leaves ends the operation.
    `pay` is called for every EVENTS results of a subscription, and ends it by RateLimited.
    """
    last, failure = None, None
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_end_with_client(receive))
            results = await begin(engine, operation, variables, context, seconds)
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *headers]})
            if operation.kind == "subscription":
                tasks.create_task(_end_with_server(scope))
            tasks.create_task(_end_with_sign_in(credentials, context))
            tasks.create_task(_beat(send))
            await _end_with_results(results, context, send, pay if operation.kind == "subscription" else None)
    except* _End as ends:
        last = first_of(ends).words
    except* (Refused, TimeoutError) as failures:
        failure = first_of(failures)
    if failure:
        raise failure
    if last is not None:
        await send({"type": "http.response.body", "body": last})


async def _end_with_results(
    results: AsyncGenerator[ExecutionResult | Payload, None],
    context: Context,
    send: Send,
    pay: Callable[[], Awaitable[None]] | None,
) -> None:
    number = 0
    async with aclosing(results):
        async for result in results:
            number += 1
            if pay and number % EVENTS == 0:
                try:
                    await pay()
                except AppError as over:
                    raise _End(_last(over, context)) from None
            await send(_part(_next(result if isinstance(result, dict) else payload(result, context))))
    raise _End(_COMPLETE)


async def _end_with_client(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _End(None)


async def _end_with_server(scope: Scope) -> None:
    stopping: asyncio.Event | None = scope.get("extensions", {}).get("atrium.stopping")
    if stopping:
        await stopping.wait()
        raise _End(b"")


async def _end_with_sign_in(credentials: Credentials, context: Context) -> None:
    await sign_in_ends(credentials)
    raise _End(_last(Unauthenticated("The sign-in has ended."), context))


def _last(over: AppError, context: Context) -> bytes:
    """The words with which a stream ends early."""
    result = ExecutionResult(None, [GraphQLError(over.message, original_error=over)])
    return _next(payload(result, context)) + _COMPLETE


async def _beat(send: Send) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await send(_part(b":\n\n"))


def _next(payload: Payload) -> bytes:
    return b"event: next\ndata: " + encode(payload) + b"\n\n"


def _part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
