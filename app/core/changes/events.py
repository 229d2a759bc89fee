"""Events: facts that writes tell and the log keeps."""

import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from bson import ObjectId

from app.core.actor import Actor
from app.core.clock import new_id


@dataclass(frozen=True)
class Event:
    """One fact. A subclass, a frozen keyword-only dataclass, names what happened and to what: ids and what changed,
    never secrets.

    The feeds it belongs to are its organization's (`o:<id>`) and those that `feeds` names: few, never one for each
    member of something large. `schema_version` rises when the fields change their meaning; readers pass over types that
    they do not know.
    """

    actor: Actor
    id: ObjectId = field(default_factory=new_id, kw_only=True)

    schema_version: ClassVar[int] = 1
    audited: ClassVar[bool] = True
    """Whether the audit trail has an entry for each; False where it would only repeat what is kept anyway."""
    _types: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if (other := Event._types.setdefault(cls.type(), cls)) is not cls:
            raise TypeError(f"{cls.__module__} and {other.__module__} both define the event {cls.type()}")

    @classmethod
    def type(cls) -> str:
        return f"{cls.__name__}.{cls.schema_version}"

    @staticmethod
    def known_types() -> list[str]:
        """The types that this process can read."""
        return list(Event._types)

    @staticmethod
    def of_type(type: str) -> "builtins.type[Event] | None":
        """The class of a type; None when it is not known here."""
        return Event._types.get(type)

    def feeds(self) -> Iterable[str]:
        """The feeds besides the organization's own."""
        return ()

    def row(self) -> dict[str, Any]:
        """What the log keeps of it: event id `e`, type `t`, organization `o`, streams `s`, actor `a`, data `d`."""
        organization = self.actor.organization_id
        streams = [f"o:{organization}", *self.feeds()] if organization else list(self.feeds())
        data = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("actor", "id")}
        return {"e": self.id, "t": self.type(), "o": organization, "s": streams, "a": self.actor.name, "d": data}

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self | None:
        """The event in a row of the log, with the platform as its actor; None when its type is not known here."""
        kind = cls._types.get(row["t"])
        if kind is None or not issubclass(kind, cls):
            return None
        return kind(Actor.platform(row["o"]), id=row["e"], **row["d"])


@dataclass(frozen=True, kw_only=True)
class OfUser:
    """What events of one person have besides, and how they come to that person's own feed."""

    user: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]
