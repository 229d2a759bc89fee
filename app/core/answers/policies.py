"""What may be kept of answers: for how long, for whom, until what happens. As data: a hint of a field, or of a type."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import orjson

from app.core.actor import ANONYMOUS, Actor
from app.core.changes import Event
from app.core.words import language

MAX_TTL = 300
"""Seconds for which anything may be kept."""

MAX_VARIABLES = 1_024
"""Bytes of variables, as JSON, beyond which an answer is not kept: hardly anybody will ask just that again."""

_tagged: dict[str, type[Event]] = {}


class Scope(IntEnum):
    """For whom an answer is the same."""

    PUBLIC = 0
    """For everybody whom the audience admits."""
    ORGANIZATION = 1
    """For everybody in one organization whom the audience admits."""
    PRIVATE = 2
    """For one person, in one organization, with the same permissions."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Something that makes an answer old: events of a type, in the asker's feed of a kind (`o` or `u`), or in any."""

    event: type[Event]
    feed: str = ""

    def __post_init__(self) -> None:
        _tagged[self.event.type()] = self.event

    def name(self, actor: Actor) -> str:
        """The one of `names` by which this asker's answers are found."""
        type = self.event.type()
        if not self.feed:
            return type
        return f"{type} {self.feed}:{actor.organization_id if self.feed == 'o' else actor.user_id}"


def tagged() -> Mapping[str, type[Event]]:
    """The events that any tag is about, by their types."""
    return _tagged


def names(type: str, streams: Iterable[str]) -> list[str]:
    """What an event touches: the answers that have one of these names are old. None for a type that no tag is about."""
    return [type, *(f"{type} {stream}" for stream in streams)] if type in _tagged else []


def here(*events: type[Event]) -> tuple[Tag, ...]:
    """These, told in the asker's organization."""
    return tuple(Tag(event, "o") for event in events)


def mine(*events: type[Event]) -> tuple[Tag, ...]:
    """These, told in the asker's own feed: the events name `u:<user>` among their feeds."""
    return tuple(Tag(event, "u") for event in events)


def anywhere(*events: type[Event]) -> tuple[Tag, ...]:
    """These, wherever they are told: for what is seldom, and cannot be told apart."""
    return tuple(Tag(event) for event in events)


@dataclass(frozen=True, slots=True)
class Hint:
    """What a field, or each field of a type, lets be kept. No `ttl`: as long as what it stands in."""

    ttl: int | None = None
    scope: Scope = Scope.PUBLIC
    tags: tuple[Tag, ...] = ()

    def __post_init__(self) -> None:
        if self.ttl is not None and not 0 < self.ttl <= MAX_TTL:
            raise ValueError(f"an answer is kept for 1 to {MAX_TTL} seconds")


class Gate(Protocol):
    """Who may ask at all."""

    def refuse(self, actor: Actor) -> Exception | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """What may be kept of one operation's answers: the shortest of its hints, for the fewest, with all their tags."""

    ttl: int
    scope: Scope
    tags: frozenset[Tag]
    gates: tuple[Gate, ...]
    """The audiences of its root fields: a kept answer is given to those only whom all of them admit."""
    text: bytes
    """A digest of the operation's document, and which of it it is."""
    length: int
    """Bytes of the document."""

    @property
    def public(self) -> bool:
        """Whether everybody may ask, and everybody gets the same."""
        return self.scope is Scope.PUBLIC and not any(gate.refuse(ANONYMOUS) for gate in self.gates)

    def names(self, actor: Actor) -> frozenset[str]:
        """Of what this asker's answer depends on."""
        return frozenset(tag.name(actor) for tag in self.tags)

    def key(self, release: bytes, actor: Actor, variables: Mapping[str, Any] | None) -> bytes | None:
        """What tells this asker's answer, in their language, from all others.

        None when it cannot be kept, or is not theirs to have.
        """
        if any(gate.refuse(actor) for gate in self.gates):
            return None
        who = self._who(actor)
        if who is None:
            return None
        try:
            given = orjson.dumps(variables or {}, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # an integer beyond 64 bits, half a surrogate
            return None
        if len(given) > MAX_VARIABLES:
            return None
        asked = (release, self.text, who.encode(), language.get().encode(), given)
        digest = hashlib.blake2b(digest_size=20)
        for part in asked:
            digest.update(b"%d:" % len(part) + part)
        return digest.digest()

    def _who(self, actor: Actor) -> str | None:
        if self.scope is Scope.PUBLIC:
            return ""
        if actor.behind_id:
            return None  # what a person was shown is not for who acts as them
        if actor.organization_id is None and any(tag.feed == "o" for tag in self.tags):
            return None
        if self.scope is Scope.ORGANIZATION:
            return f"o:{actor.organization_id}" if actor.organization_id else None
        if actor.user_id is None:
            return None
        permissions = ",".join(sorted(actor.permissions))
        return f"u:{actor.user_id} o:{actor.organization_id} {permissions} {actor.staff}"
