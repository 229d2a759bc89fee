from datetime import datetime

import strawberry

from app import models
from app.schema.kit.money import Money
from app.schema.kit.nodes import by_class

strawberry.enum(models.Stretch, name="MoneyStretch", description="How long the times are for which money is summed.")


@strawberry.type(description="What came in and went out in one stretch of time, in one currency.")
class MoneyFlow:
    starts_at: datetime
    came_in: Money = strawberry.field(description="What providers, banks and tills took for the organization.")
    went_out: Money = strawberry.field(description="What they gave back or paid out.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.MoneyFlow)


@strawberry.type(description="What the organization keeps for others, in accounts for one purpose and of one currency.")
class MoneyHeld:
    code: str = strawberry.field(description="What for, such as `escrow`.")
    amount: Money
    held: Money = strawberry.field(description="What of it holds keep back.")
    accounts: int

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.MoneyHeld)
