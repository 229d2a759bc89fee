import strawberry

from app import models
from app.schema.kit.audiences import needs, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.organizations.organizations import Organization
from app.services.organizations import organizations


@strawberry.type
class Query:
    @query(Organization | None, signed_in())
    async def organization(self, info: Info) -> models.Organization | None:
        """The organization that the access token is for."""
        return await organizations.find(info.context.actor, info.context.actor.organization_id)

    @query(list[Organization], signed_in())
    async def my_organizations(self, info: Info) -> list[models.Organization]:
        """Every organization in which one has an active place."""
        return await organizations.mine(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(Organization, signed_in())
    async def create_organization(self, info: Info, input: organizations.NewOrganization) -> models.Organization:
        """Make an organization that one owns; `switchOrganization` gives the tokens to work in it."""
        return await organizations.create(info.context.actor, input)

    @mutation(Organization, needs(models.Permission.ORGANIZATION_UPDATE))
    async def update_organization(self, info: Info, input: organizations.OrganizationEdit) -> models.Organization:
        """Change the organization."""
        return await organizations.edit(info.context.actor, input)
