"""Meters: what a seller measures of the use of what they sell."""

from typing import Annotated, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict
from app.core.machines import Machine, Transition, needs
from app.core.paging import Page, PageArgs
from app.core.words import words
from app.models import Aggregation, Meter, MeterDocument, MeterState, Permission
from app.models.billing.metering_events import MeterArchived, MeterCreated

Key = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Lower case letters, digits and underscores.")
]
"""How programs name meters, features and properties."""


class MeterTaken(Conflict):
    """There is a meter of that key."""

    code = "METER_TAKEN"


class NewMeter(Command):
    """Something to measure."""

    key: Annotated[Key, Field(description="How events name it; it stays.")]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    unit: Annotated[str, Field(min_length=1, max_length=40, description="Such as “request” or “GB”.")]
    aggregation: Aggregation
    property: Annotated[
        Key | None, Field(description="Of whose values those that differ are counted; for UNIQUE, and only for that.")
    ] = None

    @model_validator(mode="after")
    def _counting(self) -> Self:
        if (self.property is not None) is not (self.aggregation is Aggregation.UNIQUE):
            raise ValueError(words("A meter of the aggregation UNIQUE names a property, and no other does."))
        return self


class MeterAction(Command):
    """A meter."""

    meter_id: Annotated[ObjectId, Ref("Meter")]


METER = Machine(
    Transition("archive", frozenset({MeterState.ACTIVE}), MeterState.ARCHIVED, needs(Permission.BILLING_MANAGE))
)


async def find(actor: Actor, id: ObjectId) -> Meter | None:
    return await Meter.lookup(actor, _id=id)


async def by_key(actor: Actor, key: str) -> Meter | None:
    return await Meter.lookup(actor, key=key)


async def newest(actor: Actor, page: PageArgs) -> Page[Meter]:
    """The meters of the organization, those last that were made first."""
    return await Meter.page(actor, page)


async def create(actor: Actor, new: NewMeter) -> Meter:
    """Measure something. Raises MeterTaken."""
    meter, created = await _made(actor, new)
    if not created:
        raise MeterTaken("There is a meter “{key}” already.", path=["input", "key"], key=new.key)
    return meter


async def ensure(actor: Actor, new: NewMeter) -> Meter:
    """The meter of this key, made if there is none."""
    found = await Meter.lookup(actor, key=new.key)
    return found or (await _made(actor, new))[0]


async def _made(actor: Actor, new: NewMeter) -> tuple[Meter, bool]:
    assert actor.organization_id
    moment, id = now(), new_id()
    meter = MeterDocument(
        id=id, organization_id=actor.organization_id, created_at=moment, changed_at=moment, **new.model_dump()
    )
    return await changes.insert_once(
        meter, Meter.within(actor, key=new.key), MeterCreated(actor, meter=id, key=new.key)
    )


async def archive(actor: Actor, given: MeterAction) -> Meter:
    """Take no more events. Raises NotFound or IllegalTransition."""
    row = await Meter.require(actor, given.meter_id)
    where = {"organization_id": actor.organization_id}
    return await METER.move(actor, row, "archive", MeterArchived(actor, meter=row.id), where=where)
