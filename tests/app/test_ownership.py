"""ORG-3: an organization is handed over in two steps."""

import asyncio
from datetime import timedelta
from typing import Any

from bson import ObjectId

from app.core.clock import now
from tests.world import Person, until


async def test_who_accepts_owns_it_and_who_offered_is_an_admin(company: list[Person]) -> None:
    owner, ada, grace = company
    offer = await owner.call("offerOwnership", input={"userId": ada.id})
    assert (offer["state"], offer["offeredTo"]["id"]) == ("OFFERED", ada.id)
    assert (await owner.call("myMembership"))["role"] == "OWNER"  # until it is accepted
    assert (await ada.call("ownershipOffer"))["id"] == offer["id"]
    assert await grace.call("ownershipOffer") is None
    assert {t["name"]: t["allowed"] for t in (await ada.call("ownershipOffer"))["availableTransitions"]} == {
        "accept": True, "decline": True, "withdraw": False, "expire": False,
    }  # fmt: skip
    assert (await owner.call("offerOwnership", input={"userId": grace.id}))["code"] == "OWNERSHIP_OFFERED"
    assert (await _accept(grace, offer))["code"] == "NOT_FOUND"
    assert (await _accept(owner, offer))["code"] == "FORBIDDEN"
    assert (await _accept(ada, offer))["state"] == "ACCEPTED"
    await until(lambda: _is(ada, "OWNER"))
    await until(lambda: _is(owner, "ADMIN"))
    assert (await _accept(ada, offer))["code"] in ("ILLEGAL_TRANSITION", "NOT_FOUND")


async def test_an_offer_is_accepted_once(company: list[Person]) -> None:
    owner, ada, _ = company
    offer = await owner.call("offerOwnership", input={"userId": ada.id})
    answers = await asyncio.gather(*(_accept(ada, offer) for _ in range(20)))
    assert [one.get("state") for one in answers].count("ACCEPTED") == 1


async def test_an_offer_is_declined_or_withdrawn(company: list[Person]) -> None:
    owner, ada, _ = company
    for person, mutation, state in (
        (ada, "declineOwnership", "DECLINED"),
        (owner, "withdrawOwnershipOffer", "WITHDRAWN"),
    ):
        offer = await owner.call("offerOwnership", input={"userId": ada.id})
        assert (await person.call(mutation, input={"offerId": offer["id"]}))["state"] == state
        assert (await _accept(ada, offer))["code"] == "ILLEGAL_TRANSITION"


async def test_who_owns_nothing_gives_nothing_away(company: list[Person]) -> None:
    owner, ada, grace = company
    offer = await owner.call("offerOwnership", input={"userId": ada.id})
    await owner.call("changeMemberRole", input={"userId": grace.id, "role": "OWNER"})
    await until(lambda: _is(grace, "OWNER"))
    await owner.call("leaveOrganization")
    assert (await _accept(ada, offer))["code"] == "OFFER_OUTDATED"
    assert await ada.refused("offerOwnership", input={"userId": grace.id}) == "FORBIDDEN"
    assert (await grace.call("offerOwnership", input={"userId": owner.id}))["code"] == "NOT_FOUND"


async def test_of_an_owner_who_leaves_while_another_accepts_one_is_left(company: list[Person]) -> None:
    owner, ada, _ = company
    offer = await owner.call("offerOwnership", input={"userId": ada.id})
    await asyncio.gather(_accept(ada, offer), owner.call("leaveOrganization"))
    assert ada.world.store is not None
    home = ObjectId(ada.organization.partition("_")[2])
    owners = {"organization_id": home, "role": "owner", "state": "active"}
    assert await ada.world.store["memberships"].count_documents(owners) == 1


async def test_an_offer_holds_for_a_week(company: list[Person]) -> None:
    owner, ada, _ = company
    offer = await owner.call("offerOwnership", input={"userId": ada.id})
    assert owner.world.store is not None
    which = {"_id": ObjectId(offer["id"].partition("_")[2])}
    long_ago = {"$set": {"created_at": now() - timedelta(days=8)}}
    await owner.world.store["ownership_offers"].update_one(which, long_ago)
    assert (await _accept(ada, offer))["code"] == "OFFER_OUTDATED"


async def _accept(person: Person, offer: Any) -> Any:
    return await person.call("acceptOwnership", input={"offerId": offer["id"]})


async def _is(person: Person, role: str) -> bool:
    answer = await person.answer("{ myMembership { role } }")
    return bool("errors" not in answer and answer["data"]["myMembership"]["role"] == role)
