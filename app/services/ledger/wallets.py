"""Wallets: money that a person has put aside with an organization, in one currency each.

What was paid in counts once the payment has succeeded, and goes again when it is given back or a dispute is lost; what
is not there by then is owed, and the next that comes pays it first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change
from app.core.commands import Command
from app.core.errors import NotFound
from app.core.feeds import Feed, Told
from app.core.ledger import Account, Move, Phase, Transferred
from app.core.ledger.turns import in_turn
from app.core.money import Amount, Money
from app.core.paging import NEWEST, Edge, Page, PageArgs
from app.core.regions import Currency
from app.core.rows import Names, Value
from app.models import LedgerAccount, LedgerTransfer
from app.services.ledger import books


class WalletOpening(Command):
    """In which currency a wallet is to be."""

    currency: Currency


class Purchase(Amount):
    """What one pays out of one's wallet, and for which order."""

    reference: Annotated[str, Field(min_length=1, max_length=100, description="Of the order.")]


@dataclass(slots=True)
class Entry(Value):
    """What a transfer did to one account, which has numbered it."""

    id: ObjectId
    number: int
    kind: str
    reference: str
    phase: Phase
    amount: int
    balance: int
    currency: str
    booked_at: datetime
    value_at: datetime


@dataclass(slots=True)
class Paid(Value):
    """What has become of a wallet by a command."""

    wallet: LedgerAccount
    postings: list[Move]


@dataclass(frozen=True)
class WalletFeed(Feed):
    """What is booked in one account, for its holder."""

    id: ObjectId

    async def admit(self, actor: Actor) -> None:
        if await _own(actor, _id=self.id) is None:
            raise NotFound("There is no such {kind}.", kind="Wallet")

    def tell(self, change: Change) -> Told | None:
        told = super().tell(change)
        return told if told and isinstance(told.event, Transferred) else None


async def mine(actor: Actor, currency: str) -> LedgerAccount | None:
    """The actor's wallet; None where they have none in this currency."""
    return await _own(actor, code=books.WALLET, currency=currency)


async def feed(actor: Actor, currency: str) -> WalletFeed:
    """What is booked in the actor's wallet. Raises NotFound where they have none in this currency."""
    wallet = await mine(actor, currency)
    if wallet is None:
        raise NotFound("There is no such {kind}.", kind="Wallet", path=["currency"])
    return WalletFeed((f"a:{wallet.id}",), wallet.id)


@changes.atomic
async def open_wallet(actor: Actor, given: WalletOpening) -> LedgerAccount:
    """The actor's wallet, opened if there is none."""
    return await of(actor, actor.user_id, given.currency)


@in_turn
async def pay(actor: Actor, given: Purchase) -> Paid:
    """Pay for an order out of the actor's wallet, once however often it is asked for.

    Raises TooLittle, or KeyReused where they have paid another amount for it.
    """
    assert actor.user_id
    await of(actor, actor.user_id, given.currency)
    moves = [
        Move(books.WALLET, actor.user_id, -given.amount, given.currency),
        Move(books.REVENUE, None, given.amount, given.currency),
    ]
    moved = await books.move(actor, f"purchase:{actor.user_id}:{given.reference}", "purchase", given.reference, moves)
    return Paid(await of(actor, actor.user_id, given.currency), moved)


async def owed(actor: Actor, ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Money]:
    """What the holders of these wallets owe, which the next that comes to them pays first."""
    wallets = (await LedgerAccount.by_ids(actor, ids)).values()
    where = {"code": books.WALLET + books.OWED, "holder_id": {"$in": [one.holder_id for one in wallets]}}
    debts = {(one.holder_id, one.currency): -one.posted for one in await LedgerAccount.select(actor, where)}
    owing = [(one, debts.get((one.holder_id, one.currency), 0)) for one in wallets]
    return {one.id: Money(amount, one.currency) for one, amount in owing if amount}


async def entries(actor: Actor, account: Account, page: PageArgs) -> Page[Entry]:
    """What was booked in an account, the newest first."""
    args = PageArgs(page.first, page.after)
    found = await LedgerTransfer.page(actor, args, {"postings.account_id": account.id}, NEWEST)
    edges = [Edge(entry(one.node, account.id), one.keys) for one in found.edges]
    return Page(edges, found.has_next_page, found.has_previous_page)


def entry(transfer: LedgerTransfer, account_id: ObjectId) -> Entry:
    """What a transfer did to one of its accounts."""
    posting = next(one for one in transfer.postings if one.account_id == account_id)
    return Entry(
        transfer.id,
        posting.entry,
        transfer.kind,
        transfer.reference,
        transfer.phase,
        posting.amount,
        posting.balance,
        posting.currency,
        transfer.booked_at,
        transfer.value_at,
    )


@in_turn
async def credit(actor: Actor, wallet_id: ObjectId, paid: Money, key: str) -> None:
    """Let a wallet have what a payment for it has brought, or what of it could not be given back."""
    wallet = await holder(actor, wallet_id)
    moves = [
        Move(books.CLEARING, None, -paid.amount, paid.currency),
        *await books.giving(actor, books.WALLET, wallet, paid),
    ]
    await books.move(actor, key, "top_up", f"Wallet_{wallet_id}", moves)


@in_turn
async def debit(actor: Actor, wallet_id: ObjectId, given_back: Money, cause: str) -> None:
    """Take from a wallet what a payment for it has not brought after all; `cause` is the refund or the dispute."""
    wallet = await holder(actor, wallet_id)
    moves = [
        *await books.taking(actor, books.WALLET, wallet, given_back),
        Move(books.CLEARING, None, given_back.amount, given_back.currency),
    ]
    await books.move(actor, f"taken_back:{cause}", "top_up.taken_back", f"Wallet_{wallet_id}", moves)


async def _own(actor: Actor, **equal: Any) -> LedgerAccount | None:
    return await LedgerAccount.lookup(actor, **equal, holder_id=actor.user_id) if actor.user_id else None


async def of(actor: Actor, holder_id: ObjectId | None, currency: str) -> LedgerAccount:
    opened = await books.account(actor, books.WALLET, currency, holder_id)
    return await LedgerAccount.require(actor, opened.id)


async def holder(actor: Actor, id: ObjectId) -> ObjectId:
    """Whose wallet it is."""
    wallet = await LedgerAccount.lookup(actor, _id=id, code=books.WALLET)
    if wallet is None or wallet.holder_id is None:
        raise NotFound("There is no such {kind}.", kind="Wallet")
    return wallet.holder_id
