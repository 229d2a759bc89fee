"""What the door knows of a caller, and how it learns it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.core.actor import ANONYMOUS, Actor


@dataclass(slots=True, eq=False, weakref_slot=True)
class Credentials:
    """A caller: the actor, when the token ends (seconds since the epoch), a flag raised when it is revoked earlier."""

    actor: Actor
    expires_at: float | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


Authenticate = Callable[[str | None], Awaitable[Credentials]]
"""From an `Authorization` value ("Bearer ...", or None for nobody) to credentials. Raises Unauthenticated."""


async def anonymous(authorization: str | None) -> Credentials:
    """The door of a schema that asks nobody who they are."""
    return Credentials(ANONYMOUS)
