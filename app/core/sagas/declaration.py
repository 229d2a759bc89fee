"""What a saga is: named steps in their order, each with the way to take it back and its limits as data."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.jobs.declaration import Backoff
from app.core.sagas.saga import Saga

BACKOFF = Backoff()
LONGEST = 600.0
"""Seconds that one call of a step may take at most."""


@dataclass(frozen=True, slots=True)
class Again:
    """A step's answer that it is not finished: it is called again, at once or at `due`. Its attempts begin anew."""

    data: Mapping[str, Any] = field(default_factory=dict)
    due: datetime | None = None


Answer = Mapping[str, Any] | Again | None
"""What a step wants to be kept in the saga's `data`, in values that BSON can hold."""
Act = Callable[[Saga], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `run` is called until it succeeds, so doing it again must change nothing.

    `undo` takes back whatever `run` has done: all, a part or nothing, for it is called for a step that failed or was
    cancelled too. `due` says when the step may begin. `attempts` and `timeout` (seconds) hold for each call; Permanent
    ends the attempts at once. Once a `final` step has begun, the saga can only go forward.
    """

    name: str
    run: Act
    undo: Act | None = None
    due: Callable[[Saga], datetime] | None = None
    final: bool = False
    attempts: int = 8
    timeout: float = 30.0
    backoff: Backoff = BACKOFF


class SagaType:
    """A declared saga. Sagas under way keep the version with which they began, and its steps must stay known."""

    def __init__(self, name: str, *steps: Step, version: int = 1) -> None:
        """Raises ValueError for steps of one name, for none, or one that takes longer than LONGEST."""
        self.name, self.version, self.steps = name, version, steps
        self._places = {step.name: place for place, step in enumerate(steps)}
        if not steps or len(self._places) < len(steps):
            raise ValueError(f"the saga {name} needs steps, each with a name of its own")
        if slow := next((step.name for step in steps if step.timeout > LONGEST), None):
            raise ValueError(f"{name}.{slow} may take {LONGEST:.0f} s at most: let it answer Again instead")
        self._final = next((place for place, step in enumerate(steps) if step.final), len(steps))

    def __getitem__(self, name: str) -> Step:
        return self.steps[self._places[name]]

    def final(self, name: str) -> bool:
        """Whether nothing can be taken back once this step has begun."""
        return self._places[name] >= self._final

    def beside(self, name: str, *, forward: bool) -> Step | None:
        """The step after or before one; None at the ends."""
        place = self._places[name] + (1 if forward else -1)
        return self.steps[place] if 0 <= place < len(self.steps) else None
