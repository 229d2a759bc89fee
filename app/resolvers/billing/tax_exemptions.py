import strawberry

from app import models
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.schema.billing.tax_exemptions import TaxExemption
from app.schema.kit.audiences import needs, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.services.billing import buyers
from app.services.billing.invoicing import tax_exemptions
from app.services.billing.invoicing.tax_exemptions import TaxExemptionAction, TaxExemptionGiven

SELL = needs(models.Permission.BILLING_MANAGE)
FOR_PLATFORM = staff(models.Duty.BILLING_MANAGE)


@strawberry.type
class Query:
    @connection(TaxExemption, needs(models.Permission.BILLING_READ))
    async def tax_exemptions(
        self, info: Info, page: PageArgs, customer_id: strawberry.ID | None = None
    ) -> Page[models.TaxExemption]:
        """Which customers of the organization owe no tax, or one of them; the newest first, what is over included."""
        customer = buyers.named(customer_id).id if customer_id else None
        return await tax_exemptions.newest(info.context.actor, page, customer)

    @connection(TaxExemption, staff(models.Duty.BILLING_READ))
    async def platform_tax_exemptions(
        self, info: Info, page: PageArgs, customer_id: strawberry.ID | None = None
    ) -> Page[models.TaxExemption]:
        """Which organizations owe no tax on what the platform sells, or one of them; the newest first."""
        customer = buyers.named(customer_id).id if customer_id else None
        return await tax_exemptions.of_platform(page, customer)


@strawberry.type
class Mutation:
    @mutation(TaxExemption, SELL, fails=(NotFound,))
    async def grant_tax_exemption(self, info: Info, input: TaxExemptionGiven) -> models.TaxExemption:
        """Charge a customer no tax, as a certificate says that they have shown."""
        return await tax_exemptions.grant(info.context.actor, input)

    @mutation(TaxExemption, SELL, fails=(NotFound,))
    async def end_tax_exemption(self, info: Info, input: TaxExemptionAction) -> models.TaxExemption:
        """Charge a customer tax again, from now on."""
        return await tax_exemptions.end(info.context.actor, input)

    @mutation(TaxExemption, FOR_PLATFORM, fails=(NotFound,))
    async def grant_platform_tax_exemption(self, info: Info, input: TaxExemptionGiven) -> models.TaxExemption:
        """Charge an organization no tax on what the platform sells, as a certificate says that it has shown."""
        return await tax_exemptions.grant_for_platform(info.context.actor, input)

    @mutation(TaxExemption, FOR_PLATFORM, fails=(NotFound,))
    async def end_platform_tax_exemption(self, info: Info, input: TaxExemptionAction) -> models.TaxExemption:
        """Charge an organization tax on what the platform sells again, from now on."""
        return await tax_exemptions.end_for_platform(info.context.actor, input)
