from datetime import datetime

import strawberry

from app import models
from app.schema.kit.money import Money
from app.schema.kit.nodes import by_class


@strawberry.type(description="By what rules an organization pays people.")
class PayRules:
    escrow_fee_rate: int = strawberry.field(description="What it takes of what is released, in basis points.")
    review_days: int = strawberry.field(description="After which what was submitted is released by itself.")
    earnings_hold_days: int = strawberry.field(
        description="Between the computation of earnings and their being available."
    )
    payout_minimums: list[Money] = strawberry.field(description="Below which nothing is paid out, by currency.")
    changed_at: datetime | None = strawberry.field(description="Null for the defaults.")
    version: int

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.PayRules)
