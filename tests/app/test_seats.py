"""ORG-4: seats are taken by members and held by open invitations."""

import asyncio
import secrets
from typing import Any

from tests.world import Person, invitation_token


async def test_members_and_open_invitations_take_seats(company: list[Person], people: list[Person]) -> None:
    owner, ada, _ = company
    assert await _seats(owner) == {"used": 3, "limit": 10_000}
    await _allow(owner, 4)
    first = await _invite(owner, people[3].email)
    assert await _seats(owner) == {"used": 4, "limit": 4}
    refused = await _invite(owner)
    assert (refused["__typename"], refused["code"]) == ("LimitReachedError", "QUOTA_REACHED")
    assert (refused["used"], refused["limit"]) == (4, 4)
    await owner.call("revokeInvitation", input={"invitationId": first["id"]})
    again = await _invite(owner, people[3].email)
    joined = await people[3].call("acceptInvitation", input={"token": invitation_token(again["id"])})
    assert joined["state"] == "ACTIVE"
    assert (await _invite(owner))["code"] == "QUOTA_REACHED"
    assert (await owner.call("suspendMember", input={"userId": ada.id}))["state"] == "SUSPENDED"
    assert (await _invite(owner))["code"] == "QUOTA_REACHED"  # who is suspended keeps their seat
    await owner.call("removeMember", input={"userId": ada.id})
    assert (await _invite(owner))["__typename"] == "Invitation"
    assert await _seats(owner) == {"used": 4, "limit": 4}


async def test_of_fifty_invitations_at_once_as_many_go_out_as_there_are_seats(company: list[Person]) -> None:
    owner = company[0]
    await _allow(owner, 8)
    answers = await asyncio.gather(*(_invite(owner) for _ in range(50)))
    assert [one["__typename"] for one in answers].count("Invitation") == 5
    assert {one["code"] for one in answers if one["__typename"] != "Invitation"} == {"QUOTA_REACHED"}
    assert await _seats(owner) == {"used": 8, "limit": 8}


async def _allow(owner: Person, seats: int) -> None:
    staff = owner.world.staff
    assert staff
    await staff.call("setSeatLimit", input={"organizationId": owner.organization, "seats": seats})


async def _invite(owner: Person, email: str = "") -> Any:
    return await owner.call("inviteMember", input={"email": email or f"{secrets.token_hex(6)}@example.com"})


async def _seats(owner: Person) -> dict[str, int]:
    seats = (await owner.call("organization", depth=3))["usage"]["seats"]
    return {name: seats[name] for name in ("used", "limit")}
