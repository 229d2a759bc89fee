import strawberry

from app import models
from app.core.errors import Forbidden, NotFound, Unavailable
from app.core.paging import Page, PageArgs
from app.schema.billing.payment_methods import PaymentMethod, PaymentSetup, ProviderPage
from app.schema.billing.payout_accounts import PayoutAccount, PayoutDestination
from app.schema.kit.audiences import member, recent
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.services.billing.paying import payment_methods, payout_accounts, portals

PERSON = models.CustomerKind.PERSON


@strawberry.type
class Query:
    @connection(PaymentMethod, member())
    async def payment_methods(
        self, info: Info, page: PageArgs, customer_kind: models.CustomerKind = PERSON
    ) -> Page[models.PaymentMethod]:
        """What one has saved to pay the organization with, or it to pay the platform, the newest first."""
        return await payment_methods.mine(info.context.actor, customer_kind, page)

    @query(PayoutAccount | None, member())
    async def payout_account(
        self, info: Info, customer_kind: models.CustomerKind = PERSON
    ) -> models.PayoutAccount | None:
        """Where one is sent what the organization pays one, or the organization what the platform does."""
        return await payout_accounts.mine(info.context.actor, customer_kind)


@strawberry.type
class Mutation:
    @mutation(PaymentSetup, member(), fails=(Forbidden, Unavailable))
    async def begin_payment_setup(
        self, info: Info, input: payment_methods.PaymentSetupBeginning
    ) -> payment_methods.PaymentSetup:
        """Save a method to pay with: the provider's script takes it in the browser, then `paymentMethods` has it."""
        return await payment_methods.begin_setup(info.context.actor, input)

    @mutation(PaymentMethod, member(), fails=(NotFound, Forbidden))
    async def set_default_payment_method(
        self, info: Info, input: payment_methods.PaymentMethodAction
    ) -> models.PaymentMethod:
        """Let a method be the one that is charged when one is away."""
        return await payment_methods.choose(info.context.actor, input)

    @mutation(PaymentMethod, member(), fails=(NotFound, Forbidden))
    async def remove_payment_method(
        self, info: Info, input: payment_methods.PaymentMethodAction
    ) -> models.PaymentMethod:
        """Let a method be charged no more."""
        return await payment_methods.remove(info.context.actor, input)

    @mutation(ProviderPage, member(), fails=(Forbidden, Unavailable))
    async def open_billing_portal(self, info: Info, input: portals.PageReturn) -> portals.ProviderPage:
        """The provider's page on which one sees to what one pays with."""
        return await portals.billing(info.context.actor, input)

    @mutation(ProviderPage, member(), fails=(Forbidden, Unavailable))
    async def begin_payout_onboarding(self, info: Info, input: portals.PageReturn) -> portals.ProviderPage:
        """The provider's page on which one says who one is, to be sent money."""
        return await portals.onboarding(info.context.actor, input)

    @mutation(PayoutDestination, member(recent(2)), fails=(Forbidden, Unavailable))
    async def choose_payout_destination(
        self, info: Info, input: payout_accounts.PayoutDestinationGiven
    ) -> payout_accounts.PayoutDestination:
        """Say to which bank account or UPI address one wants to be sent money."""
        return await payout_accounts.choose(info.context.actor, input)
