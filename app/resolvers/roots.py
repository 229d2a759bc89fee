"""The schema: every domain's verbs under the three roots."""

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from app.resolvers import nodes
from app.resolvers.audit import entries as audit_entries
from app.resolvers.billing import (
    entitlements,
    invoice_payments,
    invoices,
    meters,
    payment_methods,
    payments,
    plans,
    tax_exemptions,
    tax_profiles,
    usage,
)
from app.resolvers.billing import subscriptions as plan_subscriptions
from app.resolvers.identity import (
    addresses,
    challenges,
    consents,
    credentials,
    identities,
    impersonations,
    keys,
    legal_texts,
    passkeys,
    second_factors,
    sessions,
    users,
    ways,
)
from app.resolvers.ledger import accounts as ledger_accounts
from app.resolvers.ledger import commissions, earnings, escrows, flows, pay_rules, payouts, wallets
from app.resolvers.ledger import transfers as ledger_transfers
from app.resolvers.live import calendar_events
from app.resolvers.media import files
from app.resolvers.messaging import conversations, feeds, messages, presence
from app.resolvers.notifications import addresses as notification_addresses
from app.resolvers.notifications import campaigns, deliveries, notifications, preferences, templates
from app.resolvers.organizations import (
    access,
    affiliations,
    invitations,
    members,
    organizations,
    ownership,
    roles,
    ties,
)
from app.resolvers.platform import consumers, jobs, languages, queues, sagas, schedules, tiers
from app.resolvers.platform import deliveries as platform_deliveries
from app.resolvers.platform import networks as platform_networks
from app.resolvers.platform import organizations as all_organizations
from app.resolvers.privacy import exports
from app.resolvers.webhooks import deliveries as webhook_deliveries
from app.resolvers.webhooks import endpoints as webhook_endpoints
from app.schema.billing.events import EVENTS as PAYMENT_EVENTS
from app.schema.billing.subscriptions import EVENTS as SUBSCRIPTION_EVENTS
from app.schema.kit.attempts import dry_run
from app.schema.kit.money import MINOR
from app.schema.kit.settling import settled
from app.schema.messaging.events import EVENTS as CONVERSATION_EVENTS
from app.schema.notifications.campaigns import EVENTS as CAMPAIGN_EVENTS
from app.schema.notifications.events import EVENTS as NOTIFICATION_EVENTS
from app.schema.platform.consumers import POSITIONS
from app.schema.webhooks.events import EVENTS as WEBHOOK_EVENTS

Query = merge_types(
    "Query",
    (
        nodes.Query,
        access.Query,
        users.Query,
        keys.Query,
        ties.Query,
        sessions.Query,
        roles.Query,
        affiliations.Query,
        ways.Query,
        legal_texts.Query,
        consents.Query,
        ownership.Query,
        all_organizations.Query,
        platform_networks.Query,
        organizations.Query,
        tiers.Query,
        members.Query,
        invitations.Query,
        files.Query,
        conversations.Query,
        messages.Query,
        calendar_events.Query,
        plans.Query,
        plan_subscriptions.Query,
        invoices.Query,
        ledger_accounts.Query,
        ledger_transfers.Query,
        flows.Query,
        pay_rules.Query,
        wallets.Query,
        escrows.Query,
        earnings.Query,
        commissions.Query,
        meters.Query,
        usage.Query,
        entitlements.Query,
        tax_exemptions.Query,
        tax_profiles.Query,
        payouts.Query,
        notifications.Query,
        deliveries.Query,
        platform_deliveries.Query,
        templates.Query,
        campaigns.Query,
        preferences.Query,
        notification_addresses.Query,
        jobs.Query,
        queues.Query,
        schedules.Query,
        consumers.Query,
        sagas.Query,
        languages.Query,
        audit_entries.Query,
        exports.Query,
        payments.Query,
        payment_methods.Query,
        webhook_endpoints.Query,
        webhook_deliveries.Query,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        sessions.Mutation,
        impersonations.Mutation,
        passkeys.Mutation,
        addresses.Mutation,
        credentials.Mutation,
        identities.Mutation,
        challenges.Mutation,
        legal_texts.Mutation,
        consents.Mutation,
        second_factors.Mutation,
        users.Mutation,
        keys.Mutation,
        ties.Mutation,
        roles.Mutation,
        affiliations.Mutation,
        ownership.Mutation,
        all_organizations.Mutation,
        platform_networks.Mutation,
        organizations.Mutation,
        tiers.Mutation,
        members.Mutation,
        invitations.Mutation,
        files.Mutation,
        conversations.Mutation,
        messages.Mutation,
        presence.Mutation,
        calendar_events.Mutation,
        plans.Mutation,
        plan_subscriptions.Mutation,
        invoices.Mutation,
        invoice_payments.Mutation,
        pay_rules.Mutation,
        wallets.Mutation,
        escrows.Mutation,
        earnings.Mutation,
        commissions.Mutation,
        meters.Mutation,
        usage.Mutation,
        entitlements.Mutation,
        tax_exemptions.Mutation,
        tax_profiles.Mutation,
        payouts.Mutation,
        notifications.Mutation,
        deliveries.Mutation,
        templates.Mutation,
        campaigns.Mutation,
        preferences.Mutation,
        notification_addresses.Mutation,
        jobs.Mutation,
        queues.Mutation,
        schedules.Mutation,
        consumers.Mutation,
        sagas.Mutation,
        exports.Mutation,
        payments.Mutation,
        payment_methods.Mutation,
        webhook_endpoints.Mutation,
        webhook_deliveries.Mutation,
    ),
)
Subscription = merge_types(
    "Subscription",
    (
        feeds.Subscription,
        wallets.Subscription,
        presence.Subscription,
        notifications.Subscription,
        campaigns.Subscription,
        plan_subscriptions.Subscription,
        payments.Subscription,
        jobs.Subscription,
        queues.Subscription,
    ),
)

schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[
        *CONVERSATION_EVENTS,
        *NOTIFICATION_EVENTS,
        *CAMPAIGN_EVENTS,
        *PAYMENT_EVENTS,
        *SUBSCRIPTION_EVENTS,
        *WEBHOOK_EVENTS,
    ],
    directives=[dry_run, settled],
    config=StrawberryConfig(
        relay_max_results=100,
        scalar_map={**POSITIONS, **MINOR},
        enable_experimental_incremental_execution=True,  # declares @defer and @stream
    ),
)
