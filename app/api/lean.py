"""The short way in for what nearly all requests are: JSON by POST, for one result.

It stands in front of the router and reads a request without the objects that a router, middleware and views need. What
is out of the ordinary it hands on with its body, before anything of it has run. What counts is the same code on both
ways: sign-in, the rules of the body, the engine, the time an operation has, refusals, the line in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access import Entry
from app.api.body import asked_in
from app.api.contexts import chosen_id, new_context, speak
from app.api.graphql import GraphQLEndpoint
from app.api.headers import Headers, readable, security
from app.api.negotiation import EVENTS, GRAPHQL, JSON, preferred
from app.api.rejections import ClientGone
from app.api.replies import Reply, refusal
from app.api.uvicorn_protocol import REPLY

_JSON_BODIES = {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
_UNUSUAL = {b"content-encoding", b"transfer-encoding", b"idempotency-key", b"atrium-after", b"expect"}
_UNUSUAL |= {b"signature-input", b"atrium-cost"}
_TYPES = {media: (b"content-type", f"{media}; charset=utf-8".encode()) for media in (JSON, GRAPHQL)}


@dataclass(slots=True)
class _Head:
    """What the headers of an ordinary request say."""

    id: str
    media: str
    authorization: str | None
    agent: str
    encodings: str
    languages: str
    headers: Headers
    """Of the answer."""


class LeanPath:
    """ASGI middleware that answers ordinary requests to `path` as the endpoint `door` behind it does.

    `headers` are those of every answer. `origins` has, by origin, those that let its pages read the answer; pages of
    others are left to the middleware behind.
    """

    def __init__(
        self, app: ASGIApp, *, door: GraphQLEndpoint, path: str, headers: Headers, origins: Mapping[bytes, Headers]
    ) -> None:
        self._app, self._door, self._path, self._origins = app, door, path, origins
        self._headers = headers
        self._max_bytes = door.settings.graphql_max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        head = self._read(scope["headers"])
        if head is None:
            await self._app(scope, receive, send)
            return
        first = await receive()
        if first.get("more_body") or first["type"] != "http.request":
            await self._app(scope, _again(first, receive), send)
            return
        entry = Entry("POST", head.id)
        structlog.contextvars.bind_contextvars(request_id=head.id)
        speak(head.languages)
        try:
            reply = await self._reply(head, entry, first["body"], scope, receive)
            if reply is None:
                await self._app(scope, _again(first, receive), send)
                return
            await _send(reply, head, entry, scope, send)
        except ClientGone:
            pass
        entry.write()

    def _read(self, raw: Headers) -> _Head | None:
        """The request's head; None for one that is to be handed on."""
        headers = dict(raw)
        if len(headers) < len(raw) or not headers.keys().isdisjoint(_UNUSUAL):
            return None
        length = headers.get(b"content-length", b"")
        if headers.get(b"content-type") not in _JSON_BODIES or not length.isdigit() or int(length) > self._max_bytes:
            return None
        media = preferred(headers.get(b"accept", b"").decode("latin-1"), JSON, GRAPHQL, EVENTS)
        if media is None or media == EVENTS:
            return None
        own = self._headers
        if (origin := headers.get(b"origin")) is not None:
            allowed = self._origins.get(origin)
            if allowed is None:
                return None
            own = [*own, *allowed]
        authorization = headers.get(b"authorization")
        return _Head(
            chosen_id(headers.get(b"x-request-id", b"").decode("latin-1")),
            media,
            None if authorization is None else authorization.decode("latin-1"),
            headers.get(b"user-agent", b"").decode("latin-1"),
            headers.get(b"accept-encoding", b"").decode("latin-1"),
            headers.get(b"accept-language", b"").decode("latin-1"),
            own,
        )

    async def _reply(self, head: _Head, entry: Entry, body: bytes, scope: Scope, receive: Receive) -> Reply | None:
        """The reply; None for an operation that may have several. Raises ClientGone."""
        door = self._door
        try:
            credentials = await door.authenticate(head.authorization)
            entry.actor = credentials.actor
            address = scope["client"][0] if scope["client"] else ""
            credentials.must_admit(address)
            asked = asked_in(body)
            operation = entry.operation = door.documents.at_once(asked) or await door.documents.find(asked)
            if operation.kind == "subscription" or operation.incremental:
                return None
            context = new_context(credentials, head.id, address, head.agent)
            return await door.reply(operation, asked, context, credentials, scope, receive, head.encodings)
        except ClientGone:
            raise
        except Exception as error:
            return refusal(error, head.media, head.id)


async def _send(reply: Reply, head: _Head, entry: Entry, scope: Scope, send: Send) -> None:
    entry.told(reply)
    headers = [
        _TYPES[head.media],
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", head.id.encode()),
        *reply.headers,
        *reply.limits,
        *head.headers,
    ]
    at_once: Any = scope.get("extensions", {}).get(REPLY)
    if at_once is None or not at_once(reply.status, headers, reply.body):
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


def lean(door: GraphQLEndpoint, path: str) -> Middleware:
    """The lean path to an endpoint: the first middleware of the application."""
    settings = door.settings
    return Middleware(LeanPath, door=door, path=path, headers=security(settings), origins=readable(settings))


def _again(first: Message, receive: Receive) -> Receive:
    """`receive`, before which the message that was received already comes once more."""
    messages = [first]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received
