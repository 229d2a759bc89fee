"""Results as JSON."""

import json
from typing import Any

import orjson
from graphql import ExecutionResult, InitialIncrementalExecutionResult

from app.api.errors import answer_errors
from app.schema.kit.context import Context


def payload(result: ExecutionResult | InitialIncrementalExecutionResult, context: Context) -> dict[str, Any]:
    """A result as clients see it: its data, its errors in the words meant for them, and what resolvers added beside."""
    shown: dict[str, Any] = {"data": result.data}
    if result.errors:
        shown["errors"] = answer_errors(result.errors, context.request_id)
    if context.extensions:
        shown["extensions"] = context.extensions
    return shown


def codes(payload: dict[str, Any]) -> tuple[str, ...]:
    """The codes of its errors."""
    return tuple(error["extensions"]["code"] for error in payload.get("errors", ()))


def encode(payload: dict[str, Any]) -> bytes:
    """JSON in UTF-8, with what orjson refuses: integers beyond 64 bits, lone surrogates, keys that are no strings."""
    try:
        return orjson.dumps(payload)
    except TypeError:
        return json.dumps(payload, separators=(",", ":")).encode()
