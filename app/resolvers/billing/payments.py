import strawberry

from app import models
from app.core.errors import Forbidden, NotFound, Unavailable
from app.core.paging import Page, PageArgs
from app.schema.billing.disputes import Dispute
from app.schema.billing.events import EVENTS, PaymentEvent
from app.schema.billing.payment_differences import PaymentDifference
from app.schema.billing.payments import CheckoutBegun, Payment
from app.schema.billing.refunds import Refund
from app.schema.kit.audiences import member, needs, staff
from app.schema.kit.context import Info
from app.schema.kit.feeds import Following
from app.schema.kit.fields import connection, mutation, subscription
from app.schema.kit.nodes import key
from app.schema.organizations.organizations import Organization
from app.services.billing.paying import checkouts, differences, disputes, feeds, payments, receipts, refunds

READ = needs(models.Permission.BILLING_READ)
MANAGE = needs(models.Permission.BILLING_MANAGE)
MONEY = staff(models.Duty.MONEY_READ)


@strawberry.type
class Query:
    @connection(Payment, READ)
    async def payments(self, info: Info, page: PageArgs, reference: str | None = None) -> Page[models.Payment]:
        """What the organization is paid, or what for one thing, the newest first."""
        return await payments.newest(info.context.actor, page, reference=reference)

    @connection(Payment, member())
    async def my_payments(
        self, info: Info, page: PageArgs, customer_kind: models.CustomerKind = models.CustomerKind.PERSON
    ) -> Page[models.Payment]:
        """What one pays to the organization, or the organization to the platform, the newest first."""
        return await payments.mine(info.context.actor, customer_kind, page)

    @connection(Dispute, READ)
    async def disputes(
        self, info: Info, page: PageArgs, state: models.DisputeState | None = None
    ) -> Page[models.Dispute]:
        """Payments to the organization that a customer's bank has taken back, the newest first."""
        return await disputes.newest(info.context.actor, page, state)

    @connection(Dispute, MONEY)
    async def all_disputes(
        self,
        info: Info,
        page: PageArgs,
        state: models.DisputeState | None = None,
        organization_id: strawberry.ID | None = None,
    ) -> Page[models.Dispute]:
        """Payments to every organization, or to one, that a customer's bank has taken back, the newest first."""
        seller = key(organization_id, Organization) if organization_id else None
        return await disputes.everywhere(page, state, seller)

    @connection(PaymentDifference, MONEY)
    async def payment_differences(
        self,
        info: Info,
        page: PageArgs,
        state: models.PaymentDifferenceState | None = None,
        kind: models.PaymentDifferenceKind | None = None,
        organization_id: strawberry.ID | None = None,
    ) -> Page[models.PaymentDifference]:
        """What providers had otherwise than it was kept here, healed or not, the newest first."""
        seller = key(organization_id, Organization) if organization_id else None
        return await differences.newest(page, state=state, kind=kind, seller_id=seller)


@strawberry.type
class Mutation:
    @mutation(Payment, MANAGE, fails=(NotFound, Forbidden, Unavailable))
    async def request_payment(self, info: Info, input: payments.PaymentRequest) -> models.Payment:
        """Ask somebody in the organization for a payment: `beginCheckout` gives them the page to make it on."""
        return await payments.request(info.context.actor, input)

    @mutation(CheckoutBegun, member(), fails=(NotFound, Forbidden, Unavailable))
    async def begin_checkout(self, info: Info, input: checkouts.CheckoutBeginning) -> checkouts.CheckoutBegun:
        """The provider's page on which one makes a payment that one was asked for; `paymentEvents` tells of its end."""
        return await checkouts.begin(info.context.actor, input)

    @mutation(Payment, MANAGE, fails=(NotFound, Forbidden))
    async def cancel_payment(self, info: Info, input: payments.PaymentAction) -> models.Payment:
        """Give up a payment that was not made; one that the provider knows, as soon as it is closed there."""
        return await payments.cancel(info.context.actor, input)

    @mutation(Refund, MANAGE, fails=(NotFound, Forbidden), in_turn=True)
    async def refund_payment(self, info: Info, input: refunds.PaymentRefund) -> models.Refund:
        """Give a payment back, or a part of it."""
        return await refunds.give_back(info.context.actor, input)

    @mutation(Payment, MANAGE, fails=(NotFound, Forbidden), in_turn=True)
    async def record_payment(self, info: Info, input: receipts.PaymentReceipt) -> models.Payment:
        """Note what somebody in the organization has paid by bank transfer or in cash."""
        return await receipts.note(info.context.actor, input)

    @mutation(PaymentDifference, staff(models.Duty.BILLING_MANAGE), fails=(NotFound, Forbidden))
    async def see_to_payment_difference(
        self, info: Info, input: differences.DifferenceSeen
    ) -> models.PaymentDifference:
        """Say that a difference was seen to, and what has become of it."""
        return await differences.see_to(info.context.actor, input)


@strawberry.type
class Subscription:
    @subscription(PaymentEvent, member())
    def payment_events(self, info: Info, payment_id: strawberry.ID, after: str | None = None) -> Following:
        """What happens to a payment that one makes or sees to, after the cursor of an earlier event or from now on."""
        return Following(info.context, feeds.of(key(payment_id, Payment)), after, EVENTS)
