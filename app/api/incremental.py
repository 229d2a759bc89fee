"""Incremental delivery: the answer at once, then what its `@defer` and `@stream` put off, in the current format.

Source: https://github.com/graphql/graphql-spec/pull/1110 (`pending` announces parts by ids, `incremental` brings data
for them, `completed` ends them, with the errors that left them without data).
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from graphql import ExecutionResult, GraphQLError
from graphql.execution import (
    CompletedResult,
    IncrementalResult,
    IncrementalStreamResult,
    PendingResult,
    SubsequentIncrementalExecutionResult,
)

from app.api.errors import answer_errors
from app.api.results import payload
from app.api.runs import disclose, run_incrementally
from app.execution.engine import Engine, IncrementalResults
from app.execution.operations import Operation
from app.schema.kit.context import Context

Payload = dict[str, Any]


async def begin(
    engine: Engine, operation: Operation, variables: Mapping[str, Any] | None, context: Context, seconds: float
) -> AsyncGenerator[Payload, None]:
    """The payloads of a query or a mutation, the first of which is ready; it lacks `hasNext` if it is the only one.

    Raises Refused, and TimeoutError after `seconds`. What was put off has what is left of them: a last payload says of
    what did not come until then that it took too long. Close the generator to end what still runs.
    """
    ends = asyncio.get_running_loop().time() + seconds
    results = await run_incrementally(engine, operation, variables, context, seconds)
    return _Delivery(context).payloads(results, ends)


class _Delivery:
    """One answer in parts."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pending: dict[str, PendingResult] = {}
        self._told: dict[GraphQLError | str, Any] = {}

    async def payloads(
        self, results: ExecutionResult | IncrementalResults, ends: float
    ) -> AsyncGenerator[Payload, None]:
        if isinstance(results, ExecutionResult):
            yield payload(results, self._context)
            return
        first, rest = results
        async with aclosing(rest):
            shown = payload(first, self._context)
            yield {**shown, "pending": self._announce(first.pending), "hasNext": True}
            more = True
            while more:
                try:
                    async with asyncio.timeout_at(ends):
                        result = await anext(rest)
                except Exception as error:
                    yield self._break_off(error)
                    return
                await disclose(self._context)
                yield self._payload(result)
                more = result.has_next

    def _payload(self, result: SubsequentIncrementalExecutionResult) -> Payload:
        shown: Payload = {}
        if result.pending:
            shown["pending"] = self._announce(result.pending)
        if result.incremental:
            shown["incremental"] = [self._part(part) for part in result.incremental]
        if result.completed:
            shown["completed"] = [self._end(end) for end in result.completed]
        return {**shown, "hasNext": result.has_next}

    def _announce(self, pending: Sequence[PendingResult]) -> list[Any]:
        self._pending.update((part.id, part) for part in pending)
        return [part.formatted for part in pending]

    def _part(self, part: IncrementalResult) -> Payload:
        brings = {"items": part.items} if isinstance(part, IncrementalStreamResult) else {"data": part.data}
        shown: Payload = {"id": part.id, **brings}
        if part.sub_path:
            shown["subPath"] = part.sub_path
        if part.errors:
            shown["errors"] = [self._tell(error) for error in part.errors]
        return shown

    def _end(self, end: CompletedResult) -> Payload:
        del self._pending[end.id]
        return {"id": end.id, "errors": [self._tell(error) for error in end.errors]} if end.errors else {"id": end.id}

    def _tell(self, error: GraphQLError) -> Any:
        """The error as clients see it; one that ends several parts is logged for the first."""
        # One that is of no field stands for something else, a cancellation for example, and is made anew for each part.
        known = error if error.nodes else error.message
        if known not in self._told:
            if not error.nodes:
                error = GraphQLError(error.message, original_error=error.original_error or RuntimeError(error.message))
            [self._told[known]] = answer_errors([error], self._context.request_id)
        return self._told[known]

    def _break_off(self, error: Exception) -> Payload:
        """The last payload: the error, for each part that is still expected."""
        [told] = answer_errors([GraphQLError(str(error), original_error=error)], self._context.request_id)
        ends = [{"id": part.id, "errors": [{**told, "path": part.path}]} for part in self._pending.values()]
        return {"completed": ends, "hasNext": False}
