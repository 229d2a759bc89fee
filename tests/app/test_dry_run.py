"""AHD-3: a rehearsed mutation answers what it would, tells what would follow, and keeps nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.changes.envelope import unpack
from app.core.changes.idempotency import REQUESTS
from app.core.changes.scope import OUTBOX
from app.core.sagas import Saga
from app.models import DOCUMENTS, AuditChainDocument, AuditEntryDocument, AuditHeadDocument, TicketTriesDocument
from app.models.audit.events import DataDisclosed
from tests import documents
from tests.app.rest import rest
from tests.app.scenes import CALLS, Scene, scene
from tests.app.states import REFUSED
from tests.world import Person

APART = {TicketTriesDocument, AuditChainDocument, AuditEntryDocument, AuditHeadDocument}
"""A try at a code counts even if it is rehearsed: else the code could be guessed. The trail is a reader of the log."""
KEPT = sorted(
    {document.collection for document in DOCUMENTS if document not in APART} | {OUTBOX, REQUESTS, Saga.collection}
)
"""What a mutation may write."""

FOLLOWS = {
    "register": ["UserRegistered"],
    "signIn": ["SessionStarted"],
    "completeSignIn": ["RecoveryCodesChanged", "SessionStarted"],
    "beginStepUp": [],
    "stepUp": ["RecoveryCodesChanged"],
    "beginTotp": [],
    "confirmTotp": ["SecondFactorsChanged", "ProfileChanged", "RecoveryCodesChanged"],
    "removeTotp": ["SecondFactorsChanged", "ProfileChanged"],
    "renewRecoveryCodes": ["RecoveryCodesChanged"],
    "resetSecondFactors": ["SecondFactorsReset", "SecondFactorsChanged", "ProfileChanged", "SessionsEnded"],
    "beginPhone": ["TextAsked"],
    "confirmPhone": ["SecondFactorsChanged", "ProfileChanged"],
    "removePhone": ["SecondFactorsChanged", "ProfileChanged"],
    "sendText": ["TextAsked"],
    "verifyEmail": ["EmailVerified", "ProfileChanged"],
    "resendEmailVerification": ["EmailVerificationAsked"],
    "changeEmail": ["EmailChangeAsked"],
    "confirmEmailChange": ["EmailChanged", "ProfileChanged"],
    "requestPasswordReset": ["PasswordResetAsked"],
    "resetPassword": ["EmailVerified", "ProfileChanged", "PasswordChanged", "SessionsEnded"],
    "changePassword": ["PasswordChanged"],
    "refreshSession": [],
    "signOut": ["SessionEnded"],
    "impersonate": ["ImpersonationBegan"],
    "endImpersonation": ["SessionEnded"],
    "revokeSession": ["SessionEnded"],
    "revokeOtherSessions": ["SessionsEnded"],
    "beginPasskey": [],
    "addPasskey": ["PasskeyAdded"],
    "renamePasskey": [],
    "removePasskey": ["PasskeyRemoved"],
    "beginPasskeySignIn": [],
    "signInWithPasskey": ["SessionStarted"],
    "beginOAuth": [],
    "finishOAuth": ["UserRegistered", "IdentityLinked", "SessionStarted"],
    "signInWithFirebase": ["UserRegistered", "IdentityLinked", "SessionStarted"],
    "linkIdentity": ["IdentityLinked"],
    "unlinkIdentity": ["IdentityUnlinked"],
    "switchOrganization": [],
    "updateProfile": ["ProfileChanged"],
    "publishLegalText": ["LegalTextPublished"],
    "acceptLegalText": ["ConsentGiven"],
    "withdrawConsent": ["ConsentWithdrawn"],
    "createOrganization": ["OrganizationCreated", "MembershipChanged"],
    "updateOrganization": ["OrganizationChanged"],
    "deleteOrganization": ["SagaMoved", "OrganizationDeletionRequested"],
    "cancelOrganizationDeletion": [],
    "changeMemberRole": ["MembershipChanged"],
    "suspendMember": ["MembershipChanged"],
    "reinstateMember": ["MembershipChanged"],
    "removeMember": ["MembershipChanged"],
    "leaveOrganization": ["MembershipChanged"],
    "inviteMember": ["MemberInvited"],
    "retryDelivery": ["DeliveryAsked"],
    "suppressAddress": [],
    "liftSuppression": [],
    "saveEmailTemplate": [],
    "publishEmailTemplate": [],
    "retireEmailTemplate": [],
    "sendTestEmail": ["UrgentDeliveryAsked"],
    "createCampaign": ["CampaignMoved"],
    "scheduleCampaign": ["CampaignMoved", "CampaignBatchDue"],
    "pauseCampaign": ["CampaignMoved"],
    "cancelCampaign": ["CampaignMoved"],
    "revokeInvitation": ["InvitationChanged"],
    "acceptInvitation": ["InvitationChanged", "MembershipChanged"],
    "startConversation": ["ConversationStarted", "ParticipantJoined", "ParticipantJoined", "ParticipantJoined"],
    "updateConversation": ["ConversationChanged"],
    "addConversationMembers": ["ParticipantJoined"],
    "removeConversationMember": ["ParticipantLeft"],
    "setConversationPreferences": [],
    "markRead": ["ConversationRead"],
    "sendMessage": ["MessageSent"],
    "beginUpload": [],
    "completeUpload": [],
    "editMessage": ["MessageEdited"],
    "deleteMessage": ["MessageDeleted"],
    "addReaction": ["ReactionsChanged"],
    "removeReaction": ["ReactionsChanged"],
    "markNotificationsRead": ["NotificationsRead"],
    "archiveNotifications": ["NotificationsArchived"],
    "resumeSaga": ["SagaMoved", "StaffActed"],
    "cancelSaga": ["SagaMoved", "StaffActed"],
    "createApiKey": ["ApiKeyMade"],
    "rotateApiKey": ["ApiKeyRotated"],
    "revokeApiKey": ["ApiKeyChanged"],
    "createWebhookEndpoint": ["WebhookEndpointMade"],
    "updateWebhookEndpoint": ["WebhookEndpointChanged"],
    "rotateWebhookSecret": ["WebhookSecretRotated"],
    "resumeWebhookEndpoint": ["WebhookEndpointChanged", "WebhookWoken"],
    "removeWebhookEndpoint": ["WebhookEndpointRemoved"],
    "resendWebhook": [],
    "replayWebhooks": ["WebhookReplayAsked"],
    "followUser": ["Followed"],
    "unfollowUser": [],
    "blockUser": ["Blocked"],
    "unblockUser": [],
    "createRole": ["RoleCreated"],
    "updateRole": ["RoleChanged"],
    "removeRole": ["RoleRemoved"],
    "approveAffiliation": ["AffiliationMoved"],
    "rejectAffiliation": ["AffiliationMoved"],
    "endAffiliation": ["AffiliationMoved"],
    "withdrawOwnershipOffer": ["OwnershipOfferMoved"],
    "suspendOrganization": ["StaffActed", "OrganizationSuspended"],
    "setSeatLimit": ["StaffActed"],
    "setPlatformNetworkRules": ["StaffActed", "PlatformNetworksChanged"],
    "setNetworkRules": ["NetworkRulesChanged"],
    "changeOrganizationTier": ["OrganizationTierChanged", "StaffActed"],
    "exportMyData": ["ExportRequested"],
    "exportAuditEntries": ["ExportRequested"],
    "updateNotificationPreferences": ["NotificationPreferencesChanged"],
    "updateNotificationDefaults": ["NotificationDefaultsChanged"],
    "choosePayout": [],
    "cancelPayout": ["PayoutMoved", "Transferred"],
    "topUpWallet": ["PaymentMoved"],
    "payForEscrow": ["PaymentMoved"],
    "updatePayRules": ["PayRulesChanged"],
    "openWallet": [],
    "payFromWallet": ["Transferred"],
    "openEscrow": ["EscrowMoved"],
    "fundEscrow": ["EscrowMoved", "Transferred"],
    "closeEscrow": ["EscrowMoved"],
    "beginEscrow": ["EscrowMoved"],
    "submitEscrow": ["EscrowMoved"],
    "askForEscrowChanges": ["EscrowMoved"],
    "refundEscrow": ["EscrowMoved", "Transferred"],
    "disputeEscrow": ["EscrowMoved"],
    "releaseEscrow": ["EscrowMoved", "Transferred"],
    "ruleOnEscrow": ["EscrowMoved", "Transferred"],
    "recordSale": [],
    "recordOrderRefund": [],
    "createCommissionPlan": [],
    "retireCommissionPlan": [],
    "recordReferral": ["CommissionMoved", "Transferred"],
    "approveCommission": ["CommissionMoved"],
    "rejectCommission": ["CommissionMoved", "Transferred"],
    "scheduleCalendarEvent": ["CalendarEventScheduled"],
    "cancelCalendarEvent": ["CalendarEventCancelled"],
    "answerCalendarEvent": ["Answered"],
    "renewCalendarFeed": [],
    "createMeter": ["MeterCreated"],
    "archiveMeter": ["MeterArchived"],
    "recordUsage": ["UsageRecorded"],
    "grantEntitlement": ["EntitlementGranted"],
    "endEntitlement": ["EntitlementEnded"],
    "reserveUsage": [],
    "settleUsage": ["UsageRecorded"],
    "releaseUsage": [],
    "grantTaxExemption": ["TaxExemptionGranted"],
    "endTaxExemption": ["TaxExemptionEnded"],
    "grantPlatformTaxExemption": ["TaxExemptionGranted"],
    "endPlatformTaxExemption": ["TaxExemptionEnded"],
    "setTaxProfile": ["PersonTaxProfileChanged"],
    "setOrganizationTaxProfile": ["OrganizationTaxProfileChanged"],
    "addAppAddress": ["NotificationAddressAdded"],
    "addBrowserAddress": ["NotificationAddressAdded"],
    "addChatAddress": ["NotificationAddressAdded"],
    "removeNotificationAddress": ["NotificationAddressRemoved"],
    "createExportLink": [],
    "requestErasure": ["SagaMoved", "ErasureRequested"],
    "cancelErasure": [],
    "retryJob": ["StaffActed"],
    "cancelJob": ["StaffActed"],
    "dropJob": ["StaffActed"],
    "retryDeadJobs": ["StaffActed"],
    "dropDeadJobs": ["StaffActed"],
    "pauseQueue": ["StaffActed"],
    "resumeQueue": ["StaffActed"],
    "pauseSchedule": ["StaffActed"],
    "resumeSchedule": ["StaffActed"],
    "runSchedule": ["StaffActed"],
    "pauseConsumer": ["StaffActed"],
    "resumeConsumer": ["StaffActed"],
    "createPlan": ["PlanChanged"],
    "createPlatformPlan": ["PlanChanged"],
    "updatePlan": ["PlanChanged"],
    "archivePlan": ["PlanChanged"],
    "setPlanPrice": ["PlanChanged"],
    "setPlatformPlanPrice": ["PlanChanged"],
    "subscribe": ["SubscriptionChanged", "Transferred", "InvoiceIssued"],
    "changeSubscription": ["SubscriptionChanged", "Transferred", "InvoiceIssued", "CollectionDue"],
    "pauseSubscription": ["SubscriptionChanged"],
    "resumeSubscription": ["SubscriptionChanged"],
    "renewSubscription": ["SubscriptionChanged", "Transferred", "InvoiceIssued", "CollectionDue"],
    "cancelSubscription": ["SubscriptionChanged"],
    "keepSubscription": ["SubscriptionChanged"],
    "issueInvoice": ["Transferred", "InvoiceIssued"],
    "voidInvoice": ["InvoiceVoided"],
    "createCreditNote": ["Transferred", "CreditNoteIssued"],
    "payInvoice": ["PaymentMoved"],
    "recordInvoicePayment": ["PaymentSucceeded", "Transferred"],
    "grantCredit": ["CreditGranted"],
    "requestPayment": ["PaymentMoved"],
    "beginCheckout": [],
    "cancelPayment": ["PaymentMoved"],
    "extendAllowance": ["AllowanceExtended"],
    "seeToPaymentDifference": ["PaymentDifferenceSeenTo"],
    "refundPayment": ["Transferred", "PaymentRefunded"],
    "recordPayment": ["PaymentSucceeded", "Transferred"],
    "beginPaymentSetup": [],
    "setDefaultPaymentMethod": ["PaymentMethodsChanged"],
    "removePaymentMethod": ["PaymentMethodsChanged", "PaymentMethodRemovalAsked"],
    "openBillingPortal": [],
    "beginPayoutOnboarding": [],
    "choosePayoutDestination": [],
    "setPresence": [],
    "setTyping": [],
}
MUTATIONS = [name for name, kind in documents.KINDS.items() if kind == "mutation"]


@pytest.fixture(scope="module")
async def stage(people: list[Person], store: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Scene]:
    """A scene in which nothing is left to do."""
    made = await scene(people)
    await rest(store, made)
    yield made


@pytest.mark.parametrize("name", MUTATIONS)
async def test_nothing_is_kept(stage: Scene, store: AsyncDatabase[dict[str, Any]], name: str) -> None:
    text, variables = documents.operation(name, CALLS[name](stage), directive="@dryRun", depth=3)
    before = await _digest(store)
    answer = await stage.caller(name).answer(text, **variables)
    assert await _digest(store) == before
    assert "errors" not in answer, answer
    assert answer["data"]["a0"].get("code") == REFUSED.get(name), answer
    if name in REFUSED:
        return
    told = [event["type"] for event in answer["extensions"]["dryRun"]["a0"]["events"]]
    assert told == (FOLLOWS[name] if stage.caller(name).token else [])


async def test_a_refusal_is_rehearsed_too(stage: Scene) -> None:
    given = {"input": {"conversationId": f"Conversation_{0:024}", "text": "Hello"}}
    text, variables = documents.operation("sendMessage", given, directive="@dryRun")
    assert (await stage.owner.ask(text, **variables))["a0"]["code"] == "NOT_FOUND"


async def test_the_tokens_of_a_rehearsed_sign_in_are_worth_nothing(stage: Scene) -> None:
    text, variables = documents.operation("signIn", CALLS["signIn"](stage), directive="@dryRun")
    signed_in = (await stage.owner.ask(text, **variables))["a0"]
    thief = Person(stage.owner.world, "Thief", "", token=signed_in["accessToken"])
    assert await thief.refused("me") == "UNAUTHENTICATED"
    thief.token = ""
    refused = await thief.call("refreshSession", input={"refreshToken": signed_in["refreshToken"]})
    assert refused["code"] == "SESSION_OVER"


async def _digest(store: AsyncDatabase[dict[str, Any]]) -> dict[str, Any]:
    """MongoDB's own digest of every collection that a mutation may write, and what was told.

    That the answer of a rehearsal shows an address is true, and told.
    """
    digests: dict[str, Any] = (await store.command({"dbHash": 1, "collections": KEPT}))["collections"]
    told = [event["t"] async for row in store["outbox"].find().sort("_id", 1) for event in unpack(row["_events"])]
    digests["outbox"] = [type for type in told if type != DataDisclosed.type()]
    return digests
