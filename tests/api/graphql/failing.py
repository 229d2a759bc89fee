"""Ways to fail, each with a secret in its words; `python -m tests.api.graphql.failing PORT` is a server that does."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import bson
import jwt
import pymongo.errors
import redis.exceptions
import uvicorn
from graphql import GraphQLError
from pydantic import BaseModel, TypeAdapter

from app.core import errors, logs
from app.core.settings import Environment
from tests.api.graphql import schema
from tests.api.graphql.serving import application, configured

URI = "mongodb://atrium:canary-password@db-7.internal:27017/?replicaSet=rs0"
BEARER = "Bearer canary-bearer-token"
QUOTED = "canary-quoted"
"""A value of no telling shape, in exceptions that are known to repeat what somebody wrote."""


class Spoken(Exception):
    """An exception that brings what GraphQL would show."""

    extensions: dict[str, Any] = {"code": "LEAKED", "uri": URI}


class Unspeakable(Exception):
    """An exception that cannot even be put in words."""

    def __str__(self) -> str:
        raise RuntimeError(URI)


class Account(BaseModel):
    password: int


def chained() -> Exception:
    try:
        try:
            raise ConnectionRefusedError(f"could not reach {URI}")
        except OSError as error:
            raise LookupError("no account") from error
    except LookupError as error:
        return error


def caught(call: Callable[[], Any]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


def labelled(label: str) -> pymongo.errors.PyMongoError:
    """An error that PyMongo says this of."""
    return pymongo.errors.OperationFailure(URI, 251, {"errorLabels": [label]})


def raising(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def fail() -> Any:
        raise error

    return fail


def answering(value: Any) -> Callable[[], Awaitable[Any]]:
    async def answer() -> Any:
        return value

    return answer


async def recurse() -> Any:
    return await recurse()


INTERNAL: dict[str, Callable[[], Awaitable[Any]]] = {
    "RuntimeError": raising(RuntimeError(f"cannot reach {URI}")),
    "ValueError": raising(ValueError(f"password='canary-password' for {URI}")),
    "KeyError": raising(KeyError("password=canary-password")),
    "TypeError": raising(TypeError(f"unsupported {BEARER}")),
    "AttributeError": raising(AttributeError("no attribute")),
    "ZeroDivisionError": raising(ZeroDivisionError("division by zero")),
    "RecursionError": recurse,
    "MemoryError": raising(MemoryError()),
    "NotImplementedError": raising(NotImplementedError()),
    "AssertionError": raising(AssertionError(f"{URI} == None")),
    "FileNotFoundError": raising(FileNotFoundError(2, "No such file", "/etc/atrium/secret.key")),
    "PermissionError": raising(PermissionError(13, "Permission denied", "/etc/atrium/secret.key")),
    "UnicodeDecodeError": raising(caught(lambda: b"\xff".decode())),
    "JSONDecodeError": raising(caught(lambda: json.loads("{"))),
    "StopAsyncIteration": raising(StopAsyncIteration(URI)),
    "CalledProcessError": raising(subprocess.CalledProcessError(1, f"mongodump --uri {URI}")),
    "ExceptionGroup": raising(ExceptionGroup("several", [RuntimeError(URI), ValueError(BEARER)])),
    "chained": raising(chained()),
    "cancelled inside": raising(asyncio.CancelledError()),
    "with extensions": raising(Spoken(URI)),
    "without words": raising(Unspeakable()),
    "ValidationError": raising(caught(lambda: Account.model_validate({"password": QUOTED}))),
    "ValidationError of an adapter": raising(caught(lambda: TypeAdapter(int).validate_python(QUOTED))),
    "DuplicateKeyError": raising(pymongo.errors.DuplicateKeyError(f'dup key: {{ email: "{QUOTED}" }}', 11000)),
    "InvalidDocument": raising(caught(lambda: bson.encode({QUOTED: object()}))),
    "OperationFailure": raising(pymongo.errors.OperationFailure(f"not authorized on {URI}", 13)),
    "ConfigurationError": raising(pymongo.errors.ConfigurationError(URI)),
    "redis ConnectionError": raising(redis.exceptions.ConnectionError("redis://:canary-password@cache-3.internal")),
    "jwt DecodeError": raising(jwt.DecodeError("eyJhbGciOiJIUzI1NiJ9.canary-payload.canary-signature")),
    "GraphQLError without a code": raising(GraphQLError(f"{URI} said {QUOTED}")),
    "a value of another type": answering([QUOTED]),
}
UNAVAILABLE: dict[str, Callable[[], Awaitable[Any]]] = {
    "ServerSelectionTimeoutError": raising(pymongo.errors.ServerSelectionTimeoutError("db-7.internal:27017: refused")),
    "AutoReconnect": raising(pymongo.errors.AutoReconnect("db-7.internal:27017: connection closed")),
    "NotPrimaryError": raising(pymongo.errors.NotPrimaryError("not primary")),
    "NetworkTimeout": raising(pymongo.errors.NetworkTimeout("db-7.internal:27017: timed out")),
    "WaitQueueTimeoutError": raising(pymongo.errors.WaitQueueTimeoutError("timed out in the pool")),
    "WTimeoutError": raising(pymongo.errors.WTimeoutError("waiting for db-7.internal timed out", 64)),
    "BulkWriteError of a write concern": raising(
        pymongo.errors.BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"errmsg": URI}]})
    ),
    "a transaction that was broken off": raising(labelled("TransientTransactionError")),
    "a commit of which nobody knows": raising(labelled("UnknownTransactionCommitResult")),
}
TIMEOUT: dict[str, Callable[[], Awaitable[Any]]] = {
    "TimeoutError": raising(TimeoutError(URI)),
    "ExecutionTimeout": raising(pymongo.errors.ExecutionTimeout("operation exceeded time limit", 50)),
}
REFUSED: dict[str, errors.AppError] = {
    "NOT_FOUND": errors.NotFound("There is no such course."),
    "INVALID": errors.Invalid("Too short.", path=["input", "title"]),
    "CONFLICT": errors.Conflict("Somebody was faster."),
    "FORBIDDEN": errors.Forbidden("Not for you."),
    "LIMIT_REACHED": errors.LimitReached("Enough for today.", limit=3),
    "UNAUTHENTICATED": errors.Unauthenticated("Sign in first."),
    "UNAVAILABLE": errors.Unavailable("Try again later."),
    "BAD_CURSOR": errors.BadCursor("That cursor is not one of ours."),
}


def serve(port: int) -> None:
    settings = configured(Environment.PRODUCTION, log_format="json")
    logs.configure(settings)
    schema.failures.update(INTERNAL | UNAVAILABLE | TIMEOUT)
    schema.failures.update({code: raising(error) for code, error in REFUSED.items()})
    uvicorn.run(application(Environment.PRODUCTION), port=port, log_config=None, access_log=False, lifespan="off")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    serve(int(sys.argv[1]))
