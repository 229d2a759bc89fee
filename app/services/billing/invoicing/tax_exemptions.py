"""Exemptions from tax: which certificates of their customers sellers keep, and which of them hold at a moment.

Each is its seller's, for it is the seller who has to show why no tax was charged: what one seller has seen says nothing
to another.
"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Moment, Ref
from app.core.paging import Order, Page, PageArgs
from app.core.regions import Country
from app.core.words import words
from app.models import PLATFORM_ID, Buyer, TaxExemption, TaxExemptionDocument
from app.models.billing.metering_events import TaxExemptionEnded, TaxExemptionGranted
from app.services.billing import buyers
from app.services.billing.buyers import BuyerId
from app.services.billing.invoicing import tax_profiles
from app.services.billing.invoicing.taxes import Exemption

FIRST_GRANTED = Order(("_id",), descending=False)


class TaxExemptionGiven(Command):
    """That a customer owes no tax to a country, as a certificate says that was shown."""

    customer_id: BuyerId
    country: Country
    region: Annotated[
        str | None,
        Field(min_length=1, max_length=10, description="Only what is supplied there; in India, the code of a state."),
    ] = None
    certificate: Annotated[str, Field(min_length=1, max_length=100, description="Its number.")]
    reason: Annotated[str, Field(min_length=1, max_length=300, description="As the invoice is to say it.")]
    starts_at: Annotated[Moment | None, Field(description="From when on; now if left out.")] = None
    ends_at: Annotated[Moment | None, Field(description="Until when; null for as long as nobody ends it.")] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ends_at and self.ends_at <= (self.starts_at or now()):
            raise ValueError(words("It ends after it begins."))
        return self


class TaxExemptionAction(Command):
    """An exemption of a customer from tax."""

    exemption_id: Annotated[ObjectId, Ref("TaxExemption")]


async def find(actor: Actor, id: ObjectId) -> TaxExemption | None:
    return await TaxExemption.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs, customer_id: ObjectId | None = None) -> Page[TaxExemption]:
    """The exemptions of the organization's customers, or of one of them, the newest first; what is over included."""
    return await TaxExemption.page(actor, page, {"customer_id": customer_id} if customer_id else None)


async def of_platform(page: PageArgs, customer_id: ObjectId | None = None) -> Page[TaxExemption]:
    """Those of the platform's customers."""
    return await newest(Actor.platform(PLATFORM_ID), page, customer_id)


@changes.atomic
async def grant(actor: Actor, given: TaxExemptionGiven) -> TaxExemption:
    """Let a customer of the actor's organization be exempt. Raises NotFound or UnknownState."""
    assert actor.organization_id
    customer, moment = given.customer_id, now()
    tax_profiles.must_be_a_state(given.country, given.region)
    await buyers.must_be_known(actor, [customer], ["input", "customerId"])
    said = given.model_dump(exclude={"customer_id", "starts_at"})
    made = TaxExemptionDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        customer_kind=customer.kind,
        customer_id=customer.id,
        starts_at=given.starts_at or moment,
        created_at=moment,
        changed_at=moment,
        **said,
    )
    kind = customer.kind.value
    return await changes.insert(
        made, TaxExemptionGranted(actor, exemption=made.id, customer_kind=kind, customer=customer.id)
    )


async def grant_for_platform(actor: Actor, given: TaxExemptionGiven) -> TaxExemption:
    """Let an organization be exempt from tax on what the platform sells. Raises what `grant` does."""
    return await grant(_selling(actor), given)


@changes.atomic
async def end(actor: Actor, given: TaxExemptionAction) -> TaxExemption:
    """Let an exemption hold no more; nothing happens to what has ended. Raises NotFound."""
    row, moment = await TaxExemption.require(actor, given.exemption_id), now()
    if row.ends_at is not None and row.ends_at <= moment:
        return row
    kind = row.customer_kind.value
    told = TaxExemptionEnded(actor, exemption=row.id, customer_kind=kind, customer=row.customer_id)
    set = {"ends_at": max(moment, row.starts_at), "changed_at": moment}
    return await changes.edit(TaxExemption, TaxExemption.within(actor, _id=row.id), set, told)


async def end_for_platform(actor: Actor, given: TaxExemptionAction) -> TaxExemption:
    """The same of one that the platform has granted."""
    return await end(_selling(actor), given)


async def holding(seller: Actor, customer: Buyer, moment: datetime) -> tuple[Exemption, ...]:
    """From which taxes a customer of a seller is exempt at a moment, those first that were granted first."""
    still = {"$or": [{"ends_at": None}, {"ends_at": {"$gt": moment}}]}
    where = {"customer_id": customer.id, "starts_at": {"$lte": moment}, **still}
    rows = await TaxExemption.select(seller, where, order=FIRST_GRANTED)
    return tuple(Exemption(row.country, row.region, row.certificate, row.reason) for row in rows)


def _selling(actor: Actor) -> Actor:
    return replace(actor, organization_id=PLATFORM_ID)
