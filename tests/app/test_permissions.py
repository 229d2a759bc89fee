"""ID-9: what each built-in role may do, field by field."""

import pytest

from app.resolvers.roots import schema
from app.schema.kit.audiences import Audience
from tests import documents
from tests.app.scenes import CALLS, Scene, scene
from tests.world import Person, World, until

ANYONE = ["register", "signIn", "refreshSession"]
SIGNED_IN = ["me", "organization", "myOrganizations", "signOut", "switchOrganization", "updateProfile"]
SIGNED_IN += ["createOrganization", "acceptInvitation"]
MEMBER = ["user", "myMembership", "leaveOrganization", "setPresence", "presence", "notifications"]
MEMBER += ["unreadNotificationCount", "notificationCursor", "markNotificationsRead", "archiveNotifications"]
MEMBER += ["notificationEvents"]
GUEST = ["node", "conversations", "conversation", "message", "searchMessages", "updateConversation"]
GUEST += ["removeConversationMember", "setConversationPreferences", "markRead", "sendMessage", "editMessage"]
GUEST += ["deleteMessage", "addReaction", "removeReaction", "setTyping", "conversationEvents"]
FULL_MEMBER = ["users", "members", "startConversation", "addConversationMembers"]
ADMIN = ["invitations", "changeMemberRole", "suspendMember", "reinstateMember", "removeMember", "inviteMember"]
ADMIN += ["revokeInvitation"]
OWNER = ["updateOrganization", "deleteOrganization", "cancelOrganizationDeletion"]
STAFF = ["jobs", "job", "queues", "schedules", "retryJob", "cancelJob", "dropJob", "retryDeadJobs", "dropDeadJobs"]
STAFF += ["pauseQueue", "resumeQueue", "pauseSchedule", "resumeSchedule", "runSchedule", "jobProgress", "jobCounts"]
STAFF += ["sagas", "saga", "resumeSaga", "cancelSaga"]
STAFF += ["consumers", "changeLog", "pauseConsumer", "resumeConsumer"]

OPEN_TO = {
    "nobody": ANYONE,
    "who is in no organization": [*ANYONE, *SIGNED_IN],
    "staff": [*ANYONE, *SIGNED_IN, *STAFF],
    "GUEST": [*ANYONE, *SIGNED_IN, *MEMBER, *GUEST],
    "MEMBER": [*ANYONE, *SIGNED_IN, *MEMBER, *GUEST, *FULL_MEMBER],
    "ADMIN": [*ANYONE, *SIGNED_IN, *MEMBER, *GUEST, *FULL_MEMBER, *ADMIN],
    "OWNER": [*ANYONE, *SIGNED_IN, *MEMBER, *GUEST, *FULL_MEMBER, *ADMIN, *OWNER],
}
REFUSALS = {"UNAUTHENTICATED", "NO_ORGANIZATION", "FORBIDDEN"}


def test_every_root_field_is_in_the_table() -> None:
    assert sorted([*OPEN_TO["OWNER"], *STAFF]) == sorted(documents.KINDS)


def test_every_root_field_says_whom_it_is_for() -> None:
    for root in ("Query", "Mutation", "Subscription"):
        for field in schema.get_type_by_name(root).fields:  # type: ignore[union-attr]
            assert isinstance(field.metadata.get("audience"), Audience), f"{root}.{field.python_name}"


@pytest.fixture(scope="module")
async def stage(people: list[Person]) -> Scene:
    return await scene(people)


@pytest.mark.parametrize("role", OPEN_TO)
async def test_a_role_may_what_it_may(stage: Scene, people: list[Person], world: World, role: str) -> None:
    """Mutations are rehearsed, so that each meets the same state."""
    caller = await _somebody(role, stage, people, world)
    refused = {name: await _refusal(caller, name, stage) for name in documents.KINDS}
    assert sorted(name for name, code in refused.items() if code is None) == sorted(OPEN_TO[role])
    elsewhere = {"who is in no organization": "NO_ORGANIZATION", "staff": "NO_ORGANIZATION"}
    for name, code in refused.items():
        if code is not None:
            expected = "FORBIDDEN" if name in STAFF else elsewhere.get(role, "FORBIDDEN")
            assert code == ("UNAUTHENTICATED" if role == "nobody" else expected), name


async def _somebody(role: str, stage: Scene, people: list[Person], world: World) -> Person:
    if role == "nobody":
        return Person(world, "Nobody", "")
    if role == "who is in no organization":
        return people[0]
    if role == "staff":
        assert world.staff
        return world.staff
    if role == "OWNER":
        return stage.owner
    given = {"userId": stage.guest, "role": role}
    assert (await stage.owner.call("changeMemberRole", input=given))["role"] == role
    guest = Person(world, people[2].name, people[2].email, people[2].id, people[2].token)
    await guest.enter(stage.organization)

    async def has_the_role() -> bool:
        return bool((await guest.call("myMembership"))["role"] == role)

    await until(has_the_role)
    return guest


async def _refusal(caller: Person, name: str, stage: Scene) -> str | None:
    """The code with which the field is refused to the caller as such, if it is."""
    kind = documents.KINDS[name]
    text, variables = documents.operation(
        name, CALLS[name](stage), directive="@dryRun" if kind == "mutation" else "", depth=1
    )
    if kind != "subscription":
        errors = (await caller.answer(text, **variables)).get("errors", [])
    else:
        async with caller.live() as socket:
            asked = await socket.subscribe(text, **variables)
            await socket.subscribe("{ me { id } }")  # whose answer takes longer than a refusal
            message = await socket.receive()
            payload = message["payload"] if message["id"] == asked else {}
            errors = payload if message["type"] == "error" else payload.get("errors", [])
    codes = [error["extensions"]["code"] for error in errors]
    return next((code for code in codes if code in REFUSALS), None)
