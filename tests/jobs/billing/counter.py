"""A subscriber of an organization that sells by a vendor of the tests, whose next charge waits for them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.actor import Actor
from app.core.clock import now
from app.core.money import Minor
from app.models import (
    CustomerKind,
    Interval,
    Invoice,
    Payment,
    PaymentState,
    PaymentWay,
    PricingModel,
    Provider,
    Subscription,
    SubscriptionState,
    User,
)
from app.services.billing.collecting import dunning, invoice_payments
from app.services.billing.collecting.invoice_payments import InvoicePayment
from app.services.billing.invoicing.invoices import reference
from app.services.billing.paying import payment_methods
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.payment_methods import PaymentMethodAction
from app.services.billing.selling import plans
from app.services.billing.selling.plans import NewPlan, NewPrice, NewRate
from app.services.billing.subscribing import subscriptions
from app.services.billing.subscribing.subscriptions import NewSubscription, SubscriptionRevision
from tests.factories.organizations import make_member, make_owner
from tests.jobs.billing.shop import PATIENCE, URL
from tests.jobs.billing.stage import Stage
from tests.world import until

FEE = 1_000
ASKS = "pm_card_asksWhoIsAway"
DAY = timedelta(days=1)


@dataclass
class Counter:
    """A subscription that is active, and its invoice for one seat more, whose charge was asked for."""

    stage: Stage
    buyer: Actor
    person: User
    subscription: Subscription
    invoice: Invoice
    began: datetime

    @classmethod
    async def opened(cls, stage: Stage, card: str = ASKS) -> "Counter":
        seller = await make_owner()
        assert seller.organization_id
        stage.seller = Actor.platform(seller.organization_id)
        buyer = await make_member(seller.organization_id)
        assert buyer.user_id
        customer = Customer(stage.seller, CustomerKind.PERSON, buyer.user_id)
        await stage.save(customer)
        plan = await plans.create(seller, NewPlan(key="basic", name="Basic"))
        rate = NewRate(model=PricingModel.PER_UNIT, amount=Minor(FEE))
        new = NewPrice(plan_id=plan.id, currency="EUR", interval=Interval.YEAR, rate=rate)
        price = await plans.set_price(seller, new)
        row = (await subscriptions.subscribe(buyer, NewSubscription(price_id=price.id))).subscription
        await cls._reaches(stage, row, SubscriptionState.ACTIVE)
        method = await stage.save(customer, card)
        await payment_methods.choose(buyer, PaymentMethodAction(method_id=method.id))
        changed = await subscriptions.change(buyer, SubscriptionRevision(subscription_id=row.id, seats=2))
        assert changed.invoice
        person = await User.require(Actor.platform(), buyer.user_id)
        return cls(stage, buyer, person, row, changed.invoice, now())

    @staticmethod
    async def _reaches(stage: Stage, row: Subscription, state: SubscriptionState) -> Subscription:
        async def reached() -> Subscription | None:
            found = await Subscription.require(stage.seller, row.id)
            return found if found.state is state else None

        found: Subscription = await until(reached, PATIENCE)
        return found

    async def reaches(self, state: SubscriptionState) -> Subscription:
        """The subscription as soon as it is in a state."""
        return await self._reaches(self.stage, self.subscription, state)

    async def charges(self) -> list[Payment]:
        """The attempts to charge the invoice, the first first."""
        where = {"reference": reference(self.invoice.id), "way": PaymentWay.CHARGE.value}
        return sorted(await Payment.select(self.stage.seller, where), key=lambda one: one.id)

    async def payments(self) -> list[Payment]:
        """Everything by which the invoice was paid, or was to be."""
        return await Payment.select(self.stage.seller, {"reference": reference(self.invoice.id)})

    async def waiting(self) -> Payment:
        """The charge, as soon as it waits for the customer and is counted."""

        async def waits() -> Payment | None:
            found = [one for one in await self.charges() if one.state is PaymentState.REQUIRES_ACTION]
            return found[0] if found and (await self.row()).attempts else None

        found: Payment = await until(waits, PATIENCE)
        return found

    async def declined(self) -> Invoice:
        """The invoice, as soon as the charge has failed and the customer is told."""

        async def failed() -> Invoice | None:
            row = await self.row()
            return row if row.attempts else None

        found: Invoice = await until(failed, PATIENCE)
        await self.stage.worker.settled()
        return found

    async def opens(self, provider: Provider | None = None) -> Payment:
        """The page on which the customer is to pay the invoice."""
        asked = InvoicePayment(invoice_id=self.invoice.id, success_url=URL, cancel_url=URL, provider=provider)
        return (await invoice_payments.pay(self.buyer, asked)).payment

    async def row(self) -> Invoice:
        return await Invoice.require(self.stage.seller, self.invoice.id)

    async def later(self, days: float) -> Invoice:
        """The invoice after the clock has looked at it, so many days after it was first asked for."""
        await dunning.run(self.began + days * DAY + timedelta(hours=1), self.stage.seller)
        await self.stage.worker.settled()
        return await self.row()

    def letters(self, subject: str) -> int:
        """How many e-mails the customer has with this in their subject."""
        return sum(subject in str(one["Subject"]) for one in self.stage.worker.office.to(self.person.email))

    def taken(self) -> int:
        """What Stripe has charged, all in all, after the first invoice."""
        return sum(int(one["amount"]) for one in self.stage.stripe.state.all("charge") if one["paid"]) - FEE
