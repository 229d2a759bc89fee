"""Money, as clients see it."""

from collections.abc import Mapping

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from app.core import money
from app.core.money import Minor
from app.core.words import language
from app.schema.kit.fields import computed
from app.schema.kit.nodes import by_class


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii() and len(value) <= MOST_DIGITS:
        return int(value)
    raise GraphQLError("A BigInt is a whole number, or one in quotes.")


MOST_DIGITS = 20
MINOR: Mapping[object, ScalarDefinition] = {
    Minor: strawberry.scalar(
        name="BigInt",
        description="A whole number of 64 bits, in quotes: what JavaScript calls a number may be too small for it.",
        serialize=str,
        parse_value=_whole,
    )
}


@strawberry.type(description="An amount of money.")
class Money:
    amount: Minor = strawberry.field(description="In minor units of the currency, such as cents.")
    currency: str = strawberry.field(description="ISO 4217, such as EUR.")

    @computed("amount", "currency", description="As it is written in the language of the request.")
    def formatted(row: strawberry.Parent[money.Money]) -> str:
        return row.said(language.get())

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, money.Money)
