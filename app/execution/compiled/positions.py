"""A field in a compiled operation: what is known of it before anything runs, and its way back to graphql-core."""

from collections.abc import Callable
from types import CoroutineType, GeneratorType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any

from beanie import Document
from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, is_non_null_type
from graphql.error import located_error
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Undefined
from pydantic import BaseModel

from app.execution.compiled.figures import FIGURES
from app.execution.compiled.paths import Steps, as_list, as_path, of_field
from app.execution.compiled.strawberries import CAST, Wrapped

if TYPE_CHECKING:
    from app.execution.compiled.executor import CompiledExecutor

Complete = Callable[[Any, Steps, "CompiledExecutor"], Any]
"""From a resolved value, its path and the execution to what the response shows."""

# Pydantic's and Beanie's attribute hooks are Python functions that make nothing awaitable.
_GETATTR = (None, getattr(BaseModel, "__getattr__", None))
_GETATTRIBUTE = (object.__getattribute__, Document.__getattribute__)


class Position:
    """One field of one selection set, or the items of its list.

    `lift` is how many steps up the nearest position lies that may be null: 0 for a nullable one.
    """

    __slots__ = ("definition", "details", "lift", "name", "nodes", "nullable", "parent", "type", "wrapped")

    def __init__(
        self,
        details: list[FieldDetails],
        definition: GraphQLField,
        parent: GraphQLObjectType,
        type: GraphQLOutputType,
        lift: int,
        wrapped: Wrapped | None = None,
    ) -> None:
        self.details, self.definition, self.parent, self.type, self.wrapped = details, definition, parent, type, wrapped
        self.nodes: list[FieldNode] = [one.node for one in details]
        self.nullable = not is_non_null_type(type)
        self.lift = 0 if self.nullable else lift + 1
        self.name = f"{parent.name}.{self.nodes[0].name.value}"

    def items(self, type: GraphQLOutputType) -> "Position":
        """The position of the items of this one's list."""
        return Position(self.details, self.definition, self.parent, type, self.lift, self.wrapped)

    def failed(self, run: "CompiledExecutor", error: Exception, path: Steps) -> None:
        """Note the error and let null stand here; where none may, raise it for the position above."""
        located = located_error(error, self.nodes, as_list(path))
        if not self.nullable:
            raise located
        run.collected_errors.add(located, as_path(path))

    def unexpected(self, run: "CompiledExecutor", value: Any, path: Steps, complete: Complete | None = None) -> Any:
        """Wait for an awaitable, to be completed by `complete`; let graphql-core complete anything else."""
        if run.is_awaitable(value):
            return run.wait(self, value, path, complete or self.interpret)
        return self.interpret(value, path, run)

    def interpret(self, value: Any, path: Steps, run: "CompiledExecutor") -> Any:
        """What graphql-core makes of a value."""
        FIGURES.deoptimised[self.name] += 1
        info = run.resolve_info(self, of_field(path))
        whole = as_path(path)
        assert whole is not None
        completed = run.complete_value(self.type, self.details, info, whole, value, None)
        return run.wait(self, completed, path, None) if run.is_awaitable(completed) else completed

    def scalar(self, run: "CompiledExecutor", value: Any, path: Steps, classes: set[type]) -> Any:
        """Let graphql-core complete the first leaf of its class; the next ones need no look at what they are."""
        if value is None and self.nullable:
            return None
        if value is not None and value is not Undefined and is_plain(type(value)):
            classes.add(type(value))
        return self.unexpected(run, value, path)

    def object(self, run: "CompiledExecutor", value: Any, path: Steps, complete: Complete, kind: "Kind") -> Any:
        """Complete an object whose class was not seen here before."""
        if value is None and self.nullable:
            return None
        if value is None or value is Undefined or not is_plain(type(value)):
            return self.unexpected(run, value, path, lambda v, p, r: self.object(r, v, p, complete, kind))
        if not kind.admits(value):
            return self.unexpected(run, value, path)
        return complete(value, path, run)


class Kind:
    """An object type at a position: the classes whose instances are known to be of it."""

    __slots__ = ("_asked", "_by_class", "classes")

    def __init__(self, type: GraphQLObjectType, by_class: bool) -> None:
        self._asked, self._by_class = type.is_type_of, by_class
        self.classes: set[type] = set()  # type: ignore[valid-type]

    def admits(self, value: Any) -> bool:
        """Whether the value is of the type, asked of nobody but its class; the answer is remembered."""
        if self._asked is not None:
            if not self._by_class or self._asked(value, None) is not True:  # type: ignore[arg-type]
                return False
            if hasattr(value, CAST):
                return True
        self.classes.add(type(value))
        return True


def is_plain(cls: type) -> bool:
    """Whether no instance of the class can be awaitable or an exception."""
    if issubclass(cls, Exception | CoroutineType | GeneratorType) or hasattr(cls, "__await__"):
        return False
    if getattr(cls, "__getattr__", None) not in _GETATTR:
        return False
    hook = cls.__getattribute__
    return type(hook) is WrapperDescriptorType or hook in _GETATTRIBUTE
