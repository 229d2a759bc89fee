"""What resolvers are told of the field that they resolve, made when they ask."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graphql import GraphQLResolveInfo

from app.execution.compiled.paths import Steps
from app.execution.compiled.positions import Position

if TYPE_CHECKING:
    from app.execution.compiled.executor import CompiledExecutor


class LazyInfo:
    """A GraphQLResolveInfo that is made when somebody asks for more than the context."""

    __slots__ = ("_made", "_path", "_position", "_run", "context")

    def __init__(self, run: "CompiledExecutor", position: Position, path: Steps) -> None:
        self._run, self._position, self._path = run, position, path
        self._made: GraphQLResolveInfo[Any] | None = None
        self.context = run.context_value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole(), name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._whole())

    def _whole(self) -> GraphQLResolveInfo[Any]:
        if self._made is None:
            self._made = self._run.resolve_info(self._position, self._path)
        return self._made
