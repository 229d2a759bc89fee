"""Every stored thing, by name."""

from app.models.base import StoredDocument, StoredRow, TenantRow
from app.models.identity import events as identity_events
from app.models.identity.credentials import Credential, CredentialDocument
from app.models.identity.sessions import Session, SessionDocument
from app.models.identity.users import User, UserDocument
from app.models.messaging import events as messaging_events
from app.models.messaging.conversations import Conversation, ConversationDocument, ConversationKind
from app.models.messaging.messages import Attachment, Message, MessageDocument, Reaction
from app.models.messaging.participants import Participant, ParticipantDocument, ParticipantRole
from app.models.notifications import events as notifications_events
from app.models.notifications.notifications import Notification, NotificationDocument, NotificationKind
from app.models.organizations import events as organizations_events
from app.models.organizations.invitations import Invitation, InvitationDocument, InvitationState
from app.models.organizations.memberships import Membership, MembershipDocument, MembershipState
from app.models.organizations.organizations import Deletion, Organization, OrganizationDocument, OrganizationState
from app.models.organizations.permissions import GRANTS, Permission, Role
from app.models.platform import events as platform_events
from app.models.platform.jobs import Job, Progress
from app.models.platform.sagas import PastStep, Saga

EVENTS = (identity_events, messaging_events, notifications_events, organizations_events, platform_events)
"""What writes tell: a process knows all of it, or it takes an event for one of a newer release."""

DOCUMENTS: list[type[StoredDocument]] = [
    ConversationDocument,
    CredentialDocument,
    InvitationDocument,
    MembershipDocument,
    MessageDocument,
    NotificationDocument,
    OrganizationDocument,
    ParticipantDocument,
    SessionDocument,
    UserDocument,
]
"""What Beanie keeps indexes for."""

TENANT_DOCUMENTS = [document for document in DOCUMENTS if issubclass(document, TenantRow)]
"""What goes with its organization."""

TENANT_COLLECTIONS = frozenset(document.collection for document in TENANT_DOCUMENTS)
"""Collections whose every command must name an organization."""

__all__ = [
    "DOCUMENTS",
    "EVENTS",
    "GRANTS",
    "TENANT_COLLECTIONS",
    "TENANT_DOCUMENTS",
    "Attachment",
    "Conversation",
    "ConversationDocument",
    "ConversationKind",
    "Credential",
    "CredentialDocument",
    "Deletion",
    "Invitation",
    "InvitationDocument",
    "InvitationState",
    "Job",
    "Membership",
    "MembershipDocument",
    "MembershipState",
    "Message",
    "MessageDocument",
    "Notification",
    "NotificationDocument",
    "NotificationKind",
    "Organization",
    "OrganizationDocument",
    "OrganizationState",
    "Participant",
    "ParticipantDocument",
    "ParticipantRole",
    "PastStep",
    "Permission",
    "Progress",
    "Reaction",
    "Role",
    "Saga",
    "Session",
    "SessionDocument",
    "StoredRow",
    "TenantRow",
    "User",
    "UserDocument",
]
