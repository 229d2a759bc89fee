"""What happens in organizations and to their members."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bson import ObjectId

from app.core.changes import Event


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


class DeletionNews(StrEnum):
    """What owners hear of the deletion of their organization."""

    REQUESTED = "requested"
    TAKEN_BACK = "taken_back"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class OwnerNoticeDue(Event):
    """One owner is to be told news of the deletion, whatever becomes of the others' e-mails."""

    organization: ObjectId
    user: ObjectId
    news: str


@dataclass(frozen=True, kw_only=True)
class OrganizationDeleted(Event):
    """Nothing of it is left."""

    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class MembershipChanged(Event):
    """Somebody joined, left, was suspended, let back in or given another role: what they may do is decided anew."""

    user: ObjectId
    state: str
    role: str

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class MemberInvited(Event):
    invitation: ObjectId


@dataclass(frozen=True, kw_only=True)
class InvitationChanged(Event):
    invitation: ObjectId
    state: str
