"""What happens to people and their sign-ins."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class UserRegistered(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class RegistrationRepeated(OfUser, Event):
    """Somebody tried to register an address that has an account; its owner is told, nobody else."""


@dataclass(frozen=True, kw_only=True)
class ProfileChanged(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class EmailVerificationAsked(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class EmailVerified(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class EmailChangeAsked(OfUser, Event):
    """The person wants another address: both addresses are asked to confirm it."""

    change: ObjectId


@dataclass(frozen=True, kw_only=True)
class EmailChanged(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class PasswordResetAsked(Event):
    """Somebody asked for a link to choose a new password; there may be no such account: the same is told then."""

    user: ObjectId | None

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"] if self.user else []


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class SecondFactorsChanged(OfUser, Event):
    """The person has another second factor, or one less; `left` says whether they have one now."""

    left: bool


@dataclass(frozen=True, kw_only=True)
class SecondFactorsReset(OfUser, Event):
    """The actor, who is on the staff, has taken the person's second factors away: they had lost them."""


@dataclass(frozen=True, kw_only=True)
class TextAsked(OfUser, Event):
    """The code of a ticket is to go out as a text message."""

    ticket: ObjectId


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesChanged(OfUser, Event):
    """The person has new recovery codes, or has used one; `left` says how many there are now."""

    left: int


@dataclass(frozen=True, kw_only=True)
class SessionStarted(OfUser, Event):
    session: ObjectId


@dataclass(frozen=True, kw_only=True)
class ImpersonationBegan(OfUser, Event):
    """The actor, who is on the staff, acts as the person in this session."""

    session: ObjectId


@dataclass(frozen=True, kw_only=True)
class SessionEnded(OfUser, Event):
    """Its tokens are worth nothing from here on; `reason`: "signed_out", "revoked", "replayed" or "ended"."""

    session: ObjectId
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionsEnded(OfUser, Event):
    """All sessions of a person have ended but the one that was `kept`, if any was; `reason` as of one that ends."""

    kept: ObjectId | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class StaffChanged(OfUser, Event):
    """Somebody began or ceased to work for the platform: what they may do is decided anew."""

    staff: bool
    role: str = "admin"


@dataclass(frozen=True, kw_only=True)
class SigningKeysRotated(Event):
    """Another key signs access tokens, soon or now; `revoked` when those of all others are worth nothing any more."""

    revoked: bool

    def feeds(self) -> Iterable[str]:
        return []


@dataclass(frozen=True, kw_only=True)
class ApiKeyMade(Event):
    key: ObjectId


@dataclass(frozen=True, kw_only=True)
class ApiKeyRotated(Event):
    """The key has another secret; the one before is good until `until`."""

    key: ObjectId
    until: datetime


@dataclass(frozen=True, kw_only=True)
class ApiKeyChanged(Event):
    """The key can be used from here on, or cannot, by its `state`."""

    key: ObjectId
    state: str


@dataclass(frozen=True, kw_only=True)
class IdentityLinked(OfUser, Event):
    """The person can sign in at a provider from here on."""

    identity: ObjectId
    provider: str


@dataclass(frozen=True, kw_only=True)
class IdentityUnlinked(OfUser, Event):
    identity: ObjectId
    provider: str


@dataclass(frozen=True, kw_only=True)
class LegalTextPublished(Event):
    """There is a version of a legal text, which holds `since` a moment; `text` is it in English."""

    text: ObjectId
    kind: str
    version: int
    since: datetime
    binding: bool
    languages: list[str]

    def feeds(self) -> Iterable[str]:
        return ["platform"]


@dataclass(frozen=True, kw_only=True)
class ConsentGiven(OfUser, Event):
    """The person has accepted a version of a legal text, as they read it in `language`."""

    consent: ObjectId
    text: ObjectId
    kind: str
    version: int
    language: str


@dataclass(frozen=True, kw_only=True)
class ConsentWithdrawn(OfUser, Event):
    """The person does not agree any more to what they had accepted."""

    consent: ObjectId
    kind: str
    version: int


@dataclass(frozen=True, kw_only=True)
class PasskeyAdded(OfUser, Event):
    passkey: ObjectId


@dataclass(frozen=True, kw_only=True)
class PasskeyRemoved(OfUser, Event):
    passkey: ObjectId
