import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.organizations.roles import CustomRole
from app.services.organizations import roles

MANAGE = needs(models.Permission.ROLES_MANAGE)


@strawberry.type
class Query:
    @connection(CustomRole, needs(models.Permission.MEMBERS_READ, on_behalf=True))
    async def roles(self, info: Info, page: PageArgs) -> Page[models.CustomRole]:
        """The organization's own roles; the built-in ones are in `Role`."""
        return await roles.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(CustomRole, MANAGE, fails=(Forbidden,))
    async def create_role(self, info: Info, input: roles.NewRole) -> models.CustomRole:
        """Put a role together, of permissions that one has."""
        return await roles.create(info.context.actor, input)

    @mutation(CustomRole, MANAGE, fails=(NotFound, Forbidden))
    async def update_role(self, info: Info, input: roles.RoleEdit) -> models.CustomRole:
        """Change a role for all who have it; it counts everywhere within seconds and closes the sockets it concerns."""
        return await roles.edit(info.context.actor, input)

    @mutation(CustomRole, MANAGE, fails=(NotFound, Forbidden))
    async def remove_role(self, info: Info, input: roles.RoleRemoval) -> models.CustomRole:
        """Remove a role; who has it gets another."""
        return await roles.remove(info.context.actor, input)
