"""Operations whose results travel as a stream: what sockets and server-sent events share."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from graphql import ExecutionResult

from app.api.credentials import Credentials
from app.api.runs import run
from app.core import clock
from app.execution.engine import Engine
from app.execution.operations import Operation, Refused
from app.schema.kit.context import Context

E = TypeVar("E", bound=Exception)


async def begin(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> AsyncGenerator[ExecutionResult, None]:
    """The results of an operation of any kind: the one of a query or a mutation, any number of a subscription.

    Within `seconds` a query or mutation has to end and a subscription has to begin, else TimeoutError. Raises Refused
    when the operation cannot begin. Close the generator to end a subscription.
    """
    if operation.kind != "subscription":
        return _one(await run(engine, operation, variables, context, seconds))
    async with asyncio.timeout(seconds):
        results = await engine.subscribe(operation, variables, context)
    if isinstance(results, ExecutionResult):
        raise Refused(results.errors or [])
    return results


async def _one(result: ExecutionResult) -> AsyncGenerator[ExecutionResult, None]:
    yield result


async def sign_in_ends(credentials: Credentials) -> None:
    """Return when the credentials expire or are revoked."""
    left = None if credentials.expires_at is None else credentials.expires_at - clock.source()
    with suppress(TimeoutError):
        async with asyncio.timeout(left):
            await credentials.ended.wait()


def first_of(group: ExceptionGroup[E]) -> E:
    """The first of the exceptions that ended a group of tasks."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, ExceptionGroup) else first
