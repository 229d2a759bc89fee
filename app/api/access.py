"""A line in the log for each operation over HTTP: what it was and how it went, never its text or variables."""

import time
from dataclasses import dataclass, field
from typing import Any

from app.api.replies import Reply
from app.core.actor import ANONYMOUS, Actor
from app.core.logs import say_often
from app.execution.operations import Operation

_MAX_NAME = 100


@dataclass(slots=True)
class Entry:
    """What becomes known of one request while it is served."""

    method: str
    id: str
    actor: Actor = ANONYMOUS
    operation: Operation | None = None
    status: int = 499
    """HTTP status; 499 for a client that left first."""
    errors: list[str] = field(default_factory=list)
    bytes: int = 0
    _started: float = field(default_factory=time.perf_counter)

    def told(self, reply: Reply) -> None:
        """Note what the client is answered."""
        self.status, self.bytes, self.errors = reply.status, len(reply.body), list(reply.errors)

    def write(self) -> None:
        facts: dict[str, Any] = {}
        if self.operation:
            name = (self.operation.name or "")[:_MAX_NAME]
            facts = {"operation": name, "kind": self.operation.kind, "cost": self.operation.cost}
        if self.errors:
            facts["errors"] = self.errors
        say_often(
            "graphql",
            request_id=self.id,
            method=self.method,
            status=self.status,
            ms=round((time.perf_counter() - self._started) * 1000, 1),
            bytes=self.bytes,
            actor=self.actor.name,
            behind=str(self.actor.behind_id) if self.actor.behind_id else None,
            organization=str(self.actor.organization_id) if self.actor.organization_id else None,
            **facts,
        )
