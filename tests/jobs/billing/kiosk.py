"""An organization that sells by a PayPal of the tests: what customers do there."""

from app.core.money import Money
from app.models import Payment, PaymentMethod, PaymentState, Provider
from app.services.billing.paying.customers import Customer
from tests.integrations.vendor import Thing
from tests.jobs.billing.shop import PATIENCE, Shop
from tests.paypal.server import PayPal
from tests.world import until

PRICE = Money(2_599, "USD")


class Kiosk(Shop):
    provider, price, kind = Provider.PAYPAL, PRICE, "event_type"
    vendor: PayPal

    @property
    def paypal(self) -> PayPal:
        return self.vendor

    def approve(self, payment: Payment, means: str = "wallet") -> None:
        """Agree to a payment on its page."""
        self.paypal.orders.approve(payment.page_ref or "", means)

    async def paid(self, customer: Customer, means: str = "wallet", amount: Money | None = None) -> Payment:
        """A payment that was agreed to, told of and taken."""
        payment = await self.checkout(customer, amount=amount)
        self.approve(payment, means)
        await self.deliver(self.held())
        return await self.reaches(payment, PaymentState.SUCCEEDED)

    async def save(self, customer: Customer) -> PaymentMethod:
        """Let a customer keep their method on a page, and wait until it is known here."""
        payment = await self.checkout(customer, save=True)
        self.approve(payment)
        await self.deliver(self.held())
        await self.reaches(payment, PaymentState.SUCCEEDED)
        await self.deliver(self.held())

        async def saved() -> PaymentMethod | None:
            return await PaymentMethod.lookup(self.seller, customer_id=customer.id)

        found: PaymentMethod = await until(saved, PATIENCE)
        return found

    def taken(self, payment: Payment) -> list[Thing]:
        """What was captured at PayPal for a payment of ours."""
        return self.paypal.state.all("capture", invoice_id=str(payment.id))
