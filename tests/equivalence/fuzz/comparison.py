"""One operation on two executors, and what may differ: nothing of the data, and of the errors what GraphQL leaves open.

An error that only one side has may be a racing sibling (`app.execution.comparison`). Nearly all of those the reference
reports as well once errors no longer propagate; the rest, counted apart, are of items that failed before the stream of
their list did, or would have failed after.

graphql-core cancels what it gathers when one of it fails. What had not begun by then never awaits its futures, and
their exceptions are lost: which, is a matter of turns. So the other may leave behind what the reference leaves as well
when it is asked for one part less; that is counted apart. Anything else is a failure.
"""

import asyncio
import gc
import warnings
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from traceback import format_exception
from types import CoroutineType
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType
from graphql.execution import Executor, create_source_event_stream, map_source_to_response_event

from app.core.actor import Actor
from app.execution.comparison import races
from app.execution.selection import columns
from tests.equivalence.executors import Begin, Contestant, compiled, execute, reference
from tests.equivalence.fuzz.kit import id_of
from tests.equivalence.fuzz.scene import Scene

ACTORS = (
    Actor(id_of(9, 1), id_of(9, 2), permissions=frozenset({"see", "rename"})),
    Actor(id_of(9, 1), id_of(9, 2)),
    Actor(),
)
EVENTS = 6
TICKS = 200
"""How many passes of the event loop whatever is left of an execution may take to end."""

_KINDS = ("errors in another order", "racing siblings", "racing siblings that the reference never reports")
Fault = tuple[str, Any]
"""An error as it is compared: the message, and all the rest."""


@dataclass
class Outcome:
    """What one execution came to. `data` is one text a result, with the order of keys in it."""

    data: list[str] = field(default_factory=list)
    faults: list[list[Fault]] = field(default_factory=list)
    raw: list[Any] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    extensions: str = ""
    left: list[str] = field(default_factory=list)
    """Tasks that did not end, and what the loop was told of futures whose exception nobody looked at."""
    wasted: int = 0
    """Coroutines that nobody awaited, for instance below a place that another field has made null."""


class Difference(Exception):
    """The two executors differ in what must be equal."""


class LeftBehind(Difference):
    """The other has left tasks behind, or exceptions that nobody took: so many of each, more than the reference.

    `seen` is how all the rest compared, which is equal.
    """

    def __init__(self, left: Counter[str], seen: Counter[str]) -> None:
        super().__init__(f"left behind\n  {dict(left)}")
        self.left, self.seen = left, seen


