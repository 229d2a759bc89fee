"""What one can be allowed to do, and the built-in roles that allow it."""

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    ORGANIZATION_UPDATE = "organization.update"
    ORGANIZATION_DELETE = "organization.delete"
    MEMBERS_READ = "members.read"
    MEMBERS_INVITE = "members.invite"
    MEMBERS_MANAGE = "members.manage"
    CONVERSATIONS_READ = "conversations.read"
    CONVERSATIONS_START = "conversations.start"
    MESSAGES_SEND = "messages.send"
    MESSAGES_MODERATE = "messages.moderate"


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"


_GUEST = {Permission.CONVERSATIONS_READ, Permission.MESSAGES_SEND}
_MEMBER = _GUEST | {Permission.MEMBERS_READ, Permission.CONVERSATIONS_START}
_ADMIN = _MEMBER | {Permission.MEMBERS_INVITE, Permission.MEMBERS_MANAGE, Permission.MESSAGES_MODERATE}

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(_ADMIN),
    Role.MEMBER: frozenset(_MEMBER),
    Role.GUEST: frozenset(_GUEST),
}
"""The permissions of each built-in role."""
