"""How long an operation may run, and what its end does not wait for."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

import structlog
from graphql import ExecutionResult, ExperimentalIncrementalExecutionResults

from app.api.errors import answer_errors
from app.core.origin import Door, Origin, coming
from app.core.tasks import within
from app.execution.engine import Engine, IncrementalResults
from app.execution.operations import Operation
from app.schema.kit.context import Context
from app.services.audit import disclosures

log = structlog.get_logger(__name__)

R = TypeVar("R")

_mutations: set[asyncio.Task[Any]] = set()


def run(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> Coroutine[Any, Any, ExecutionResult]:
    """The result of a query or a mutation. Raises Refused, and TimeoutError after `seconds`.

    Cancellation and timeout end a query, MongoDB's part of it too. They never end a mutation, since nobody could tell
    what it had done by then: it goes on unseen, and `settled` waits for it.
    """
    return _run(engine.execute, operation, variables, context, seconds)


def run_incrementally(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> Coroutine[Any, Any, ExecutionResult | IncrementalResults]:
    """As `run`, but for what the operation puts off, which runs when it is iterated over."""
    return _run(engine.execute_incrementally, operation, variables, context, seconds)


async def _run(
    execute: Callable[[Operation, Mapping[str, Any] | None, Context], Coroutine[Any, Any, R]],
    operation: Operation,
    variables: Mapping[str, Any] | None,
    context: Context,
    seconds: float,
) -> R:
    task = asyncio.current_task()
    assert task is not None
    try:
        with within(seconds), coming(Origin(Door.GRAPHQL, context.request_id, context.address, context.agent)):
            if operation.kind == "mutation":
                return await _to_its_end(execute(operation, variables, context), operation, context)
            return await _noted(execute(operation, variables, context), context)
    except asyncio.CancelledError as error:
        if task.cancelling():
            raise
        raise RuntimeError("Something that a resolver waited for was cancelled.") from error


async def disclose(context: Context) -> None:
    """Let the audit trail know whose data an answer discloses, before anybody is shown it."""
    if context.disclosed:
        disclosed, context.disclosed = context.disclosed, {}
        await disclosures.note(context.actor, disclosed)


async def settled() -> None:
    """Return when no mutation runs any more; the last thing a graceful stop waits for."""
    if _mutations:
        await asyncio.wait(_mutations)


async def _to_its_end(mutation: Coroutine[Any, Any, R], operation: Operation, context: Context) -> R:
    task = asyncio.create_task(_noted(mutation, context))
    _mutations.add(task)
    task.add_done_callback(_mutations.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(partial(_report, operation, context))
        raise


async def _noted(execution: Coroutine[Any, Any, R], context: Context) -> R:
    result = await execution
    await disclose(context)
    return result


def _report(operation: Operation, context: Context, task: asyncio.Task[Any]) -> None:
    """Log the end of a mutation whose caller is gone; its errors would be lost otherwise."""
    if task.cancelled() or task.exception():
        return
    result = task.result()
    first = result.initial_result if isinstance(result, ExperimentalIncrementalExecutionResults) else result
    errors = answer_errors(first.errors or [], context.request_id)
    codes = [error["extensions"]["code"] for error in errors]
    log.info("graphql.finished_late", operation=operation.name, request_id=context.request_id, errors=codes)
