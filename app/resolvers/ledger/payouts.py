import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import member
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.ledger.payouts import Payout, PayoutPlan
from app.services.ledger import payouts


@strawberry.type
class Query:
    @connection(Payout, member())
    async def payouts(self, info: Info, page: PageArgs) -> Page[models.Payout]:
        """What one is paid, the newest first; everybody's for who reads the ledger."""
        return await payouts.newest(info.context.actor, page)

    @query(PayoutPlan | None, member())
    async def payout_plan(self, info: Info) -> models.PayoutPlan | None:
        """How often one is paid without asking; null where one has said nothing."""
        return await payouts.plan(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(PayoutPlan, member())
    async def choose_payout(self, info: Info, input: payouts.PayoutChoice) -> models.PayoutPlan:
        """Say how often one is paid without asking, and from what."""
        return await payouts.choose(info.context.actor, input)

    @mutation(Payout, member(), in_turn=True)
    async def request_payout(self, info: Info, input: payouts.PayoutRequest) -> models.Payout:
        """Ask to be paid out of one's wallet, earnings or commissions."""
        return await payouts.request(info.context.actor, input)

    @mutation(Payout, member(), fails=(NotFound, Forbidden), in_turn=True)
    async def cancel_payout(self, info: Info, input: payouts.PayoutAction) -> models.Payout:
        """Take back that one has asked to be paid, before it is sent."""
        return await payouts.cancel(info.context.actor, input)
