from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry
from bson import ObjectId

from app.core.actor import Actor
from app.core.commands import open_id
from app.core.errors import NotFound
from app.models import Permission
from app.schema.identity.users import User
from app.schema.kit.audiences import Audience, member, needs, signed_in, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import query
from app.schema.kit.nodes import Node
from app.schema.messaging.conversations import Conversation
from app.schema.messaging.messages import Message
from app.schema.notifications.notifications import Notification
from app.schema.organizations.invitations import Invitation
from app.schema.organizations.members import Member
from app.schema.organizations.organizations import Organization
from app.schema.platform.jobs import Job
from app.schema.platform.sagas import Saga
from app.services.identity import users
from app.services.messaging import conversations, messages
from app.services.notifications import notifications
from app.services.organizations import invitations, members, organizations
from app.services.platform import jobs, sagas

Find = Callable[[Actor, ObjectId], Awaitable[Any]]

NODES: Mapping[type[Node], tuple[Audience, Find]] = {
    User: (member(), users.find),
    Organization: (signed_in(), organizations.find),
    Member: (needs(Permission.MEMBERS_READ), members.by_id),
    Invitation: (needs(Permission.MEMBERS_INVITE), invitations.find),
    Conversation: (needs(Permission.CONVERSATIONS_READ), conversations.find),
    Message: (needs(Permission.CONVERSATIONS_READ), messages.find),
    Notification: (member(), notifications.find),
    Job: (staff(), jobs.find),
    Saga: (staff(), sagas.find),
}
"""Who may look up what by its id alone, and how."""

_BY_NAME = {kind.__name__: (kind, *how) for kind, how in NODES.items()}


@strawberry.type
class Query:
    @query(Node | None, signed_in())
    async def node(self, info: Info, id: strawberry.ID) -> Any:
        """A thing by its id, whatever its type; null for what one may not see."""
        known = _BY_NAME.get(id.partition("_")[0])
        if known is None:
            return None
        kind, audience, find = known
        audience.check(info.context.actor)
        try:
            return await find(info.context.actor, open_id(id, kind.__name__))
        except NotFound:
            return None
