"""An organization in which everything is there that a call can name, and one call of every root field about it."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bson import ObjectId

from app.core.clock import new_id, now
from app.core.sagas import Past, Saga, SagaState
from tests import documents
from tests.world import PASSWORD, Person, invitation_token, organization, until

Arguments = dict[str, Any]
ID = re.compile("[A-Z][A-Za-z]+_[0-9a-f]{24}")
REACTION = "👍"


@dataclass(frozen=True)
class Scene:
    """Ids as clients hold them. The owner has written `message` in `group`, where the two owners are."""

    owner: Person
    text: str
    """What every message says, and every title."""
    organization: str
    slug: str
    membership: str
    second_owner: str
    guest: str
    suspended: str
    group: str
    message: str
    invitation: str
    notification: str
    """Of the owner: the second owner has answered them."""
    email: str
    refresh_token: str
    token: str
    """An invitation of the owner to another organization."""
    job: str
    """Dead, and for the organization."""
    waiting_job: str
    saga: str
    """Stuck, and for the organization."""
    waiting_saga: str

    @property
    def ids(self) -> dict[str, str]:
        """By what they are of in the scene."""
        return {name: value for name, value in vars(self).items() if isinstance(value, str) and ID.fullmatch(value)}

    def caller(self, name: str) -> Person:
        """Who can ask a root field: the owner, or somebody on the staff."""
        staff = self.owner.world.staff
        assert staff
        return staff if documents.audience(name) == "staff" else self.owner


async def scene(people: list[Person], text: str = "Hello") -> Scene:
    """Of an owner, a second owner, a guest and somebody suspended; `text` is in everything that can be read."""
    owner, second, guest, suspended = people = [replace(person) for person in people]
    await organization(second, name=text)
    invited = await second.call("inviteMember", input={"email": owner.email})
    id = await organization(*people, name=text)
    await owner.call("changeMemberRole", input={"userId": second.id, "role": "OWNER"})
    await owner.call("changeMemberRole", input={"userId": guest.id, "role": "GUEST"})
    await owner.call("suspendMember", input={"userId": suspended.id})
    group = await owner.start(second, title=text)
    attachment = {"url": "https://example.com/a", "name": text, "mediaType": "text/plain", "size": 1}
    message = await owner.send(group, text, attachments=[attachment], mentionIds=[second.id])
    await owner.send(group, text, replyToId=message["id"])
    await second.send(group, text, replyToId=message["id"])
    await owner.call("addReaction", input={"messageId": message["id"], "emoji": REACTION})
    email = f"{secrets.token_hex(4)}@example.com"
    invitation = await owner.call("inviteMember", input={"email": email})
    session = await owner.again()
    notification = await until(lambda: _told(owner, "REPLY"))
    return Scene(
        owner=owner,
        text=text,
        organization=id,
        slug=(await owner.call("organization"))["slug"],
        membership=(await second.call("myMembership"))["id"],
        second_owner=second.id,
        guest=guest.id,
        suspended=suspended.id,
        group=group,
        message=message["id"],
        invitation=invitation["id"],
        notification=notification,
        email=email,
        refresh_token=session.refresh_token,
        token=invitation_token(invited["id"]),
        job=await stored_job(owner, "dead", last_error="RuntimeError('on purpose')"),
        waiting_job=await stored_job(owner, "waiting", due=now() + timedelta(days=1)),
        saga=await stored_saga(owner, SagaState.STUCK, error="RuntimeError('on purpose')"),
        waiting_saga=await stored_saga(owner, SagaState.RUNNING, due=now() + timedelta(days=1)),
    )


async def stored_job(person: Person, state: str, **columns: Any) -> str:
    """The id of a job for the person's organization, of a type that no worker knows."""
    assert person.world.store is not None
    row = {
        "_id": new_id(),
        "type": "unheard_of.1",
        "key": "",
        "queue": "slow",
        "priority": 1,
        "organization_id": ObjectId(person.organization.partition("_")[2]),
        "event": {"e": new_id(), "t": "Unheard.1", "o": None, "a": "system", "d": {"person": new_id(), "word": "said"}},
        "state": state,
        "attempt": 8,
        "attempts": 8,
        "created_at": now(),
        **columns,
    }
    await person.world.store["jobs"].insert_one(row)
    return f"Job_{row['_id']}"


async def stored_saga(person: Person, state: SagaState, **columns: Any) -> str:
    """The id of a saga for the person's organization, of a kind that no worker knows."""
    assert person.world.store is not None
    columns = {"due": None, **columns}
    organization_id = ObjectId(person.organization.partition("_")[2])
    past = Past("unheard", False, now(), now(), 1, "RuntimeError('on purpose')")
    saga = Saga(
        kind="unheard_of", version=1, organization_id=organization_id, started_by="system", state=state,
        step="unheard", data={}, history=[past], **columns,
    )  # fmt: skip
    await person.world.store["sagas"].insert_one(saga.encode())
    return f"Saga_{saga.id}"


async def _told(person: Person, kind: str) -> str | None:
    """The id of a notification of this kind, as soon as there is one."""
    found = (await person.call("notifications"))["nodes"]
    return next((one["id"] for one in found if one["kind"] == kind), None)


def _nothing(_: Scene) -> Arguments:
    return {}


def _page(_: Scene) -> Arguments:
    return {"first": 3}


def _input(**makes: Callable[[Scene], Any]) -> Callable[[Scene], Arguments]:
    return lambda scene: {"input": {name: make(scene) for name, make in makes.items()}}


def _new_address(_: Scene) -> str:
    return f"{secrets.token_hex(6)}@example.com"


