import strawberry

from app import models
from app.core.errors import Forbidden, LimitReached, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.organizations.invitations import Invitation
from app.schema.organizations.members import Member
from app.services.organizations import invitations

INVITE = needs(models.Permission.MEMBERS_INVITE)


@strawberry.type
class Query:
    @connection(Invitation, INVITE)
    async def invitations(self, info: Info, page: PageArgs) -> Page[models.Invitation]:
        """Invitations that were not answered yet."""
        return await invitations.pending(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(Invitation, INVITE, fails=(NotFound, Forbidden, LimitReached))
    async def invite_member(self, info: Info, input: invitations.Invite) -> models.Invitation:
        """Offer a place to an e-mail address; the e-mail holds the token for `acceptInvitation`."""
        return await invitations.invite(info.context.actor, input)

    @mutation(Invitation, INVITE, fails=(NotFound, Forbidden))
    async def revoke_invitation(self, info: Info, input: invitations.InvitationAction) -> models.Invitation:
        """Take an unanswered invitation back."""
        return await invitations.revoke(info.context.actor, input)

    @mutation(Member, signed_in(), fails=(NotFound, Forbidden, LimitReached))
    async def accept_invitation(self, info: Info, input: invitations.Acceptance) -> models.Membership:
        """Take the place; `switchOrganization` gives the tokens to work in it."""
        return await invitations.accept(info.context.actor, input)
