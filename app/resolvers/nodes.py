from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry
from bson import ObjectId

from app.core.actor import Actor
from app.core.commands import open_id
from app.core.errors import NotFound
from app.models import Duty, Permission
from app.schema.audit.entries import AuditEntry
from app.schema.billing.disputes import Dispute
from app.schema.billing.entitlements import Entitlement
from app.schema.billing.invoices import Credit, CreditNote, Invoice
from app.schema.billing.meters import Meter
from app.schema.billing.payment_differences import PaymentDifference
from app.schema.billing.payment_methods import PaymentMethod
from app.schema.billing.payments import Payment
from app.schema.billing.payout_accounts import PayoutAccount
from app.schema.billing.plans import Plan, Price
from app.schema.billing.refunds import Refund
from app.schema.billing.subscriptions import PlanSubscription
from app.schema.billing.tax_exemptions import TaxExemption
from app.schema.billing.usage import UsageEvent
from app.schema.identity.consents import Consent
from app.schema.identity.identities import Identity
from app.schema.identity.keys import ApiKey
from app.schema.identity.passkeys import Passkey
from app.schema.identity.sessions import Session
from app.schema.identity.users import User
from app.schema.kit.audiences import Audience, known, member, needs, signed_in, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import query
from app.schema.kit.nodes import Node
from app.schema.ledger.accounts import LedgerAccount
from app.schema.ledger.commissions import Commission, CommissionPlan
from app.schema.ledger.earnings import Earning
from app.schema.ledger.escrows import Escrow
from app.schema.ledger.payouts import Payout
from app.schema.ledger.transfers import LedgerTransfer
from app.schema.live.calendar_events import Attendee, CalendarEvent
from app.schema.media.files import File
from app.schema.messaging.conversations import Conversation
from app.schema.messaging.messages import Message
from app.schema.notifications.addresses import NotificationAddress
from app.schema.notifications.campaigns import Campaign
from app.schema.notifications.deliveries import Delivery, Suppression
from app.schema.notifications.notifications import Notification
from app.schema.notifications.templates import EmailTemplate
from app.schema.organizations.affiliations import Affiliation
from app.schema.organizations.invitations import Invitation
from app.schema.organizations.members import Member
from app.schema.organizations.organizations import Organization
from app.schema.organizations.ownership import OwnershipOffer
from app.schema.organizations.roles import CustomRole
from app.schema.organizations.ties import Tie
from app.schema.platform.jobs import Job
from app.schema.platform.sagas import Saga
from app.schema.privacy.exports import DataExport
from app.schema.webhooks.deliveries import WebhookDelivery
from app.schema.webhooks.endpoints import WebhookEndpoint
from app.services.audit import entries
from app.services.billing.invoicing import credits, invoices, notes, tax_exemptions
from app.services.billing.metering import entitlements, meters, usage
from app.services.billing.paying import differences, disputes, payment_methods, payments, payout_accounts, refunds
from app.services.billing.selling import plans
from app.services.billing.subscribing import subscriptions
from app.services.identity import consents, identities, keys, passkeys, sessions, users
from app.services.ledger import accounts as ledger_accounts
from app.services.ledger import commission_plans, commissions, earnings, escrows, payouts
from app.services.ledger import transfers as ledger_transfers
from app.services.live import attendees, calendar_events
from app.services.media import files
from app.services.messaging import conversations, messages
from app.services.notifications import addresses, campaigns, deliveries, notifications, suppressions, templates
from app.services.organizations import affiliations, invitations, members, organizations, ownership, roles, ties
from app.services.platform import jobs, sagas
from app.services.privacy import exports
from app.services.webhooks import deliveries as webhook_deliveries
from app.services.webhooks import endpoints as webhook_endpoints

Find = Callable[[Actor, ObjectId], Awaitable[Any]]

