"""Every stored thing, by name."""

from app.models.audit import events as audit_events
from app.models.audit.chains import AuditChain, AuditChainDocument, AuditHead, AuditHeadDocument
from app.models.audit.entries import AuditEntry, AuditEntryDocument
from app.models.base import StoredDocument, StoredRow, TenantRow
from app.models.billing import events as billing_events
from app.models.billing import metering_events, payment_events
from app.models.billing.buyers import Buyer
from app.models.billing.customers import BillingCustomer, BillingCustomerDocument, CustomerKind, Provider
from app.models.billing.disputes import Dispute, DisputeDocument, DisputeState
from app.models.billing.entitlements import Entitlement, EntitlementDocument, EntitlementKind, Renewal
from app.models.billing.invoice_pdfs import CreditNotePdf, CreditNotePdfDocument, InvoicePdf, InvoicePdfDocument
from app.models.billing.invoices import (
    Credit,
    CreditDocument,
    CreditKind,
    CreditNote,
    CreditNoteDocument,
    CreditOffered,
    Invoice,
    InvoiceCause,
    InvoiceDocument,
    InvoiceExemption,
    InvoiceItem,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    LineKind,
    NumberSeries,
    NumberSeriesDocument,
    TaxAmount,
    TaxPart,
)
from app.models.billing.meters import Aggregation, Meter, MeterDocument, MeterState
from app.models.billing.payment_differences import (
    PaymentDifference,
    PaymentDifferenceDocument,
    PaymentDifferenceKind,
    PaymentDifferenceState,
)
from app.models.billing.payment_methods import PaymentMethod, PaymentMethodDocument, PaymentMethodState
from app.models.billing.payments import OPEN_PAYMENTS, Payment, PaymentDocument, PaymentState, PaymentWay
from app.models.billing.payout_accounts import PayoutAccount, PayoutAccountDocument, PayoutAccountState
from app.models.billing.plans import (
    Interval,
    MeteredComponent,
    Plan,
    PlanAllowance,
    PlanDocument,
    PlanState,
    Price,
    PriceDocument,
    PriceTier,
    PricingModel,
    Proration,
    Rate,
)
from app.models.billing.provider_events import ProviderEvent, ProviderEventDocument, ProviderEventState
from app.models.billing.refunds import Refund, RefundDocument, RefundState
from app.models.billing.remittances import Remittance, RemittanceDocument, RemittanceState
from app.models.billing.subscriptions import (
    ENTITLED,
    OPEN,
    Collection,
    Subscription,
    SubscriptionDocument,
    SubscriptionState,
)
from app.models.billing.tax_exemptions import TaxExemption, TaxExemptionDocument
from app.models.billing.tax_profiles import (
    OrganizationTaxProfile,
    OrganizationTaxProfileDocument,
    PersonTaxProfile,
    PersonTaxProfileDocument,
)
from app.models.billing.usage_events import UsageEvent, UsageEventDocument, UsageProperty
from app.models.billing.usage_windows import UsageAccount, UsageAccountDocument, UsageWindow, UsageWindowDocument
from app.models.identity import events as identity_events
from app.models.identity.consents import Consent, ConsentDocument
from app.models.identity.credentials import Credential, CredentialDocument
from app.models.identity.identities import Identity, IdentityDocument, IdentityProvider
from app.models.identity.keys import ApiKey, ApiKeyDocument, KeyState, KeyUse
from app.models.identity.legal_texts import LegalKind, LegalText, LegalTextDocument
from app.models.identity.passkeys import Passkey, PasskeyDocument
from app.models.identity.sessions import Session, SessionDocument
from app.models.identity.signing_keys import SigningKey, SigningKeyDocument
from app.models.identity.staff import DUTIES, Duty, StaffRole
from app.models.identity.tickets import Purpose, Ticket, TicketDocument, TicketTriesDocument
from app.models.identity.users import Erasure, User, UserDocument
from app.models.ledger import events as ledger_events
from app.models.ledger.accounts import LedgerAccount, LedgerAccountDocument
from app.models.ledger.commissions import (
    Commission,
    CommissionBasis,
    CommissionDocument,
    CommissionPlan,
    CommissionPlanDocument,
    CommissionReason,
    CommissionState,
    CommissionTerm,
    CommissionTier,
)
from app.models.ledger.earnings import Earning, EarningDocument, EarningState, HoldReason
from app.models.ledger.escrows import Escrow, EscrowDocument, EscrowState, Milestone
from app.models.ledger.flows import MoneyFlow, MoneyHeld, Stretch
from app.models.ledger.pay_rules import PayRules, PayRulesDocument
from app.models.ledger.payouts import (
    Payout,
    PayoutDocument,
    PayoutPlan,
    PayoutPlanDocument,
    PayoutSchedule,
    PayoutState,
    Purse,
)
from app.models.ledger.sales import Sale, SaleDocument, SaleRefund
from app.models.ledger.transfers import LedgerTransfer, LedgerTransferDocument
from app.models.live import events as live_events
from app.models.live.attendees import Answer, Attendee, AttendeeDocument
from app.models.live.calendar_events import (
    CalendarEvent,
    CalendarEventDocument,
    CalendarEventState,
    Frequency,
    Recurrence,
)
from app.models.live.calendar_feeds import CalendarFeed, CalendarFeedDocument
from app.models.media import events as media_events
from app.models.media.files import File, FileDocument, FileState
from app.models.messaging import events as messaging_events
from app.models.messaging.conversations import Conversation, ConversationDocument, ConversationKind
from app.models.messaging.messages import Attachment, Message, MessageDocument, Reaction
from app.models.messaging.participants import Participant, ParticipantDocument, ParticipantRole
from app.models.notifications import events as notifications_events
from app.models.notifications.addresses import NotificationAddress, NotificationAddressDocument
from app.models.notifications.campaigns import (
    Campaign,
    CampaignDocument,
    CampaignResults,
    CampaignState,
    SendingWindow,
)
from app.models.notifications.deliveries import (
    PLATFORM_ID,
    Channel,
    Delivery,
    DeliveryDocument,
    DeliveryPriority,
    DeliveryState,
)
from app.models.notifications.notifications import Notification, NotificationDocument, NotificationKind
from app.models.notifications.preferences import (
    Mode,
    NotificationDefaults,
    NotificationDefaultsDocument,
    NotificationPreferences,
    NotificationPreferencesDocument,
    QuietHours,
)
from app.models.notifications.suppressions import Suppression, SuppressionDocument, SuppressionReason
from app.models.notifications.templates import EmailTemplate, EmailTemplateDocument, TemplateState
from app.models.organizations import events as organizations_events
from app.models.organizations.affiliations import Affiliation, AffiliationDocument, AffiliationState
from app.models.organizations.invitations import Invitation, InvitationDocument, InvitationState
from app.models.organizations.memberships import (
    Membership,
    MembershipDocument,
    MembershipState,
    permissions_of,
)
from app.models.organizations.organizations import (
    Deletion,
    Feature,
    Organization,
    OrganizationDocument,
    OrganizationState,
    Suspension,
    Tier,
    is_suspended,
)
from app.models.organizations.ownership import OfferState, OwnershipOffer, OwnershipOfferDocument
from app.models.organizations.permissions import GRANTS, KEY_PERMISSIONS, WEBHOOK_PERMISSIONS, Permission, Role
from app.models.organizations.quotas import QuotaAccountDocument
from app.models.organizations.roles import CustomRole, CustomRoleDocument
from app.models.organizations.ties import Tie, TieDocument, TieKind
from app.models.platform import events as platform_events
from app.models.platform.jobs import Job, Progress
from app.models.platform.networks import PlatformNetworks, PlatformNetworksDocument
from app.models.platform.operations import TrustedOperation, TrustedOperationDocument
from app.models.platform.sagas import PastStep, Saga
from app.models.privacy import events as privacy_events
from app.models.privacy.exports import Export, ExportDocument, ExportKind, ExportPart, ExportPartDocument, ExportState
from app.models.webhooks import events as webhooks_events
from app.models.webhooks.deliveries import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryDocument,
    WebhookDeliveryState,
)
from app.models.webhooks.endpoints import (
    WebhookEndpoint,
    WebhookEndpointDocument,
    WebhookFault,
    WebhookState,
    WebhookType,
)

