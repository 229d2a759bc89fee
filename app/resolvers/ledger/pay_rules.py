import strawberry

from app import models
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.ledger.pay_rules import PayRules
from app.services.ledger import pay_rules


@strawberry.type
class Query:
    @query(PayRules, member())
    async def pay_rules(self, info: Info) -> models.PayRules:
        """By what rules the organization pays people."""
        return await pay_rules.of(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(PayRules, needs(models.Permission.MONEY_MANAGE))
    async def update_pay_rules(self, info: Info, input: pay_rules.PayRulesUpdate) -> models.PayRules:
        """Let other rules hold for what begins from now on."""
        return await pay_rules.update(info.context.actor, input)
