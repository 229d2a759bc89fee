"""Organizations: making and changing them."""

import re
import unicodedata
from typing import Annotated, Any, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command
from app.core.errors import Conflict, Forbidden
from app.core.regions import Currency, Locale, TimeZone
from app.models import (
    Feature,
    Membership,
    MembershipDocument,
    MembershipState,
    Organization,
    OrganizationDocument,
    Role,
    User,
)
from app.models.organizations.events import MembershipChanged, OrganizationChanged, OrganizationCreated
from app.services.organizations import brands
from app.services.organizations.brands import Color

OrganizationName = Annotated[str, Field(min_length=1, max_length=80)]
Slug = Annotated[
    str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$", description="Lower case letters, digits and hyphens.")
]


class SlugTaken(Conflict):
    code = "SLUG_TAKEN"


class FeatureOff(Forbidden):
    """The organization has switched it off."""

    code = "FEATURE_OFF"


class NewOrganization(Command):
    """An organization to make. Its slug is made from the name unless given."""

    name: OrganizationName
    slug: Slug | None = None


class OrganizationEdit(Command):
    """What to change of the organization; what is left out stays."""

    name: OrganizationName | None = None
    locale: Locale | None = None
    currency: Currency | None = None
    time_zone: TimeZone | None = None
    tax_rate: Annotated[
        int | None, Field(ge=0, le=10_000, description="Of its sales, in basis points: 1900 is 19 %.")
    ] = None
    brand_color: Annotated[Color | None, Field(description="As #rrggbb; null for none.")] = None
    brand_text_color: Annotated[
        Color | None, Field(description="On the brand's colour; black or white, whichever reads better, if left out.")
    ] = None
    sender_name: Annotated[
        str | None, Field(min_length=1, max_length=60, description="From whom its e-mails are; null for Atrium.")
    ] = None
    disabled_features: Annotated[list[Feature] | None, Field(max_length=20)] = None
    expected_version: int | None = None

    @model_validator(mode="after")
    def _colors(self) -> Self:
        if self.brand_text_color and not self.brand_color:
            raise ValueError("The colour of text is chosen together with `brandColor`.")
        return self


CLEARABLE = frozenset({"brand_color", "sender_name"})
"""What an explicit null takes away."""


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
        raise SlugTaken("“{slug}” is taken: choose another.", path=["input", "slug"], slug=slug)
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
    """Change the organization. Raises VersionConflict or LowContrast."""
    sent = edit.model_dump(exclude_unset=True, exclude={"expected_version", "brand_text_color"})
    set: dict[str, Any] = {n: v for n, v in sent.items() if v is not None or n in CLEARABLE}
    if "brand_color" in set:
        set["brand_text_color"] = edit.brand_color and brands.text_on(edit.brand_color, edit.brand_text_color)
    if edit.disabled_features is not None:
        set["disabled_features"] = sorted({feature.value for feature in edit.disabled_features})
    where = {"_id": actor.organization_id}
    told = OrganizationChanged(actor, organization=actor.organization_id)  # type: ignore[arg-type]
    return await changes.edit(Organization, where, set, told, expected_version=edit.expected_version)


async def must_offer(actor: Actor, feature: Feature) -> None:
    """Raises FeatureOff where the organization has switched it off."""
    row = await Organization.lookup(actor, _id=actor.organization_id, fields=frozenset({"disabled_features"}))
    if row is not None and feature in row.disabled_features:
        raise FeatureOff("This organization has switched that off.")
