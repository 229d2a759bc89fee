import strawberry

from app import models
from app.core.answers import Hint, Scope, here, mine
from app.core.paging import Page, PageArgs
from app.models.identity.events import ProfileChanged
from app.models.organizations.events import MembershipChanged
from app.schema.identity.users import User
from app.schema.kit.audiences import member, needs, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.nodes import key
from app.services.identity import users


@strawberry.type
class Query:
    @query(User, signed_in(on_behalf=True), cache=Hint(60, Scope.PRIVATE, mine(ProfileChanged)))
    async def me(self, info: Info) -> models.User:
        """The person who is signed in."""
        return await users.me(info.context.actor)

    @query(User | None, member(on_behalf=True))
    async def user(self, info: Info, id: strawberry.ID) -> models.User | None:
        """A person of the organization."""
        return await users.find(info.context.actor, key(id, User))

    @connection(
        User, needs(models.Permission.MEMBERS_READ, on_behalf=True), cache=Hint(60, tags=here(MembershipChanged))
    )
    async def users(self, info: Info, page: PageArgs) -> Page[models.User]:
        """Everybody who is or was in the organization."""
        return await users.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(User, signed_in(on_behalf=True))
    async def update_profile(self, info: Info, input: users.ProfileEdit) -> models.User:
        """Change one's own name or privacy."""
        return await users.edit(info.context.actor, input)
