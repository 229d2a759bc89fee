"""Operations whose results travel as a stream: what sockets and server-sent events share."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import orjson
from graphql import ExecutionResult

from app.api.credentials import Credentials
from app.api.errors import answer_errors
from app.core import clock
from app.execution.engine import Engine
from app.execution.operations import Operation, Refused
from app.schema.kit.context import Context

E = TypeVar("E", bound=Exception)

_mutations: set[asyncio.Task[ExecutionResult]] = set()


async def begin(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> AsyncGenerator[ExecutionResult, None]:
    """The results of an operation of any kind: the one of a query or a mutation, any number of a subscription.

    Within `seconds` a query or mutation has to end and a subscription has to begin, else TimeoutError; a mutation goes
    on to its end all the same, as it does when the caller is cancelled (`settle` waits for those). Raises Refused when
    the operation cannot begin. Close the generator to end a subscription.
    """
    async with asyncio.timeout(seconds):
        if operation.kind == "subscription":
            stream = await engine.subscribe(operation, variables, context)
            if isinstance(stream, ExecutionResult):
                raise Refused(stream.errors or [])
            return stream
        run = engine.execute(operation, variables, context)
        return _one(await (_to_its_end(run) if operation.kind == "mutation" else run))


def first_of(group: ExceptionGroup[E]) -> E:
    """The first of the exceptions that ended a group of tasks."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, ExceptionGroup) else first


async def settle() -> None:
    """Wait for the mutations that nobody waits for any more; part of a graceful stop."""
    await asyncio.gather(*_mutations, return_exceptions=True)


async def sign_in_ends(credentials: Credentials) -> None:
    """Return when the credentials expire or are revoked."""
    left = None if credentials.expires_at is None else credentials.expires_at - clock.source()
    with suppress(TimeoutError):
        async with asyncio.timeout(left):
            await credentials.ended.wait()


def _to_its_end(mutation: Coroutine[Any, Any, ExecutionResult]) -> asyncio.Future[ExecutionResult]:
    task = asyncio.create_task(mutation)
    _mutations.add(task)
    task.add_done_callback(_mutations.discard)
    return asyncio.shield(task)


async def _one(result: ExecutionResult) -> AsyncGenerator[ExecutionResult, None]:
    yield result


def written(result: ExecutionResult, context: Context) -> bytes:
    """One result in JSON, its errors as clients may see them."""
    shown: dict[str, Any] = {"data": result.data}
    if result.errors:
        shown["errors"] = answer_errors(result.errors, context.request_id)
    return orjson.dumps(shown)
