import strawberry

from app.schema.kit.nodes import by_class
from app.services.ledger import statements


@strawberry.type(description="What was booked in an account of one's own in a month, as comma-separated values.")
class AccountStatement:
    name: str = strawberry.field(description="For a file.")
    entries: int
    content: str

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, statements.Statement)
