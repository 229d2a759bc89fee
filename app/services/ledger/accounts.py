"""The accounts of an organization's book, for those who may look into it."""

from datetime import datetime

from bson import ObjectId

from app.core import ledger
from app.core.actor import Actor
from app.core.ledger import Balance
from app.core.paging import Page, PageArgs
from app.models import LedgerAccount


async def newest(actor: Actor, page: PageArgs, *, holder_id: ObjectId | None = None) -> Page[LedgerAccount]:
    """All of the book, or those of one holder."""
    return await LedgerAccount.page(actor, page, {"holder_id": holder_id} if holder_id else None)


async def find(actor: Actor, id: ObjectId) -> LedgerAccount | None:
    return await LedgerAccount.lookup(actor, _id=id)


async def balance(
    actor: Actor, row: LedgerAccount, *, valued_by: datetime | None, known_at: datetime | None
) -> Balance:
    """What counted by a moment, as it was known at another."""
    return await ledger.balance(actor, row.id, valued_by=valued_by, known_at=known_at)