NODES: Mapping[type[Node], tuple[Audience, Find]] = {
    User: (member(on_behalf=True), users.find),
    Organization: (known(on_behalf=True), organizations.find),
    CustomRole: (needs(Permission.MEMBERS_READ, on_behalf=True), roles.find),
    OwnershipOffer: (member(), ownership.find),
    Affiliation: (signed_in(), affiliations.find),
    Tie: (needs(Permission.MEMBERS_READ), ties.find),
    Session: (signed_in(), sessions.find),
    Passkey: (signed_in(), passkeys.find),
    Identity: (signed_in(), identities.find),
    Consent: (signed_in(), consents.find),
    Member: (needs(Permission.MEMBERS_READ, on_behalf=True), members.by_id),
    ApiKey: (needs(Permission.KEYS_MANAGE), keys.find),
    Invitation: (needs(Permission.MEMBERS_INVITE), invitations.find),
    Conversation: (needs(Permission.CONVERSATIONS_READ), conversations.find),
    Message: (needs(Permission.CONVERSATIONS_READ), messages.find),
    File: (needs(Permission.MESSAGES_SEND), files.find),
    CalendarEvent: (member(), calendar_events.find),
    Attendee: (member(), attendees.find),
    Meter: (needs(Permission.BILLING_READ), meters.find),
    UsageEvent: (needs(Permission.BILLING_READ), usage.find),
    Entitlement: (needs(Permission.BILLING_READ), entitlements.find),
    TaxExemption: (needs(Permission.BILLING_READ), tax_exemptions.find),
    NotificationAddress: (signed_in(), addresses.find),
    Notification: (member(), notifications.find),
    Delivery: (needs(Permission.CAMPAIGNS_MANAGE), deliveries.find),
    Suppression: (needs(Permission.CAMPAIGNS_MANAGE), suppressions.find),
    EmailTemplate: (needs(Permission.CAMPAIGNS_MANAGE), templates.find),
    Campaign: (needs(Permission.CAMPAIGNS_MANAGE), campaigns.find),
    Plan: (signed_in(), plans.find),
    Price: (signed_in(), plans.find_price),
    PlanSubscription: (signed_in(), subscriptions.find),
    Invoice: (signed_in(), invoices.find),
    CreditNote: (signed_in(), notes.find),
    Credit: (needs(Permission.BILLING_MANAGE), credits.find),
    Payment: (member(), payments.find),
    PaymentMethod: (member(), payment_methods.find),
    PayoutAccount: (member(), payout_accounts.find),
    Refund: (needs(Permission.BILLING_READ), refunds.find),
    Dispute: (needs(Permission.BILLING_READ), disputes.find),
    PaymentDifference: (staff(Duty.MONEY_READ), differences.find),
    DataExport: (signed_in(), exports.find),
    AuditEntry: (needs(Permission.AUDIT_READ), entries.find),
    LedgerAccount: (needs(Permission.LEDGER_READ), ledger_accounts.find),
    LedgerTransfer: (needs(Permission.LEDGER_READ), ledger_transfers.find),
    Escrow: (member(), escrows.find),
    Earning: (member(), earnings.find),
    CommissionPlan: (member(), commission_plans.find),
    Commission: (member(), commissions.find),
    Payout: (member(), payouts.find),
    WebhookEndpoint: (needs(Permission.WEBHOOKS_MANAGE), webhook_endpoints.find),
    WebhookDelivery: (needs(Permission.WEBHOOKS_MANAGE), webhook_deliveries.find),
    Job: (staff(Duty.OPERATIONS_READ), jobs.find),
    Saga: (staff(Duty.OPERATIONS_READ), sagas.find),
}
"""Who may look up what by its id alone, and how."""

_BY_NAME = {kind.__name__: (kind, *how) for kind, how in NODES.items()}


async def seen(actor: Actor, id: str) -> tuple[type[Node], Any] | None:
    """A thing by its id, and its type; None for what one may not see. Raises what its audience does."""
    known = _BY_NAME.get(id.partition("_")[0])
    if known is None:
        return None
    kind, audience, find = known
    audience.check(actor)
    try:
        row = await find(actor, open_id(id, kind.__name__))
    except NotFound:
        return None
    return None if row is None else (kind, row)


@strawberry.type
class Query:
    @query(Node | None, known(on_behalf=True))
    async def node(self, info: Info, id: strawberry.ID) -> Any:
        """A thing by its id, whatever its type; null for what one may not see."""
        found = await seen(info.context.actor, id)
        return None if found is None else found[1]
