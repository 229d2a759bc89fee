from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.core import ledger, money
from app.schema.kit.fields import computed, edge
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node, by_class

if TYPE_CHECKING:
    from app.schema.ledger.accounts import LedgerAccount

strawberry.enum(ledger.Phase, name="LedgerPhase", description="What a transfer does to balances.")


@strawberry.type(description="What a transfer did to one account.")
class LedgerPosting:
    account: Annotated["LedgerAccount", strawberry.lazy("app.schema.ledger.accounts")] | None = edge(
        models.LedgerAccount, by="account_id"
    )
    entry: int = strawberry.field(description="Which entry of the account it is.")

    @computed("amount", "currency", description="Credited; debited when it is negative.", returns=Money)
    def amount(row: strawberry.Parent[ledger.Posting]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed("balance", "currency", description="Of the account, after it.", returns=Money)
    def balance(row: strawberry.Parent[ledger.Posting]) -> money.Money:
        return money.Money(row.balance, row.currency)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, ledger.Posting)


@strawberry.type(description="What was moved between accounts of the organization's book. It is never changed.")
class LedgerTransfer(Node):
    model = models.LedgerTransfer

    kind: str
    phase: ledger.Phase
    postings: list[LedgerPosting] = strawberry.field(description="Their sum is zero in every currency.")
    reference: str = strawberry.field(description="What it is for, such as `Order_1`.")
    memo: str
    value_at: datetime = strawberry.field(description="From when on it counts.")
    booked_at: datetime = strawberry.field(description="When it was written.")
    settles: Annotated["LedgerTransfer", strawberry.lazy(__name__)] | None = edge(
        models.LedgerTransfer, by="settles_id", description="The hold that it moves or frees."
    )
    reverses: Annotated["LedgerTransfer", strawberry.lazy(__name__)] | None = edge(
        models.LedgerTransfer, by="reverses_id", description="The transfer that it takes back."
    )
