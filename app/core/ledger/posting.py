"""Writing transfers. Those of one book that arrive together share a transaction; each is refused alone.

What a group needs is read in the transaction's snapshot, worked out here one transfer after the other, and written in
two commands. Whoever else has changed one of the accounts meanwhile is a write conflict: the group runs again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne

from app.core import changes, database, origin, queries
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import AppError, Conflict, KeyReused, NotFound
from app.core.grouping import Grouped
from app.core.ledger.accounts import Account, Bound, TooLittle
from app.core.ledger.transfers import MOST_LEGS, Leg, Phase, Posting, Transfer, Transferring, digest, told
from app.core.money import fitting
from app.core.origin import Origin

MOVES = (Phase.POSTED, Phase.SETTLED)
"""What changes balances."""


class AlreadySettled(Conflict):
    """What was held has been moved or freed."""

    code = "ALREADY_SETTLED"


class AlreadyReversed(Conflict):
    code = "ALREADY_REVERSED"


async def transfer(actor: Actor, wanted: Transferring) -> Transfer:
    """Move money now. Raises NotFound, TooLittle, OutOfRange or KeyReused; ValueError for legs that do not balance."""
    return await _post(actor, replace(wanted, phase=Phase.POSTED))


async def hold(actor: Actor, wanted: Transferring) -> Transfer:
    """Say what is meant to be moved: it cannot be spent meanwhile. Raises as `transfer`."""
    return await _post(actor, replace(wanted, phase=Phase.HELD))


async def settle(actor: Actor, hold_id: ObjectId, *, key: str, legs: Sequence[Leg] = ()) -> Transfer:
    """Move what is held, or as much as the legs say, and free the rest. Raises AlreadySettled and as `transfer`."""
    return await _post(actor, Transferring(key=key, kind="", legs=legs, phase=Phase.SETTLED, settles_id=hold_id))


async def void(actor: Actor, hold_id: ObjectId, *, key: str) -> Transfer:
    """Free what is held. Raises AlreadySettled, NotFound or KeyReused."""
    return await _post(actor, Transferring(key=key, kind="", legs=(), phase=Phase.VOIDED, settles_id=hold_id))


async def reverse(actor: Actor, transfer_id: ObjectId, *, key: str, memo: str = "") -> Transfer:
    """Move everything back that a transfer has moved. Raises AlreadyReversed and as `transfer`."""
    return await _post(actor, Transferring(key=key, kind="", legs=(), memo=memo, reverses_id=transfer_id))


@dataclass(slots=True, eq=False)
class _Asked:
    """A transfer that somebody waits for."""

    actor: Actor
    wanted: Transferring
    origin: Origin | None = field(default_factory=origin.current)
    written: Transfer | None = None


async def _post(actor: Actor, wanted: Transferring) -> Transfer:
    asked = _Asked(actor, wanted)
    if changes.scoped():
        if error := (await _write([asked])).get(0):
            raise error
    else:
        await _groups.add(asked)
    assert asked.written
    return asked.written


async def _send(group: Sequence[_Asked]) -> Mapping[int, Exception]:
    books: dict[ObjectId | None, list[int]] = defaultdict(list)
    for place, asked in enumerate(group):
        books[asked.actor.organization_id].append(place)
    errors: dict[int, Exception] = {}

    async def write(places: list[int]) -> None:
        try:
            refused = await changes.atomic(_write)([group[place] for place in places])
            errors.update({places[n]: error for n, error in refused.items()})
        except Exception as error:  # it is not known whether any was written: who asks again finds out
            errors.update(dict.fromkeys(places, error))

    await asyncio.gather(*(write(places) for places in books.values()))
    return errors


_groups = Grouped(_send)


async def _write(group: Sequence[_Asked]) -> Mapping[int, Exception]:
    """Write transfers of one book in the running scope, and answer the errors of those that are refused."""
    book = await _Book.read(group)
    errors: dict[int, Exception] = {}
    for place, asked in enumerate(group):
        try:
            asked.written = book.write(asked)
        except (AppError, ValueError) as error:
            errors[place] = error
    await book.save()
    return errors


@dataclass(frozen=True, slots=True)
class _Effect:
    """What becomes of one account by a transfer."""

    account: Account
    amount: int
    """Of the posting."""
    posted: int
    held: int
    coming: int

    def check(self) -> None:
        """Raises TooLittle or OutOfRange."""
        account = self.account
        posted, held, coming = account.posted + self.posted, account.held + self.held, account.coming + self.coming
        for figure in (posted - held, posted + coming):
            fitting(figure)
        spends, falls = self.posted - self.held < 0, posted - held < 0
        gains, rises = self.posted + self.coming > 0, posted + coming > 0
        if (account.bound is Bound.CREDIT and spends and falls) or (account.bound is Bound.DEBIT and gains and rises):
            raise TooLittle("There is not so much in the account.", account=account.code, available=account.available)


class _Book:
    """What a group of transfers reads of a book, and what they make of it."""

    def __init__(self, organization_id: ObjectId, transfers: Iterable[Transfer], accounts: Iterable[Account]) -> None:
        self._organization_id = organization_id
        self._accounts = {one.id: one for one in accounts}
        self._seen = {one.id: one.entries for one in self._accounts.values()}
        self._transfers: dict[ObjectId, Transfer] = {}
        self._keys: dict[str, Transfer] = {}
        self._settled: set[ObjectId] = set()
        self._reversed: set[ObjectId] = set()
        for one in transfers:
            self._note(one)
        self._told: list[tuple[_Asked, Transfer]] = []

    @classmethod
    async def read(cls, group: Sequence[_Asked]) -> "_Book":
        organization_id = group[0].actor.organization_id
        assert organization_id
        wanted = [asked.wanted for asked in group]
        ids = [id for one in wanted for id in (one.settles_id, one.reverses_id) if id]
        transfers = await _find(Transfer, organization_id, {"key": {"$in": [one.key for one in wanted]}})
        if ids:
            concerned = ({name: {"$in": ids}} for name in ("_id", "settles_id", "reverses_id"))
            transfers += await _find(Transfer, organization_id, {"$or": list(concerned)})
        of_legs = {leg.account_id for one in wanted for leg in one.legs}
        of_others = {posting.account_id for one in transfers if one.id in ids for posting in one.postings}
        accounts = await _find(Account, organization_id, {"_id": {"$in": list(of_legs | of_others)}})
        return cls(organization_id, transfers, accounts)

    def write(self, asked: _Asked) -> Transfer:
        """The transfer that is asked for, new or the one that has the key."""
        wanted = asked.wanted
        if (known := self._keys.get(wanted.key)) is not None:
            if not known.does(wanted):
                raise KeyReused("Another transfer has the key “{key}”.", key=wanted.key)
            return known
        effects = self._effects(wanted)
        for effect in effects:
            effect.check()
        made = self._made(asked, effects)
        self._note(made)
        self._told.append((asked, made))
        return made

    async def save(self) -> None:
        """Write what has come of it, and tell of it."""
        if not self._told:
            return
        updates = [self._update(one) for one in self._accounts.values() if one.entries != self._seen[one.id]]
        session = changes.session()
        await database.collection(Account.collection).bulk_write(updates, ordered=False, session=session)
        await changes.insert_all([made for _, made in self._told])
        for asked, made in self._told:
            with origin.coming(asked.origin):
                changes.emit(told(asked.actor, made))

    def _effects(self, wanted: Transferring) -> list[_Effect]:
        if wanted.settles_id:
            held = self._other(wanted.settles_id, (Phase.HELD,))
            if held.id in self._settled:
                raise AlreadySettled("What was held has been moved or freed.")
            meant = {one.account_id: one.amount for one in held.postings}
            moved = dict.fromkeys(meant, 0)
            if wanted.phase is Phase.SETTLED:
                moved |= _within(held.postings, wanted.legs) if wanted.legs else meant
            return [
                _Effect(self._accounts[id], amount, amount, min(meant[id], 0), -max(meant[id], 0))
                for id, amount in moved.items()
            ]
        if wanted.reverses_id:
            other = self._other(wanted.reverses_id, MOVES)
            if other.id in self._reversed:
                raise AlreadyReversed("This transfer has been reversed.")
            legs: Sequence[Leg] = [Leg(one.account_id, -one.amount) for one in other.postings if one.amount]
        else:
            legs = wanted.legs
        self._balance(legs)
        if wanted.phase is Phase.HELD:
            return [
                _Effect(self._accounts[o.account_id], o.amount, 0, max(-o.amount, 0), max(o.amount, 0)) for o in legs
            ]
        return [_Effect(self._accounts[o.account_id], o.amount, o.amount, 0, 0) for o in legs]

    def _other(self, id: ObjectId, phases: tuple[Phase, ...]) -> Transfer:
        found = self._transfers.get(id)
        if found is None or found.phase not in phases:
            raise NotFound("There is no such transfer.")
        return found

    def _balance(self, legs: Sequence[Leg]) -> None:
        """Raises ValueError unless the legs make a transfer, NotFound where one is of no account of the book."""
        if not 2 <= len(legs) <= MOST_LEGS or len({leg.account_id for leg in legs}) < len(legs):
            raise ValueError(f"a transfer has 2 to {MOST_LEGS} legs, each of another account")
        sums: dict[str, int] = defaultdict(int)
        for leg in legs:
            account = self._accounts.get(leg.account_id)
            if account is None:
                raise NotFound("There is no such account.")
            if not fitting(leg.amount):
                raise ValueError("a leg of nothing")
            sums[account.currency] += leg.amount
        if any(sums.values()):
            raise ValueError(f"the legs do not balance: {dict(sums)}")

    def _made(self, asked: _Asked, effects: Sequence[_Effect]) -> Transfer:
        wanted, made = asked.wanted, Transfer()
        moment = now()
        made.id, made.organization_id, made.key, made.phase = new_id(), self._organization_id, wanted.key, wanted.phase
        other = self._transfers.get(wanted.settles_id or wanted.reverses_id or made.id)
        made.kind = other.kind if other else wanted.kind
        made.reference = other.reference if other else wanted.reference
        made.memo, made.value_at, made.booked_at = wanted.memo, wanted.value_at or moment, moment
        made.settles_id, made.reverses_id = wanted.settles_id, wanted.reverses_id
        made.postings = []
        for effect in effects:
            account = effect.account
            account.posted += effect.posted
            account.held += effect.held
            account.coming += effect.coming
            account.entries += 1
            posting = Posting(account.id, effect.amount, account.currency, account.entries, account.posted)
            made.postings.append(posting)
        made.digest = digest(made)
        return made

    def _note(self, transfer: Transfer) -> None:
        self._transfers[transfer.id] = self._keys[transfer.key] = transfer
        if transfer.settles_id:
            self._settled.add(transfer.settles_id)
        if transfer.reverses_id:
            self._reversed.add(transfer.reverses_id)

    def _update(self, account: Account) -> UpdateOne:
        where = {"_id": account.id, "organization_id": self._organization_id}
        figures = ("posted", "held", "coming", "entries")
        return UpdateOne(where, {"$set": {name: getattr(account, name) for name in figures}})


def _within(held: Sequence[Posting], legs: Sequence[Leg]) -> dict[ObjectId, int]:
    """What legs move of what is held. Raises TooLittle when that is more, ValueError when it does not balance."""
    moved, sums = {leg.account_id: leg.amount for leg in legs}, defaultdict[str, int](int)
    meant = {one.account_id: one for one in held}
    for id, amount in moved.items():
        one = meant.get(id)
        if one is None or not 0 < abs(amount) <= abs(one.amount) or (amount > 0) != (one.amount > 0):
            raise TooLittle("There is not so much held.")
        sums[one.currency] += amount
    if len(moved) < len(legs) or any(sums.values()):
        raise ValueError("the legs do not balance")
    return moved


async def _find(model: Any, organization_id: ObjectId, where: Mapping[str, Any]) -> list[Any]:
    projection, decode = model.plan()
    stored = database.collection(model.collection)
    asked = {"organization_id": organization_id, **where}
    return [decode(one) for one in await queries.find(stored, asked, projection, session=changes.session())]
