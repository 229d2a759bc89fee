"""Charts of accounts: commands name accounts by what they are for, and those that are not there yet are opened."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bson import ObjectId

from app.core import changes, database, queries
from app.core.actor import Actor
from app.core.ledger.accounts import Account, Bound, open_account
from app.core.ledger.posting import transfer
from app.core.ledger.transfers import Leg, Transferring
from app.core.money import fitting
from app.core.rows import Value

Place = tuple[str, ObjectId | None, str]
"""An account: its code, holder and currency."""


@dataclass(slots=True)
class Move(Value):
    """What becomes of one account: credited, or debited when it is negative."""

    code: str
    holder_id: ObjectId | None
    amount: int
    currency: str


class Chart:
    """The accounts of a domain, with the bounds in which each is opened: none, for those that it does not name."""

    def __init__(self, bounds: Mapping[str, Bound] | None = None) -> None:
        self._bounds = bounds or {}

    async def account(self, actor: Actor, code: str, currency: str, holder_id: ObjectId | None = None) -> Account:
        """The account for this, opened when there is none."""
        bound = self._bounds.get(code, Bound.NONE)
        return await open_account(actor, code, currency, holder_id=holder_id, bound=bound)

    async def move(
        self, actor: Actor, key: str, kind: str, reference: str, moves: Sequence[Move], memo: str = ""
    ) -> list[Move]:
        """Write a transfer in the running scope, unless nothing is moved; answers what was.

        Moves of one account are one posting. Raises TooLittle, OutOfRange or KeyReused.
        """
        assert changes.scoped(), "what a command changes and the money it moves are one step"
        sums: dict[Place, int] = {}
        for one in moves:
            place = one.code, one.holder_id, one.currency
            sums[place] = fitting(sums.get(place, 0) + one.amount)
        moved = {place: amount for place, amount in sums.items() if amount}
        if moved:
            ids = await self._accounts(actor, moved)
            legs = [Leg(ids[place], amount) for place, amount in moved.items()]
            await transfer(actor, Transferring(key=key, kind=kind, reference=reference, legs=legs, memo=memo))
        return [Move(code, holder_id, amount, currency) for (code, holder_id, currency), amount in moved.items()]

    async def _accounts(self, actor: Actor, places: Collection[Place]) -> dict[Place, ObjectId]:
        """Those that there are are found by one look-up."""
        codes, holders, currencies = (list(dict.fromkeys(part)) for part in zip(*places, strict=True))
        whose = {"organization_id": actor.organization_id, "holder_id": {"$in": holders}}
        where = {**whose, "code": {"$in": codes}, "currency": {"$in": currencies}}
        projection, decode = Account.plan()
        stored, session = database.collection(Account.collection), changes.session()
        rows = map(decode, await queries.find(stored, where, projection, session=session))
        found = {(one.code, one.holder_id, one.currency): one.id for one in rows}
        for code, holder_id, currency in places:
            if (code, holder_id, currency) not in found:
                found[code, holder_id, currency] = (await self.account(actor, code, currency, holder_id)).id
        return found
