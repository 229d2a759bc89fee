"""What the platform's staff does."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.changes import Event


@dataclass(frozen=True, kw_only=True)
class StaffActed(Event):
    """Somebody on the staff, or the command line, steered the platform: `action` is a verb such as "retry".

    `kind` and `subject` say what it was done to: a job by its id, a queue, schedule or consumer by its name; "dead
    jobs" by how many they were, and the filter.
    """

    action: str
    kind: str
    subject: str

    def feeds(self) -> Iterable[str]:
        return ["platform"]


@dataclass(frozen=True, kw_only=True)
class OperationsForgotten(Event):
    """Trusted operations are no more: what was copied of them, under any of these names, must go."""

    audited = False

    names: list[str]

    def feeds(self) -> Iterable[str]:
        return ["platform"]


@dataclass(frozen=True, kw_only=True)
class PlatformNetworksChanged(Event):
    """From where the platform is reached is decided anew."""

    def feeds(self) -> Iterable[str]:
        return ["platform"]
