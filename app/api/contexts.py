"""What resolvers are told of the connection that an operation came by."""

import re
from collections.abc import Callable
from random import getrandbits

from starlette.requests import HTTPConnection

from app.api.credentials import Credentials
from app.api.rejections import Rejected
from app.core import changes
from app.core.errors import Unavailable
from app.core.words import language, negotiated
from app.schema.kit.context import Context
from app.schema.kit.settling import caught_up

MakeContext = Callable[[Credentials, HTTPConnection], Context]

MAX_KEY, MAX_AGENT = 255, 512
_SANE_ID = re.compile(r"[A-Za-z0-9._~+/=-]{8,128}")
_ID = "atrium.request_id"


def chosen_id(brought: str) -> str:
    """The id that a request brings in `X-Request-Id`, or one made for it."""
    return brought if brought and _SANE_ID.fullmatch(brought) else _new_id()


def request_id(connection: HTTPConnection) -> str:
    """The id of a request; a socket gets another for each operation."""
    if connection.scope["type"] != "http":
        return _new_id()
    id: str | None = connection.scope.get(_ID)
    if id is None:
        id = connection.scope[_ID] = chosen_id(connection.headers.get("x-request-id", ""))
    return id


def _new_id() -> str:
    return f"{getrandbits(64):016x}"  # a label, and no secret


def speak(accept_language: str) -> None:
    """Say what is said from here on in the language that an `Accept-Language` header asks for."""
    if accept_language:
        language.set(negotiated(accept_language))


async def catch_up(after: str | None) -> None:
    """Wait until this process has heard what the client knows by `Atrium-After`, if it sent one.

    Raises Unavailable when that takes too long, BadCursor and ResyncRequired.
    """
    if after is not None and not await caught_up(after):
        raise Unavailable("This server has not heard yet what you know. Try again.")


def make_context(credentials: Credentials, connection: HTTPConnection) -> Context:
    """A fresh context for one operation. Raises Rejected for an `Idempotency-Key` that cannot be kept."""
    key = connection.headers.get("idempotency-key") if connection.scope["type"] == "http" else None
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise Rejected(400, f"An Idempotency-Key has 1 to {MAX_KEY} characters.")
    address = connection.client.host if connection.client else ""
    agent = connection.headers.get("user-agent", "")
    return new_context(credentials, request_id(connection), address, agent, key)


def new_context(
    credentials: Credentials, id: str, address: str, agent: str, idempotency_key: str | None = None
) -> Context:
    return Context(
        credentials.actor,
        request_id=id,
        address=address,
        agent=agent[:MAX_AGENT],
        idempotency_key=idempotency_key,
        heard=changes.position(),
    )
