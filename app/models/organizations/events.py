"""What happens in organizations and to their members."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class OrganizationCreated(Event):
    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class OrganizationChanged(Event):
    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class OrganizationDeletionRequested(Event):
    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class OrganizationDeletionCancelled(Event):
    """It stays: an owner took the request back, or the deletion `failed`."""

    organization: ObjectId
    failed: bool


@dataclass(frozen=True, kw_only=True)
class OrganizationSuspended(Event):
    """By the platform: its members can read and change nothing."""

    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class OrganizationReinstated(Event):
    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class NetworkRulesChanged(Event):
    """From where its members and keys may come is decided anew."""

    organization: ObjectId


class DeletionNews(StrEnum):
    """What owners hear of the deletion of their organization."""

    REQUESTED = "requested"
    TAKEN_BACK = "taken_back"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class OwnerNoticeDue(Event):
    """One owner is to be told news of the deletion, whatever becomes of the others' e-mails."""

    audited = False

    organization: ObjectId
    user: ObjectId
    news: str


@dataclass(frozen=True, kw_only=True)
class OrganizationDeleted(Event):
    """Nothing of it is left."""

    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class MembershipChanged(OfUser, Event):
    """Somebody joined, left, was suspended, let back in or given another role: what they may do is decided anew."""

    state: str
    role: str
    granted: list[str] = field(default_factory=list)
    """What a custom role allows."""


@dataclass(frozen=True, kw_only=True)
class RoleCreated(Event):
    role: ObjectId


@dataclass(frozen=True, kw_only=True)
class RoleEvent(Event):
    """Who had the role `before` may do now what is in `after`."""

    role: ObjectId
    before: list[str]
    after: list[str]


@dataclass(frozen=True, kw_only=True)
class RoleChanged(RoleEvent):
    """A custom role has another name, or allows something else."""


@dataclass(frozen=True, kw_only=True)
class RoleRemoved(RoleEvent):
    """A custom role is no more; who had it has another."""


@dataclass(frozen=True, kw_only=True)
class MemberInvited(Event):
    invitation: ObjectId


@dataclass(frozen=True, kw_only=True)
class InvitationChanged(Event):
    invitation: ObjectId
    state: str


@dataclass(frozen=True, kw_only=True)
class TieEvent(Event):
    """`user` is followed by `other`, or has blocked them; the other is never told of a block."""

    user: ObjectId
    other: ObjectId


@dataclass(frozen=True, kw_only=True)
class Followed(TieEvent):
    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}", f"u:{self.other}"]


@dataclass(frozen=True, kw_only=True)
class Unfollowed(TieEvent):
    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}", f"u:{self.other}"]


@dataclass(frozen=True, kw_only=True)
class Blocked(TieEvent):
    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class Unblocked(TieEvent):
    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class OwnershipEvent(Event):
    """`by` wants `user` to own the organization in their place."""

    offer: ObjectId
    user: ObjectId
    by: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}", f"u:{self.by}"]


@dataclass(frozen=True, kw_only=True)
class OwnershipOffered(OwnershipEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class OwnershipOfferMoved(OwnershipEvent):
    """It was answered, withdrawn, or its time ran out."""

    state: str


@dataclass(frozen=True, kw_only=True)
class OrganizationTierChanged(Event):
    organization: ObjectId
    tier: str


@dataclass(frozen=True, kw_only=True)
class AffiliationMoved(Event):
    """Somebody asks to sell for the organization, or what becomes of it was decided."""

    affiliation: ObjectId
    user: ObjectId
    state: str

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]
