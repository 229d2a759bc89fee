import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.organizations.organizations import Organization
from app.services.platform import organizations

SUSPEND = staff(models.Duty.ORGANIZATIONS_SUSPEND)


@strawberry.type
class Query:
    @connection(Organization, staff(models.Duty.ORGANIZATIONS_READ))
    async def all_organizations(self, info: Info, page: PageArgs) -> Page[models.Organization]:
        """Every organization of the platform, the newest first."""
        return await organizations.newest(page)


@strawberry.type
class Mutation:
    @mutation(Organization, SUSPEND, fails=(NotFound, Forbidden))
    async def suspend_organization(
        self, info: Info, input: organizations.OrganizationSuspension
    ) -> models.Organization:
        """Let everything be read and nothing changed in an organization, until it is reinstated."""
        return await organizations.suspend(info.context.actor, input)

    @mutation(Organization, SUSPEND, fails=(NotFound, Forbidden))
    async def reinstate_organization(self, info: Info, input: organizations.OrganizationAction) -> models.Organization:
        """Let a suspended organization be as it was."""
        return await organizations.reinstate(info.context.actor, input)

    @mutation(Organization, staff(models.Duty.LIMITS_SET), fails=(NotFound,))
    async def set_seat_limit(self, info: Info, input: organizations.SeatLimit) -> models.Organization:
        """Let an organization have so many seats; who has more keeps them, and gets no more."""
        return await organizations.set_seats(info.context.actor, input)
