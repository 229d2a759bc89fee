"""Where a change comes from: the request, job or command that is at work, and from which address it came.

The doors say it, the change log keeps it with each event. Address and agent are of a person: they are sealed with the
person's data key, here and for ever, so that they go wherever they were copied to when the key goes.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import bson

from app.core import keyring
from app.core.actor import Actor
from app.core.keyring import KeyGone, Sealed


class Door(StrEnum):
    """By which way something came in."""

    GRAPHQL = "graphql"
    JOB = "job"
    COMMAND = "command"


@dataclass(slots=True, eq=False)
class Origin:
    """One request, job or command; `id` is how the logs name it."""

    door: Door
    id: str
    address: str = ""
    agent: str = ""
    _sealed: dict[str, Sealed] = field(default_factory=dict, init=False, repr=False)

    async def row(self, actor: Actor) -> dict[str, Any]:
        """What the log keeps: the door `v`, the id `i`, who acted as the actor `b`; sealed, address and agent `p`."""
        row: dict[str, Any] = {"v": self.door.value, "i": self.id}
        if actor.behind_id:
            row["b"] = actor.behind_id
        if self.address or self.agent:
            person = actor.behind_id or actor.user_id
            owner = keyring.person(person) if person else keyring.PLATFORM
            if (sealed := self._sealed.get(owner)) is None:
                place = bson.encode({"address": self.address, "agent": self.agent})
                try:
                    sealed = self._sealed[owner] = await keyring.seal(owner, place)
                except KeyGone:  # of somebody who has just been erased
                    return row
            row["p"] = sealed
        return row


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin | None:
    """What is at work; None for what came by no door."""
    return _current.get()


class coming:  # noqa: N801 - read as `with coming(...)`
    """Let what the body changes, also in tasks that it starts, come from there."""

    __slots__ = ("_origin", "_token")

    def __init__(self, origin: Origin | None) -> None:
        self._origin = origin

    def __enter__(self) -> None:
        self._token = _current.set(self._origin)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
