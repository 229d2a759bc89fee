"""What people of a world have in the book of their organization, and a way to let them have something."""

from typing import Any

from bson import ObjectId

from app.core import changes, ledger
from app.core import database as connection
from app.core.actor import Actor
from app.core.ledger import Move
from app.models import LedgerAccount
from app.services.ledger import books
from tests.world import Person


class Purses:
    """Of one world, through this process."""

    def __init__(self, database: str) -> None:
        self._database = database

    async def fill(self, person: Person, amount: int, code: str = "wallet", currency: str = "EUR") -> None:
        """Let somebody have money that has come from outside."""
        moves = [
            Move(books.processor("cash"), None, -amount, currency),
            Move(code, _key(person.id), amount, currency),
        ]
        with connection.using(self._database):
            await changes.atomic(books.move)(_platform(person), f"filled:{ObjectId()}", "fill", "", moves)

    async def has(self, person: Person, code: str, currency: str = "EUR") -> int:
        """The balance of an account of somebody's; 0 for one that is not open."""
        return await self.balance(person, code=code, holder_id=_key(person.id), currency=currency)

    async def balance(self, person: Person, **of: Any) -> int:
        """The balance of an account of the person's organization."""
        with connection.using(self._database):
            row = await LedgerAccount.lookup(_platform(person), **of)
        return row.posted if row else 0

    async def faults(self, person: Person) -> list[str]:
        with connection.using(self._database):
            return [fault.what for fault in await ledger.faults(_key(person.organization))]


def _key(id: str) -> ObjectId:
    return ObjectId(id.partition("_")[2])


def _platform(person: Person) -> Actor:
    return Actor.platform(_key(person.organization))
