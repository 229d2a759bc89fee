"""Fields that are resolved for all objects of a level at once."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

from graphql import GraphQLField

from app.execution.compiled.strawberries import declared

METADATA = "batch"
"""Under which a field's metadata holds its Batch."""


class Batch(Protocol):
    """How such a field finds its values. Its own resolver does the same for one object."""

    @property
    def by(self) -> str:
        """The attribute of an object that is its key; without one the value is null."""

    @property
    def then(self) -> Callable[..., Any] | None:
        """What makes the field's value of what was found and of the field's arguments; None if that is it already."""

    @property
    def source(self) -> object:
        """Batches of equal source share one call."""

    def load(self, context: Any, keys: Collection[Any]) -> Awaitable[Mapping[Any, Any]]:
        """The values by key; null for what is missing."""


def batch_of(definition: GraphQLField) -> Batch | None:
    field = declared(definition)
    batch: Batch | None = field.metadata.get(METADATA) if field else None
    return batch
