from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.billing.invoices import UpcomingInvoice
from app.schema.billing.subscriptions import EVENTS, PlanSubscription, SubscriptionEvent, SubscriptionOutcome
from app.schema.kit.audiences import needs, signed_in, staff
from app.schema.kit.context import Info
from app.schema.kit.feeds import Following
from app.schema.kit.fields import connection, mutation, query, subscription
from app.schema.kit.nodes import key
from app.services.billing.subscribing import forecasts, subscriptions, upcoming

SELL = needs(models.Permission.BILLING_MANAGE)
PARTIES = signed_in()
REFUSED = (NotFound, Forbidden)


@strawberry.type
class Query:
    @connection(PlanSubscription, SELL)
    async def subscriptions(
        self, info: Info, page: PageArgs, state: models.SubscriptionState | None = None
    ) -> Page[models.Subscription]:
        """Those to the organization's plans, the newest first."""
        return await subscriptions.newest(info.context.actor, page, state)

    @connection(PlanSubscription, staff(models.Duty.BILLING_READ))
    async def platform_subscriptions(
        self, info: Info, page: PageArgs, state: models.SubscriptionState | None = None
    ) -> Page[models.Subscription]:
        """Those of organizations to the platform's plans, the newest first."""
        return await subscriptions.of_platform(page, state)

    @connection(PlanSubscription, PARTIES)
    async def my_subscriptions(self, info: Info, page: PageArgs) -> Page[models.Subscription]:
        """What one has subscribed to, and one's organization if one decides that; the newest first."""
        return await subscriptions.mine(info.context.actor, page)

    @query(UpcomingInvoice | None, PARTIES)
    async def upcoming_invoice(self, info: Info, subscription_id: strawberry.ID) -> upcoming.Upcoming | None:
        """What a subscription will be billed when its period ends, as far as that is known; null if nothing."""
        row = await subscriptions.find(info.context.actor, key(subscription_id, PlanSubscription))
        return await upcoming.of(row) if row else None


@strawberry.type
class Mutation:
    @mutation(SubscriptionOutcome, PARTIES, fails=REFUSED, in_turn=True)
    async def subscribe(self, info: Info, input: subscriptions.NewSubscription) -> subscriptions.Change:
        """Subscribe to a plan, for oneself or for one's organization: to a trial, or with an invoice at once."""
        return await subscriptions.subscribe(info.context.actor, input)

    @mutation(SubscriptionOutcome, PARTIES, fails=REFUSED, in_turn=True)
    async def change_subscription(self, info: Info, input: subscriptions.SubscriptionRevision) -> subscriptions.Change:
        """Change price, plan or seats: now, with what that costs or credits, or at the end of the period."""
        return await subscriptions.change(info.context.actor, input)

    @mutation(SubscriptionOutcome, PARTIES, fails=REFUSED, in_turn=True)
    async def pause_subscription(self, info: Info, input: subscriptions.Pause) -> subscriptions.Change:
        """Stop a subscription for a while: what is left of its period is kept for afterwards."""
        return await subscriptions.pause(info.context.actor, input)

    @mutation(SubscriptionOutcome, PARTIES, fails=REFUSED, in_turn=True)
    async def resume_subscription(self, info: Info, input: subscriptions.SubscriptionAction) -> subscriptions.Change:
        """Go on with a subscription after a pause."""
        return await subscriptions.resume(info.context.actor, input)

    @mutation(SubscriptionOutcome, PARTIES, fails=REFUSED, in_turn=True)
    async def renew_subscription(self, info: Info, input: subscriptions.SubscriptionAction) -> subscriptions.Change:
        """Let a period follow one that ends, or that has ended."""
        return await subscriptions.renew(info.context.actor, input)

    @mutation(SubscriptionOutcome, PARTIES, fails=REFUSED, in_turn=True)
    async def cancel_subscription(self, info: Info, input: subscriptions.Cancellation) -> subscriptions.Change:
        """End a subscription, at the end of its period or now."""
        return await subscriptions.cancel(info.context.actor, input)

    @mutation(SubscriptionOutcome, PARTIES, fails=REFUSED, in_turn=True)
    async def keep_subscription(self, info: Info, input: subscriptions.SubscriptionAction) -> subscriptions.Change:
        """Take back that a subscription ends or changes at the end of its period."""
        return await subscriptions.keep(info.context.actor, input)


@strawberry.type
class Subscription:
    @subscription(SubscriptionEvent, PARTIES)
    def subscription_events(self, info: Info, id: strawberry.ID, after: str | None = None) -> Following:
        """What happens to a subscription, after the cursor of an earlier event or from now on."""
        return Following(info.context, subscriptions.feed(key(id, PlanSubscription)), after, EVENTS)

    @subscription(UpcomingInvoice, PARTIES)
    async def upcoming_invoice_changed(
        self, info: Info, subscription_id: strawberry.ID
    ) -> AsyncIterator[upcoming.Upcoming]:
        """What a subscription will be billed when its period ends, and whenever that changes by what is used."""
        id = key(subscription_id, PlanSubscription)
        async with aclosing(forecasts.follow(info.context.actor, id)) as seen:
            async for forecast in seen:
                info.context.share(None)
                yield forecast
