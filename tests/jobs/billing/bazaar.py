"""An organization that sells by a Razorpay of the tests: what customers do there."""

from app.core.money import Money
from app.integrations.payments import MethodKind
from app.models import Payment, PaymentMethod, Provider
from app.services.billing.paying import payment_methods
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.payment_methods import PaymentSetupBeginning
from tests.integrations.vendor import Thing
from tests.jobs.billing.shop import PATIENCE, Shop
from tests.razorpay.server import Razorpay
from tests.world import until

PRICE = Money(49_900, "INR")


class Bazaar(Shop):
    provider, price, kind = Provider.RAZORPAY, PRICE, "event"
    vendor: Razorpay

    @property
    def razorpay(self) -> Razorpay:
        return self.vendor

    async def save(self, customer: Customer, means: str = "upi") -> PaymentMethod:
        """Let a customer allow charges in Checkout, and wait until that is known here."""
        kind = MethodKind.UPI if means.startswith("upi") else MethodKind.CARD
        asked = PaymentSetupBeginning(provider=Provider.RAZORPAY, method=kind)
        begun = await payment_methods.begin_setup(self.buyer(customer), asked)
        order, _, _ = begun.client_secret.partition("/")
        self.razorpay.payments.pay(order, means)
        await self.deliver(self.held())

        async def saved() -> PaymentMethod | None:
            return await PaymentMethod.lookup(self.seller, customer_id=customer.id)

        found: PaymentMethod = await until(saved, PATIENCE)
        return found

    def pay(self, payment: Payment, means: str = "upi") -> Thing:
        """Pay on the page of a payment."""
        assert payment.page_ref
        return self.razorpay.links.pay(payment.page_ref, means)

    def tries(self, payment: Payment) -> list[Thing]:
        """What was tried at Razorpay to pay a payment of ours."""
        return [
            one
            for one in self.razorpay.state.all("payment")
            if dict(one["notes"]).get("atrium_payment") == str(payment.id)
        ]
