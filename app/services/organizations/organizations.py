"""Organizations: making and changing them."""

import re
import unicodedata
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command
from app.core.errors import Conflict
from app.models import (
    Membership,
    MembershipDocument,
    MembershipState,
    Organization,
    OrganizationDocument,
    Role,
    User,
)
from app.models.organizations.events import MembershipChanged, OrganizationChanged, OrganizationCreated

OrganizationName = Annotated[str, Field(min_length=1, max_length=80)]
Slug = Annotated[
    str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$", description="Lower case letters, digits and hyphens.")
]


class SlugTaken(Conflict):
    code = "SLUG_TAKEN"


class NewOrganization(Command):
    """An organization to make. Its slug is made from the name unless given."""

    name: OrganizationName
    slug: Slug | None = None


class OrganizationEdit(Command):
    """What to change of the organization; what is left out stays."""

    name: OrganizationName | None = None
    expected_version: int | None = None


@changes.atomic
async def create(actor: Actor, new: NewOrganization) -> Organization:
    """Make an organization that the actor owns. Raises SlugTaken."""
    assert actor.user_id
    moment, id = now(), new_id()
    slug = new.slug or await _free(new.name, str(id))
    inside = Actor(id, actor.user_id, actor.session_id)
    organization = OrganizationDocument(id=id, name=new.name, slug=slug, created_at=moment)
    place = MembershipDocument(
        organization_id=id, user_id=actor.user_id, role=Role.OWNER, created_at=moment, changed_at=moment
    )
    _, created = await changes.insert_once(organization, {"slug": slug}, OrganizationCreated(inside, organization=id))
    if not created:
        raise SlugTaken(f"“{slug}” is taken: choose another.", path=["input", "slug"])
    joined = MembershipChanged(inside, user=actor.user_id, state=place.state.value, role=place.role.value)
    await changes.insert(place, joined)
    belongs = {"$addToSet": {"organization_ids": id}, "$set": {"last_organization_id": id}}
    await changes.change(User, {"_id": actor.user_id}, belongs)
    return organization


async def _free(name: str, id: str) -> str:
    """A slug in the words of the name, told apart by the end of the id when it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].rstrip("-") or "organization"
    taken = await Organization.lookup(Actor.platform(), slug=slug)
    return f"{slug}-{id[-6:]}" if taken else slug


async def find(actor: Actor, id: ObjectId | None) -> Organization | None:
    """The organization, if it is the one that the actor works in."""
    return await Organization.lookup(actor, _id=id) if id else None


async def mine(actor: Actor) -> list[Organization]:
    """Every organization in which the person has an active place."""
    places = await Membership.select(
        Actor.platform(), {"user_id": actor.user_id, "state": MembershipState.ACTIVE.value}
    )
    return await Organization.select(Actor.platform(), {"_id": {"$in": [place.organization_id for place in places]}})


async def edit(actor: Actor, edit: OrganizationEdit) -> Organization:
    """Change the organization. Raises VersionConflict."""
    set = {"name": edit.name} if edit.name else {}
    where = {"_id": actor.organization_id}
    told = OrganizationChanged(actor, organization=actor.organization_id)  # type: ignore[arg-type]
    return await changes.edit(Organization, where, set, told, expected_version=edit.expected_version)
