import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.identity.users import User
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.kit.nodes import key
from app.schema.organizations.ties import Tie
from app.services.organizations import ties

READ = needs(models.Permission.MEMBERS_READ)


@strawberry.type
class Query:
    @connection(Tie, READ)
    async def followers(self, info: Info, user_id: strawberry.ID, page: PageArgs) -> Page[models.Tie]:
        """Who follows a person of the organization, the newest first."""
        return await ties.followers(info.context.actor, key(user_id, User), page)

    @connection(Tie, READ)
    async def following(self, info: Info, user_id: strawberry.ID, page: PageArgs) -> Page[models.Tie]:
        """Whom a person of the organization follows, the newest first."""
        return await ties.following(info.context.actor, key(user_id, User), page)

    @connection(Tie, member())
    async def blocked(self, info: Info, page: PageArgs) -> Page[models.Tie]:
        """Whom one has blocked in this organization; only oneself sees this."""
        return await ties.blocked(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(User, READ, fails=(NotFound, Forbidden))
    async def follow_user(self, info: Info, input: ties.PersonAction) -> models.User:
        """Follow a person of the organization; refused by who has blocked one."""
        return await ties.follow(info.context.actor, input)

    @mutation(User, READ, fails=(NotFound,))
    async def unfollow_user(self, info: Info, input: ties.PersonAction) -> models.User:
        """Follow a person no more."""
        return await ties.unfollow(info.context.actor, input)

    @mutation(User, member(), fails=(NotFound,))
    async def block_user(self, info: Info, input: ties.PersonAction) -> models.User:
        """Keep a person of the organization away: they can neither follow one nor write to one alone."""
        return await ties.block(info.context.actor, input)

    @mutation(User, member(), fails=(NotFound,))
    async def unblock_user(self, info: Info, input: ties.PersonAction) -> models.User:
        """Let a person come near again."""
        return await ties.unblock(info.context.actor, input)
