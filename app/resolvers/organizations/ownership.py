import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.schema.kit.audiences import member, needs, recent
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.organizations.ownership import OwnershipOffer
from app.services.organizations import members, ownership

OWN = needs(models.Permission.ORGANIZATION_DELETE)


@strawberry.type
class Query:
    @query(OwnershipOffer | None, member())
    async def ownership_offer(self, info: Info) -> models.OwnershipOffer | None:
        """The offer of ownership that waits for an answer; null for those whom it does not concern."""
        return await ownership.open_offer(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(OwnershipOffer, needs(models.Permission.ORGANIZATION_DELETE, recent(2)), fails=(NotFound, Forbidden))
    async def offer_ownership(self, info: Info, input: members.MemberAction) -> models.OwnershipOffer:
        """Ask a member to own the organization in one's place; nothing changes until they accept."""
        return await ownership.offer(info.context.actor, input)

    @mutation(OwnershipOffer, member(), fails=(NotFound, Forbidden))
    async def accept_ownership(self, info: Info, input: ownership.OfferAction) -> models.OwnershipOffer:
        """Own the organization; who offered it becomes an admin."""
        return await ownership.accept(info.context.actor, input)

    @mutation(OwnershipOffer, member(), fails=(NotFound, Forbidden))
    async def decline_ownership(self, info: Info, input: ownership.OfferAction) -> models.OwnershipOffer:
        """Do not become the owner."""
        return await ownership.answer(info.context.actor, input, "decline")

    @mutation(OwnershipOffer, OWN, fails=(NotFound, Forbidden))
    async def withdraw_ownership_offer(self, info: Info, input: ownership.OfferAction) -> models.OwnershipOffer:
        """Take an offer back that was not answered."""
        return await ownership.answer(info.context.actor, input, "withdraw")
