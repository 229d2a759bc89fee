"""Operations that are ready to run, and the memory of them: one text is parsed, checked and priced once."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode

from app.core.answers import Policy
from app.core.rows import Names
from app.execution.incremental import Incremental
from app.execution.prices import Price
from app.execution.sharing import Sharing
from app.execution.templates import Template

Kind = Literal["query", "mutation", "subscription"]


class Refused(Exception):
    """The request cannot be run at all; nothing of it was. Each error carries its code.

    `status` is that of the answer over HTTP where a protocol has it so; else it follows from the media type.
    """

    def __init__(self, errors: list[GraphQLError], status: int | None = None) -> None:
        super().__init__(*{(error.extensions or {}).get("code") for error in errors})
        self.errors, self.status = errors, status


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
    template: Template
    """What begins its executions."""
    policy: Policy | None = None
    """What may be kept of its answers; None is nothing."""
    sharing: Sharing | None = None
    """Of a subscription: who gets the same result of the same event."""
    incremental: Incremental | None = None
    """What `@defer` and `@stream` put off; None when it has neither."""
    whole: Template | None = None
    """What begins executions that put nothing off, if `template`'s do."""

    @property
    def text(self) -> str:
        """The document's."""
        assert self.document.loc is not None
        return self.document.loc.source.body

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
