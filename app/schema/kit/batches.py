"""How a field finds its values for all objects beside each other at once.

The field's metadata hold one of these under `batch`: compiled execution asks it for all keys of a level; for one object
the field's own resolver asks the same of the context.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.models.base import StoredRow
from app.schema.kit.context import Context, Fetch


@dataclass(frozen=True, slots=True)
class RowsBatch:
    """The row of `model` whose id is in the attribute `by`."""

    model: type[StoredRow]
    by: str
    then: None = None

    @property
    def source(self) -> object:
        return self.model

    def load(self, context: Context, keys: Collection[Any]) -> Awaitable[Mapping[Any, Any]]:
        return context.rows(self.model, keys)


@dataclass(frozen=True, slots=True)
class FetchedBatch:
    """What `fetch` answers for the attribute `by`; `then` makes the value of it and of the field's arguments."""

    fetch: Fetch
    by: str
    model: type[StoredRow] | None = None
    then: Callable[..., Any] | None = None

    @property
    def source(self) -> object:
        return self.fetch

    def load(self, context: Context, keys: Collection[Any]) -> Awaitable[Mapping[Any, Any]]:
        return context.load_many(self.fetch, keys, self.model)
