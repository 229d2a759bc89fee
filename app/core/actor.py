"""Who acts. The first argument of every service."""

from dataclasses import dataclass, field
from typing import Self

from bson import ObjectId


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody asking, inside one organization, allowed to do what `permissions` name.

    A request nobody signed has neither user nor organization. A person who belongs to no organization yet has a user
    only.
    """

    organization_id: ObjectId | None = None
    user_id: ObjectId | None = None
    session_id: ObjectId | None = None
    permissions: frozenset[str] = frozenset()
    system: bool = field(default=False)
    staff: bool = field(default=False)
    """Works for the platform itself; says nothing of what they may do inside an organization."""

    @classmethod
    def platform(cls, organization_id: ObjectId | None = None) -> Self:
        """The platform itself: jobs and consumers act as this, inside one organization or none."""
        return cls(organization_id, system=True)

    def can(self, permission: str) -> bool:
        return self.system or permission in self.permissions

    @property
    def name(self) -> str:
        """How the change log names the actor."""
        return f"u:{self.user_id}" if self.user_id else "system" if self.system else "anonymous"


ANONYMOUS = Actor()
