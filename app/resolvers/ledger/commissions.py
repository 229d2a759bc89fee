import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.ledger.commissions import Commission, CommissionPlan, ReferralRecorded
from app.services.ledger import commission_plans, commissions

MANAGE = needs(models.Permission.MONEY_MANAGE)


@strawberry.type
class Query:
    @connection(CommissionPlan, member())
    async def commission_plans(self, info: Info, page: PageArgs) -> Page[models.CommissionPlan]:
        """What the organization's marketers get of orders, by plans, the newest first."""
        return await commission_plans.newest(info.context.actor, page)

    @connection(Commission, member())
    async def commissions(self, info: Info, page: PageArgs) -> Page[models.Commission]:
        """What one gets of orders, the newest first; everybody's for who reads the ledger or decides."""
        return await commissions.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(CommissionPlan, MANAGE)
    async def create_commission_plan(
        self, info: Info, input: commission_plans.NewCommissionPlan
    ) -> models.CommissionPlan:
        """Say what marketers get of orders by a new plan."""
        return await commission_plans.create(info.context.actor, input)

    @mutation(CommissionPlan, MANAGE, fails=(NotFound,))
    async def retire_commission_plan(
        self, info: Info, input: commission_plans.CommissionPlanAction
    ) -> models.CommissionPlan:
        """Let orders bring nothing by a plan any more."""
        return await commission_plans.retire(info.context.actor, input)

    @mutation(ReferralRecorded, MANAGE, fails=(NotFound,), in_turn=True)
    async def record_referral(self, info: Info, input: commissions.Referral) -> commissions.Recorded:
        """Let members who have brought an order have their commissions; once for an order."""
        return await commissions.record(info.context.actor, input)

    @mutation(Commission, MANAGE, fails=(NotFound, Forbidden))
    async def approve_commission(self, info: Info, input: commissions.CommissionAction) -> models.Commission:
        """Say that a commission is due; it is available when its time has come."""
        return await commissions.approve(info.context.actor, input)

    @mutation(Commission, MANAGE, fails=(NotFound, Forbidden), in_turn=True)
    async def reject_commission(self, info: Info, input: commissions.CommissionRejection) -> models.Commission:
        """Say that there is no commission, and why."""
        return await commissions.reject(info.context.actor, input)
