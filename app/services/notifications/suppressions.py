"""Who is not written to: since they asked for no more, or since what is sent to them does not arrive."""

from typing import Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.models import Delivery, DeliveryPriority, Suppression, SuppressionDocument, SuppressionReason
from app.models.notifications.suppressions import fingerprint
from app.services.identity.accounts import Email

BLOCKING = {
    DeliveryPriority.URGENT: [],
    DeliveryPriority.NORMAL: [SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED],
    DeliveryPriority.BULK: list(SuppressionReason),
}
"""For which reasons what is of a priority is not sent."""


class AddressToSuppress(Command):
    """An e-mail address that is to get nothing that goes to many."""

    email: Email


async def find(actor: Actor, id: ObjectId) -> Suppression | None:
    return await Suppression.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs, email: str | None) -> Page[Suppression]:
    """Addresses that the organization does not write to, or whether it writes to this one."""
    return await Suppression.page(actor, page, {"fingerprint": fingerprint(email)} if email else {})


async def suppress(actor: Actor, given: AddressToSuppress) -> Suppression:
    """Write to an address no more."""
    assert actor.organization_id
    return await add(actor.organization_id, given.email, SuppressionReason.ASKED)


async def lift(actor: Actor, given: AddressToSuppress) -> Suppression:
    """Write to an address again, whatever spoke against it. Raises NotFound."""
    return await _lift(actor, Suppression.within(actor, fingerprint=fingerprint(given.email)))


@changes.atomic
async def _lift(actor: Actor, where: dict[str, Any]) -> Suppression:
    lifted = None
    while found := await changes.remove(Suppression, where):
        lifted = found
    if lifted is None:
        raise NotFound("This address is not suppressed.", path=["input", "email"])
    return lifted


async def add(organization_id: ObjectId, address: str, reason: SuppressionReason) -> Suppression:
    """Note that an organization, or the platform, is not to write to an address."""
    made = SuppressionDocument(
        id=new_id(),
        organization_id=organization_id,
        fingerprint=fingerprint(address),
        reason=reason,
        created_at=now(),
    )
    same = {"organization_id": organization_id, "fingerprint": made.fingerprint, "reason": reason.value}
    stored, _ = await changes.insert_once(made, same)
    return stored


async def why(delivery: Delivery) -> SuppressionReason | None:
    """Why a delivery is not to be sent, if it is not."""
    if not (reasons := BLOCKING[delivery.priority]):
        return None
    where = {"fingerprint": fingerprint(delivery.address), "reason": {"$in": [reason.value for reason in reasons]}}
    found = await Suppression.lookup(Actor.platform(delivery.organization_id), where)
    return found.reason if found else None
