"""The compiled code of one operation: as many variants as its `@skip` and `@include` have outcomes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import FragmentSpreadNode, OperationDefinitionNode, SelectionSetNode, VariableNode
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.executor import default_field_resolver
from graphql.pyutils import Undefined

from app.execution.compiled.compiler import Compiler, Unsupported
from app.execution.compiled.executor import Root
from app.execution.compiled.figures import FIGURES

if TYPE_CHECKING:
    from app.execution.compiled.executor import CompiledExecutor

MAX_VARIANTS = 16
COMPILE_AFTER = 2
"""Executions before an operation is compiled: compiling costs as much as a few, and many operations run once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`roots` are the root fields one by one, `whole` is all of them together."""

    serial: bool
    whole: Root
    roots: list[Root]


class Plans:
    """The plans of one operation, made when they are wanted."""

    __slots__ = ("_after", "_conditions", "_runs", "_unfit", "_variants")

    def __init__(self, after: int = COMPILE_AFTER) -> None:
        self._after, self._runs = after, 0
        self._conditions: list[str] | None = None
        self._unfit: str | None = None
        self._variants: dict[tuple[Any, ...], Plan] = {}

    def choose(self, run: "CompiledExecutor") -> Plan | None:
        """The plan for an execution of the operation; None if graphql-core has to execute it."""
        unfit = self._unfit or _unfit(run)
        if unfit is None and self._runs < self._after:
            self._runs += 1
            unfit = "cold"
        if unfit is None:
            try:
                return self._plan(run)
            except (Unsupported, RecursionError) as error:
                unfit = str(error) if isinstance(error, Unsupported) else "depth"
                self._unfit = None if unfit == "variants" else unfit
        FIGURES.interpreted[unfit] += 1
        return None

    def _plan(self, run: "CompiledExecutor") -> Plan:
        if self._conditions is None:
            self._conditions = sorted(_conditions(run.operation, run.fragments))
        values = run.variable_values.coerced
        variant = tuple(values.get(name, Undefined) for name in self._conditions)
        plan = self._variants.get(variant)
        if plan is None:
            if len(self._variants) >= MAX_VARIANTS:
                raise Unsupported("variants")
            plan = self._variants[variant] = _compiled(run)
        return plan


def _compiled(run: "CompiledExecutor") -> Plan:
    FIGURES.plans += 1
    compiler = Compiler(run)
    grouped, root = compiler.root()
    serial = run.operation.operation.value == "mutation"
    whole = compiler.selection(root, grouped, 0)
    roots = [compiler.selection(root, {key: details}, 0) for key, details in grouped.items()] if serial else []
    compiler.code.build()
    return Plan(serial, compiler.code[whole], [compiler.code[name] for name in roots])


def _unfit(run: "CompiledExecutor") -> str | None:
    """What of this execution only graphql-core does."""
    if run.abort_signal is not None:
        return "abort signal"
    if run.hooks is not None:
        return "hooks"
    if not run.error_propagation:
        return "no error propagation"
    if run.middleware_manager is not None and run.middleware_manager.middlewares:
        return "middleware"
    if run.field_resolver is not default_field_resolver:
        return "field resolver"
    return None


def _conditions(operation: OperationDefinitionNode, fragments: dict[str, FragmentDetails]) -> set[str]:
    """The variables on which it depends which fields are selected. Raises Unsupported."""
    found: set[str] = set()

    def walk(selections: SelectionSetNode) -> None:
        for node in selections.selections:
            for directive in node.directives or ():
                if directive.name.value in ("defer", "stream"):
                    raise Unsupported("incremental delivery")
                if directive.name.value in ("skip", "include"):
                    values = [argument.value for argument in directive.arguments or ()]
                    found.update(value.name.value for value in values if isinstance(value, VariableNode))
            if isinstance(node, FragmentSpreadNode):
                if node.arguments:
                    raise Unsupported("fragment arguments")
            elif node.selection_set:  # type: ignore[attr-defined]
                walk(node.selection_set)  # type: ignore[attr-defined]

    walk(operation.selection_set)
    for fragment in fragments.values():
        if fragment.variable_signatures:
            raise Unsupported("fragment arguments")
        walk(fragment.definition.selection_set)
    return found