EVENTS = (
    audit_events,
    billing_events,
    payment_events,
    identity_events,
    media_events,
    ledger_events,
    metering_events,
    live_events,
    messaging_events,
    notifications_events,
    organizations_events,
    platform_events,
    privacy_events,
    webhooks_events,
)
"""What writes tell: a process knows all of it, or it takes an event for one of a newer release."""

DOCUMENTS: list[type[StoredDocument]] = [
    kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, StoredDocument) and kind is not StoredDocument
]
"""What Beanie keeps indexes for."""

TENANT_DOCUMENTS = [document for document in DOCUMENTS if issubclass(document, TenantRow)]
"""What goes with its organization."""

TENANT_COLLECTIONS = frozenset(document.collection for document in TENANT_DOCUMENTS)
"""Collections whose every command must name an organization."""

__all__ = [
    "DOCUMENTS", "DUTIES", "ENTITLED", "EVENTS", "GRANTS", "KEY_PERMISSIONS", "OPEN", "OPEN_PAYMENTS", "PLATFORM_ID",
    "TENANT_COLLECTIONS", "TENANT_DOCUMENTS", "WEBHOOK_PERMISSIONS", "Affiliation", "AffiliationDocument",
    "AffiliationState", "Aggregation", "Answer", "ApiKey", "ApiKeyDocument", "Attachment", "Attendee",
    "AttendeeDocument", "AuditChain", "AuditChainDocument", "AuditEntry", "AuditEntryDocument", "AuditHead",
    "AuditHeadDocument", "BillingCustomer", "BillingCustomerDocument", "Buyer", "CalendarEvent",
    "CalendarEventDocument", "CalendarEventState", "CalendarFeed", "CalendarFeedDocument", "Campaign",
    "CampaignDocument", "CampaignResults", "CampaignState", "Channel", "Collection", "Commission", "CommissionBasis",
    "CommissionDocument", "CommissionPlan", "CommissionPlanDocument", "CommissionReason", "CommissionState",
    "CommissionTerm", "CommissionTier", "Consent", "ConsentDocument", "Conversation", "ConversationDocument",
    "ConversationKind", "Credential", "CredentialDocument", "Credit", "CreditDocument", "CreditKind", "CreditNote",
    "CreditNoteDocument", "CreditNotePdf", "CreditNotePdfDocument", "CreditOffered", "CustomRole", "CustomRoleDocument",
    "CustomerKind", "Deletion", "Delivery", "DeliveryDocument", "DeliveryPriority", "DeliveryState", "Dispute",
    "DisputeDocument", "DisputeState", "Duty", "Earning", "EarningDocument", "EarningState", "EmailTemplate",
    "EmailTemplateDocument", "Entitlement", "EntitlementDocument", "EntitlementKind", "Erasure", "Escrow",
    "EscrowDocument", "EscrowState", "Export", "ExportDocument", "ExportKind", "ExportPart", "ExportPartDocument",
    "ExportState", "Feature", "File", "FileDocument", "FileState", "Frequency", "HoldReason", "Identity",
    "IdentityDocument", "IdentityProvider", "Interval", "Invitation", "InvitationDocument", "InvitationState",
    "Invoice", "InvoiceCause", "InvoiceDocument", "InvoiceExemption", "InvoiceItem", "InvoiceLine", "InvoicePdf",
    "InvoicePdfDocument", "InvoiceState", "InvoiceTax", "Job", "KeyState", "KeyUse", "LedgerAccount",
    "LedgerAccountDocument", "LedgerTransfer", "LedgerTransferDocument", "LegalKind", "LegalText", "LegalTextDocument",
    "LineKind", "Membership", "MembershipDocument", "MembershipState", "Message", "MessageDocument", "Meter",
    "MeterDocument", "MeterState", "MeteredComponent", "Milestone", "Mode", "MoneyFlow", "MoneyHeld", "Notification",
    "NotificationAddress", "NotificationAddressDocument", "NotificationDefaults", "NotificationDefaultsDocument",
    "NotificationDocument", "NotificationKind", "NotificationPreferences", "NotificationPreferencesDocument",
    "NumberSeries", "NumberSeriesDocument", "OfferState", "Organization", "OrganizationDocument", "OrganizationState",
    "OrganizationTaxProfile", "OrganizationTaxProfileDocument", "OwnershipOffer", "OwnershipOfferDocument",
    "Participant", "ParticipantDocument", "ParticipantRole", "Passkey", "PasskeyDocument", "PastStep", "PayRules",
    "PayRulesDocument", "Payment", "PaymentDifference", "PaymentDifferenceDocument", "PaymentDifferenceKind",
    "PaymentDifferenceState", "PaymentDocument", "PaymentMethod", "PaymentMethodDocument", "PaymentMethodState",
    "PaymentState", "PaymentWay", "Payout", "PayoutAccount", "PayoutAccountDocument", "PayoutAccountState",
    "PayoutDocument", "PayoutPlan", "PayoutPlanDocument", "PayoutSchedule", "PayoutState", "Permission",
    "PersonTaxProfile", "PersonTaxProfileDocument", "Plan", "PlanAllowance", "PlanDocument", "PlanState",
    "PlatformNetworks", "PlatformNetworksDocument", "Price", "PriceDocument", "PriceTier", "PricingModel", "Progress",
    "Proration", "Provider", "ProviderEvent", "ProviderEventDocument", "ProviderEventState", "Purpose", "Purse",
    "QuietHours", "QuotaAccountDocument", "Rate", "Reaction", "Recurrence", "Refund", "RefundDocument", "RefundState",
    "Remittance", "RemittanceDocument", "RemittanceState", "Renewal", "Role", "Saga", "Sale", "SaleDocument",
    "SaleRefund", "SendingWindow", "Session", "SessionDocument", "SigningKey", "SigningKeyDocument", "StaffRole",
    "StoredRow", "Stretch", "Subscription", "SubscriptionDocument", "SubscriptionState", "Suppression",
    "SuppressionDocument", "SuppressionReason", "Suspension", "TaxAmount", "TaxExemption", "TaxExemptionDocument",
    "TaxPart", "TemplateState", "TenantRow", "Ticket", "TicketDocument", "TicketTriesDocument", "Tie", "TieDocument",
    "TieKind", "Tier", "TrustedOperation", "TrustedOperationDocument", "UsageAccount", "UsageAccountDocument",
    "UsageEvent", "UsageEventDocument", "UsageProperty", "UsageWindow", "UsageWindowDocument", "User", "UserDocument",
    "WebhookAttempt", "WebhookDelivery", "WebhookDeliveryDocument", "WebhookDeliveryState", "WebhookEndpoint",
    "WebhookEndpointDocument", "WebhookFault", "WebhookState", "WebhookType", "is_suspended", "permissions_of",
]  # fmt: skip
