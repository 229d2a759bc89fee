"""ORG-3: invitations."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.services.organizations.seats import VALID
from tests.world import Person, invitation_token


async def test_an_invitation_is_accepted_once(company: list[Person], people: list[Person]) -> None:
    owner, edsger = company[0], await people[3].again()
    invitation = await owner.call("inviteMember", input={"email": edsger.email.upper(), "role": "GUEST"})
    assert (invitation["state"], invitation["email"]) == ("PENDING", edsger.email)
    assert invitation["id"] in await _pending(owner)
    given = {"token": invitation_token(invitation["id"])}
    answers = await asyncio.gather(*(edsger.call("acceptInvitation", input=given) for _ in range(20)))
    assert sorted(answer["__typename"] for answer in answers) == ["ConflictError"] * 19 + ["Member"]
    await edsger.enter(owner.organization)
    assert (await edsger.call("myMembership"))["role"] == "GUEST"
    assert invitation["id"] not in await _pending(owner)


async def test_an_invitation_is_for_its_address_only(company: list[Person], people: list[Person]) -> None:
    invitation = await company[0].call("inviteMember", input={"email": "somebody@example.com"})
    refused = await people[3].call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
    assert (refused["__typename"], refused["code"]) == ("ForbiddenError", "FOR_ANOTHER_ADDRESS")


async def test_a_revoked_invitation_cannot_be_accepted(company: list[Person], people: list[Person]) -> None:
    owner, edsger = company[0], people[3]
    invitation = await owner.call("inviteMember", input={"email": edsger.email})
    revoked = await owner.call("revokeInvitation", input={"invitationId": invitation["id"]})
    assert revoked["state"] == "REVOKED"
    refused = await edsger.call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
    assert refused["code"] == "ILLEGAL_TRANSITION"
    again = await owner.call("revokeInvitation", input={"invitationId": invitation["id"]})
    assert again["code"] == "ILLEGAL_TRANSITION"
    assert (await owner.call("inviteMember", input={"email": edsger.email}))["state"] == "PENDING"


async def test_an_old_invitation_cannot_be_accepted(
    company: list[Person], people: list[Person], store: AsyncDatabase[dict[str, Any]]
) -> None:
    owner, edsger = company[0], people[3]
    invitation = await owner.call("inviteMember", input={"email": edsger.email})
    identity = {"_id": ObjectId(invitation["id"].partition("_")[2]), "organization_id": _id(owner.organization)}
    [document] = await store["invitations"].find(identity).to_list()
    late = document["created_at"] - VALID - timedelta(seconds=1)
    await store["invitations"].update_one(identity, {"$set": {"created_at": late}})
    refused = await edsger.call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
    assert refused["code"] in ("NOT_FOUND", "ILLEGAL_TRANSITION")  # the second once the clock has noted it


@pytest.mark.parametrize("token", ["", "x", "0" * 24, f"{'0' * 24}.x", "a.b.c", "\u0000", "🙂.x"])
async def test_a_forged_token_opens_nothing(people: list[Person], token: str) -> None:
    assert (await people[3].call("acceptInvitation", input={"token": token}))["code"] == "NOT_FOUND"


async def test_one_invitation_for_each_address(company: list[Person]) -> None:
    given = {"email": "only.once@example.com"}
    answers = await asyncio.gather(*(company[0].call("inviteMember", input=given) for _ in range(10)))
    assert [answer["__typename"] for answer in answers].count("Invitation") == 1
    assert {answer["code"] for answer in answers if "code" in answer} == {"ALREADY_INVITED"}


async def test_members_are_not_invited_again(company: list[Person]) -> None:
    refused = await company[0].call("inviteMember", input={"email": company[1].email})
    assert (refused["code"], refused["path"]) == ("ALREADY_MEMBER", ["input", "email"])


async def test_nobody_invites_above_their_own_role(company: list[Person]) -> None:
    owner, ada, _ = company
    await owner.call("changeMemberRole", input={"userId": ada.id, "role": "ADMIN"})
    refused = await ada.call("inviteMember", input={"email": "above@example.com", "role": "OWNER"})
    assert (refused["__typename"], refused["code"]) == ("ForbiddenError", "ROLE_ABOVE")
    assert (await ada.call("inviteMember", input={"email": "beside@example.com", "role": "ADMIN"}))["role"] == "ADMIN"


async def test_what_may_happen_to_an_invitation_and_by_whom(company: list[Person], people: list[Person]) -> None:
    """AHD-4."""
    owner = company[0]
    invitation = await owner.call("inviteMember", input={"email": people[3].email})
    available = {one["name"]: one["allowed"] for one in invitation["availableTransitions"]}
    assert available == {"accept": False, "revoke": True, "expire": False}
    revoked = await owner.call("revokeInvitation", input={"invitationId": invitation["id"]})
    assert revoked["availableTransitions"] == []


async def _pending(owner: Person) -> list[str]:
    return [one["id"] for one in (await owner.call("invitations", depth=2))["nodes"]]


def _id(id: str) -> ObjectId:
    return ObjectId(id.partition("_")[2])
