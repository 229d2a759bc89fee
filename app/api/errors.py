"""What clients are told of errors, on every transport: refusals in their own words, all else behind one sentence."""

import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from bson.errors import BSONError
from graphql import FieldNode, GraphQLError
from pydantic import ValidationError
from pymongo.errors import BulkWriteError, ConnectionFailure, PyMongoError, WriteConcernError, WriteError

from app.core.errors import AppError
from app.core.words import said
from app.execution.engine import BAD_USER_INPUT

log = structlog.get_logger(__name__)

_QUOTING = (GraphQLError, ValidationError, WriteError, BulkWriteError, BSONError)
"""Exceptions whose words repeat values."""

_PASSING = ("RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult")
"""Labels of errors that are over when MongoDB has a primary again."""


def answer_errors(errors: Sequence[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The errors as a response shows them, each with a code. What is not the caller's doing is logged here, once."""
    return [_answer(error, request_id) for error in errors]


def _answer(error: GraphQLError, request_id: str) -> dict[str, Any]:
    cause = _cause(error)
    if isinstance(cause, AppError):
        return _shown(error, cause.message, cause.extensions)
    if cause is None:
        return _shown(error, error.message, {"code": BAD_USER_INPUT, **(error.extensions or {})})
    if _passes(cause):
        # Without a traceback: when this comes it comes to everybody, and the server has no time for it.
        words = None if isinstance(cause, _QUOTING) else str(cause)[:300]
        log.warning(
            "graphql.unavailable", path=error.path, request_id=request_id, error=type(cause).__name__, says=words
        )
        extensions = {"code": "UNAVAILABLE", "retryable": True, "requestId": request_id}
        return _shown(error, "Something this needs is down; try again in a moment.", extensions)
    if isinstance(cause, TimeoutError) or (isinstance(cause, PyMongoError) and cause.timeout):
        log.warning("graphql.timeout", path=error.path, request_id=request_id, error=type(cause).__name__)
        return _shown(error, "This took too long.", {"code": "TIMEOUT", "retryable": True, "requestId": request_id})
    _log("graphql.failed", cause, error, request_id)
    return _shown(error, "Something went wrong on our side.", {"code": "INTERNAL", "requestId": request_id})


def _passes(cause: Exception) -> bool:
    """Whether the database is away, busy or electing. What was being written may be there all the same."""
    if isinstance(cause, BulkWriteError):
        return bool(cause.details["writeConcernErrors"])
    if isinstance(cause, ConnectionFailure | WriteConcernError):
        return True
    return isinstance(cause, PyMongoError) and any(map(cause.has_error_label, _PASSING))


def _cause(error: GraphQLError) -> Exception | None:
    """What went wrong behind the error; None when the error itself is meant for the caller.

    That is one with a code, or about the arguments of the request: graphql-core points those at their nodes. A value
    that a resolver answered and that does not fit its type is a GraphQLError too, without either: a bug, like any
    exception.
    """
    cause: GraphQLError = error
    while cause.original_error is not None:
        if not isinstance(cause.original_error, GraphQLError):
            return cause.original_error
        cause = cause.original_error
    about_arguments = any(not isinstance(node, FieldNode) for node in cause.nodes or ())
    meant = cause is error or about_arguments or "code" in (cause.extensions or {})
    return None if meant else cause


def _log(event: str, cause: Exception, error: GraphQLError, request_id: str) -> None:
    """Log the failure with its traceback; without its words where those quote what somebody wrote."""
    facts: dict[str, Any] = {"path": error.path, "request_id": request_id}
    if any(isinstance(one, _QUOTING) for one in _chain(cause)):
        stack = "".join(traceback.format_tb(cause.__traceback__))
        log.error(event, **facts, error=type(cause).__name__, stack=stack)
    else:
        log.error(event, **facts, exc_info=cause)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _shown(error: GraphQLError, message: str, extensions: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": said(message)}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path:
        shown["path"] = error.path
    return {**shown, "extensions": extensions}
