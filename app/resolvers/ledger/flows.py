from datetime import datetime

import strawberry

from app import models
from app.schema.kit.audiences import needs, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import query
from app.schema.kit.filters import in_utc
from app.schema.kit.nodes import key
from app.schema.ledger.flows import MoneyFlow, MoneyHeld
from app.schema.organizations.organizations import Organization
from app.services.ledger import flows

READ, STAFF = needs(models.Permission.LEDGER_READ), staff(models.Duty.MONEY_READ)


@strawberry.type
class Query:
    @query(list[MoneyFlow], READ)
    async def money_flows(
        self, info: Info, since: datetime, until: datetime | None = None, by: models.Stretch = models.Stretch.MONTH
    ) -> list[models.MoneyFlow]:
        """What came in and went out, by the clock of the organization."""
        return await flows.between(info.context.actor, *_stretch(since, until), by)

    @query(list[MoneyHeld], READ)
    async def money_held(self, info: Info) -> list[models.MoneyHeld]:
        """What the organization keeps for others now."""
        return await flows.held(info.context.actor)

    @query(list[MoneyFlow], STAFF)
    async def organization_money_flows(
        self,
        info: Info,
        organization_id: strawberry.ID,
        since: datetime,
        until: datetime | None = None,
        by: models.Stretch = models.Stretch.MONTH,
    ) -> list[models.MoneyFlow]:
        """What came in and went out for an organization, by its clock."""
        id = key(organization_id, Organization)
        return await flows.between(info.context.actor, *_stretch(since, until), by, organization_id=id)

    @query(list[MoneyHeld], STAFF)
    async def organization_money_held(self, info: Info, organization_id: strawberry.ID) -> list[models.MoneyHeld]:
        """What an organization keeps for others now."""
        return await flows.held(info.context.actor, organization_id=key(organization_id, Organization))


def _stretch(since: datetime, until: datetime | None) -> tuple[datetime, datetime | None]:
    """Raises Invalid."""
    return in_utc(since, ["since"]), until and in_utc(until, ["until"])
