"""The calls of a scene that are about money, and what they find."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bson import ObjectId

from app.core.clock import new_id, now
from app.core.ledger import Bound, Phase, Posting
from app.core.ledger.transfers import digest
from app.core.rows import Row
from app.models import LedgerAccount, LedgerTransfer
from tests.app.accounts import nothing, page
from tests.world import Person

Arguments = dict[str, Any]
LONG_AGO = "2026-01-01T00:00:00Z"
R = TypeVar("R", bound=Row)

CALLS: Mapping[str, Callable[[Any], Arguments]] = {
    "ledgerAccounts": lambda s: {"first": 3, "holderId": s.owner.id},
    "ledgerAccount": lambda s: {"id": s.ledger_account},
    "ledgerTransfers": page,
    "ledgerTransfer": lambda s: {"id": s.ledger_transfer},
    "moneyFlows": lambda _: {"since": LONG_AGO, "by": "WEEK"},
    "moneyHeld": nothing,
    "organizationMoneyFlows": lambda s: {"organizationId": s.organization, "since": LONG_AGO},
    "organizationMoneyHeld": lambda s: {"organizationId": s.organization},
}


def row(model: type[R], **columns: Any) -> R:
    """A row with a new id that has these columns; what it has besides are defaults."""
    made = model()
    for name, value in {"id": new_id(), **columns}.items():
        setattr(made, name, value)
    return made


async def stored_book(person: Person) -> tuple[str, str]:
    """The ids of an account of the person's and of a transfer that has filled it, in their organization's book."""
    assert person.world.store is not None
    organization, holder = (ObjectId(id.partition("_")[2]) for id in (person.organization, person.id))
    moment, amounts = now(), {"bank": -1_000, "wallet": 1_000}
    accounts = [
        row(
            LedgerAccount,
            organization_id=organization,
            code=code,
            holder_id=holder if amount > 0 else None,
            currency="EUR",
            bound=Bound.CREDIT if amount > 0 else Bound.NONE,
            posted=amount,
            entries=1,
            opened_at=moment,
        )
        for code, amount in amounts.items()
    ]
    transfer = row(
        LedgerTransfer,
        organization_id=organization,
        key=str(new_id()),
        kind="top_up",
        phase=Phase.POSTED,
        postings=[Posting(one.id, one.posted, "EUR", 1, one.posted) for one in accounts],
        value_at=moment,
        booked_at=moment,
    )
    transfer.digest = digest(transfer)
    await person.world.store["ledger_accounts"].insert_many([one.encode() for one in accounts])
    await person.world.store["ledger_transfers"].insert_one(transfer.encode())
    return f"LedgerAccount_{accounts[1].id}", f"LedgerTransfer_{transfer.id}"
