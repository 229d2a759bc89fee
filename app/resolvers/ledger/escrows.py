import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import member
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.ledger.escrows import Escrow, EscrowStep
from app.services.ledger import escrows
from app.services.ledger.escrows import EscrowAction

REFUSALS = (NotFound, Forbidden)


@strawberry.type
class Query:
    @connection(Escrow, member())
    async def escrows(self, info: Info, page: PageArgs) -> Page[models.Escrow]:
        """One's own, as buyer or seller, the newest first; all for who reads the ledger or rules on disputes."""
        return await escrows.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(EscrowStep, member(), fails=(NotFound,))
    async def open_escrow(self, info: Info, input: escrows.NewEscrow) -> escrows.EscrowStep:
        """Offer to pay another member for work; nothing is moved before it is funded."""
        return await escrows.open_escrow(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS, in_turn=True)
    async def fund_escrow(self, info: Info, input: EscrowAction) -> escrows.EscrowStep:
        """Put all that the work is worth out of one's wallet into an escrow."""
        return await escrows.fund(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS)
    async def close_escrow(self, info: Info, input: EscrowAction) -> escrows.EscrowStep:
        """Let nothing come of an escrow that is not funded."""
        return await escrows.close(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS)
    async def begin_escrow(self, info: Info, input: EscrowAction) -> escrows.EscrowStep:
        """Begin the work that an escrow pays for, as its seller."""
        return await escrows.begin(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS)
    async def submit_escrow(self, info: Info, input: EscrowAction) -> escrows.EscrowStep:
        """Say as the seller that the next milestone is done; without an answer it is released after the review."""
        return await escrows.submit(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS)
    async def ask_for_escrow_changes(self, info: Info, input: EscrowAction) -> escrows.EscrowStep:
        """Say as the buyer that what was submitted is not what was agreed on."""
        return await escrows.ask_for_changes(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS, in_turn=True)
    async def release_escrow(self, info: Info, input: escrows.EscrowRelease) -> escrows.EscrowStep:
        """Let the seller have what is left in an escrow, or a part of it."""
        return await escrows.release(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS, in_turn=True)
    async def refund_escrow(self, info: Info, input: escrows.EscrowRefund) -> escrows.EscrowStep:
        """Give the buyer back what is left in an escrow, as its seller."""
        return await escrows.refund(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS)
    async def dispute_escrow(self, info: Info, input: escrows.EscrowDispute) -> escrows.EscrowStep:
        """Let somebody else rule on an escrow; until then nothing moves."""
        return await escrows.dispute(info.context.actor, input)

    @mutation(EscrowStep, member(), fails=REFUSALS, in_turn=True)
    async def rule_on_escrow(self, info: Info, input: escrows.EscrowRuling) -> escrows.EscrowStep:
        """Decide a dispute of others: how much of what is left the seller gets; the buyer gets the rest."""
        return await escrows.rule(info.context.actor, input)
