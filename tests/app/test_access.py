"""ID-9: who may do what to a thing, by which rule, and what is missing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from app.cli.permissions import callers
from app.core.errors import Forbidden
from app.models import CustomRole, Membership, Message
from app.resolvers.nodes import NODES
from tests import documents
from tests.app.scenes import CALLS, Scene, scene
from tests.world import Person, World, organization, until

Actions = dict[str, dict[str, Any]]


async def _access(asker: Person, resource: str, principal: str | None = None) -> Actions:
    found = await asker.call("access", resource=resource, principal=principal)
    return {action["name"]: action for action in found["actions"]}


async def _place(person: Person) -> str:
    return str((await person.call("myMembership"))["id"])


async def _give(owner: Person, member: Person, *permissions: str) -> str:
    """Let the member have a role of just these permissions, and the members know it."""
    role = (await owner.call("createRole", input={"name": f"Role {ObjectId()}", "permissions": permissions}))["id"]
    await owner.call("changeMemberRole", input={"userId": member.id, "customRoleId": role})

    async def counts() -> bool:
        may = (await member.call("access", resource=member.organization))["permissions"]
        return bool(may == sorted(one.lower().replace("_", ".") for one in permissions))

    await until(counts)
    return str(role)


async def test_what_one_may_and_by_which_role(company: list[Person]) -> None:
    owner, ada, _ = company
    found = await owner.call("access", resource=await _place(ada))
    assert (found["role"], "members.manage" in found["permissions"]) == ("owner", True)
    actions = {action["name"]: action for action in found["actions"]}
    assert set(actions) == {"changeMemberRole", "offerOwnership", "reinstateMember", "removeMember", "suspendMember"}
    suspend = actions["suspendMember"]
    assert (suspend["allowed"], suspend["rule"], suspend["complete"]) == (True, "PERMISSION", True)
    assert (suspend["permission"], suspend["grantedBy"]) == ("members.manage", "owner")
    assert suspend["grantedTo"] == ["OWNER", "ADMIN"]
    assert (suspend["missing"], suspend["code"]) == (None, None)
    change = actions["changeMemberRole"]
    assert (change["allowed"], change["complete"]) == (True, False), "it depends on the role that is given"
    assert await _access(owner, await _place(ada), owner.id) == actions, "oneself by name"


async def test_what_the_state_of_a_thing_does_not_allow(company: list[Person]) -> None:
    owner, ada, _ = company
    reinstate = (await _access(owner, await _place(ada)))["reinstateMember"]
    assert (reinstate["allowed"], reinstate["rule"], reinstate["code"]) == (False, "STATE", "ILLEGAL_TRANSITION")
    assert reinstate["missing"] == "It is active, so it cannot reinstate."
    leave = (await _access(owner, owner.organization))["leaveOrganization"]
    assert (leave["allowed"], leave["rule"], leave["code"]) == (False, "STATE", "LAST_OWNER")
    assert (await _access(ada, ada.organization))["leaveOrganization"]["allowed"]
    assert (await owner.call("myMembership"))["state"] == "ACTIVE"


async def test_whose_a_thing_is(company: list[Person]) -> None:
    owner, ada, grace = company
    message = (await ada.send(await ada.start(grace), "Mine"))["id"]
    own, others = await _access(ada, message), await _access(grace, message)
    assert (own["editMessage"]["allowed"], own["editMessage"]["rule"]) == (True, "PERMISSION")
    assert (others["editMessage"]["allowed"], others["editMessage"]["rule"]) == (False, "OBJECT")
    assert own["deleteMessage"]["allowed"]
    assert (await ada.call("message", id=message))["text"] == "Mine"
    await _give(owner, grace, "MEMBERS_MANAGE", "CONVERSATIONS_READ", "MESSAGES_SEND")
    unseen = (await _access(grace, message, owner.id))["editMessage"]
    assert (unseen["allowed"], unseen["rule"], unseen["code"]) == (False, "UNSEEN", "NOT_FOUND")
    assert (await _access(grace, message, ada.id))["editMessage"]["allowed"]


async def test_what_a_member_lacks_is_said_in_the_language_of_the_request(company: list[Person]) -> None:
    owner, ada, grace = company
    suspend = (await _access(owner, await _place(grace), ada.id))["suspendMember"]
    assert (suspend["allowed"], suspend["rule"], suspend["code"]) == (False, "PERMISSION", "FORBIDDEN")
    assert (suspend["permission"], suspend["grantedBy"]) == ("members.manage", None)
    assert suspend["missing"] == "This needs the permission members.manage."
    text, variables = documents.operation("access", {"resource": await _place(grace), "principal": ada.id})
    answer = (await owner.post(text, variables, **{"Accept-Language": "fr"})).json()["data"]["a0"]
    [said] = [action["missing"] for action in answer["actions"] if action["name"] == "suspendMember"]
    assert said.startswith("Autorisation requise")
    assert said.endswith("members.manage.")


async def test_a_role_above(company: list[Person]) -> None:
    owner, ada, grace = company
    await owner.call("changeMemberRole", input={"userId": ada.id, "role": "ADMIN"})
    remove = (await _access(owner, await _place(owner), ada.id))["removeMember"]
    assert (remove["allowed"], remove["rule"], remove["grantedBy"]) == (False, "OBJECT", "admin")
    assert remove["missing"] == "Their role is above yours."
    assert (await _access(owner, await _place(grace), ada.id))["removeMember"]["allowed"]
    assert (await _access(owner, grace.id, ada.id))["removeMember"]["allowed"], "a member is named by the person too"


async def test_a_custom_role_and_an_api_key_can_be_asked_about(company: list[Person]) -> None:
    owner, ada, grace = company
    member = ("MEMBERS_READ", "CONVERSATIONS_READ", "CONVERSATIONS_START", "MESSAGES_SEND", "EVENTS_SCHEDULE")
    role = await _give(owner, ada, "MEMBERS_MANAGE", *member)
    name = (await owner.call("access", resource=owner.organization, principal=role))["role"]
    for principal in (ada.id, role):
        suspend = (await _access(owner, await _place(grace), principal))["suspendMember"]
        assert (suspend["allowed"], suspend["grantedBy"]) == (True, name)
    made = await owner.call("createApiKey", input={"name": "Robot", "scopes": ["organization.update"]})
    key, robot = made["key"]["id"], Person(owner.world, "Robot", "", token=made["secret"])
    for asker in (owner, robot):
        actions = await _access(asker, owner.organization, key)
        assert (actions["updateOrganization"]["allowed"], actions["updateOrganization"]["grantedBy"]) == (True, "Robot")
        leave = actions["leaveOrganization"]
        assert (leave["allowed"], leave["rule"], leave["code"]) == (False, "AUDIENCE", "PERSON_NEEDED")
    await owner.call("revokeApiKey", input={"keyId": key})
    ended = (await _access(owner, owner.organization, key))["updateOrganization"]
    assert (ended["allowed"], ended["rule"], ended["missing"]) == (False, "STANDING", "The API key has ended.")


async def test_who_is_kept_out_can_do_nothing(company: list[Person]) -> None:
    owner, ada, grace = company
    await owner.call("suspendMember", input={"userId": ada.id})
    actions = await _access(owner, await _place(grace), ada.id)
    assert {action["rule"] for action in actions.values()} == {"STANDING"}
    await owner.call("removeMember", input={"userId": ada.id})
    assert await owner.call("access", resource=await _place(grace), principal=ada.id) is None


async def test_a_fresh_proof_is_asked_of_oneself_only(company: list[Person]) -> None:
    owner, ada, _ = company
    assert (await _access(owner, owner.organization))["createApiKey"]["allowed"]
    await owner.call("changeMemberRole", input={"userId": ada.id, "role": "OWNER"})
    late = await owner.again()
    await late.enter(owner.organization)
    store, session = owner.world.store, ObjectId(late.refresh_token.partition(".")[0])
    assert store is not None
    sooner = {"$subtract": ["$proof.at", int(timedelta(days=1).total_seconds() * 1000)]}
    await store["sessions"].update_one({"_id": session}, [{"$set": {"proof.at": sooner}}])
    late.token = (await late.call("refreshSession", input={"refreshToken": late.refresh_token}))["accessToken"]
    stale = (await _access(late, owner.organization))["createApiKey"]
    assert (stale["allowed"], stale["rule"], stale["code"]) == (False, "PROOF", "STEP_UP_REQUIRED")
    assert (await _access(late, owner.organization, ada.id))["createApiKey"]["allowed"]


async def test_in_a_suspended_organization_nothing_is_allowed(company: list[Person]) -> None:
    owner, ada, _ = company
    staff = owner.world.staff
    assert staff
    await staff.call("suspendOrganization", input={"organizationId": owner.organization, "reason": "A complaint."})

    async def is_heard() -> bool:
        return bool((await _access(owner, await _place(ada)))["suspendMember"]["rule"] == "SUSPENSION")

    await until(is_heard)
    for principal in (owner.id, ada.id):
        update = (await _access(owner, owner.organization, principal))["updateOrganization"]
        assert not update["allowed"]
    suspend = (await _access(owner, owner.organization))["suspendOrganization"]
    assert (suspend["rule"], suspend["duty"]) == ("DUTY", "platform.organizations.suspend")


async def test_what_one_may_not_see_is_not_there(company: list[Person], strangers: list[Person]) -> None:
    owner, ada, grace = company
    mallory, place = strangers[0], await _place(ada)
    for resource, principal in (
        (await _place(mallory), None),
        (mallory.id, ada.id),
        (mallory.organization, None),
        (place, mallory.id),
        (place, f"User_{ObjectId()}"),
        (place, f"CustomRole_{ObjectId()}"),
        (place, place),
        ("Nothing_1", None),
        (place, "User_x"),
    ):
        assert await owner.call("access", resource=resource, principal=principal) is None
    message = (await ada.send(await ada.start(grace), "Between us"))["id"]
    assert await owner.call("access", resource=message) is None
    key = (await owner.call("createApiKey", input={"name": "Robot", "scopes": ["members.read"]}))["key"]["id"]
    role = await _give(owner, ada, "MEMBERS_MANAGE")
    for resource, principal in ((key, None), (ada.id, key), (ada.id, role)):
        assert await ada.call("access", resource=resource, principal=principal) is None


async def test_who_manages_nobody_asks_about_themselves_only(company: list[Person], strangers: list[Person]) -> None:
    _, ada, grace = company
    for principal in (grace.id, strangers[0].id, f"CustomRole_{ObjectId()}", "Nothing_1"):
        text, variables = documents.operation("access", {"resource": ada.id, "principal": principal})
        [error] = (await ada.answer(text, **variables))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["permission"]) == ("FORBIDDEN", "members.manage")
    assert (await _access(ada, grace.id, ada.id))["blockUser"]["allowed"]


async def test_what_is_between_two_people_is_not_told_to_a_third(company: list[Person]) -> None:
    owner, ada, grace = company
    before = await _access(owner, grace.id, ada.id)
    await grace.call("blockUser", input={"userId": ada.id})
    await ada.call("followUser", input={"userId": owner.id})
    assert await _access(owner, grace.id, ada.id) == before
    assert not any(before[name]["complete"] for name in ("blockUser", "followUser", "startConversation"))


@pytest.fixture(scope="module")
async def stage(people: list[Person]) -> AsyncIterator[Scene]:
    yield await scene(people)


KINDS = ("membership", "group", "message", "role", "key", "invitation", "offer", "affiliation", "organization")


@pytest.mark.parametrize("kind", KINDS)
async def test_it_says_what_the_fields_answer(stage: Scene, people: list[Person], kind: str) -> None:
    """Of all that was asked in full, each field does just that, in a rehearsal."""
    guest = Person(stage.owner.world, people[2].name, people[2].email, people[2].id, people[2].token)
    await guest.enter(stage.organization)
    resource, told = getattr(stage, kind), 0
    for caller in (stage.owner, guest):
        found = await caller.call("access", resource=resource)
        for action in found["actions"] if found else ():
            arguments = CALLS[action["name"]](stage)
            if not action["complete"] or resource not in str(arguments):
                continue
            text, variables = documents.operation(action["name"], arguments, directive="@dryRun", depth=1)
            answer = await caller.answer(text, **variables)
            assert "errors" not in answer, answer
            assert answer["data"]["a0"].get("code") == action["code"], action
            told += 1
    assert told or kind in ("membership", "organization"), "of these a field names the person, or nothing"


async def test_nothing_of_what_is_asked_happens(stage: Scene) -> None:
    store = stage.owner.world.store
    assert store is not None
    collections = [store[kind.collection] for kind in (Membership, CustomRole, Message)]

    async def rows() -> list[Any]:
        return [await collection.find({}).sort("_id").to_list() for collection in collections]

    before = await rows()
    for kind in KINDS:
        await stage.owner.call("access", resource=getattr(stage, kind))
    assert await rows() == before


def test_a_refused_field_says_what_it_needs() -> None:
    """Every audience that refuses somebody as such names the permission, or the duty of the platform's staff."""
    audiences = {name: documents.field(name).extensions["strawberry-definition"] for name in documents.KINDS}
    asked = {name: field.metadata["audience"] for name, field in audiences.items()}
    asked |= {f"node: {kind.__name__}": audience for kind, (audience, _) in NODES.items()}
    seen = set[str]()
    for name, audience in asked.items():
        for caller, actor in callers().items():
            error = audience.who(actor)
            if isinstance(error, Forbidden) and error.code == "FORBIDDEN":
                needed = {"duty": audience.duty} if audience.duty else {"permission": audience.permission}
                assert None not in needed.values(), (name, caller)
                assert needed.items() <= error.extensions.items(), (name, caller)
                seen.add(*needed)
    assert seen == {"duty", "permission"}


async def test_it_says_so_over_the_wire(company: list[Person], world: World) -> None:
    async def needed(person: Person, query: str) -> dict[str, Any]:
        [error] = (await person.answer(query))["errors"]
        return dict(error["extensions"])

    _, ada, _ = company
    assert (await needed(ada, "{ invitations { nodes { id } } }"))["permission"] == "members.invite"
    assert (await needed(ada, "{ queues { name } }"))["duty"] == "platform.operations.read"
    alone = await world.person("Alone")
    assert (await needed(alone, "{ queues { name } }"))["duty"] == "platform.operations.read"
    await organization(alone)
    assert "createRole" in await _access(alone, alone.organization)
