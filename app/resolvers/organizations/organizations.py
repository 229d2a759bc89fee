import strawberry

from app import models
from app.core.answers import Hint, here
from app.models.organizations.events import (
    NetworkRulesChanged,
    OrganizationChanged,
    OrganizationDeleted,
    OrganizationDeletionCancelled,
    OrganizationDeletionRequested,
    OrganizationReinstated,
    OrganizationSuspended,
    OrganizationTierChanged,
)
from app.schema.kit.audiences import known, needs, recent, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.organizations.organizations import Organization
from app.services.organizations import deletion, networks, organizations

DELETE = needs(models.Permission.ORGANIZATION_DELETE)
CHANGES = (
    OrganizationChanged,
    OrganizationDeletionRequested,
    OrganizationDeletionCancelled,
    OrganizationDeleted,
    OrganizationSuspended,
    OrganizationReinstated,
    NetworkRulesChanged,
    OrganizationTierChanged,
)


@strawberry.type
class Query:
    @query(Organization | None, known(on_behalf=True), cache=Hint(60, tags=here(*CHANGES)))
    async def organization(self, info: Info) -> models.Organization | None:
        """The organization that the access token, or the API key, is for."""
        return await organizations.find(info.context.actor, info.context.actor.organization_id)

    @query(list[Organization], signed_in(on_behalf=True))
    async def my_organizations(self, info: Info) -> list[models.Organization]:
        """Every organization in which one has an active place."""
        return await organizations.mine(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(Organization, signed_in())
    async def create_organization(self, info: Info, input: organizations.NewOrganization) -> models.Organization:
        """Make an organization that one owns; `switchOrganization` gives the tokens to work in it."""
        return await organizations.create(info.context.actor, input)

    @mutation(Organization, needs(models.Permission.ORGANIZATION_UPDATE, on_behalf=True))
    async def update_organization(self, info: Info, input: organizations.OrganizationEdit) -> models.Organization:
        """Change the organization."""
        return await organizations.edit(info.context.actor, input)

    @mutation(Organization, needs(models.Permission.ORGANIZATION_UPDATE))
    async def set_network_rules(self, info: Info, input: networks.NetworkRules) -> models.Organization:
        """Admit members and keys by these rules from now on; refused when one would not be admitted oneself."""
        return await networks.set_rules(info.context.actor, input, info.context.address)

    @mutation(Organization, needs(models.Permission.ORGANIZATION_DELETE, recent(2)))
    async def delete_organization(self, info: Info, input: deletion.OrganizationDeletion) -> models.Organization:
        """Let the organization and everything in it go, after a grace period in which every owner can stop it."""
        return await deletion.request(info.context.actor, input)

    @mutation(Organization, DELETE)
    async def cancel_organization_deletion(self, info: Info) -> models.Organization:
        """Keep the organization after all."""
        return await deletion.cancel(info.context.actor)
