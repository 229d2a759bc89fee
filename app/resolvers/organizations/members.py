import strawberry

from app import models
from app.core.answers import Hint, Scope, here, mine
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.models.organizations.events import MembershipChanged, RoleChanged, RoleRemoved
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.organizations.members import Member
from app.services.organizations import members

ROLES = (RoleChanged, RoleRemoved)
MANAGE = needs(models.Permission.MEMBERS_MANAGE)


@strawberry.type
class Query:
    @connection(
        Member,
        needs(models.Permission.MEMBERS_READ, on_behalf=True),
        cache=Hint(60, tags=here(MembershipChanged, *ROLES)),
    )
    async def members(self, info: Info, page: PageArgs) -> Page[models.Membership]:
        """Those who belong to the organization."""
        return await members.newest(info.context.actor, page)

    @query(
        Member | None,
        member(on_behalf=True),
        cache=Hint(60, Scope.PRIVATE, (*mine(MembershipChanged), *here(*ROLES))),
    )
    async def my_membership(self, info: Info) -> models.Membership | None:
        """One's own place in the organization."""
        actor = info.context.actor
        return await members.find(actor, actor.user_id) if actor.user_id else None


@strawberry.type
class Mutation:
    @mutation(Member, MANAGE, fails=(NotFound, Forbidden))
    async def change_member_role(self, info: Info, input: members.RoleChange) -> models.Membership:
        """Give a member another role, none above one's own."""
        return await members.change_role(info.context.actor, input)

    @mutation(Member, MANAGE, fails=(NotFound, Forbidden))
    async def suspend_member(self, info: Info, input: members.MemberAction) -> models.Membership:
        """Keep a member out until `reinstateMember`."""
        return await members.move(info.context.actor, input.user_id, "suspend")

    @mutation(Member, MANAGE, fails=(NotFound, Forbidden))
    async def reinstate_member(self, info: Info, input: members.MemberAction) -> models.Membership:
        """Let a suspended member back in."""
        return await members.move(info.context.actor, input.user_id, "reinstate")

    @mutation(Member, MANAGE, fails=(NotFound, Forbidden))
    async def remove_member(self, info: Info, input: members.MemberAction) -> models.Membership:
        """End somebody's membership."""
        return await members.move(info.context.actor, input.user_id, "remove")

    @mutation(Member, member(), fails=(NotFound, Forbidden))
    async def leave_organization(self, info: Info) -> models.Membership:
        """End one's own membership; the last owner cannot."""
        actor = info.context.actor
        assert actor.user_id
        return await members.move(actor, actor.user_id, "leave")
