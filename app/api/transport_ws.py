"""The words of graphql-transport-ws: what a client may say, what the server answers, how a breach is closed.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from enum import IntEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import to_json

from app.api.body import Asked, asked
from app.api.rejections import Rejected

SUBPROTOCOL = "graphql-transport-ws"


class CloseCode(IntEnum):
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_ALREADY_EXISTS = 4409
    TOO_MANY_INITIALISATIONS = 4429
    INTERNAL = 4500


class Closing(Exception):
    """The socket has to be closed with this code and reason (cut to the 123 bytes that a close frame holds)."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:123].decode(errors="ignore")


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


OperationId = Annotated[str, Field(min_length=1, max_length=128)]


class _Credentials(_Message):
    authorization: str | None = None


class ConnectionInit(_Message):
    type: Literal["connection_init"]
    payload: _Credentials | None = None

    @property
    def authorization(self) -> str | None:
        return (self.payload and self.payload.authorization) or None


class Ping(_Message):
    type: Literal["ping"]
    payload: dict[str, Any] | None = None


class Pong(_Message):
    type: Literal["pong"]
    payload: dict[str, Any] | None = None


def _asked(members: object) -> Asked:
    try:
        return asked(members)
    except Rejected as rejected:
        raise ValueError(rejected.message) from None


class Subscribe(_Message):
    type: Literal["subscribe"]
    id: OperationId
    payload: Annotated[Asked, PlainValidator(_asked)]
    """What to execute, as in the body of a POST."""


class Complete(_Message):
    type: Literal["complete"]
    id: OperationId


Message = ConnectionInit | Ping | Pong | Subscribe | Complete

_messages: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def read(text: str | None) -> Message:
    """The message in a text frame (None: the frame was binary). Raises Closing with 4400 for everything else."""
    if text is None:
        raise Closing(CloseCode.BAD_REQUEST, "Messages are JSON in text frames")
    try:
        return _messages.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Closing(
            CloseCode.BAD_REQUEST, f"Invalid message: {where}: {first['msg']}" if where else first["msg"]
        ) from None


def ack() -> bytes:
    return b'{"type":"connection_ack"}'


def pong(ping: Ping) -> bytes:
    """The answer to a ping, with its payload."""
    return b'{"type":"pong"}' if ping.payload is None else b'{"type":"pong","payload":' + to_json(ping.payload) + b"}"


def error(id: bytes, errors: list[dict[str, Any]]) -> bytes:
    """The operation could not start, or its stream broke; nothing follows for this id."""
    return b"".join((b'{"id":', id, b',"type":"error","payload":', orjson.dumps(errors), b"}"))


def complete(id: bytes) -> bytes:
    """The operation is over; nothing follows for this id."""
    return b"".join((b'{"id":', id, b',"type":"complete"}'))


def in_json(id: str) -> bytes:
    """An operation's id as messages carry it; a result is sent under it by `frames.Next`."""
    return orjson.dumps(id)
