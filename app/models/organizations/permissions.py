"""What one can be allowed to do, and the built-in roles that allow it."""

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    ORGANIZATION_UPDATE = "organization.update"
    ORGANIZATION_DELETE = "organization.delete"
    AUDIT_READ = "audit.read"
    MEMBERS_READ = "members.read"
    MEMBERS_INVITE = "members.invite"
    MEMBERS_MANAGE = "members.manage"
    ROLES_MANAGE = "roles.manage"
    AFFILIATIONS_MANAGE = "affiliations.manage"
    KEYS_MANAGE = "keys.manage"
    CAMPAIGNS_MANAGE = "campaigns.manage"
    BILLING_READ = "billing.read"
    BILLING_MANAGE = "billing.manage"
    WEBHOOKS_MANAGE = "webhooks.manage"
    CONVERSATIONS_READ = "conversations.read"
    CONVERSATIONS_START = "conversations.start"
    MESSAGES_SEND = "messages.send"
    MESSAGES_MODERATE = "messages.moderate"
    EVENTS_SCHEDULE = "events.schedule"
    LEDGER_READ = "ledger.read"
    MONEY_MANAGE = "money.manage"
    DISPUTES_RULE = "disputes.rule"
    USAGE_RECORD = "usage.record"


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"
    CUSTOM = "custom"
    """One that the organization has put together: the membership says what it allows."""


_GUEST = {Permission.CONVERSATIONS_READ, Permission.MESSAGES_SEND}
_MEMBER = _GUEST | {Permission.MEMBERS_READ, Permission.CONVERSATIONS_START, Permission.EVENTS_SCHEDULE}
_ADMIN = _MEMBER | {Permission.MEMBERS_INVITE, Permission.MEMBERS_MANAGE, Permission.MESSAGES_MODERATE}
_ADMIN |= {Permission.AFFILIATIONS_MANAGE, Permission.CAMPAIGNS_MANAGE}
_ADMIN |= {Permission.KEYS_MANAGE, Permission.WEBHOOKS_MANAGE, Permission.BILLING_READ}

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(_ADMIN),
    Role.MEMBER: frozenset(_MEMBER),
    Role.GUEST: frozenset(_GUEST),
    Role.CUSTOM: frozenset(),
}
"""The permissions of each built-in role."""

KEY_PERMISSIONS = frozenset({Permission.ORGANIZATION_UPDATE, Permission.MEMBERS_READ, Permission.USAGE_RECORD})
"""What an API key can be allowed: nothing that is done in a person's name, or gives people or keys their rights."""

WEBHOOK_PERMISSIONS = KEY_PERMISSIONS | {Permission.MEMBERS_INVITE, Permission.AFFILIATIONS_MANAGE}
"""What the document of a webhook can be allowed to read: nothing that people say to each other."""
