"""State machines: transitions are declared once, one conditional update takes them, anybody can ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from app.core import changes
from app.core.actor import Actor
from app.core.changes.events import Event
from app.core.clock import now
from app.core.errors import Conflict, Forbidden
from app.core.rows import Row
from app.core.words import Words, words

R = TypeVar("R", bound=Row)
Rule = Callable[[Actor, Any], Words | None]
"""Why the actor may not do it to the row, in words; None when they may."""


class IllegalTransition(Conflict):
    """The thing is not in a state from which this can happen."""

    code = "ILLEGAL_TRANSITION"


def anybody(actor: Actor, row: Any) -> Words | None:
    return None


def only_platform(actor: Actor, row: Any) -> Words | None:
    return None if actor.system else words("Only the platform does this.")


def lacks(permission: StrEnum) -> Words:
    """Why somebody may not, who has not this permission."""
    return words("This needs the permission {permission}.", permission=permission.value)


def needs(permission: StrEnum) -> Callable[[Actor, Any], Words | None]:
    """The rule that admits whoever has a permission, whatever the thing is."""
    return lambda actor, row: None if actor.can(permission) else lacks(permission)


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow: from any of `sources` to `target`, by whom `rule` admits; with `after`, by itself in time."""

    name: str
    sources: frozenset[StrEnum]
    target: StrEnum
    rule: Rule = anybody
    after: timedelta | None = None
    since: str = "created_at"


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an actor may take a transition now, and why not."""

    name: str
    allowed: bool
    blocked_reason: Words | None


class Machine:
    """The transitions of one document type, over the state in its attribute `field`."""

    def __init__(self, *transitions: Transition, field: str = "state") -> None:
        self.transitions: Mapping[str, Transition] = {t.name: t for t in transitions}
        self.field = field

    def available(self, actor: Actor, row: Row) -> list[Availability]:
        """Every transition that leads out of the row's state, allowed or not; timers included."""
        state = getattr(row, self.field)
        reasons = ((t.name, t.rule(actor, row)) for t in self.transitions.values() if state in t.sources)
        return [Availability(name, reason is None, reason) for name, reason in reasons]

    def check(self, actor: Actor, row: Row, name: str) -> Transition:
        """The transition, if the actor may take it now. Raises Forbidden or IllegalTransition."""
        transition, state = self.transitions[name], getattr(row, self.field)
        if reason := transition.rule(actor, row):
            raise Forbidden(reason)
        if state not in transition.sources:
            raise IllegalTransition("It is {state}, so it cannot {transition}.", state=state.value, transition=name)
        return transition

    async def move(
        self, actor: Actor, row: R, name: str, /, *events: Event, where: Mapping[str, Any] | None = None, **set: Any
    ) -> R:
        """Take a transition and set attributes with it, in one conditional update that tells `events`.

        `where` is the filter that finds the row within the actor. Raises what `check` does, and Conflict when somebody
        else was faster.
        """
        transition, model = self.check(actor, row, name), _model(row)
        identity = {"_id": row.id, **(where or {})}
        states = [state.value for state in transition.sources]
        moved = await changes.change(
            model,
            {**identity, self.field: {"$in": states}},
            {"$set": {self.field: transition.target.value, "changed_at": now(), **set}},
            *events,
        )
        if moved is None:
            raise Conflict("Somebody else changed it first: look again.")
        return moved

    def due(self, transition: Transition) -> dict[str, Any]:
        """The filter of the documents whose timer for `transition` has run out."""
        if transition.after is None:
            raise ValueError(f"{transition.name} has no timer")
        states = [state.value for state in transition.sources]
        return {self.field: {"$in": states}, transition.since: {"$lte": now() - transition.after}}


def _model(row: R) -> type[R]:
    model: type[R] = next(c for c in type(row).__mro__ if "collection" in c.__dict__)
    return model
