"""Operations whose results travel as a stream: what sockets and server-sent events share."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from graphql import ExecutionResult

from app.api import incremental
from app.api.credentials import Credentials
from app.api.runs import disclose, run
from app.execution.engine import Engine, Source
from app.execution.operations import Operation, Refused
from app.schema.kit.context import Context

E = TypeVar("E", bound=Exception)


async def begin(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> AsyncGenerator[ExecutionResult | incremental.Payload, None]:
    """The results of an operation of any kind: the one of a query or a mutation, any number of a subscription.

    A query or a mutation that puts parts of its answer off has payloads instead, ready to be sent. Within `seconds` a
    query or mutation has to end and a subscription has to begin, else TimeoutError. Raises Refused when the operation
    cannot begin. Close the generator to end it.
    """
    if operation.kind != "subscription":
        if operation.incremental:
            return await incremental.begin(engine, operation, variables, context, seconds)
        return _one(await run(engine, operation, variables, context, seconds))
    return results(await subscribe(engine, operation, variables, context, seconds), context)


async def subscribe(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> Source:
    """A subscription that was opened, within `seconds`, else TimeoutError. Raises Refused when it cannot be."""
    async with asyncio.timeout(seconds):
        source = await engine.subscribe(operation, variables, context)
    if isinstance(source, ExecutionResult):
        raise Refused(source.errors or [])
    return source


async def results(source: Source, context: Context) -> AsyncGenerator[ExecutionResult, None]:
    """What comes of each event of a subscription."""
    async with aclosing(source.results()) as shown:
        async for result in shown:
            await disclose(context)
            yield result


async def _one(result: ExecutionResult) -> AsyncGenerator[ExecutionResult, None]:
    yield result


async def sign_in_ends(credentials: Credentials) -> None:
    """Return when the credentials expire or are revoked."""
    ended = asyncio.Event()
    credentials.hold(ended.set)
    try:
        await ended.wait()
    finally:
        credentials.release(ended.set)


def first_of(group: ExceptionGroup[E]) -> E:
    """The first of the exceptions that ended a group of tasks."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, ExceptionGroup) else first
