"""An organization whose people have money with it, and a way to see how much."""

from dataclasses import dataclass

from bson import ObjectId

from app.core import changes, ledger
from app.core.actor import Actor
from app.core.ledger import Move
from app.models import LedgerAccount, LedgerTransfer, Role
from app.services.ledger import books, escrows
from app.services.ledger.escrows import EscrowAction, EscrowRelease, MilestonePlan, NewEscrow
from tests.factories.organizations import make_member, make_owner


@dataclass
class School:
    """An owner, who rules on disputes, and two members; `platform` acts in it as jobs do."""

    owner: Actor
    buyer: Actor
    seller: Actor
    platform: Actor

    @classmethod
    async def open(cls) -> "School":
        owner = await make_owner()
        assert owner.organization_id
        buyer, seller = [await make_member(owner.organization_id, Role.MEMBER) for _ in range(2)]
        return cls(owner, buyer, seller, Actor.platform(owner.organization_id))

    async def fill(self, code: str, person: Actor | None, amount: int, currency: str = "EUR") -> None:
        """Let somebody have money that has come from outside."""
        source = Move(books.processor("cash"), None, -amount, currency)
        moves = [source, Move(code, person.user_id if person else None, amount, currency)]
        await changes.atomic(books.move)(self.platform, f"filled:{ObjectId()}", "fill", "", moves)

    async def has(self, code: str, person: Actor | ObjectId | None = None, currency: str = "EUR") -> int:
        """The balance of an account; 0 for one that is not open."""
        holder = person.user_id if isinstance(person, Actor) else person
        row = await LedgerAccount.lookup(self.platform, code=code, holder_id=holder, currency=currency)
        return row.posted if row else 0

    async def transfers(self, reference: str) -> list[LedgerTransfer]:
        return await LedgerTransfer.select(self.platform, {"reference": reference})

    async def faults(self) -> list[str]:
        assert self.owner.organization_id
        return [fault.what for fault in await ledger.faults(self.owner.organization_id)]

    async def escrow(self, *milestones: int, funded: bool = True, currency: str = "EUR") -> ObjectId:
        """The id of an escrow of the buyer for the seller."""
        plans = [MilestonePlan(title=f"Part {n}", amount=amount) for n, amount in enumerate(milestones)]
        assert self.seller.user_id
        new = NewEscrow(seller_id=self.seller.user_id, title="A film", currency=currency, milestones=plans)
        id = (await escrows.open_escrow(self.buyer, new)).escrow.id
        if funded:
            await escrows.fund(self.buyer, EscrowAction(escrow_id=id))
        return id

    async def released(self, id: ObjectId, amount: int | None = None) -> None:
        await escrows.release(self.buyer, EscrowRelease(escrow_id=id, amount=amount))
