import strawberry

from app import models
from app.core.paging import Page, PageArgs
from app.schema.identity.users import User
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, query
from app.schema.kit.nodes import key
from app.schema.ledger.accounts import LedgerAccount
from app.services.ledger import accounts

READ = needs(models.Permission.LEDGER_READ)


@strawberry.type
class Query:
    @connection(LedgerAccount, READ)
    async def ledger_accounts(
        self, info: Info, page: PageArgs, holder_id: strawberry.ID | None = None
    ) -> Page[models.LedgerAccount]:
        """The accounts of the organization's book, or those that a person holds in it, the newest first."""
        holder = key(holder_id, User) if holder_id else None
        return await accounts.newest(info.context.actor, page, holder_id=holder)

    @query(LedgerAccount | None, READ)
    async def ledger_account(self, info: Info, id: strawberry.ID) -> models.LedgerAccount | None:
        """An account of the organization's book."""
        return await accounts.find(info.context.actor, key(id, LedgerAccount))
