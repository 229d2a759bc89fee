"""Values that are not there yet."""

import asyncio
from typing import Any

from app.execution.compiled.batches import Batch
from app.execution.compiled.paths import Steps, as_list
from app.execution.compiled.positions import Complete, Position

Keys = tuple[str | int, ...]


class Pending:
    """A value that is not there yet, and the place in the response that it is for.

    Of a field that is resolved in batches `awaitable` is the object's key; `members` are those that wait for one batch.
    """

    __slots__ = ("awaitable", "batch", "box", "complete", "members", "path", "position")

    def __init__(
        self,
        awaitable: Any,
        position: Position,
        path: Steps,
        complete: Complete | None,
        batch: Batch | None = None,
        members: list["Pending"] | None = None,
    ) -> None:
        self.awaitable, self.position, self.path, self.complete = awaitable, position, path, complete
        self.batch, self.members = batch, members
        self.box: Any = None

    def below(self, keys: Keys) -> bool:
        return tuple(as_list(self.path)[: len(keys)]) == keys

    @property
    def handed_over(self) -> bool:
        """Whether graphql-core completes it: what it waits for in turn is lost unless that comes to its end."""
        return self.complete is None and self.members is None

    def owns(self, running: asyncio.Future[Any]) -> bool:
        """Whether what runs for it was started for it alone. A future that a resolver has may be others' as well."""
        return running is not self.awaitable

    def drop_below(self, keys: Keys) -> bool:
        """Whether it is, with all its members, below the keys; the members that are, are dropped."""
        if self.members is None:
            return self.below(keys)
        self.members = [member for member in self.members if not member.below(keys)]
        return not self.members
