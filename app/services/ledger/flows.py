"""Money that comes in, goes out and is kept for others, by what the book says."""

from datetime import datetime, timedelta

from bson import ObjectId

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Invalid
from app.models import PLATFORM_ID, LedgerAccount, MoneyFlow, MoneyHeld, Organization, Stretch
from app.models.ledger import flows

PROCESSORS = {"code": {"$gte": "processor:", "$lt": "processor;"}}
"""What providers, banks and tills have for the organization: the code ends with which."""
KEPT = (
    "wallet",
    "escrow",
    "earnings",
    "earnings:pending",
    "commissions",
    "commissions:pending",
    "payouts",
    "refunds",
    "credits:prepaid",
    "credits:balance",
    "clearing:payments",
)
"""What belongs to others, or is on its way to where it belongs."""
LONGEST = {Stretch.DAY: timedelta(days=366), Stretch.WEEK: timedelta(weeks=260), Stretch.MONTH: timedelta(days=3_660)}


async def between(
    actor: Actor, since: datetime, until: datetime | None, by: Stretch, *, organization_id: ObjectId | None = None
) -> list[MoneyFlow]:
    """What came in and went out, by the clock of the organization: the actor's, or another that staff names.

    Raises Invalid for a time that is too long, or none.
    """
    until = until or now()
    if not timedelta() < until - since <= LONGEST[by]:
        raise Invalid("Ask for at most {days} days, the first moment first.", days=LONGEST[by].days)
    inside = _inside(actor, organization_id)
    accounts = await LedgerAccount.select(inside, PROCESSORS, fields=frozenset())
    if not accounts:
        return []
    return await flows.flows(inside, [one.id for one in accounts], since, until, by, await _zone(inside))


async def held(actor: Actor, *, organization_id: ObjectId | None = None) -> list[MoneyHeld]:
    """What the organization keeps for others."""
    return await flows.held(_inside(actor, organization_id), KEPT)


def _inside(actor: Actor, organization_id: ObjectId | None) -> Actor:
    return actor if organization_id is None else Actor.platform(organization_id)


async def _zone(inside: Actor) -> str:
    if inside.organization_id == PLATFORM_ID:
        return "UTC"
    found = await Organization.lookup(inside, _id=inside.organization_id, fields=frozenset({"time_zone"}))
    return found.time_zone if found else "UTC"