CALLS: Mapping[str, Callable[[Scene], Arguments]] = {
    "node": lambda s: {"id": s.message},
    "me": _nothing,
    "user": lambda s: {"id": s.second_owner},
    "users": _page,
    "organization": _nothing,
    "myOrganizations": _nothing,
    "members": _page,
    "myMembership": _nothing,
    "invitations": _page,
    "conversations": lambda s: {"first": 3, "filter": {"createdById": {"in": [s.second_owner, s.owner.id]}}},
    "conversation": lambda s: {"id": s.group},
    "message": lambda s: {"id": s.message},
    "searchMessages": lambda s: {"first": 3, "input": {"text": s.text, "conversationId": s.group}},
    "notifications": _page,
    "unreadNotificationCount": _nothing,
    "notificationCursor": _nothing,
    "jobs": lambda s: {"first": 3, "filter": {"organizationId": {"eq": s.organization}, "state": {"in": ["DEAD"]}}},
    "job": lambda s: {"id": s.job},
    "queues": _nothing,
    "schedules": _nothing,
    "consumers": _nothing,
    "changeLog": _nothing,
    "register": _input(email=_new_address, password=lambda _: PASSWORD, name=lambda _: "New"),
    "signIn": _input(email=lambda s: s.owner.email, password=lambda _: PASSWORD),
    "refreshSession": _input(refreshToken=lambda s: s.refresh_token),
    "signOut": _nothing,
    "switchOrganization": _input(organizationId=lambda s: s.organization),
    "updateProfile": _input(name=lambda s: s.owner.name, showsPresence=lambda _: True),
    "createOrganization": _input(name=lambda _: "New", slug=lambda _: f"new-{secrets.token_hex(6)}"),
    "updateOrganization": _input(name=lambda _: "New"),
    "deleteOrganization": _input(slug=lambda s: s.slug, reason=lambda _: "We are done."),
    "cancelOrganizationDeletion": _nothing,
    "changeMemberRole": _input(userId=lambda s: s.second_owner, role=lambda _: "ADMIN"),
    "suspendMember": _input(userId=lambda s: s.second_owner),
    "reinstateMember": _input(userId=lambda s: s.suspended),
    "removeMember": _input(userId=lambda s: s.second_owner),
    "leaveOrganization": _nothing,
    "inviteMember": _input(email=_new_address, role=lambda _: "MEMBER"),
    "revokeInvitation": _input(invitationId=lambda s: s.invitation),
    "acceptInvitation": _input(token=lambda s: s.token),
    "startConversation": _input(memberIds=lambda s: [s.second_owner, s.guest], title=lambda _: "New"),
    "updateConversation": _input(conversationId=lambda s: s.group, title=lambda _: "New"),
    "addConversationMembers": _input(conversationId=lambda s: s.group, memberIds=lambda s: [s.guest]),
    "removeConversationMember": _input(conversationId=lambda s: s.group, userId=lambda s: s.second_owner),
    "setConversationPreferences": _input(
        conversationId=lambda s: s.group, muted=lambda _: True, archived=lambda _: True
    ),
    "markRead": _input(conversationId=lambda s: s.group, messageId=lambda s: s.message),
    "sendMessage": _input(
        conversationId=lambda s: s.group,
        text=lambda _: "New",
        replyToId=lambda s: s.message,
        mentionIds=lambda s: [s.second_owner],
        clientMessageId=lambda _: secrets.token_hex(8),
        attachments=lambda _: [{"url": "https://example.com", "name": "a", "mediaType": "text/plain", "size": 0}],
    ),
    "editMessage": _input(messageId=lambda s: s.message, text=lambda _: "New"),
    "deleteMessage": _input(messageId=lambda s: s.message),
    "addReaction": _input(messageId=lambda s: s.message, emoji=lambda _: "🎉"),
    "removeReaction": _input(messageId=lambda s: s.message, emoji=lambda _: REACTION),
    "setPresence": _input(status=lambda _: "AWAY"),
    "setTyping": _input(conversationId=lambda s: s.group, typing=lambda _: True),
    "markNotificationsRead": _input(ids=lambda s: [s.notification]),
    "archiveNotifications": _input(ids=lambda s: [s.notification]),
    "sagas": lambda _: {"first": 3, "state": "STUCK"},
    "saga": lambda s: {"id": s.saga},
    "resumeSaga": _input(sagaId=lambda s: s.saga),
    "cancelSaga": _input(sagaId=lambda s: s.waiting_saga, reason=lambda _: "Enough."),
    "retryJob": _input(jobId=lambda s: s.job),
    "cancelJob": _input(jobId=lambda s: s.waiting_job),
    "dropJob": _input(jobId=lambda s: s.job),
    "retryDeadJobs": lambda s: {"filter": {"organizationId": {"eq": s.organization}}},
    "dropDeadJobs": lambda s: {"filter": {"organizationId": {"eq": s.organization}}},
    "pauseQueue": _input(queue=lambda _: "SLOW"),
    "resumeQueue": _input(queue=lambda _: "SLOW"),
    "pauseSchedule": _input(name=lambda _: "trim_log"),
    "resumeSchedule": _input(name=lambda _: "trim_log"),
    "runSchedule": _input(name=lambda _: "trim_log"),
    "pauseConsumer": _input(name=lambda _: "activity"),
    "resumeConsumer": _input(name=lambda _: "activity", skip=lambda _: False),
    "jobProgress": lambda s: {"id": s.job},
    "jobCounts": _nothing,
    "conversationEvents": lambda s: {"conversationId": s.group},
    "presence": lambda s: {"userIds": [s.second_owner]},
    "notificationEvents": _nothing,
}
"""The arguments with which the caller of a scene can ask each root field; mutations succeed."""
