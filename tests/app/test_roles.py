"""ID-9: roles that an organization puts together itself."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.world import Person, World, invitation_token, until

INVITING = ["MEMBERS_READ", "MEMBERS_INVITE", "CONVERSATIONS_READ"]


async def test_a_role_allows_what_is_in_it(company: list[Person]) -> None:
    owner, ada, grace = company
    role = await _create(owner, "Recruiter", *INVITING)
    assert role["permissions"] == ["conversations.read", "members.invite", "members.read"]
    given = await _give(owner, ada, role)
    assert (given["role"], given["customRole"]["name"]) == ("CUSTOM", "Recruiter")
    assert given["permissions"] == role["permissions"]
    await until(lambda: _may(ada, "{ invitations { nodes { id } } }"))
    refused = await ada.answer('mutation { suspendMember(input: {userId: "x"}) { __typename } }')
    assert refused["errors"][0]["extensions"]["permission"] == "members.manage"
    assert (await ada.call("inviteMember", input={"email": "somebody@example.com"}))["code"] == "ROLE_ABOVE"
    assert (await ada.call("inviteMember", input={"email": "somebody@example.com", "role": "GUEST"}))["code"] == (
        "ROLE_ABOVE"  # guests may send messages, and recruiters may not
    )
    assert await grace.refused("createRole", input={"name": "Mine", "permissions": ["MEMBERS_READ"]}) == "FORBIDDEN"


async def test_a_changed_role_counts_in_every_process_and_closes_sockets(company: list[Person], twin: World) -> None:
    """S10: who loses a right by a change of their role hears nothing more."""
    owner, ada, grace = company
    role = await _create(owner, "Talker", "CONVERSATIONS_READ", "CONVERSATIONS_START", "MESSAGES_SEND")
    await _give(owner, ada, role)
    there = await ada.again(twin)
    await until(lambda: _may(there, "{ conversations { nodes { id } } }"))
    conversation = await there.start(grace)
    cursor = (await grace.call("conversation", id=conversation))["cursor"]
    async with there.live() as socket:
        await socket.follow("conversationEvents", conversationId=conversation, after=cursor)
        await grace.send(conversation, "heard")
        await socket.event("MessageSent")
        edited = await owner.call("updateRole", input={"roleId": role["id"], "permissions": ["MEMBERS_READ"]})
        assert edited["permissions"] == ["members.read"]
        with pytest.raises(ConnectionClosed):
            await socket.receive(5)
    assert await there.refused("conversations") == "FORBIDDEN"
    assert (await there.call("myMembership"))["permissions"] == ["members.read"]


async def test_nobody_makes_or_gives_more_than_they_have(company: list[Person]) -> None:
    owner, ada, grace = company
    maker = await _create(owner, "Maker", "ROLES_MANAGE", "MEMBERS_MANAGE", "MEMBERS_READ")
    powerful = await _create(owner, "Powerful", "ORGANIZATION_DELETE", "MEMBERS_READ")
    await _give(owner, ada, maker)
    await until(lambda: _may(ada, "{ roles { nodes { id } } }"))
    assert (await _create(ada, "More", "ORGANIZATION_DELETE"))["code"] == "ROLE_ABOVE"
    mine = await _create(ada, "Less", "MEMBERS_READ")
    assert mine["__typename"] == "CustomRole"
    edits: list[dict[str, Any]] = [
        {"roleId": mine["id"], "permissions": ["KEYS_MANAGE"]},
        {"roleId": mine["id"], "permissions": ["MEMBERS_READ", "ORGANIZATION_UPDATE"]},
        {"roleId": powerful["id"], "permissions": ["MEMBERS_READ"]},
        {"roleId": powerful["id"], "name": "Weaker"},
    ]
    for edit in edits:
        assert (await ada.call("updateRole", input=edit))["code"] == "ROLE_ABOVE"
    assert (await ada.call("removeRole", input={"roleId": powerful["id"]}))["code"] == "ROLE_ABOVE"
    assert (await _give(ada, grace, powerful))["code"] == "ROLE_ABOVE"
    assert (await ada.call("changeMemberRole", input={"userId": ada.id, "role": "OWNER"}))["code"] == "ROLE_ABOVE"
    swapped = {"roleId": mine["id"], "replacementId": powerful["id"]}
    assert (await ada.call("removeRole", input=swapped))["code"] == "ROLE_ABOVE"
    assert (await _give(owner, grace, powerful))["role"] == "CUSTOM"
    refused = await ada.call("suspendMember", input={"userId": grace.id})
    assert (refused["code"], refused["message"]) == ("FORBIDDEN", "Their role is above yours.")


async def test_a_removed_role_leaves_its_members_another(company: list[Person]) -> None:
    owner, ada, grace = company
    role = await _create(owner, "Leaving", *INVITING)
    for person in (ada, grace):
        await _give(owner, person, role)
    assert (await owner.call("removeRole", input={"roleId": role["id"]}))["code"] == "ROLE_IN_USE"
    itself = {"roleId": role["id"], "replacementId": role["id"]}
    assert (await owner.call("removeRole", input=itself))["code"] == "NOT_FOUND"
    gone = await owner.call("removeRole", input={"roleId": role["id"], "replacement": "GUEST"})
    assert gone["name"] == "Leaving"
    members = (await owner.call("members"))["nodes"]
    assert sorted(member["role"] for member in members) == ["GUEST", "GUEST", "OWNER"]
    assert {member["customRole"] and 1 for member in members} == {None}
    await until(lambda: _refused(ada, "invitations"))
    assert (await owner.call("removeRole", input={"roleId": role["id"]}))["code"] == "NOT_FOUND"


async def test_people_are_invited_to_a_role_and_get_what_it_allows_when_they_come(
    company: list[Person], people: list[Person]
) -> None:
    owner, edsger = company[0], await people[3].again()
    role = await _create(owner, "Recruiter", "MEMBERS_READ")
    given = {"email": edsger.email, "customRoleId": role["id"]}
    assert (await owner.call("inviteMember", input={**given, "role": "GUEST"}))["code"] == "INVALID"
    unknown = {**given, "customRoleId": f"CustomRole_{0:024}"}
    assert (await owner.call("inviteMember", input=unknown))["path"] == ["input", "customRoleId"]
    invitation = await owner.call("inviteMember", input=given)
    assert (invitation["role"], invitation["customRole"]["name"]) == ("CUSTOM", "Recruiter")
    assert owner.world.office
    await until(lambda: _invited(owner.world, edsger.email, "as Recruiter."))
    await owner.call("updateRole", input={"roleId": role["id"], "permissions": INVITING})
    place = await edsger.call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
    assert place["permissions"] == ["conversations.read", "members.invite", "members.read"]
    await edsger.enter(owner.organization)
    refused = await edsger.call("inviteMember", input={"email": "above@example.com", "role": "ADMIN"})
    assert refused["code"] == "ROLE_ABOVE"
    powerful = await _create(owner, "Powerful", "ORGANIZATION_DELETE")
    above = {"email": "above@example.com", "customRoleId": powerful["id"]}
    assert (await edsger.call("inviteMember", input=above))["code"] == "ROLE_ABOVE"


async def test_a_role_that_is_offered_stays_or_another_is_offered_instead(company: list[Person]) -> None:
    owner = company[0]
    role = await _create(owner, "Leaving", "MEMBERS_READ")
    offered = {"email": "somebody@example.com", "customRoleId": role["id"]}
    invitation = await owner.call("inviteMember", input=offered)
    assert (await owner.call("removeRole", input={"roleId": role["id"]}))["code"] == "ROLE_IN_USE"
    await owner.call("removeRole", input={"roleId": role["id"], "replacement": "GUEST"})
    [pending] = (await owner.call("invitations"))["nodes"]
    assert (pending["id"], pending["role"], pending["customRole"]) == (invitation["id"], "GUEST", None)


async def _invited(world: World, email: str, words: str) -> bool:
    assert world.office
    letters = [one.get_body(("plain",)) for one in world.office.to(email)]
    return any(words in body.get_content() for body in letters if body)


async def test_a_role_given_as_it_changes_is_what_it_says(company: list[Person]) -> None:
    owner, ada, grace = company
    for n in range(4):
        role = await _create(owner, f"Changing {n}", "MEMBERS_READ")
        await asyncio.gather(
            _give(owner, ada, role),
            owner.call("updateRole", input={"roleId": role["id"], "permissions": ["MESSAGES_SEND"]}),
            _give(owner, grace, role),
        )
        members = (await owner.call("members"))["nodes"]
        held = [member["permissions"] for member in members if member["role"] == "CUSTOM"]
        assert held == [["messages.send"]] * 2


async def test_names_are_taken_once_and_one_role_is_named(company: list[Person]) -> None:
    owner, ada, _ = company
    answers = await asyncio.gather(*(_create(owner, "Same", "MEMBERS_READ") for _ in range(5)))
    assert sorted(one.get("code", "") for one in answers) == ["", *["ROLE_NAME_TAKEN"] * 4]
    [role] = [one for one in answers if "code" not in one]
    other = await _create(owner, "Other", "MEMBERS_READ")
    assert (await owner.call("updateRole", input={"roleId": other["id"], "name": "Same"}))["code"] == "ROLE_NAME_TAKEN"
    for given in ({}, {"role": "GUEST", "customRoleId": role["id"]}, {"role": "CUSTOM"}):
        assert (await owner.call("changeMemberRole", input={"userId": ada.id, **given}))["code"] == "INVALID"
    assert (await owner.call("inviteMember", input={"email": "a@example.com", "role": "CUSTOM"}))["code"] == "INVALID"
    assert (await owner.call("changeMemberRole", input={"userId": owner.id, "customRoleId": role["id"]}))["code"] == (
        "LAST_OWNER"
    )
    stale = {"roleId": role["id"], "name": "Newer", "expectedVersion": role["version"] - 1}
    assert (await owner.call("updateRole", input=stale))["code"] == "VERSION_CONFLICT"


async def _create(by: Person, name: str, *permissions: str) -> Any:
    return await by.call("createRole", input={"name": name, "permissions": permissions})


async def _give(by: Person, to: Person, role: Any) -> Any:
    return await by.call("changeMemberRole", input={"userId": to.id, "customRoleId": role["id"]})


async def _may(person: Person, query: str) -> bool:
    return "errors" not in await person.answer(query)


async def _refused(person: Person, field: str) -> bool:
    return "errors" in await person.answer(f"{{ {field} {{ nodes {{ id }} }} }}")
