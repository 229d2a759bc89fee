"""ORG-3: members, their roles and how they go."""

import asyncio
from typing import Any

from tests.world import Person, until


async def test_roles_are_given_by_who_has_them(company: list[Person]) -> None:
    owner, ada, grace = company
    assert (await _role(owner, ada, "ADMIN"))["role"] == "ADMIN"
    assert (await _role(ada, grace, "OWNER"))["code"] == "ROLE_ABOVE"
    assert (await _role(ada, owner, "MEMBER"))["code"] == "ROLE_ABOVE"
    assert (await _role(ada, grace, "GUEST"))["role"] == "GUEST"
    assert await grace.refused("members") == "FORBIDDEN"


async def test_a_new_role_counts_at_once_in_every_process(company: list[Person]) -> None:
    owner, ada, _ = company
    assert await ada.refused("invitations") == "FORBIDDEN"
    await _role(owner, ada, "ADMIN")

    async def may() -> bool:
        return "errors" not in await ada.answer("{ invitations { nodes { id } } }")

    await until(may)


async def test_a_change_that_changes_nothing_for_somebody_leaves_them_connected(company: list[Person]) -> None:
    owner, ada, grace = company
    conversation = await ada.start(grace)
    cursor = (await grace.call("conversation", id=conversation))["cursor"]
    async with grace.live() as socket:
        await socket.follow("conversationEvents", conversationId=conversation, after=cursor)
        await _role(owner, grace, "MEMBER")  # as they are already
        await ada.send(conversation, "still here?")
        assert (await socket.event("MessageSent"))["message"]["text"] == "still here?"
        assert await socket.silent(0.2)


async def test_ownership_is_transferred(company: list[Person]) -> None:
    owner, ada, _ = company
    assert (await _role(owner, owner, "MEMBER"))["code"] == "LAST_OWNER"
    await _role(owner, ada, "OWNER")
    assert (await _role(owner, owner, "MEMBER"))["role"] == "MEMBER"
    assert (await _role(ada, ada, "ADMIN"))["code"] == "LAST_OWNER"


async def test_the_last_owner_cannot_leave(company: list[Person]) -> None:
    refused = await company[0].call("leaveOrganization")
    assert (refused["__typename"], refused["code"]) == ("ConflictError", "LAST_OWNER")


async def test_of_two_owners_who_leave_at_once_one_stays(company: list[Person]) -> None:
    owner, ada, _ = company
    await _role(owner, ada, "OWNER")
    answers = await asyncio.gather(owner.call("leaveOrganization"), ada.call("leaveOrganization"))
    assert sorted(answer.get("code", answer["__typename"]) for answer in answers) == ["LAST_OWNER", "Member"]


async def test_of_two_owners_who_demote_each_other_one_stays(company: list[Person]) -> None:
    owner, ada, _ = company
    await _role(owner, ada, "OWNER")
    await asyncio.gather(owner.answer(_DEMOTE, id=ada.id), ada.answer(_DEMOTE, id=owner.id))
    for person in (owner, ada):
        await person.sign_in()
        await person.enter(owner.organization)
    roles = [(await person.call("myMembership"))["role"] for person in (owner, ada)]
    assert "OWNER" in roles


async def test_a_suspended_member_is_out_until_reinstated(company: list[Person]) -> None:
    owner, ada, _ = company
    assert (await owner.call("suspendMember", input={"userId": ada.id}))["state"] == "SUSPENDED"
    await until(lambda: _is_out(ada))
    refused = await owner.call("suspendMember", input={"userId": ada.id})
    assert refused["code"] == "ILLEGAL_TRANSITION"
    home = owner.organization
    back = await ada.again()
    assert back.organization != home
    assert (await back.call("switchOrganization", input={"organizationId": home}))["code"] == "NOT_FOUND"
    assert (await owner.call("reinstateMember", input={"userId": ada.id}))["state"] == "ACTIVE"
    await back.enter(home)
    assert (await back.call("myMembership"))["role"] == "MEMBER"


async def test_who_is_removed_is_out_and_can_be_invited_again(company: list[Person]) -> None:
    owner, ada, grace = company
    conversation = await ada.start(grace)
    assert (await owner.call("removeMember", input={"userId": ada.id}))["state"] == "LEFT"
    await until(lambda: _is_out(ada))
    members = (await owner.call("members"))["nodes"]
    assert ada.id not in [member["user"]["id"] for member in members]
    assert (await grace.call("startConversation", input={"memberIds": [ada.id]}))["code"] == "NOT_FOUND"
    assert (await grace.call("conversation", id=conversation))["id"] == conversation  # what was said stays
    invitation = await owner.call("inviteMember", input={"email": ada.email, "role": "GUEST"})
    assert invitation["__typename"] == "Invitation"


async def test_a_member_leaves(company: list[Person]) -> None:
    _, ada, _ = company
    assert (await ada.call("leaveOrganization"))["state"] == "LEFT"
    await until(lambda: _is_out(ada))


async def test_nobody_does_to_themselves_what_others_decide(company: list[Person]) -> None:
    owner = company[0]
    for mutation in ("suspendMember", "removeMember"):
        assert (await owner.call(mutation, input={"userId": owner.id}))["code"] == "FORBIDDEN"


async def test_what_may_happen_to_a_member_and_by_whom(company: list[Person]) -> None:
    """AHD-4: the same member, as four people see them."""
    owner, ada, grace = company
    await _role(owner, ada, "ADMIN")
    seen = {viewer.name: await _available(viewer, grace) for viewer in company}
    assert seen == {
        "Olivia": {"suspend": None, "remove": None, "leave": "Only the person decides this."},
        "Ada": {"suspend": None, "remove": None, "leave": "Only the person decides this."},
        "Grace": {
            "suspend": "This needs the permission members.manage.",
            "remove": "This needs the permission members.manage.",
            "leave": None,
        },
    }
    assert (await _available(ada, owner))["remove"] == "Their role is above yours."
    assert (await _available(owner, owner))["remove"] == "One cannot do this to oneself."
    suspended = await owner.call("suspendMember", input={"userId": grace.id})
    assert {one["name"]: one["allowed"] for one in suspended["availableTransitions"]} == {
        "reinstate": True,
        "remove": True,
    }


_DEMOTE = """mutation($id: ID!) { changeMemberRole(input: {userId: $id, role: MEMBER}) {
  ... on UserError { code } } }"""


async def _role(by: Person, of: Person, role: str) -> Any:
    return await by.call("changeMemberRole", input={"userId": of.id, "role": role})


async def _available(viewer: Person, member: Person) -> dict[str, str | None]:
    """Transitions of a member, with the reason against each that the viewer may not take."""
    members = (await viewer.call("members"))["nodes"]
    [row] = [row for row in members if row["user"]["id"] == member.id]
    assert all(one["allowed"] is (one["blockedReason"] is None) for one in row["availableTransitions"])
    return {one["name"]: one["blockedReason"] for one in row["availableTransitions"]}


async def _is_out(person: Person) -> bool:
    return (await person.post("{ myMembership { id } }")).status_code == 401
