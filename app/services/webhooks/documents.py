"""Event documents: GraphQL queries that make what webhooks are sent. Who executes them is named at the start."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.feeds import Told

DEFAULT = """{
  webhookEvent {
    __typename
    ... on OrganizationChanged { organization { id name slug } }
    ... on OrganizationTierChanged { tier organization { id } }
    ... on MemberChanged { userId memberState memberRole user { name } }
    ... on MemberInvited { invitation { id role state } }
    ... on InvitationChanged { invitation { id role state } }
    ... on RoleCreated { customRoleId customRole { name permissions } }
    ... on RoleChanged { customRoleId customRole { name permissions } }
    ... on RoleRemoved { customRoleId }
    ... on AffiliationChanged { affiliation { id } userId affiliationState }
  }
}"""
"""The document of an endpoint that has none."""


class DocumentRefused(Invalid):
    """The document cannot be executed: it is not valid, asks for too much, or is no query."""

    code = "DOCUMENT_REFUSED"


class Documents(Protocol):
    """Who knows the schema."""

    def check(self, text: str) -> None:
        """Raises DocumentRefused."""

    async def made(self, text: str, actor: Actor, told: Told) -> Mapping[str, Any]:
        """What the document makes of an event: `data`, and `errors` where a part failed. Raises DocumentRefused."""


_make: Callable[[], Documents] | None = None
_made: Documents | None = None


def use(make: Callable[[], Documents]) -> None:
    """Name who executes documents; asked for when the first is."""
    global _make, _made
    _make, _made = make, None


def documents() -> Documents:
    """Raises RuntimeError before `use`."""
    global _made
    if _made is None:
        if _make is None:
            raise RuntimeError("use() comes first")
        _made = _make()
    return _made
