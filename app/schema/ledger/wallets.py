from datetime import datetime
from typing import Any

import strawberry
from bson import ObjectId

from app import models
from app.core import ledger, money
from app.core.paging import Page, PageArgs
from app.schema.kit.context import Info
from app.schema.kit.feeds import FeedEvent
from app.schema.kit.fields import batched, computed, pages
from app.schema.kit.money import Money
from app.schema.kit.nodes import by_class
from app.schema.ledger.moves import AccountMove
from app.services.ledger import top_ups, wallets


@strawberry.type(description="What a transfer did to an account of one's own.")
class AccountEntry:
    number: int = strawberry.field(description="Counts the entries of the account.")
    kind: str = strawberry.field(description="Such as `top_up` or `escrow.release`.")
    reference: str = strawberry.field(description="What it is for, such as `Escrow_1`.")
    phase: ledger.Phase
    booked_at: datetime
    value_at: datetime = strawberry.field(description="From when on it counts.")

    @computed("amount", "currency", description="Credited; debited when it is negative.", returns=Money)
    def amount(row: strawberry.Parent[wallets.Entry]) -> money.Money:
        return money.Money(row.amount, row.currency)

    @computed("balance", "currency", description="Of the account, after it.", returns=Money)
    def balance(row: strawberry.Parent[wallets.Entry]) -> money.Money:
        return money.Money(row.balance, row.currency)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, wallets.Entry)


@strawberry.type(description="Money that one has put aside with the organization.")
class Wallet:
    opened_at: datetime
    owed: Money | None = batched(
        wallets.owed, description="What one owes: the next that comes to the wallet pays it first. Null for nothing."
    )

    @computed("posted", "currency", description="All that is in it.", returns=Money)
    def balance(row: strawberry.Parent[models.LedgerAccount]) -> money.Money:
        return money.Money(row.posted, row.currency)

    @computed("posted", "held", "currency", description="What can be spent.", returns=Money)
    def available(row: strawberry.Parent[models.LedgerAccount]) -> money.Money:
        return money.Money(row.available, row.currency)

    @computed("held", "currency", description="What is in it and meant for something.", returns=Money)
    def held(row: strawberry.Parent[models.LedgerAccount]) -> money.Money:
        return money.Money(row.held, row.currency)

    @pages(AccountEntry, models.LedgerTransfer)
    async def history(row: strawberry.Parent[models.LedgerAccount], info: Info, page: PageArgs) -> Page[wallets.Entry]:
        """What was booked in it, the newest first."""
        return await wallets.entries(info.context.actor, row, page)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.LedgerAccount)


@strawberry.type(description="What has become of a wallet, and what was moved by the same step.")
class WalletStep:
    wallet: Wallet
    postings: list[AccountMove] = strawberry.field(description="Their sum is zero in every currency.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, wallets.Paid)


@strawberry.type(description="The page of a provider on which one pays.")
class PaymentPage:
    url: str | None = strawberry.field(description="Null in a dry run.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, top_ups.PaymentPage)


@strawberry.type(description="Something was booked in a wallet.")
class WalletChanged(FeedEvent):
    event = ledger.Transferred

    @computed(description="Such as `top_up` or `escrow.release`.", personal=False)
    def kind(heard: strawberry.Parent[Any]) -> str:
        return str(heard.event.kind)

    @computed(description="What it is for, such as `Escrow_1`.", personal=False)
    def reference(heard: strawberry.Parent[Any]) -> str:
        return str(heard.event.reference)

    @computed(description="As it is now.", personal=False, returns=Wallet | None)
    async def wallet(heard: strawberry.Parent[Any], info: Info) -> models.LedgerAccount | None:
        [stream] = heard.feed
        found: models.LedgerAccount | None = await info.context.row(models.LedgerAccount, ObjectId(stream[2:]))
        return found