class Comparison:
    """An operation and its variables, on the reference and on another executor."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        variables: dict[str, Any],
        actor: Actor,
        other: Contestant = compiled,
    ) -> None:
        [self._operation] = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        self._columns = columns(schema, document, self._operation)
        self._variables, self._actor = variables, actor
        self._reference, self._other = (one(schema, document, self._operation) for one in (reference, other))

    async def run(self, repeats: int = 2) -> Counter[str]:
        """Compare `repeats` executions by the other with one by the reference; counts how errors compared.

        The second time, code has seen the classes of values before. Raises Difference.
        """
        seen, left = Counter[str](), Counter[str]()
        expected = await self._outcome(self._reference)
        for _ in range(repeats):
            actual = await self._outcome(self._other)
            for name in ("data", "log", "extensions"):
                if getattr(expected, name) != getattr(actual, name):
                    raise Difference(_shown(name, getattr(expected, name), getattr(actual, name)))
            left |= Counter(actual.left) - Counter(expected.left)
            seen["coroutines thrown away, more than by graphql-core"] += max(0, actual.wasted - expected.wasted)
            seen[await self._errors(expected, actual)] += 1
        if left:
            raise LeftBehind(left, seen)
        return seen

    async def left(self) -> Counter[str]:
        """What the reference leaves behind."""
        return Counter((await self._outcome(self._reference)).left)

    async def _errors(self, expected: Outcome, actual: Outcome) -> str:
        if expected.faults == actual.faults:
            return "errors equal" if any(expected.faults) else "no errors"
        kinds = [_KINDS[0]]
        for n, (before, after) in enumerate(zip(expected.faults, actual.faults, strict=True)):
            only = Counter(before) - Counter(after), Counter(after) - Counter(before)
            if not any(only):
                continue
            possible = (await self._outcome(self._reference, propagate=False)).faults[n]
            for faults, data, others in ((only[0], actual.raw[n], after), (only[1], expected.raw[n], before)):
                paths = [other[1][0] for other in others]
                if not all(races(fault[1][0], data, paths) for fault in faults):
                    raise Difference(_shown("errors", list(only[0]), list(only[1])))
                kinds.append(_KINDS[1 if faults.keys() <= set(possible) else 2])
        return max(kinds, key=_KINDS.index)

    async def _outcome(self, begin: Begin, *, propagate: bool = True) -> Outcome:
        outcome = Outcome()
        async with watched(outcome):
            await self._run(begin, outcome, propagate=propagate)
        return outcome

    async def _run(self, begin: Begin, outcome: Outcome, *, propagate: bool) -> None:
        context = Scene(self._actor, shielded=begin is self._reference)
        context.fields = self._columns
        executor = begin(self._variables, context)
        if isinstance(executor, list):
            results = [ExecutionResult(None, executor)]
        else:
            executor.error_propagation = propagate
            try:
                results = await _results(executor, self._operation)
            except (asyncio.CancelledError, Exception) as error:
                told = "".join(format_exception(error)[-3:])
                raise Difference(f"an execution raised {type(error).__name__}\n{told}") from error
        outcome.raw = [result.data for result in results]
        outcome.data = [repr(result.data) for result in results]
        outcome.faults = [[_fault(error) for error in result.errors or ()] for result in results]
        outcome.log, outcome.extensions = context.log, repr(context.extensions)


async def _results(executor: Executor[Any], operation: OperationDefinitionNode) -> list[ExecutionResult]:
    if operation.operation is not OperationType.SUBSCRIPTION:
        return [await execute(executor)]
    source: Any = create_source_event_stream(executor)
    source = await source if isawaitable(source) else source
    if isinstance(source, ExecutionResult):
        return [source]
    results = []
    try:
        async for result in map_source_to_response_event(executor, source):
            results.append(result)
            if len(results) == EVENTS:
                break
    except Exception as error:
        results.append(ExecutionResult(None, [GraphQLError(str(error), original_error=error)]))
    return results


@asynccontextmanager
async def watched(outcome: Outcome) -> AsyncIterator[None]:
    """Note what the execution leaves behind: tasks that never end, exceptions and coroutines that nobody took."""
    loop = asyncio.get_running_loop()
    before, unheard, texts = asyncio.all_tasks(), list[str](), list[str]()
    loop.set_exception_handler(lambda _, told: unheard.append(f"{told['message']}: {told.get('exception')!r}"))
    gc.disable()  # what is thrown away shall be found here and nowhere else
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for _ in range(TICKS):
                if not _started_since(before):
                    break
                await asyncio.sleep(0)
            for _ in range(5):  # callbacks of what has ended hold it until they have run
                await asyncio.sleep(0)
            gc.collect()
            while warned:  # each holds its coroutine, and that what it would have waited for
                texts.append(str(warned.pop().message))
            gc.collect()
            gc.enable()
    texts += [str(one.message) for one in warned]
    outcome.wasted = sum("never awaited" in text for text in texts)
    outcome.left = [*unheard, *(text for text in texts if "never awaited" not in text)]
    outcome.left += [f"unfinished: {coroutine!r}" for coroutine in _started_since(before)]


def _started_since(before: set[asyncio.Task[Any]]) -> list[Any]:
    """The coroutines of newer tasks, but for the database driver's: its monitors go on beside us."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks() - before]
    return [one for one in coroutines if not (isinstance(one, CoroutineType) and "pymongo" in one.cr_code.co_filename)]


def _fault(error: GraphQLError) -> Fault:
    cause = error.original_error
    return error.message, (
        tuple(error.path or ()),
        tuple((place.line, place.column) for place in error.locations or ()),
        repr(error.extensions),
        None if cause is None else type(cause).__name__,
    )


def _shown(what: str, expected: Any, actual: Any) -> str:
    return f"{what} differ\n  reference: {expected}\n  other:     {actual}"
