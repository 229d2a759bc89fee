"""The words of graphql-transport-ws: what a client may say, what the server answers, how a breach is closed.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from enum import IntEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

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


class Request(_Message):
    """What to execute, as in the body of a POST."""

    query: str
    operation_name: Annotated[str | None, Field(alias="operationName")] = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


class Subscribe(_Message):
    type: Literal["subscribe"]
    id: OperationId
    payload: Request


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


def ack() -> str:
    return '{"type":"connection_ack"}'


def pong(ping: Ping) -> str:
    """The answer to a ping, with its payload."""
    return (
        '{"type":"pong"}' if ping.payload is None else f'{{"type":"pong","payload":{to_json(ping.payload).decode()}}}'
    )


def error(id: str, errors: list[dict[str, Any]]) -> str:
    """The operation could not start, or its stream broke; nothing follows for this id."""
    return _write({"type": "error", "id": id, "payload": errors})


def complete(id: str) -> str:
    """The operation is over; nothing follows for this id."""
    return _write({"type": "complete", "id": id})


def next_(id: str, payload: bytes) -> str:
    """One result of the operation; `payload` is the result in JSON."""
    return f'{{"type":"next","id":{_write(id)},"payload":{payload.decode()}}}'


def _write(value: object) -> str:
    return orjson.dumps(value).decode()
