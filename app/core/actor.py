"""Who acts. The first argument of every service."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from bson import ObjectId

from app.core.consents import TextVersion
from app.core.rows import Value

_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Proof(Value):
    """How surely a person has proved who they are, and when.

    Level 0: not at all, or nobody remembers; 1: by one thing, such as a password; 2: by two, or by a passkey that knows
    its owner.
    """

    level: int = 0
    at: datetime = _NEVER
    reach: int = 1
    """The highest level that the person can prove now."""


UNPROVEN = Proof()


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody asking, inside one organization, allowed to do what `permissions` name.

    A request nobody signed has neither user nor organization. A person who belongs to no organization yet has a user
    only. An API key has no user.
    """

    organization_id: ObjectId | None = None
    user_id: ObjectId | None = None
    session_id: ObjectId | None = None
    permissions: frozenset[str] = frozenset()
    system: bool = field(default=False)
    staff: bool = field(default=False)
    """Works for the platform itself; says nothing of what they may do inside an organization."""
    suspended: bool = False
    """The platform has suspended the organization: in it everything can be read and nothing changed."""
    duties: frozenset[str] = frozenset()
    """What somebody on the staff may do for the platform."""
    proof: Proof = UNPROVEN
    """What the token says; a session that proves more gets another token."""
    key_id: ObjectId | None = None
    """The API key that acts, in nobody's name."""
    owes: tuple[TextVersion, ...] = ()
    """What the person has not accepted of the legal texts that hold or will; empty while none of them binds."""
    behind_id: ObjectId | None = None
    """The member of the platform's staff who acts as the user; None while people act themselves."""

    @classmethod
    def platform(cls, organization_id: ObjectId | None = None) -> Self:
        """The platform itself: jobs and consumers act as this, inside one organization or none."""
        return cls(organization_id, system=True)

    @classmethod
    def somebody(cls, organization_id: ObjectId) -> Self:
        """Whoever is in the organization: sees what all of them see, and may do nothing."""
        return cls(organization_id)

    def can(self, permission: str) -> bool:
        return self.system or permission in self.permissions

    @property
    def name(self) -> str:
        """How the change log names the actor."""
        if self.user_id or self.key_id:
            return f"u:{self.user_id}" if self.user_id else f"k:{self.key_id}"
        return "system" if self.system else "anonymous"


ANONYMOUS = Actor()
