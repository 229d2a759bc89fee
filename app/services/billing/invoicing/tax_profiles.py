"""Tax profiles: where people and organizations are, and by which numbers tax offices know them."""

from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command
from app.core.errors import Invalid
from app.core.regions import Country
from app.models import (
    Buyer,
    CustomerKind,
    Organization,
    OrganizationTaxProfile,
    OrganizationTaxProfileDocument,
    PersonTaxProfile,
    PersonTaxProfileDocument,
)
from app.models.billing.metering_events import OrganizationTaxProfileChanged, PersonTaxProfileChanged
from app.models.billing.tax_profiles import TaxDetails
from app.services.billing.invoicing import tax_ids
from app.services.billing.invoicing.tax_regions import INDIA, STATES
from app.services.billing.invoicing.taxes import Exemption, Party


class TaxProfileGiven(Command):
    """Where one is, and by which number a tax office knows one."""

    country: Country
    region: Annotated[
        str | None, Field(min_length=1, max_length=10, description="In India, the code of the state, such as 29.")
    ] = None
    tax_id: Annotated[
        str | None, Field(min_length=2, max_length=tax_ids.LONGEST, description="A business has one, such as for VAT.")
    ] = None
    legal_name: Annotated[str, Field(min_length=1, max_length=200)]
    street: Annotated[str, Field(max_length=300)] = ""
    city: Annotated[str, Field(max_length=100)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""


class UnknownState(Invalid):
    """India has no such state."""

    code = "STATE_UNKNOWN"


async def of_person(actor: Actor) -> PersonTaxProfile | None:
    """One's own."""
    return await PersonTaxProfile.lookup(actor, user_id=actor.user_id)


async def of_organization(actor: Actor) -> OrganizationTaxProfile | None:
    """The organization's in which the actor works."""
    return await OrganizationTaxProfile.lookup(actor)


async def set_person(actor: Actor, given: TaxProfileGiven) -> PersonTaxProfile:
    """Say where one is. Raises BadTaxId, UncheckedTaxId or UnknownState."""
    assert actor.user_id
    said = _said(given)
    made = PersonTaxProfileDocument(id=new_id(), user_id=actor.user_id, **said)
    told, where = PersonTaxProfileChanged(actor, user=actor.user_id), {"user_id": actor.user_id}
    stored, new = await changes.insert_once(made, where, told)
    return stored if new else await changes.change(PersonTaxProfile, where, {"$set": said}, told) or stored


async def set_organization(actor: Actor, given: TaxProfileGiven) -> OrganizationTaxProfile:
    """Say where the organization is. Raises BadTaxId, UncheckedTaxId or UnknownState."""
    assert actor.organization_id
    said = _said(given)
    made = OrganizationTaxProfileDocument(id=new_id(), organization_id=actor.organization_id, **said)
    told, where = OrganizationTaxProfileChanged(actor), OrganizationTaxProfile.within(actor)
    stored, new = await changes.insert_once(made, where, told)
    return stored if new else await changes.change(OrganizationTaxProfile, where, {"$set": said}, told) or stored


async def seller(organization_id: ObjectId) -> Party:
    """An organization as one who sells, with the rate that it has set, if it is not zero."""
    inside = Actor.platform(organization_id)
    row = await Organization.lookup(inside, _id=organization_id, fields=frozenset({"tax_rate"}))
    return _party(await OrganizationTaxProfile.lookup(inside), own_rate=(row.tax_rate or None) if row else None)


async def buyer(customer: Buyer, exemptions: tuple[Exemption, ...] = ()) -> Party:
    """A customer as one who buys, with the exemptions that hold."""
    return _party(await profile_of(customer), exemptions=exemptions)


async def profile_of(customer: Buyer) -> TaxDetails | None:
    """What is known of a customer, for whoever writes their invoice."""
    if customer.kind is CustomerKind.PERSON:
        return await PersonTaxProfile.lookup(Actor.platform(), user_id=customer.id)
    return await OrganizationTaxProfile.lookup(Actor.platform(customer.id))


def must_be_a_state(country: str, region: str | None) -> None:
    """Raises UnknownState for a region of India that is none."""
    if country == INDIA and region is not None and region not in STATES:
        raise UnknownState("India has no such state: give its code for GST, such as 29.", path=["input", "region"])


def _party(profile: TaxDetails | None, *, own_rate: int | None = None, exemptions: tuple[Exemption, ...] = ()) -> Party:
    if profile is None:
        return Party(own_rate=own_rate, exemptions=exemptions)
    return Party(profile.country, profile.region, profile.tax_id, own_rate, exemptions)


def _said(given: TaxProfileGiven) -> dict[str, Any]:
    said = given.model_dump()
    region = given.region
    must_be_a_state(given.country, region)
    if given.tax_id:
        said["tax_id"] = tax_ids.checked(given.country, given.tax_id, region)
        if given.country == INDIA:
            said["region"] = said["tax_id"][:2]
    return {**said, "changed_at": now()}
