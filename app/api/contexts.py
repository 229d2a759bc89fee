"""What resolvers are told of the connection that an operation came by."""

import re
from collections.abc import Callable
from secrets import token_hex

from starlette.requests import HTTPConnection

from app.api.credentials import Credentials
from app.api.rejections import Rejected
from app.core import changes
from app.core.errors import Unavailable
from app.schema.kit.context import Context
from app.schema.kit.settling import HEADER, caught_up

MakeContext = Callable[[Credentials, HTTPConnection], Context]

MAX_KEY, MAX_AGENT = 255, 512
_SANE_ID = re.compile(r"[A-Za-z0-9._~+/=-]{8,128}")
_ID = "atrium.request_id"


def request_id(connection: HTTPConnection) -> str:
    """The id that a request brings in `X-Request-Id`, or one made for it; a socket gets another for each operation."""
    if connection.scope["type"] != "http":
        return token_hex(8)
    id: str | None = connection.scope.get(_ID)
    if id is None:
        brought = connection.headers.get("x-request-id", "")
        id = connection.scope[_ID] = brought if _SANE_ID.fullmatch(brought) else token_hex(8)
    return id


async def catch_up(connection: HTTPConnection) -> None:
    """Wait until this process has heard what the client knows by `Atrium-After`, if it sent one.

    Raises Unavailable when that takes too long, BadCursor and ResyncRequired.
    """
    after = connection.headers.get(HEADER)
    if after is not None and not await caught_up(after):
        raise Unavailable("This server has not heard yet what you know. Try again.")


def make_context(credentials: Credentials, connection: HTTPConnection) -> Context:
    """A fresh context for one operation. Raises Rejected for an `Idempotency-Key` that cannot be kept."""
    key = connection.headers.get("idempotency-key") if connection.scope["type"] == "http" else None
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise Rejected(400, f"An Idempotency-Key has 1 to {MAX_KEY} characters.")
    return Context(
        credentials.actor,
        request_id=request_id(connection),
        address=connection.client.host if connection.client else "",
        agent=connection.headers.get("user-agent", "")[:MAX_AGENT],
        idempotency_key=key,
        heard=changes.position(),
    )
