"""The smallest operation that still shows a difference: what can be left out of a failing one, is."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

from graphql import (
    REMOVE,
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    Node,
    ObjectFieldNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    validate,
    visit,
)

Fails = Callable[[DocumentNode], Awaitable[bool]]

ATTEMPTS = 2_000
_PARTS = (FieldNode, FragmentSpreadNode, InlineFragmentNode, ArgumentNode, DirectiveNode, ObjectFieldNode)


async def shrink(schema: GraphQLSchema, document: DocumentNode, fails: Fails) -> DocumentNode:
    """The document without anything that is not needed to make `fails` true."""
    attempts, again = 0, True
    while again and attempts < ATTEMPTS:
        again = False
        for candidate in smaller(document):
            attempts += 1
            if not validate(schema, candidate) and await fails(candidate):
                document, again = candidate, True
                break
    return document


def smaller(document: DocumentNode) -> Iterator[DocumentNode]:
    """The document without one of its parts each, the outermost first."""
    number = 0
    while True:
        removal = _Removal(number)
        smaller = visit(document, removal)
        if not removal.done:
            return
        with suppress(GraphQLSyntaxError):  # it was the last of its selection
            yield parse(print_ast(_tidy(smaller)))
        number += 1


class _Removal(Visitor):
    """Leaves out the part of this number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left, self.done = number, False

    def enter(self, node: Node, *_: Any) -> Any:
        if self.done or not isinstance(node, _PARTS):
            return None
        self._left -= 1
        self.done = self._left < 0
        return REMOVE if self.done else None


def _tidy(document: DocumentNode) -> DocumentNode:
    """Without the fragments and variables that nothing names any more."""
    while True:
        used = _Used()
        visit(document, used)
        unused = {
            d
            for d in document.definitions
            if isinstance(d, FragmentDefinitionNode) and d.name.value not in used.fragments
        }
        if not unused:
            break
        kept = [d for d in document.definitions if d not in unused]
        document = DocumentNode(definitions=tuple(kept))
    tidy: DocumentNode = visit(document, _Undeclare(used.variables))
    return tidy


class _Used(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.fragments: set[str] = set()
        self.variables: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.fragments.add(node.name.value)

    def enter_variable(self, node: VariableNode, _: Any, parent: Any, *__: Any) -> None:
        if not isinstance(parent, VariableDefinitionNode):
            self.variables.add(node.name.value)


class _Undeclare(Visitor):
    def __init__(self, used: set[str]) -> None:
        super().__init__()
        self._used = used

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
        return None if node.variable.name.value in self._used else REMOVE
