"""Operations that are ready to run, and the memory of them: one text is parsed, checked and priced once."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode

from app.core.rows import Names
from app.execution.prices import Price

Kind = Literal["query", "mutation", "subscription"]


class Refused(Exception):
    """The request cannot be run at all; nothing of it was. Each error carries its code."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(*{(error.extensions or {}).get("code") for error in errors})
        self.errors = errors


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of a valid document that keeps within the limits."""

    document: DocumentNode
    definition: OperationDefinitionNode
    kind: Kind
    name: str | None
    price: Price
    fields: Mapping[type, Names | None]
    """Columns of each model that it reads; None is all."""

    @property
    def cost(self) -> int:
        """What it costs at least; variables that size a page come on top when it runs."""
        return self.price.fixed


class OperationCache:
    """The operations used last, bounded in number and by the length of their texts; a document weighs 50 times that."""

    def __init__(self, entries: int = 1_000, characters: int = 2_000_000) -> None:
        self._entries, self._characters = entries, characters
        self._length = 0
        self._kept: OrderedDict[tuple[str, str | None], Operation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, query: str, name: str | None) -> Operation | None:
        operation = self._kept.get((query, name))
        if operation is not None:
            self._kept.move_to_end((query, name))
        return operation

    def put(self, query: str, name: str | None, operation: Operation) -> None:
        if (query, name) not in self._kept:
            self._length += len(query)
        self._kept[query, name] = operation
        while len(self._kept) > self._entries or self._length > self._characters:
            (text, _), _ = self._kept.popitem(last=False)
            self._length -= len(text)
