"""Amounts in the columns of rows that have a currency."""

from typing import Any

import strawberry

from app.core import money
from app.schema.kit.money import Money


def money_of(by: str, description: str | None = None) -> Any:
    """The minor units in the attribute `by`, as money."""

    def resolve(row: strawberry.Parent[Any]) -> money.Money:
        return money.Money(getattr(row, by), row.currency)

    metadata = {"reads": (by, "currency"), "personal": False}
    return strawberry.field(resolve, graphql_type=Money, description=description, metadata=metadata)
