"""AHD-3: a rehearsed mutation answers what it would, tells what would follow, and keeps nothing."""

from collections.abc import AsyncIterator
from typing import Any

import bson
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.changes.idempotency import REQUESTS
from app.core.changes.scope import OUTBOX
from app.core.sagas import Saga
from app.models import DOCUMENTS
from tests import documents
from tests.app.scenes import CALLS, Scene, scene
from tests.world import Person, until

KEPT = sorted({document.collection for document in DOCUMENTS} | {OUTBOX, REQUESTS, Saga.collection})
"""The collections that a mutation may write."""

FOLLOWS = {
    "register": ["UserRegistered"],
    "signIn": ["SessionStarted"],
    "refreshSession": [],
    "signOut": ["SessionEnded"],
    "switchOrganization": [],
    "updateProfile": ["ProfileChanged"],
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
    "revokeInvitation": ["InvitationChanged"],
    "acceptInvitation": ["InvitationChanged", "MembershipChanged"],
    "startConversation": ["ConversationStarted", "ParticipantJoined", "ParticipantJoined", "ParticipantJoined"],
    "updateConversation": ["ConversationChanged"],
    "addConversationMembers": ["ParticipantJoined"],
    "removeConversationMember": ["ParticipantLeft"],
    "setConversationPreferences": [],
    "markRead": ["ConversationRead"],
    "sendMessage": ["MessageSent"],
    "editMessage": ["MessageEdited"],
    "deleteMessage": ["MessageDeleted"],
    "addReaction": ["ReactionsChanged"],
    "removeReaction": ["ReactionsChanged"],
    "markNotificationsRead": ["NotificationsRead"],
    "archiveNotifications": ["NotificationsArchived"],
    "resumeSaga": ["SagaMoved", "StaffActed"],
    "cancelSaga": ["SagaMoved", "StaffActed"],
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
    "setPresence": [],
    "setTyping": [],
}
MUTATIONS = [name for name, kind in documents.KINDS.items() if kind == "mutation"]


@pytest.fixture(scope="module")
async def stage(people: list[Person], store: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Scene]:
    """A scene in which nothing is left to do."""
    made = await scene(people)
    await until(lambda: _settled(store, made))
    yield made


@pytest.mark.parametrize("name", MUTATIONS)
async def test_nothing_is_kept(stage: Scene, store: AsyncDatabase[dict[str, Any]], name: str) -> None:
    text, variables = documents.operation(name, CALLS[name](stage), directive="@dryRun", depth=3)
    before = await _digest(store)
    answer = await stage.caller(name).answer(text, **variables)
    assert await _digest(store) == before
    assert "errors" not in answer, answer
    assert "code" not in answer["data"]["a0"], answer
    told = [event["type"] for event in answer["extensions"]["dryRun"]["a0"]["events"]]
    assert told == FOLLOWS[name]


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


async def _digest(store: AsyncDatabase[dict[str, Any]]) -> dict[str, str]:
    """MongoDB's own digest of every collection that a mutation may write."""
    digests: dict[str, str] = (await store.command({"dbHash": 1, "collections": KEPT}))["collections"]
    return digests


async def _settled(store: AsyncDatabase[dict[str, Any]], made: Scene) -> bool:
    """Whether the worker has noted the newest message in its conversation."""
    group = bson.ObjectId(made.group.partition("_")[2])
    inside = {"organization_id": bson.ObjectId(made.organization.partition("_")[2])}
    newest = await store["messages"].find_one({**inside, "conversation_id": group}, sort=[("_id", -1)])
    conversation = await store["conversations"].find_one({**inside, "_id": group})
    noted = newest and conversation and conversation["last_message_id"] == newest["_id"]
    told = await store["notifications"].distinct("kind", inside)
    return bool(noted and {"mention", "reply"} <= set(told))
