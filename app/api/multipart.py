"""GraphQL over `multipart/mixed`: an answer in parts, each of which a client can read as soon as it has arrived.

Source: https://github.com/graphql/graphql-over-http/blob/main/rfcs/IncrementalDelivery.md
"""

from collections.abc import AsyncGenerator, Awaitable, Iterable
from contextlib import aclosing

from starlette.types import Message, Receive, Scope, Send

from app.api.connections import while_connected
from app.api.deferspec import translated
from app.api.incremental import Payload
from app.api.negotiation import MULTIPART, Format
from app.api.results import encode

_BOUNDARY = b"\r\n--graphql"
_HEADERS = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


async def respond(
    scope: Scope,
    receive: Receive,
    send: Send,
    beginning: Awaitable[AsyncGenerator[Payload, None]],
    format: Format,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> Payload | None:
    """Answer in parts; when there is but one, answer nothing and return it, so that it can be answered as it is.

    What `beginning` raises is the caller's to answer, as nothing was sent by then. Raises ClientGone when the client
    leaves, which ends the operation. A server that stops waits for the response as for any other.
    """
    with while_connected(scope, receive):
        async with aclosing(await _written(beginning, format)) as payloads:
            first = await anext(payloads)
            if "hasNext" not in first:
                return first
            media = f'{MULTIPART}; boundary="graphql"; {format}'.encode()
            own = [(b"content-type", media), *_HEADERS, *headers]
            await send({"type": "http.response.start", "status": 200, "headers": own})
            await send(_body(_BOUNDARY + _part(first)))
            async for payload in payloads:
                await send(_body(_part(payload)))
    await send({"type": "http.response.body", "body": b"--\r\n"})
    return None


async def _written(
    beginning: Awaitable[AsyncGenerator[Payload, None]], format: Format
) -> AsyncGenerator[Payload, None]:
    payloads = await beginning
    return translated(payloads) if format is Format.OF_2022 else payloads


def _part(payload: Payload) -> bytes:
    # With the boundary behind it: clients hand a part on when they have read that.
    return b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n" + encode(payload) + _BOUNDARY


def _body(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
