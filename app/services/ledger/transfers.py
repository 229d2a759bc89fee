"""The transfers of an organization's book, for those who may look into it."""

from bson import ObjectId

from app.core.actor import Actor
from app.core.paging import Page, PageArgs
from app.models import LedgerTransfer


async def newest(actor: Actor, page: PageArgs, *, reference: str | None = None) -> Page[LedgerTransfer]:
    """All of the book, or those for one thing."""
    return await LedgerTransfer.page(actor, page, {"reference": reference} if reference else None)


async def of_account(actor: Actor, account_id: ObjectId, page: PageArgs) -> Page[LedgerTransfer]:
    """The history of an account, the newest first."""
    return await LedgerTransfer.page(actor, page, {"postings.account_id": account_id})


async def find(actor: Actor, id: ObjectId) -> LedgerTransfer | None:
    return await LedgerTransfer.lookup(actor, _id=id)
