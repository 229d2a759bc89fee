from functools import cache
from typing import Any

import strawberry

from app.core.actor import Actor
from app.core.commands import open_id
from app.core.errors import Forbidden, NotFound
from app.resolvers.nodes import seen
from app.schema.identity.keys import ApiKey
from app.schema.identity.users import User
from app.schema.kit.actions import Action, Verdict
from app.schema.kit.audiences import known
from app.schema.kit.context import Info
from app.schema.kit.fields import query
from app.schema.organizations.access import Access, Found, Reason
from app.schema.organizations.roles import CustomRole
from app.services.organizations import principals
from app.services.organizations.principals import Principal

COST = 50
"""Points: each action is rehearsed."""


@strawberry.type
class Query:
    @query(Access | None, known(), cost=COST)
    async def access(self, info: Info, resource: strawberry.ID, principal: strawberry.ID | None = None) -> Any:
        """What one may do to a thing and by which rule, or what a person, role or API key of the organization may.

        Null for a thing or principal that one may not see. To ask about others takes the permission `members.manage`
        or `roles.manage`.
        """
        actor = info.context.actor
        own = principal is None or principals.is_oneself(actor, principal)
        if not own:
            principals.must_manage(actor)
        who = await (principals.oneself(actor) if own else _other(actor, str(principal)))
        found = await _seen(actor, resource)
        if who is None or found is None:
            return None
        kind, row = found
        deeds = [deed for action in _actions(info.schema) if (deed := action.upon(kind.__name__, row))]
        if who.barred:
            return Found(who, [Reason(Verdict(deed.action), who) for deed in deeds])
        asked = [await deed.ask(who.actor, rehearse=own or not deed.between_people) for deed in deeds]
        return Found(who, [Reason(verdict, who) for verdict in asked])


async def _other(actor: Actor, id: str) -> Principal | None:
    kind = id.partition("_")[0]
    try:
        if kind == User.__name__:
            return await principals.person(actor, open_id(id, kind))
        found = await _seen(actor, id) if kind in (CustomRole.__name__, ApiKey.__name__) else None
    except NotFound:
        return None
    if found is None:
        return None
    return await (principals.role if found[0] is CustomRole else principals.key)(actor, found[1])


async def _seen(actor: Actor, id: str) -> Any:
    """A thing and its type, as `node` shows it; None for what it would refuse, too."""
    try:
        return await seen(actor, id)
    except Forbidden:
        return None


@cache
def _actions(schema: strawberry.Schema) -> list[Action]:
    """What every mutation declares to do, by name."""
    fields = schema.get_type_by_name("Mutation").fields  # type: ignore[union-attr]
    return sorted((field.metadata["action"] for field in fields), key=lambda action: action.name)
