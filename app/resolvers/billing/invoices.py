import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.billing.invoices import Credit, CreditNote, Invoice
from app.schema.kit.audiences import needs, signed_in, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.services.billing.invoicing import credits, dues, invoices

SELL = needs(models.Permission.BILLING_MANAGE)
REFUSED = (NotFound, Forbidden)


@strawberry.type
class Query:
    @connection(Invoice, SELL)
    async def invoices(
        self, info: Info, page: PageArgs, state: models.InvoiceState | None = None
    ) -> Page[models.Invoice]:
        """What the organization has invoiced, the newest first."""
        return await invoices.newest(info.context.actor, page, state)

    @connection(Invoice, staff(models.Duty.BILLING_READ))
    async def platform_invoices(
        self, info: Info, page: PageArgs, state: models.InvoiceState | None = None
    ) -> Page[models.Invoice]:
        """What the platform has invoiced organizations, the newest first."""
        return await invoices.of_platform(page, state)

    @connection(Invoice, signed_in())
    async def my_invoices(self, info: Info, page: PageArgs) -> Page[models.Invoice]:
        """What one was invoiced, and one's organization if one decides that; the newest first."""
        return await invoices.mine(info.context.actor, page)

    @connection(Credit, SELL)
    async def credits(self, info: Info, page: PageArgs) -> Page[models.Credit]:
        """What customers of the organization need not pay, the newest first."""
        return await credits.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Invoice, signed_in(), fails=REFUSED, in_turn=True)
    async def issue_invoice(self, info: Info, input: invoices.InvoiceAction) -> models.Invoice:
        """Issue an invoice before its grace is over; for who sells."""
        return await invoices.issue(info.context.actor, input)

    @mutation(Invoice, signed_in(), fails=REFUSED, in_turn=True)
    async def void_invoice(self, info: Info, input: dues.InvoiceVoiding) -> models.Invoice:
        """Say that an invoice does not hold; for who sells."""
        return await dues.void(info.context.actor, input)

    @mutation(CreditNote, signed_in(), fails=REFUSED, in_turn=True)
    async def create_credit_note(self, info: Info, input: dues.NewCreditNote) -> models.CreditNote:
        """Take back a part of an invoice; for who sells."""
        return await dues.credit(info.context.actor, input)

    @mutation(Credit, SELL, fails=REFUSED, in_turn=True)
    async def grant_credit(self, info: Info, input: credits.NewCredit) -> models.Credit:
        """Let a customer not pay so much of their next invoices."""
        return await credits.grant(info.context.actor, input)
