"""Whether the books of all organizations, and the platform's own, add up, and their invoices are what was issued."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bson import ObjectId

from app.core import ledger
from app.core.actor import Actor
from app.models import PLATFORM_ID, LedgerAccount, Organization
from app.services.billing.invoicing import verification as invoices

SHOWN = 20
"""What is told of one book at most."""
PLATFORM = Actor.platform()

Announce = Callable[[str, int, int], Awaitable[None]]


@dataclass(slots=True)
class Verdict:
    """How many books were looked at, and everything that is wrong with them, in words."""

    books: int = 0
    wrong: list[str] = field(default_factory=list)


async def verify(announce: Announce, organization_id: ObjectId | None = None) -> Verdict:
    """Look at every book that has an account and the invoices behind it, or at one organization's."""
    verdict = Verdict()
    ids = [organization_id] if organization_id else await _books()
    for done, id in enumerate(ids):
        name = "the platform" if id == PLATFORM_ID else f"Organization_{id}"
        await announce(name, done, len(ids))
        faults = [f"{fault.what} ({fault.id})" for fault in await ledger.faults(id)]
        faults += [f"{fault.name}: {fault.what}" for fault in await invoices.faults(id)]
        verdict.books += 1
        verdict.wrong += [f"{name}: {fault}" for fault in faults[:SHOWN]]
        if len(faults) > SHOWN:
            verdict.wrong.append(f"{name}: and {len(faults) - SHOWN:,} more")
    return verdict


async def _books() -> list[ObjectId]:
    known = [PLATFORM_ID, *(row.id for row in await Organization.select(PLATFORM, fields=frozenset()))]
    return [id for id in known if await LedgerAccount.tally(Actor.platform(id), cap=1)]
