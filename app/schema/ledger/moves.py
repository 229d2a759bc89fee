import strawberry

from app import models
from app.core import money
from app.core.ledger import Move
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import by_class


@strawberry.type(description="What a command does to one account of the book; in a dry run, what it would do.")
class AccountMove:
    code: str = strawberry.field(description="What the account is for, such as `wallet`.")
    holder: User | None = edge(models.User, by="holder_id", description="Null for the organization's, and a thing's.")

    @computed("amount", "currency", description="Credited; debited when it is negative.", returns=Money)
    def amount(row: strawberry.Parent[Move]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, Move)
