"""How long an operation may run, and what its end does not wait for."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from graphql import ExecutionResult

from app.api.errors import answer_errors
from app.execution.engine import Engine
from app.execution.operations import Operation
from app.schema.kit.context import Context

log = structlog.get_logger(__name__)

_mutations: set[asyncio.Task[ExecutionResult]] = set()


async def run(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> ExecutionResult:
    """The result of a query or a mutation. Raises Refused, and TimeoutError after `seconds`.

    Cancellation and timeout end a query, MongoDB's part of it too. They never end a mutation, since nobody could tell
    what it had done by then: it goes on unseen, and `settled` waits for it.
    """
    task = asyncio.current_task()
    assert task is not None
    try:
        async with asyncio.timeout(seconds):
            if operation.kind == "mutation":
                return await _to_its_end(engine, operation, variables, context)
            return await engine.execute(operation, variables, context)
    except asyncio.CancelledError as error:
        if task.cancelling():
            raise
        raise RuntimeError("Something that a resolver waited for was cancelled.") from error


async def settled() -> None:
    """Return when no mutation runs any more; the last thing a graceful stop waits for."""
    if _mutations:
        await asyncio.wait(_mutations)


async def _to_its_end(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context
) -> ExecutionResult:
    task = asyncio.create_task(engine.execute(operation, variables, context))
    _mutations.add(task)
    task.add_done_callback(_mutations.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(partial(_report, operation, context))
        raise


def _report(operation: Operation, context: Context, task: asyncio.Task[ExecutionResult]) -> None:
    """Log the end of a mutation whose caller is gone; its errors would be lost otherwise."""
    if task.cancelled() or task.exception():
        return
    errors = answer_errors(task.result().errors or [], context.request_id)
    codes = [error["extensions"]["code"] for error in errors]
    log.info("graphql.finished_late", operation=operation.name, request_id=context.request_id, errors=codes)
