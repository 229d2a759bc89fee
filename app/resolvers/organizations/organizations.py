import strawberry

from app import models
from app.schema.kit.audiences import needs, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.organizations.organizations import Organization
from app.services.organizations import deletion, organizations

DELETE = needs(models.Permission.ORGANIZATION_DELETE)


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

    @mutation(Organization, DELETE)
    async def delete_organization(self, info: Info, input: deletion.OrganizationDeletion) -> models.Organization:
        """Let the organization and everything in it go, after a grace period in which every owner can stop it."""
        return await deletion.request(info.context.actor, input)

    @mutation(Organization, DELETE)
    async def cancel_organization_deletion(self, info: Info) -> models.Organization:
        """Keep the organization after all."""
        return await deletion.cancel(info.context.actor)
