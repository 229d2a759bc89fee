"""An execution by compiled code: what the code calls, what it waits for, and how nulls rise."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Optional

from graphql import GraphQLError, GraphQLResolveInfo
from graphql.error import located_error
from graphql.execution import ExecutionResult
from graphql.execution.values import get_argument_values
from graphql.pyutils import AwaitableOrValue
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.arguments import convert_arguments

from app.execution.compiled.batches import Batch
from app.execution.compiled.figures import FIGURES
from app.execution.compiled.infos import LazyInfo
from app.execution.compiled.paths import Steps, as_path
from app.execution.compiled.pending import Keys, Pending
from app.execution.compiled.positions import Complete, Position

if TYPE_CHECKING:
    from app.execution.compiled.plans import Plans

Root = Callable[[Any, None, "CompiledExecutor"], dict[str, Any]]
"""The compiled selection set of a root type."""


class CompiledExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, which runs compiled code where `plans` have some for the operation."""

    plans: Optional["Plans"] = None
    unbound: list[Pending]
    """What has to wait, and is not in an object or a list yet."""
    _pending: list[Pending]
    """What has to wait, and nobody waits for yet."""
    _running: dict[asyncio.Future[Any], list[Pending]]
    _data: dict[str, Any]
    _batching: bool
    """Whether some of `_pending` belong to batches."""
    _dead: bool
    """Whether null stands for the whole response."""

    def execute_operation(self, serially: bool | None = None) -> AwaitableOrValue[Any]:
        plan = self.plans.choose(self) if self.plans else None
        if plan is None:
            return super().execute_operation(serially)
        FIGURES.compiled += 1
        if plan.serial and serially is not False:
            return self._run_serially(plan.roots)
        return self._run(plan.whole)

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """Made when a resolver's info is: two bound methods for each execution were made for nobody."""
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, _: GraphQLResolveInfoHelpers) -> None:
        pass

    # What compiled code calls.

    def wait(self, position: Position, awaitable: Any, path: Steps, complete: Complete | None) -> None:
        """Let null stand where the awaited value will; `complete` is None for one that is complete already."""
        self.unbound.append(Pending(awaitable, position, path, complete))

    def load(self, position: Position, batch: Batch, key: Any, path: Steps, complete: Complete) -> None:
        """Let null stand where the batch's value for the key will."""
        self.unbound.append(Pending(key, position, path, complete, batch))
        self._batching = True

    def bind(self, box: dict[str, Any] | list[Any], path: Steps | None) -> None:
        """Tell those that wait for a member of the object or list at the path which one it has become."""
        unbound = self.unbound
        self.unbound = []
        for one in unbound:
            if one.path[0] is path:
                one.box = box
                self._pending.append(one)
            else:
                self.unbound.append(one)

    def resolve_info(self, position: Position, path: Steps) -> GraphQLResolveInfo[Any]:
        whole = as_path(path)
        assert whole is not None
        return self.build_resolve_info(position.definition, position.nodes, position.parent, whole)

    def info(self, position: Position, path: Steps) -> Any:
        """Strawberry's info."""
        wrapped = position.wrapped
        assert wrapped is not None
        info_class: Any = wrapped.converter.config.info_class
        return info_class(_raw_info=LazyInfo(self, position, path), _field=wrapped.field)

    def argument_values(self, position: Position) -> dict[str, Any]:
        """The arguments as graphql-core coerces them."""
        return get_argument_values(
            position.definition, position.nodes[0], self.variable_values, None, self.hide_suggestions
        )

    def arguments(self, position: Position, path: Steps) -> dict[str, Any]:
        """The arguments as Strawberry gives them to a resolver."""
        wrapped = position.wrapped
        assert wrapped is not None
        converter = wrapped.converter
        return convert_arguments(
            self.argument_values(position),
            wrapped.field.arguments,
            converter.scalar_registry,
            converter.config,
            self.info(position, path),
        )

    # How an execution runs.

    def _run(self, root: Root) -> AwaitableOrValue[ExecutionResult]:
        self._begin(root)
        return self._end() if self._dead or not self._pending else self._run_on()

    async def _run_on(self) -> ExecutionResult:
        await self._drive()
        return self._end()

    def _run_serially(self, roots: list[Root]) -> AwaitableOrValue[ExecutionResult]:
        """Each root field is complete before the next one begins."""
        data: dict[str, Any] = {}
        self._dead = False
        rest = iter(roots)
        for root in rest:
            self._begin(root)
            if self._dead:
                break
            if self._pending:
                return self._run_serially_on(data, rest)
            data.update(self._data)
        self._data = data
        return self._end()

    async def _run_serially_on(self, data: dict[str, Any], rest: Iterator[Root]) -> ExecutionResult:
        await self._drive()
        while not self._dead:
            data.update(self._data)
            root = next(rest, None)
            if root is None:
                break
            self._begin(root)
            if self._pending:
                await self._drive()
        self._data = data
        return self._end()

    def _begin(self, root: Root) -> None:
        self.unbound, self._pending, self._data = [], [], {}
        self._batching = self._dead = False
        try:
            self._data = root(self.root_value, None, self)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            self._dead = True
            self.unbound += self._pending
            self._pending.clear()
        if self.unbound:
            unbound, self.unbound = self.unbound, []
            self._let_go(unbound)

    def _end(self) -> ExecutionResult:
        return ExecutionResult(None if self._dead else self._data, self.collected_errors.errors or None)

    async def _drive(self) -> None:
        """Wait for everything, completing each value as it comes, in this task and no other."""
        pending, self._running = self._pending, {}
        while pending:
            if self._batching:
                self._gather_batches()
            if len(pending) > 1:
                await self._drive_together()
                return
            one = pending.pop()
            try:
                value = await one.awaitable  # a lone one needs no task
            except Exception as error:
                self._fail(one, error)
            else:
                self._settle(one, value)

    async def _drive_together(self) -> None:
        loop = asyncio.get_running_loop()
        running, ready = self._running, deque[asyncio.Future[Any]]()
        waiter: asyncio.Future[None] | None = None

        def done(future: asyncio.Future[Any]) -> None:
            ready.append(future)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

        try:
            while True:
                if self._batching:
                    self._gather_batches()
                for one in self._pending:
                    future = asyncio.ensure_future(one.awaitable)
                    if future in running:  # several fields wait for the same
                        running[future].append(one)
                    else:
                        running[future] = [one]
                        future.add_done_callback(done)
                self._pending.clear()
                if not running:
                    return
                if not ready:
                    waiter = loop.create_future()
                    await waiter
                    waiter = None
                while ready:
                    self._take(ready.popleft())
        except BaseException:
            await self._cancel()
            raise

    def _take(self, future: asyncio.Future[Any]) -> None:
        waiting = self._running.pop(future, None)
        if waiting is None:
            return
        if future.cancelled():
            raise asyncio.CancelledError
        error = future.exception()
        if error is None:
            value = future.result()
            for one in waiting:
                self._settle(one, value)
        elif isinstance(error, Exception):
            for one in waiting:
                self._fail(one, error)
        else:
            raise error

    def _gather_batches(self) -> None:
        """Make one awaitable of all keys that one call can find."""
        self._batching = False
        alone: list[Pending] = []
        groups: dict[object, list[Pending]] = {}
        for one in self._pending:
            if one.batch is None:
                alone.append(one)
            else:
                groups.setdefault(one.batch.source, []).append(one)
        for members in groups.values():
            first = members[0]
            assert first.batch is not None
            found = first.batch.load(self.context_value, {one.awaitable for one in members})
            alone.append(Pending(found, first.position, first.path, None, members=members))
        self._pending[:] = alone

    def _settle(self, one: Pending, value: Any) -> None:
        """Put a value that has come into its place, and see what it waits for in turn."""
        if one.members is not None:
            for member in one.members:
                self._settle(member, value.get(member.awaitable))
            return
        try:
            if one.complete is not None:
                value = one.complete(value, one.path, self)
            one.box[one.path[1]] = value
        except Exception as error:
            self._fail(one, error)
        if self.unbound:
            self._settle_again(one)

    def _settle_again(self, one: Pending) -> None:
        """What has come for a place waits in turn: for graphql-core to complete it, or because it is awaitable itself.

        The second is one wait too many: graphql-core says what is wrong with such a value.
        """
        unbound, self.unbound = self.unbound, []
        lost = [again for again in unbound if again.path is not one.path]
        if lost:
            self._let_go(lost)
        for again in unbound:
            if again.path is not one.path:
                continue
            if again.complete is None:
                again.box = one.box
                self._pending.append(again)
            else:
                one.complete = one.position.interpret
                self._settle(one, again.awaitable)

    def _fail(self, one: Pending, error: Exception) -> None:
        """Let null stand where the value would, or in the nearest place above where one may."""
        if one.members is not None:
            for member in one.members:
                self._fail(member, error)
            return
        path = as_path(one.path)
        assert path is not None
        located = located_error(error, one.position.nodes, path.as_list())
        if one.position.nullable:
            one.box[one.path[1]] = None
            self.collected_errors.add(located, path)
            return
        above = path
        for _ in range(one.position.lift):
            assert above is not None
            above = above.prev  # type: ignore[assignment]
        self.collected_errors.add(located, above)
        keys: Keys = () if above is None else tuple(above.as_list())
        if not keys:
            self._dead = True
        else:
            self._put_null(keys)
        self._abandon(keys)

    def _put_null(self, keys: Keys) -> None:
        place: Any = self._data
        for key in keys[:-1]:
            if place is None:
                return  # null stands above already
            place = place[key]
        if place is not None:
            place[keys[-1]] = None

    def _abandon(self, keys: Keys) -> None:
        """Wait no more for what is below a null."""
        self._let_go([one for one in self._pending if one.below(keys)])
        self._pending[:] = [one for one in self._pending if not one.below(keys)]
        for future, waiting in list(self._running.items()):
            left = [one for one in waiting if not one.drop_below(keys)]
            if left:
                self._running[future] = left
                continue
            del self._running[future]
            if waiting[0].owns(future) and not waiting[0].handed_over:
                future.cancel()
            self.settle_in_background([future])

    def _let_go(self, abandoned: list[Pending]) -> None:
        """Let what nobody waits for any more come to its end, unheard."""
        awaitables: list[Awaitable[Any]] = [one.awaitable for one in abandoned if one.batch is None]
        if awaitables:
            self.settle_in_background(awaitables)

    async def _cancel(self) -> None:
        """The execution ends early: so do the tasks that were started for it."""
        own = [future for future, waiting in self._running.items() if waiting[0].owns(future)]
        for future in own:
            future.cancel()
        if own:
            await asyncio.gather(*own, return_exceptions=True)
