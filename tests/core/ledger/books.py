"""What tests do with a book: name accounts as they come, and move between them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bson import ObjectId

from app.core import ledger
from app.core.actor import Actor
from app.core.ledger import Account, Bound, Leg, Transfer, Transferring
from app.models import LedgerAccount, LedgerTransfer


@dataclass
class Book:
    """The book of an organization; people's accounts are bound, `bank` and such are not."""

    actor: Actor
    ids: dict[str, ObjectId] = field(default_factory=dict)
    moved: int = 0

    async def open(self, *names: str, bound: Bound = Bound.CREDIT, currency: str = "EUR") -> None:
        for name in names:
            self.ids[name] = (await ledger.open_account(self.actor, name, currency, bound=bound)).id

    async def fill(self, name: str, amount: int) -> None:
        """Let the bank pay in."""
        if "bank" not in self.ids:
            await self.open("bank", bound=Bound.NONE)
        await ledger.transfer(self.actor, self.wanted(None, {"bank": -amount, name: amount}))

    def wanted(self, key: str | None, amounts: Mapping[str, int]) -> Transferring:
        self.moved += 1
        legs = self.legs(**amounts)
        return Transferring(key=key or f"move-{self.moved}", kind="move", legs=legs)

    async def move(self, key: str | None = None, **amounts: int) -> Transfer:
        return await ledger.transfer(self.actor, self.wanted(key, amounts))

    async def hold(self, key: str | None = None, **amounts: int) -> Transfer:
        return await ledger.hold(self.actor, self.wanted(key, amounts))

    def legs(self, **amounts: int) -> list[Leg]:
        return [Leg(self.ids[name], amount) for name, amount in amounts.items()]

    async def account(self, name: str) -> Account:
        return await LedgerAccount.require(self.actor, self.ids[name])

    async def figures(self, name: str) -> tuple[int, int, int]:
        """What is posted, held, and coming."""
        account = await self.account(name)
        return account.posted, account.held, account.coming

    async def transfers(self) -> list[LedgerTransfer]:
        return await LedgerTransfer.select(self.actor)

    async def sums(self) -> Counter[ObjectId]:
        """What the postings of each account come to that move anything."""
        found: Counter[ObjectId] = Counter()
        for one in await self.transfers():
            if one.phase in (ledger.Phase.POSTED, ledger.Phase.SETTLED):
                for posting in one.postings:
                    found[posting.account_id] += posting.amount
        return found

    async def faults(self) -> list[str]:
        assert self.actor.organization_id
        return [fault.what for fault in await ledger.faults(self.actor.organization_id)]
