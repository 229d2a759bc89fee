import strawberry

from app import models
from app.schema.billing.tax_profiles import TaxProfile
from app.schema.kit.audiences import needs, oneself
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.services.billing.invoicing import tax_profiles


@strawberry.type
class Query:
    @query(TaxProfile | None, oneself())
    async def tax_profile(self, info: Info) -> models.PersonTaxProfile | None:
        """Where one is as somebody who buys; null for who has not said it."""
        return await tax_profiles.of_person(info.context.actor)

    @query(TaxProfile | None, needs(models.Permission.BILLING_READ))
    async def organization_tax_profile(self, info: Info) -> models.OrganizationTaxProfile | None:
        """Where the organization is as one that buys and sells; null where nobody has said it."""
        return await tax_profiles.of_organization(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(TaxProfile, oneself())
    async def set_tax_profile(self, info: Info, input: tax_profiles.TaxProfileGiven) -> models.PersonTaxProfile:
        """Say where one is as somebody who buys; a tax id is checked."""
        return await tax_profiles.set_person(info.context.actor, input)

    @mutation(TaxProfile, needs(models.Permission.BILLING_MANAGE))
    async def set_organization_tax_profile(
        self, info: Info, input: tax_profiles.TaxProfileGiven
    ) -> models.OrganizationTaxProfile:
        """Say where the organization is as one that buys and sells; a tax id is checked."""
        return await tax_profiles.set_organization(info.context.actor, input)
