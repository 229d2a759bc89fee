import strawberry

from app import models
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, query
from app.schema.kit.nodes import key
from app.schema.ledger.transfers import LedgerTransfer
from app.services.ledger import transfers

READ = needs(models.Permission.LEDGER_READ)


@strawberry.type
class Query:
    @connection(LedgerTransfer, READ)
    async def ledger_transfers(
        self, info: Info, page: PageArgs, reference: str | None = None
    ) -> Page[models.LedgerTransfer]:
        """What was moved in the organization's book, or what was moved for one thing, the newest first."""
        return await transfers.newest(info.context.actor, page, reference=reference)

    @query(LedgerTransfer | None, READ)
    async def ledger_transfer(self, info: Info, id: strawberry.ID) -> models.LedgerTransfer | None:
        """Something that was moved in the organization's book."""
        return await transfers.find(info.context.actor, key(id, LedgerTransfer))
