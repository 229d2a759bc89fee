"""What clients are told of errors, on every transport: refusals in their own words, all else behind one sentence."""

from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError
from pymongo.errors import ConnectionFailure, PyMongoError

from app.core.errors import AppError
from app.execution.engine import BAD_USER_INPUT

log = structlog.get_logger(__name__)


def answer_errors(errors: Sequence[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The errors as a response shows them, each with a code. What is not the caller's doing is logged here, once."""
    return [_answer(error, request_id) for error in errors]


def timed_out(seconds: float, request_id: str) -> dict[str, Any]:
    """The one error of an operation that was given up after `seconds`."""
    return {
        "message": f"The operation took longer than {seconds:g} seconds.",
        "extensions": {"code": "TIMEOUT", "requestId": request_id},
    }


def _answer(error: GraphQLError, request_id: str) -> dict[str, Any]:
    cause = _cause(error)
    if isinstance(cause, AppError):
        return _shown(error, cause.message, cause.extensions)
    if cause is None:
        code = (error.extensions or {}).get("code", BAD_USER_INPUT)
        return _shown(error, error.message, {**(error.extensions or {}), "code": code})
    if isinstance(cause, TimeoutError) or (isinstance(cause, PyMongoError) and cause.timeout):
        log.warning("graphql.timeout", path=error.path, request_id=request_id, error=type(cause).__name__)
        return _shown(error, "This took too long.", {"code": "TIMEOUT", "requestId": request_id})
    if isinstance(cause, ConnectionFailure):
        log.error("graphql.unavailable", path=error.path, request_id=request_id, exc_info=cause)
        extensions = {"code": "UNAVAILABLE", "retryable": True, "requestId": request_id}
        return _shown(error, "Something this needs is down; try again in a moment.", extensions)
    log.error("graphql.failed", path=error.path, request_id=request_id, exc_info=cause)
    return _shown(error, "Something went wrong on our side.", {"code": "INTERNAL", "requestId": request_id})


def _cause(error: GraphQLError) -> Exception | None:
    """What went wrong behind the error; None when the error itself is meant for the caller.

    That is one with a code, or about the text of the request: graphql-core points those at its nodes. A value that a
    resolver answered and that does not fit its type is a GraphQLError too, without either: a bug, like any exception.
    """
    cause: BaseException | None = error
    inner = error
    while isinstance(cause, GraphQLError):
        inner, cause = cause, cause.original_error
    if cause is not None:
        return cause if isinstance(cause, Exception) else RuntimeError(repr(cause))
    if (inner.extensions or {}).get("code") or inner.nodes or inner.source or inner is error:
        return None
    return inner


def _shown(error: GraphQLError, message: str, extensions: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": message}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path:
        shown["path"] = error.path
    return {**shown, "extensions": extensions}
