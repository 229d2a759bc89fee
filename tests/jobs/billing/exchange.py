"""An organization that sells by a Coinbase Business of the tests: what customers do there."""

from app.core.money import Money
from app.models import Payment, PaymentState, Provider
from app.services.billing.paying.customers import Customer
from tests.coinbase.server import Coinbase
from tests.jobs.billing.shop import Shop

PRICE = Money(2_599, "EUR")


class Exchange(Shop):
    provider, price, kind = Provider.COINBASE, PRICE, "eventType"
    vendor: Coinbase

    @property
    def coinbase(self) -> Coinbase:
        return self.vendor

    def become(self, payment: Payment, status: str = "COMPLETED") -> None:
        """Pay on the page of a payment, or let something else become of it."""
        self.coinbase.pay(payment.page_ref or "", status)

    async def paid(self, customer: Customer) -> Payment:
        payment = await self.checkout(customer)
        self.become(payment)
        await self.deliver(self.held())
        return await self.reaches(payment, PaymentState.SUCCEEDED)
