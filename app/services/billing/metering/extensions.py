"""Units that are bought beside an allowance, and are there until it begins anew."""

from typing import Annotated

from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.money import Minor
from app.models import Entitlement, EntitlementKind
from app.models.billing.metering_events import AllowanceExtended
from app.services.billing.metering import allowances
from app.services.billing.metering.entitlements import EntitlementAction, NotEntitled, NotMetered
from app.services.billing.metering.usage import LARGEST


class Extension(EntitlementAction):
    """Units that were bought beside an allowance; they are there until it begins anew."""

    quantity: Annotated[Minor, Field(gt=0, le=LARGEST)]


@changes.atomic
async def extend(actor: Actor, given: Extension) -> Entitlement:
    """Add units to what is left of an allowance. Raises NotFound, NotMetered and NotEntitled."""
    row = await Entitlement.require(actor, given.entitlement_id)
    if row.kind is not EntitlementKind.METERED or row.allowance is None:
        raise NotMetered("“{feature}” has no allowance.", path=["input", "entitlementId"], feature=row.feature)
    during = allowances.stretch(row, now())
    if during is None:
        raise NotEntitled("This customer may not use “{feature}”.", path=["input"], feature=row.feature)
    extra = (row.extra if row.extra_for == during.starts_at else 0) + given.quantity
    told = AllowanceExtended(
        actor,
        entitlement=row.id,
        feature=row.feature,
        quantity=given.quantity,
        customer_kind=row.customer_kind.value,
        customer=row.customer_id,
    )
    set = {"extra": min(extra, LARGEST), "extra_for": during.starts_at, "changed_at": now()}
    return await changes.edit(Entitlement, Entitlement.within(actor, _id=row.id), set, told)
