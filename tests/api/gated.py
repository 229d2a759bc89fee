"""An article whose slow parts wait until a test lets them go."""

import asyncio
from collections import Counter, defaultdict

import strawberry

from app.core.errors import NotFound

SECRET = "mongodb://root:secret@db"

counts: Counter[str] = Counter()
"""How many fields wait, and how many were cancelled while they did."""

gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
"""What opens the field that waits at a gate, by its name."""


async def _pass(gate: str | None, seconds: float = 0) -> None:
    if gate is None:
        return
    counts["waiting"] += 1
    try:
        await (asyncio.sleep(seconds) if seconds else gates[gate].wait())
    except asyncio.CancelledError:
        counts["cancelled"] += 1
        raise
    finally:
        counts["waiting"] -= 1


@strawberry.type
class Comment:
    id: strawberry.ID

    @strawberry.field
    async def text(self, gate: str | None = None) -> str:
        await _pass(gate)
        return f"Comment {self.id}"

    @strawberry.field
    async def broken(self, gate: str | None = None) -> str:
        await _pass(gate)
        raise RuntimeError(SECRET)


@strawberry.type
class Article:
    id: strawberry.ID = strawberry.ID("article")
    title: str = "Title"

    @strawberry.field
    async def body(self, gate: str | None = None, seconds: float = 0) -> str:
        """Waits at the gate, or for so many seconds if that is not 0."""
        await _pass(gate, seconds)
        return "Body"

    @strawberry.field
    def comments(self, first: int = 3) -> list[Comment]:
        return [Comment(id=strawberry.ID(str(number))) for number in range(first)]

    @strawberry.field
    async def broken(self, gate: str | None = None) -> str:
        await _pass(gate)
        raise RuntimeError(SECRET)

    @strawberry.field
    async def missing(self) -> str:
        raise NotFound("There is no such thing.")

    @strawberry.field
    async def cancelled(self) -> str:
        raise asyncio.CancelledError
