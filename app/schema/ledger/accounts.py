from datetime import datetime

import strawberry

from app import models
from app.core import ledger, money
from app.core.paging import Page, PageArgs
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import computed, edge, pages
from app.schema.kit.filters import in_utc
from app.schema.kit.money import Money
from app.schema.kit.nodes import Node
from app.schema.ledger.transfers import LedgerTransfer
from app.services.ledger import accounts, transfers

strawberry.enum(ledger.Bound, name="LedgerBound", description="On which side of zero an account has to stay.")


@strawberry.type(description="Who has how much of a currency in the book of the organization, and what for.")
class LedgerAccount(Node):
    model = models.LedgerAccount

    code: str = strawberry.field(description="What for, such as `wallet`.")
    holder: User | None = edge(
        models.User, by="holder_id", description="Null for the organization's own, and a thing's."
    )
    currency: str = strawberry.field(description="ISO 4217, such as EUR.")
    bound: ledger.Bound
    entries: int = strawberry.field(description="How many transfers concern it.")
    opened_at: datetime

    @computed("posted", "currency", description="Its balance: what was credited is positive.", returns=Money)
    def balance(row: strawberry.Parent[models.LedgerAccount]) -> money.Money:
        return money.Money(row.posted, row.currency)

    @computed("held", "currency", description="What holds will debit.", returns=Money)
    def held(row: strawberry.Parent[models.LedgerAccount]) -> money.Money:
        return money.Money(row.held, row.currency)

    @computed("posted", "held", "currency", description="What can be spent.", returns=Money)
    def available(row: strawberry.Parent[models.LedgerAccount]) -> money.Money:
        return money.Money(row.available, row.currency)

    @computed(
        "id",
        description="What counted by a moment (its value date), of what was booked by another; all without them.",
        returns=Money,
    )
    async def balance_at(
        row: strawberry.Parent[models.LedgerAccount],
        info: Info,
        valued_by: datetime | None = None,
        known_at: datetime | None = None,
    ) -> money.Money:
        by, known = valued_by and in_utc(valued_by, ["valuedBy"]), known_at and in_utc(known_at, ["knownAt"])
        found = await accounts.balance(info.context.actor, row, valued_by=by, known_at=known)
        return money.Money(found.posted, found.currency)

    @pages(LedgerTransfer, models.LedgerTransfer)
    async def transfers(
        row: strawberry.Parent[models.LedgerAccount], info: Info, page: PageArgs
    ) -> Page[models.LedgerTransfer]:
        """Its history, the newest first."""
        return await transfers.of_account(info.context.actor, row.id, page)
