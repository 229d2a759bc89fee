"""What happens to people and their sign-ins."""

from collections.abc import Iterable
from dataclasses import dataclass

from bson import ObjectId

from app.core.changes import Event


@dataclass(frozen=True, kw_only=True)
class UserRegistered(Event):
    user: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class RegistrationRepeated(Event):
    """Somebody tried to register an address that has an account; its owner is told, nobody else."""

    user: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class ProfileChanged(Event):
    user: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class SessionStarted(Event):
    user: ObjectId
    session: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event):
    """The session's tokens are worth nothing from here on; `reason` is "signed_out" or "replayed"."""

    user: ObjectId
    session: ObjectId
    reason: str

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class StaffChanged(Event):
    """Somebody began or ceased to work for the platform: what they may do is decided anew."""

    user: ObjectId
    staff: bool

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]
