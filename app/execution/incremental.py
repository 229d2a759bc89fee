"""Incremental delivery: `@defer` and `@stream` ask that parts of an answer come after it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValidationRule,
    ValueNode,
    VariableNode,
)
from graphql.execution import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

DEFER, STREAM = "defer", "stream"
_COUNT = "initialCount"


@dataclass(frozen=True, slots=True)
class Incremental:
    """What one operation puts off: the variables that say how many items of a list come with the answer itself."""

    counts: Mapping[str, DirectiveNode]

    def misfit(self, variables: Mapping[str, Any]) -> GraphQLError | None:
        """What is wrong with the values of these variables, if anything is."""
        for name, directive in self.counts.items():
            count = variables.get(name, 0)
            if count is None or count < 0:
                return _refusal(directive)
        return None


def incremental(document: DocumentNode, operation: OperationDefinitionNode) -> Incremental | None:
    """What an operation of a valid document puts off; None for one that does not."""
    directives = list(_directives(document, operation.selection_set))
    counts = ((_count(directive), directive) for directive in directives)
    named = {count.name.value: directive for count, directive in counts if isinstance(count, VariableNode)}
    return Incremental(named) if directives else None


class StreamCounts(ValidationRule):
    """Refuses streams that begin with fewer than no items; of variables, `Incremental.misfit` says so."""

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        count = _count(node) if node.name.value == STREAM else None
        if isinstance(count, NullValueNode) or (isinstance(count, IntValueNode) and int(count.value) < 0):
            self.report_error(_refusal(node))


def put_off(node: SelectionNode) -> bool:
    """Whether a selection, or the rest of its list, may come later."""
    return any(directive.name.value in (DEFER, STREAM) for directive in node.directives or ())


def _directives(document: DocumentNode, selections: SelectionSetNode) -> Iterator[DirectiveNode]:
    """The directives of a document's operation that put something off; those of a fragment once."""
    unseen = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    pending = [selections]
    while pending:
        for node in pending.pop().selections:
            yield from (directive for directive in node.directives or () if directive.name.value in (DEFER, STREAM))
            spread = isinstance(node, FragmentSpreadNode)
            inner: Any = unseen.pop(node.name.value, None) if spread else node  # type: ignore[attr-defined]
            if inner is not None and inner.selection_set is not None:
                pending.append(inner.selection_set)


def _count(directive: DirectiveNode) -> ValueNode | None:
    return next((argument.value for argument in directive.arguments or () if argument.name.value == _COUNT), None)


def _refusal(directive: DirectiveNode) -> GraphQLError:
    return GraphQLError(f"@{STREAM} takes an {_COUNT} of 0 or more.", directive)


class WholeExecutor(Executor[None]):
    """graphql-core's executor for one whole answer: `@defer` and `@stream` change nothing."""

    operation_extensions = None
    build_resolve_info = StrawberryGraphQLCoreExecutionContext.build_resolve_info

    def get_stream_usage(self, *_: Any) -> None:
        return None
