import strawberry

from app import models
from app.core.errors import Forbidden, NotFound, Unavailable
from app.schema.billing.payments import CheckoutBegun, Payment
from app.schema.kit.audiences import signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.billing.collecting import invoice_payments
from app.services.billing.paying import checkouts


@strawberry.type
class Mutation:
    @mutation(CheckoutBegun, signed_in(), fails=(NotFound, Forbidden, Unavailable))
    async def pay_invoice(self, info: Info, input: invoice_payments.InvoicePayment) -> checkouts.CheckoutBegun:
        """A page on which one pays what is outstanding of an invoice."""
        return await invoice_payments.pay(info.context.actor, input)

    @mutation(Payment, signed_in(), fails=(NotFound, Forbidden), in_turn=True)
    async def record_invoice_payment(self, info: Info, input: invoice_payments.InvoiceReceipt) -> models.Payment:
        """Note that an invoice was paid by bank transfer or in cash; for who sells."""
        return await invoice_payments.note(info.context.actor, input)
