"""ORG-7: people ask to sell for an organization, and it decides."""

import asyncio
from typing import Any

from tests.world import Person, until


async def test_an_affiliation_from_the_request_to_the_end(company: list[Person], people: list[Person]) -> None:
    owner, ada, _ = company
    marketer = people[3]
    asked = await _ask(marketer, owner)
    assert (asked["state"], asked["organization"]["name"]) == ("REQUESTED", "Company")
    assert (await _ask(marketer, owner))["code"] == "ALREADY_ASKED"
    [listed] = [one for one in (await owner.call("affiliations"))["nodes"] if one["id"] == asked["id"]]
    assert (listed["id"], listed["marketer"]["name"], listed["pitch"]) == (asked["id"], marketer.name, "I sell.")
    assert await ada.refused("affiliations") == "FORBIDDEN"
    assert {t["name"]: t["allowed"] for t in listed["availableTransitions"]} == {
        "approve": True, "reject": True, "end": True,
    }  # fmt: skip
    for mutation, state in (
        ("approveAffiliation", "ACTIVE"),
        ("suspendAffiliation", "SUSPENDED"),
        ("reinstateAffiliation", "ACTIVE"),
    ):
        assert (await _do(owner, mutation, asked))["state"] == state
        assert (await _do(owner, mutation, asked))["code"] == "ILLEGAL_TRANSITION"
    assert (await _do(marketer, "endAffiliation", asked))["state"] == "ENDED"
    assert (await _ask(marketer, owner))["state"] == "REQUESTED"  # again
    assert (await _do(owner, "rejectAffiliation", asked))["state"] == "REJECTED"
    mine = (await marketer.call("myAffiliations"))["nodes"]
    assert mine[0]["state"] == "REJECTED"
    assert asked["id"] not in [one["id"] for one in (await owner.call("myAffiliations"))["nodes"]]


async def test_both_sides_are_told(company: list[Person], people: list[Person]) -> None:
    owner, ada, _ = company
    asked = await _ask(ada, owner)  # who works somewhere is told there
    told = await until(lambda: _told(owner))
    assert told == "Ada asks to sell for Company."
    await _do(owner, "approveAffiliation", asked)
    assert await until(lambda: _told(ada)) == "You sell for Company now."


async def test_only_one_request_counts_and_others_have_no_say(company: list[Person], strangers: list[Person]) -> None:
    owner, ada, grace = company
    answers = await asyncio.gather(*(_ask(grace, owner) for _ in range(10)))
    assert [one.get("state") for one in answers].count("REQUESTED") == 1
    [asked] = [one for one in answers if "state" in one]
    assert (await _do(ada, "endAffiliation", asked))["code"] == "NOT_FOUND"
    assert (await _do(strangers[0], "approveAffiliation", asked))["code"] == "NOT_FOUND"
    assert await strangers[0].call("node", depth=1, id=asked["id"]) is None
    assert (await grace.call("askForAffiliation", input={"slug": "no-such-slug"}))["code"] == "NOT_FOUND"


async def _ask(person: Person, owner: Person) -> Any:
    slug = (await owner.call("organization"))["slug"]
    return await person.call("askForAffiliation", input={"slug": slug, "pitch": "I sell."})


async def _do(person: Person, mutation: str, affiliation: Any) -> Any:
    return await person.call(mutation, input={"affiliationId": affiliation["id"]})


async def _told(person: Person) -> str | None:
    found = (await person.call("notifications"))["nodes"]
    return next((one["text"] for one in found if one["kind"] == "AFFILIATION"), None)
